//! A decision, rule by rule, for every profile.

use crate::machine::Machine;
use crate::run::expected_through_driver;
use psimp_catalogue::{Column, DecisionRow, Driver};
use psimp_nt::{Level, TokenType};
use psimp_protocol::RulesMode;
use psimp_rules::{
    Decision, Effect, Kernel, PROFILES, Package, Profile, Rule, Step, TokenFacts, Verdict, decide_traced,
};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter, Write as _};

pub(super) fn text(row: &DecisionRow) -> String {
    let machine = Machine::new(Kernel::Win10);
    machine.become_server(row.server);
    let (server, token) = (machine.process.primary().facts(), machine.token(row.token).facts());
    let mut text = String::new();
    let _ = writeln!(text, "Setup\n  server {:<4} {}", row.server.name(), describe(&server));
    let _ = writeln!(text, "  token  {:<4} {}", row.token.name(), describe(&token));
    let _ = writeln!(
        text,
        "Call\n  PsImpersonateClient(thread, {}, CopyOnOpen FALSE, EffectiveOnly FALSE, level {})",
        row.token.name(),
        row.level
    );
    if row.driver == Driver::Refused {
        text.push_str(REFUSED);
    }
    let _ = writeln!(text, "Rules");
    let Some(asked) = Level::from_raw(row.level.into()) else { return text };
    let mut rules = BTreeSet::new();
    for profile in PROFILES {
        let expected = row.column(profile).map_or("--".to_owned(), short);
        let tried = Tried::of(profile, &server, &token, asked);
        rules.extend(tried.steps.iter().map(|step| step.rule as u32));
        let _ = writeln!(text, "  {:<12} expected {expected}, {tried}", profile.name);
    }
    text.push_str(&compared(rules, &server, &token, asked));
    let _ = writeln!(text, "Expected through the driver");
    for &kernel in Kernel::NT {
        for (rules, name) in [(RulesMode::Documented, "documented"), (RulesMode::Kernel, "kernel")] {
            let expected = match row.driver {
                Driver::Refused => "refused".to_owned(),
                Driver::Passed => {
                    let (column, by_driver) = expected_through_driver(row, kernel, rules);
                    let seen = column.observed(row.token);
                    let who = if by_driver { "driver" } else { "kernel" };
                    format!(
                        "{}, decided by the {who}; slot {}; open {}; access {}",
                        short(column),
                        seen.slot,
                        seen.open,
                        seen.access
                    )
                }
            };
            let _ = writeln!(text, "  {:<12} {name:<12} {expected}", kernel.to_string());
        }
    }
    text
}

/// What the driver does with a level that raises the token.
pub(super) const REFUSED: &str =
    "  The driver refuses it: STATUS_BAD_IMPERSONATION_LEVEL, the token's own level is lower\n";

/// A profile's decision and how it came to it.
pub(super) struct Tried {
    pub(super) decision: Decision,
    pub(super) steps: Vec<Step>,
}

impl Tried {
    pub(super) fn of(profile: &Profile, server: &TokenFacts, token: &TokenFacts, asked: Level) -> Self {
        let mut steps = Vec::new();
        let decision = decide_traced(profile, Some(server), token, asked, |step| steps.push(step));
        Self { decision, steps }
    }

    /// The decision in brief, such as `K2`.
    pub(super) fn decided(&self) -> String {
        match self.decision.verdict {
            Verdict::Kept(level) => format!("K{}", level as u8),
            Verdict::Copied(level) => format!("C{}", level as u8),
            Verdict::Refused(why) => format!("{why:?}"),
        }
    }
}

impl Display for Tried {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words = |step: &Step| match step.effect {
            Effect::Pass => step.rule.name().to_owned(),
            Effect::Keep => format!("{} keeps", step.rule.name()),
            Effect::Deny => format!("{} denies", step.rule.name()),
        };
        let steps: Vec<_> = self.steps.iter().map(words).collect();
        write!(f, "decided {}: {}", self.decided(), steps.join(" → "))
    }
}

/// What the rules of these numbers look at, and see.
pub(super) fn compared(
    rules: BTreeSet<u32>,
    server: &TokenFacts,
    token: &TokenFacts,
    asked: Level,
) -> String {
    let mut text = String::from("What these rules compare\n");
    for rule in rules.into_iter().filter_map(Rule::from_raw) {
        if let Some(inputs) = inputs(rule, server, token, asked) {
            let _ = writeln!(text, "  {:<22} {inputs}", rule.name());
        }
    }
    text
}

/// What a rule looks at; nothing for the rules that end a decision.
fn inputs(rule: Rule, server: &TokenFacts, token: &TokenFacts, asked: Level) -> Option<String> {
    let (from, to) = (&server.platform, &token.platform);
    let package = |package: Option<Package>| package.map_or("none".to_owned(), self::package);
    Some(match rule {
        Rule::LevelBelowThreshold => format!("level asked for {}", asked.name()),
        Rule::AnonymousLogon => {
            format!("token's logon {:#x} (0x3e6 is the anonymous one)", token.authentication_id.0)
        }
        Rule::ImpersonatePrivilege => format!("server's privilege enabled: {}", from.impersonate_privilege),
        Rule::TokenLevel => format!("level asked for {}, token's own {}", asked.name(), token.level.name()),
        Rule::Integrity => format!("server {:#x}, token {:#x}", from.integrity, to.integrity),
        Rule::OriginSession => {
            format!("server's logon {:#x}, token's origin {:#x}", server.authentication_id.0, to.origin.0)
        }
        Rule::UserSid => format!("server {}, token {}", server.user, token.user),
        Rule::Elevation => format!(
            "token elevated: {}; server elevated: {}, filtered: {}",
            to.elevated, from.elevated, from.filtered_logon
        ),
        Rule::FilteredLogon => format!("server: {}, token: {}", from.filtered_logon, to.filtered_logon),
        Rule::Package => format!("server {}, token {}", package(from.package), package(to.package)),
        Rule::Restricted | Rule::WriteRestricted | Rule::RestrictedServer => {
            format!("server {:?}, token {:?}", server.restriction, token.restriction)
        }
        Rule::TerminalSession => format!("server {}, token {}", from.session, to.session),
        Rule::TokenType => format!("token {:?}", token.token_type),
        Rule::NoObjection | Rule::OneConditionHeld | Rule::NoPrimaryToken => return None,
    })
}

fn short(column: Column) -> String {
    match column {
        Column::K(level) => format!("K{level}"),
        Column::C(level, _) => format!("C{level}"),
    }
}

fn package(package: Package) -> String {
    match package.parent {
        Some(parent) => format!("{}, child of {parent}", package.id),
        None => package.id.to_string(),
    }
}

pub(super) fn describe(facts: &TokenFacts) -> String {
    let platform = &facts.platform;
    let mut words = vec![
        if facts.token_type == TokenType::Primary {
            "primary".to_owned()
        } else {
            "impersonation".to_owned()
        },
        format!("user {}", facts.user),
        format!("logon {:#x}", facts.authentication_id.0),
        format!("own level {}", facts.level.name()),
        format!("integrity {:#x}", platform.integrity),
        format!("session {}", platform.session),
        format!("origin {:#x}", platform.origin.0),
    ];
    for (is, word) in [
        (facts.restriction.is_restricted(), format!("{:?}", facts.restriction)),
        (platform.impersonate_privilege, "SeImpersonatePrivilege".to_owned()),
        (platform.elevated, "elevated".to_owned()),
        (platform.filtered_logon, "filtered logon".to_owned()),
        (platform.package.is_some(), format!("package {}", platform.package.map_or(String::new(), package))),
    ] {
        if is {
            words.push(word);
        }
    }
    words.join(", ")
}
