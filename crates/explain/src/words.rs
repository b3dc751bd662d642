//! Verdicts, reasons and comparisons in words.

use crate::token::{Token, integrity_name, logon, user};
use psimp_nt::{Level, Luid, TokenType};
use psimp_rules::{
    Anonymous, DOC, DOC_ANY, Decision, Effect, NT52, PEIOS, PEIOS_STRICT, Profile, Refusal, Restriction,
    Rule, Step, UM, Verdict, W10, W10_RECENT,
};

/// Whose rule a profile is, as a sentence begins with it.
pub fn subject(profile: &Profile) -> &'static str {
    let subjects = [
        (W10.name, "Windows 10 and 11"),
        (W10_RECENT.name, "Recent builds of Windows 11"),
        (UM.name, "The documentation of the user-mode calls"),
        (NT52.name, "NT 5.2 (ReactOS)"),
        (DOC.name, "The documentation of PsImpersonateClient"),
        (DOC_ANY.name, "The documentation of PsImpersonateClient, to the letter"),
        (PEIOS.name, "Peios"),
        (PEIOS_STRICT.name, "Peios by its early page"),
    ];
    subjects.iter().find(|(name, _)| *name == profile.name).map_or(profile.name, |(_, subject)| subject)
}

/// What is stored.
pub fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Kept(level) => format!("kept at {}", level.name()),
        Verdict::Copied(level) => format!("a copy at {}", level.name()),
        Verdict::Refused(why) => format!("an error: {}", refusal(why)),
    }
}

/// Why a call fails.
fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::NoPrimaryToken => "the process has no primary token",
        Refusal::Denied => "what others copy, it refuses",
        Refusal::TokenType => "it takes no primary token",
        Refusal::RestrictedServer => "a restricted process may not take its own user's unrestricted token",
    }
}

/// What a rule says of these tokens when it decides, after "since".
pub fn since(profile: &Profile, decision: Decision, process: &Token, token: &Token, asked: Level) -> String {
    let (from, to) = (&process.facts.platform, &token.facts.platform);
    match decision.rule {
        Rule::LevelBelowThreshold => {
            format!("{} is below {}, where no rule objects", asked.name(), profile.free_below.name())
        }
        Rule::AnonymousLogon
            if profile.anonymous == Anonymous::AllowIfPackage
                && !matches!(decision.verdict, Verdict::Kept(_)) =>
        {
            "the token is of the anonymous logon and not of the process's package".to_owned()
        }
        Rule::AnonymousLogon => "the token is of the anonymous logon".to_owned(),
        Rule::ImpersonatePrivilege => "the process holds SeImpersonatePrivilege, enabled".to_owned(),
        Rule::TokenLevel => match token.facts.token_type {
            TokenType::Primary => format!(
                "the level asked for, {}, is above the {} that this primary token records",
                asked.name(),
                token.facts.level.name()
            ),
            TokenType::Impersonation => format!(
                "the level asked for, {}, is above the token's own, {}",
                asked.name(),
                token.facts.level.name()
            ),
        },
        Rule::Integrity => format!(
            "the token's integrity is above the process's ({} above {})",
            integrity_name(to.integrity),
            integrity_name(from.integrity)
        ),
        Rule::OriginSession => "the token was logged on from the process's own logon session".to_owned(),
        Rule::UserSid => "the users differ".to_owned(),
        Rule::Elevation => {
            "the token is elevated and the process is of UAC's filtered logon session".to_owned()
        }
        Rule::FilteredLogon => {
            "the process is of UAC's filtered logon session and the token is not".to_owned()
        }
        Rule::Package => match to.package {
            None => "the process is in an AppContainer and the token is not".to_owned(),
            Some(_) => "the process and the token are in AppContainers that are not related".to_owned(),
        },
        Rule::Restricted => restricted(process.facts.restriction, token.facts.restriction),
        Rule::WriteRestricted => {
            "the process is restricted for all access, the token for writing alone".to_owned()
        }
        Rule::TerminalSession => {
            format!("the token is of terminal session 0 and the process of session {}", from.session)
        }
        Rule::NoObjection => "no rule objects".to_owned(),
        Rule::OneConditionHeld => "one of the page's conditions holds".to_owned(),
        Rule::NoPrimaryToken => "the process has no primary token".to_owned(),
        Rule::TokenType => "the token is of primary type".to_owned(),
        Rule::RestrictedServer => {
            "the process is restricted, and the token an unrestricted one of its own user".to_owned()
        }
    }
}

fn restricted(process: Restriction, token: Restriction) -> String {
    match (process.is_restricted(), token.is_restricted()) {
        (true, true) => "process and token are restricted",
        (true, false) => "the process is restricted and the token is not",
        (false, _) => "the token is restricted and the process is not",
    }
    .to_owned()
}

/// A rule that was tried, and what it said.
pub fn step(step: &Step) -> String {
    match step.effect {
        Effect::Pass => step.rule.name().to_owned(),
        Effect::Keep => format!("{} keeps", step.rule.name()),
        Effect::Deny => format!("{} denies", step.rule.name()),
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn restriction(restriction: Restriction) -> &'static str {
    match restriction {
        Restriction::None => "not restricted",
        Restriction::Restricted => "restricted",
        Restriction::WriteRestricted => "write-restricted",
    }
}

fn package(token: &Token) -> String {
    match &token.package {
        None => "none".to_owned(),
        Some((package, None)) => package.to_string(),
        Some((package, Some(parent))) => format!("{package}, child of {parent}"),
    }
}

/// What a rule compares; nothing for the rules that end a decision.
pub fn compared(rule: Rule, process: &Token, token: &Token, asked: Level) -> Option<String> {
    let (server, client) = (&process.facts, &token.facts);
    let (from, to) = (&server.platform, &client.platform);
    Some(match rule {
        Rule::LevelBelowThreshold => format!("the level asked for: {}", asked.name()),
        Rule::AnonymousLogon => format!(
            "the token's logon session: {}; the anonymous one is {:#x}",
            logon(client.authentication_id),
            Luid::ANONYMOUS_LOGON.0
        ),
        Rule::ImpersonatePrivilege => {
            format!("SeImpersonatePrivilege, enabled in the process: {}", yes(from.impersonate_privilege))
        }
        Rule::TokenLevel => {
            format!("the level asked for: {}; the token's own: {}", asked.name(), client.level.name())
        }
        Rule::Integrity => {
            format!("process: {}; token: {}", integrity_name(from.integrity), integrity_name(to.integrity))
        }
        Rule::OriginSession => format!(
            "the process's logon session: {}; the one that logged the token's user on: {}",
            logon(server.authentication_id),
            logon(to.origin)
        ),
        Rule::UserSid => format!("process: {}; token: {}", user(&server.user), user(&client.user)),
        Rule::Elevation => format!(
            "process: elevated {}, filtered {}; token: elevated {}",
            yes(from.elevated),
            yes(from.filtered_logon),
            yes(to.elevated)
        ),
        Rule::FilteredLogon => {
            format!(
                "process: filtered {}; token: filtered {}",
                yes(from.filtered_logon),
                yes(to.filtered_logon)
            )
        }
        Rule::Package => format!("process: {}; token: {}", package(process), package(token)),
        Rule::Restricted | Rule::WriteRestricted | Rule::RestrictedServer => format!(
            "process: {}; token: {}",
            restriction(server.restriction),
            restriction(client.restriction)
        ),
        Rule::TerminalSession => format!("process: {}; token: {}", from.session, to.session),
        Rule::TokenType => format!(
            "the token: {}",
            if client.token_type == TokenType::Primary { "primary" } else { "impersonation" }
        ),
        Rule::NoObjection | Rule::OneConditionHeld | Rule::NoPrimaryToken => return None,
    })
}
