//! A race in words.

use crate::notation;
use psimp_catalogue::{Act, Race, RaceOutcome, RaceOutcomes, ThreadArg, TokenArg};
use psimp_nt::Status;
use std::fmt::Write as _;

/// What its threads do, and its allowed end states.
pub(crate) fn explain(race: &Race) -> String {
    let mut text = format!("Server {}\n", race.server.name());
    if let Some(rules) = race.rules {
        let _ = writeln!(text, "Rules {rules:?}, whatever is asked for");
    }
    section(&mut text, "Before, on T1", race.before);
    for (who, acts) in race.parts {
        section(&mut text, &format!("At the same time, on {who:?}"), acts);
    }
    section(&mut text, "After, on T1", race.after);
    match race.ends {
        RaceOutcomes::Same(allowed) => ends(&mut text, "Ends", allowed),
        RaceOutcomes::ByDocument(here, elsewhere) => {
            ends(&mut text, "Ends where the documented rule decides", here);
            ends(&mut text, "Ends where the kernel's own rule decides", elsewhere);
        }
        RaceOutcomes::ByNt52(here, elsewhere) => {
            ends(&mut text, "Ends on nt52", here);
            ends(&mut text, "Ends on other kernels", elsewhere);
        }
    }
    text
}

fn section(text: &mut String, heading: &str, list: &[Act]) {
    if !list.is_empty() {
        let _ = writeln!(text, "{heading}");
        acts(text, list, 1);
    }
}

fn acts(text: &mut String, list: &[Act], depth: usize) {
    for (index, act) in list.iter().enumerate() {
        let _ = write!(text, "{:margin$}{}. ", "", index + 1, margin = 2 * depth);
        if let Act::Repeat(times, list) = act {
            let _ = writeln!(text, "{times} times");
            acts(text, list, depth + 2);
        } else {
            let _ = writeln!(text, "{}", words(act));
        }
    }
}

fn words(act: &Act) -> String {
    match *act {
        Act::Repeat(times, _) => format!("{times} times"),
        Act::Impersonate { on, token, copy_on_open, effective_only, level, allowed } => {
            let token = match token {
                TokenArg::Token(token) => token.name().to_owned(),
                TokenArg::Handle(number) => format!("handle {number}"),
            };
            let flags = [(copy_on_open, ", copy-on-open"), (effective_only, ", effective-only")];
            let flags: String = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
            format!(
                "IMPERSONATE {token} on {} at {}{flags}{}",
                target(on),
                notation::level(level),
                statuses(allowed)
            )
        }
        Act::End(on, allowed) => format!("END of {}{}", target(on), statuses(allowed)),
        Act::Revert => "REVERT".to_owned(),
        Act::Query(on, slots, also) => format!("QUERY of {}: {}", target(on), told(slots, also)),
        Act::Save(on, number, slots, also) => {
            format!("SAVE of {} as {number}: {}", target(on), told(slots, also))
        }
        Act::Restore(on, number, allowed) => {
            format!("RESTORE of save {number} to {}{}", target(on), statuses(allowed))
        }
        Act::Discard(number, allowed) => format!("DISCARD of save {number}{}", statuses(allowed)),
        Act::TokenHandle(number, token) => format!("handle {number} is a handle of {}", token.name()),
        Act::ThreadHandle(number, who) => format!("handle {number} is a handle of {who:?}"),
        Act::CloseHandle(number) => format!("close handle {number}"),
        Act::ReuseHandle(number, token) => {
            format!("the value of handle {number} is a handle of {} from now on", token.name())
        }
        Act::Open(who, opens) => {
            let opens: Vec<_> = opens.iter().map(|open| notation::open(open)).collect();
            format!("OpenThreadToken of {who:?} as itself: {}", opens.join(" or "))
        }
        Act::Privilege(true) => "the server's SeImpersonatePrivilege is enabled".to_owned(),
        Act::Privilege(false) => "the server's SeImpersonatePrivilege is disabled".to_owned(),
        Act::BecomeServer(server) => format!("the server's primary token becomes {}", server.name()),
        Act::Disable(number) => format!("disable impersonation, kept as {number}"),
        Act::RestoreDisabled(number) => format!("restore the impersonation disabled as {number}"),
        Act::Exit => "exit".to_owned(),
        Act::Cancel(allowed) => format!("the requests in flight are cancelled{}", statuses(allowed)),
        Act::Cleanup => "close the last handle of the device".to_owned(),
        Act::Unload => "close it once nothing is in flight, and unload the driver".to_owned(),
        Act::References(token, allowed) => {
            let allowed: Vec<_> = allowed.iter().map(|count| format!("{count:+}")).collect();
            format!("references on {}: {}", token.name(), allowed.join(" or "))
        }
    }
}

fn target(target: ThreadArg) -> String {
    match target {
        ThreadArg::Own => "the own thread".to_owned(),
        ThreadArg::Of(who) => format!("{who:?}"),
        ThreadArg::Handle(number) => format!("handle {number}"),
        ThreadArg::Id(who) => format!("the id of {who:?}, which is no handle"),
    }
}

/// The allowed statuses, unless only success is.
fn statuses(allowed: &[Status]) -> String {
    if allowed == [Status::SUCCESS] {
        return String::new();
    }
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    format!(": {}", allowed.join(" or "))
}

/// The slots that may be reported, and the statuses that may be returned.
fn told(slots: &[&str], also: &[Status]) -> String {
    let slots = slots.iter().map(|slot| notation::slot(slot));
    slots.chain(also.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" or ")
}

fn ends(text: &mut String, heading: &str, list: &[RaceOutcome]) {
    let _ = writeln!(text, "{heading}");
    for end in list {
        let slots: Vec<_> =
            end.slots.iter().map(|(who, slot)| format!("{who:?}: {}", notation::slot(slot))).collect();
        let references: Vec<_> =
            end.references.iter().map(|(tok, count)| format!("{} {count:+}", tok.name())).collect();
        let must = if end.must_occur { ", under some schedule" } else { "" };
        let _ = writeln!(text, "  {}; references {}{must}", slots.join(", "), references.join(", "));
    }
}
