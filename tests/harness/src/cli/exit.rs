//! The exit codes, and what each means for each command.

use std::fmt::Write as _;
use std::process::ExitCode;

/// The exit code. Clap itself ends with [`Exit::Passed`] after help, and otherwise with [`Exit::Usage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is as it should be.
    Passed = 0,
    /// It is not, or it could not be found out.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The target is not available here.
    Unavailable = 3,
    /// An output cannot be written.
    Unwritten = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An exit code, and what it means.
type Meaning = (Exit, &'static str);

const USAGE: Meaning = (Exit::Usage, "the command line is wrong");
const NO_TARGET: Meaning =
    (Exit::Unavailable, "the target is not available here; the message says how to get it");
const NOT_WINDOWS: Meaning = (Exit::Unavailable, "not on Windows");
const UNWRITTEN: Meaning = (Exit::Unwritten, "an output cannot be written; a file is tried before the work");

/// Commands, and the exit codes of each.
const CODES: &[(&[&str], &[Meaning])] = &[
    (
        &["psimp", "run"],
        &[
            (Exit::Passed, "every case that could run passed"),
            (Exit::Failed, "a case failed, or a rehearsal left something behind"),
            USAGE,
            NO_TARGET,
            UNWRITTEN,
        ],
    ),
    (
        &["report"],
        &[
            (
                Exit::Passed,
                "no case differs between the runs, or no decision between surveys that asked for it",
            ),
            (Exit::Failed, "one differs"),
            (
                Exit::Usage,
                "a file is neither a result of `psimp run --format json` nor a survey, runs and surveys\n     \
                 are mixed, or the command line is wrong",
            ),
            UNWRITTEN,
        ],
    ),
    (
        &["survey"],
        &[
            (Exit::Passed, "recorded"),
            (Exit::Failed, "a rehearsal left something behind"),
            USAGE,
            NO_TARGET,
            UNWRITTEN,
        ],
    ),
    (&["list"], &[(Exit::Passed, "listed"), USAGE, UNWRITTEN]),
    (
        &["explain"],
        &[
            (Exit::Passed, "explained"),
            (Exit::Failed, "a running process or thread, or its token, cannot be read"),
            USAGE,
            (Exit::Unavailable, "not on Windows, which running processes and threads need"),
            UNWRITTEN,
        ],
    ),
    (
        &["demo"],
        &[
            (Exit::Passed, "all happened as the story says"),
            (Exit::Failed, "something did not; the page and standard error say what"),
            USAGE,
            NO_TARGET,
            UNWRITTEN,
        ],
    ),
    (
        &["show"],
        &[
            (Exit::Passed, "shown"),
            (Exit::Failed, "there is no such process or thread"),
            USAGE,
            NOT_WINDOWS,
            UNWRITTEN,
        ],
    ),
    (
        &["driver"],
        &[
            (Exit::Passed, "done"),
            (Exit::Failed, "refused; the message has the reason and what to do"),
            USAGE,
            NOT_WINDOWS,
            UNWRITTEN,
        ],
    ),
    (&["completions", "man"], &[(Exit::Passed, "written"), USAGE, UNWRITTEN]),
    (
        &["bench", "bench-steps"],
        &[
            (Exit::Passed, "measured"),
            (Exit::Failed, "it cannot be measured, a call failed, or a thread still impersonates"),
            USAGE,
            NO_TARGET,
            UNWRITTEN,
        ],
    ),
    (
        &["mutants"],
        &[
            (Exit::Passed, "each wrong image was caught"),
            (Exit::Failed, "one was not, or with --sample none is there"),
            USAGE,
            (Exit::Unavailable, "an image cannot be loaded here, or is not there"),
            UNWRITTEN,
        ],
    ),
    (
        &["faults", "soak"],
        &[
            (Exit::Passed, "the image kept its promises"),
            (Exit::Failed, "it did not"),
            USAGE,
            NO_TARGET,
            UNWRITTEN,
        ],
    ),
    (
        &["impersonate", "native-client", "native-server", "native-wait"],
        &[
            (Exit::Passed, "standard input ended"),
            (Exit::Failed, "it could not be done; the message says why"),
            USAGE,
            NOT_WINDOWS,
        ],
    ),
];

/// The exit codes of a command, as its help has them; nothing for a command that there is not.
pub(super) fn exit_codes(command: &str) -> String {
    let of = CODES.iter().find(|(commands, _)| commands.contains(&command));
    let Some((_, codes)) = of else { return String::new() };
    codes.iter().fold("Exit codes:".to_owned(), |mut text, (exit, meaning)| {
        let _ = write!(text, "\n  {}  {meaning}", *exit as u8);
        text
    })
}
