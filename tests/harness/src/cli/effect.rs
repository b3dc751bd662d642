//! Options that have no effect beside others.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};

/// What becomes of an option without effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The command is refused: what was meant cannot be had so.
    Refused,
    /// It is said, and nothing else changes.
    Said,
}

/// An option that has no effect if another argument has one of these values.
struct Idle {
    command: &'static str,
    option: &'static str,
    beside: &'static str,
    values: &'static [&'static str],
    why: &'static str,
    then: Then,
    /// A flag beside which it has an effect all the same.
    unless: Option<&'static str>,
}

const NO_IMAGE: &str = "loads no image; --target image does";
const OWN_KERNEL: &str = "has the kernel that runs";
const NO_BASELINE: &str = "is compared with no baseline";
const OF_WINDOWS: &str = "takes the schedules that Windows makes; model and image replay one from its seed";

/// The value of a flag that is there.
const FLAG: &str = "true";

/// Every option that has no effect on some target, or for some action.
const IDLE: &[Idle] = &[
    refused("run", "image", "target", &["model", "native"], NO_IMAGE),
    Idle { unless: Some("rehearse"), ..refused("run", "image", "target", &["device"], NO_IMAGE) },
    refused("run", "rehearse", "target", &["model", "image"], "runs here anyway"),
    refused("run", "patience", "target", &["model", "image"], "starts no server process"),
    refused("run", "seed", "target", &["device", "native"], OF_WINDOWS),
    refused("run", "rules", "target", &["native"], "has no driver that could apply rules"),
    refused("list", "rules", "target", &["native"], "has no driver that could apply rules"),
    said("list", "rules", "target", &["model", "image"], "carries out the same cases with any rules"),
    refused("demo", "image", "target", &["model", "device"], NO_IMAGE),
    refused("demo", "kernel", "target", &["device"], OWN_KERNEL),
    refused("survey", "image", "target", &["model", "native"], NO_IMAGE),
    Idle { unless: Some("rehearse"), ..refused("survey", "image", "target", &["device"], NO_IMAGE) },
    Idle {
        unless: Some("rehearse"),
        ..refused("survey", "kernel", "target", &["device", "native"], OWN_KERNEL)
    },
    refused("survey", "rehearse", "target", &["model", "image"], "runs here anyway"),
    Idle { unless: Some("rehearse"), ..refused("bench", "image", "target", &["device"], NO_IMAGE) },
    refused("bench", "rehearse", "target", &["image"], "runs here anyway"),
    refused("bench", "baseline", "target", &["device"], NO_BASELINE),
    refused("bench", "save", "target", &["device"], NO_BASELINE),
    refused("bench", "short", "target", &["device"], "takes as long as --seconds says"),
    refused(
        "bench",
        "seconds",
        "target",
        &["image"],
        "takes as long as each figure needs; --short takes less",
    ),
    Idle { unless: Some("rehearse"), ..refused("soak", "image", "target", &["device"], NO_IMAGE) },
    refused("soak", "rehearse", "target", &["image"], "runs here anyway"),
    refused(
        "driver",
        "image",
        "action",
        &["start", "stop", "uninstall", "status"],
        "takes no image; install does",
    ),
    refused("bench-steps", "image", "model", &[FLAG], "loads no image"),
];

const fn refused(
    command: &'static str,
    option: &'static str,
    beside: &'static str,
    values: &'static [&'static str],
    why: &'static str,
) -> Idle {
    Idle { command, option, beside, values, why, then: Then::Refused, unless: None }
}

const fn said(
    command: &'static str,
    option: &'static str,
    beside: &'static str,
    values: &'static [&'static str],
    why: &'static str,
) -> Idle {
    Idle { then: Then::Said, ..refused(command, option, beside, values, why) }
}

/// Looks for options without effect. The error is a sentence that refuses the command line; otherwise there are
/// sentences to say.
pub(super) fn check(command: &clap::Command, matches: &ArgMatches) -> Result<Vec<String>, String> {
    let Some((name, of)) = matches.subcommand() else { return Ok(Vec::new()) };
    let Some(command) = command.find_subcommand(name) else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    for idle in IDLE.iter().filter(|idle| idle.command == name) {
        let arguments = named(command, idle.option).zip(named(command, idle.beside));
        let Some((option, beside)) = arguments else { continue };
        // A default, and what the environment has for every command, ask for nothing.
        if of.value_source(option.get_id().as_str()) != Some(ValueSource::CommandLine) {
            continue;
        }
        if idle.unless.is_some_and(|flag| of.get_flag(flag)) {
            continue;
        }
        let given = of.get_raw(beside.get_id().as_str()).and_then(|mut values| values.next_back()?.to_str());
        let is = |value: &&&str| given.is_some_and(|given| value.eq_ignore_ascii_case(given));
        let Some(value) = idle.values.iter().find(is) else { continue };
        let beside = match beside.get_long() {
            Some(flag) if *value == FLAG => format!("--{flag}"),
            Some(option) => format!("--{option} {value}"),
            None => (*value).to_owned(),
        };
        let sentence = format!("--{} has no effect: {beside} {}", idle.option, idle.why);
        match idle.then {
            Then::Refused => return Err(sentence),
            Then::Said => notes.push(sentence),
        }
    }
    Ok(notes)
}

/// The argument with this long name, or of this place.
fn named<'a>(command: &'a clap::Command, name: &str) -> Option<&'a Arg> {
    let mut arguments = command.get_arguments();
    arguments.find(|argument| argument.get_long() == Some(name) || argument.get_id() == name)
}

#[cfg(test)]
mod tests {
    use super::{FLAG, IDLE, named};
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn every_row_names_arguments_and_values_that_there_are() {
        let all = Cli::command();
        for idle in IDLE {
            let command = all.find_subcommand(idle.command).expect(idle.command);
            assert!(named(command, idle.option).is_some_and(|option| option.get_long().is_some()));
            let beside = named(command, idle.beside).expect(idle.beside);
            let possible = beside.get_possible_values();
            for value in idle.values {
                let flag = *value == FLAG && !beside.get_action().takes_values();
                assert!(flag || possible.iter().any(|word| word.get_name() == *value), "{value}");
            }
        }
    }
}
