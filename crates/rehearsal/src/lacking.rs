//! What the rehearsal cannot show.

/// What it has not, or has otherwise than Windows, and why. docs/native.md prints it.
pub const LACKING: &[(&str, &str)] = &[
    (
        "the instructions of Windows",
        "calls end in the model, which has the contracts and not the code: what Windows does otherwise than its \
         sources say is not seen",
    ),
    (
        "crates/windows",
        "its unsafe code, the layout of its structures and the answers of `NtQueryInformationToken` are not run; its \
         unit tests are, under Wine",
    ),
    ("psimp.exe", "the program is started as a thread of the rehearsal's process, not from its file"),
    (
        "the end of the harness",
        "jobs and console events: a process of the rehearsal cannot outlive it, so that nothing is left to be ended",
    ),
    ("a server process that panics", "it ends the rehearsal, which it shares its process with"),
    (
        "`SeTcbPrivilege`",
        "the harness is an elevated administrator, who does not have it: no logon of LOCAL SERVICE, no setting of an origin",
    ),
    (
        "the local security authority",
        "a small table of accounts: no policies, no profiles, no logon that takes seconds",
    ),
    (
        "timing",
        "requests are carried out at once, and `STATUS_PENDING` is delivered at once: what depends on the time between \
         is not seen",
    ),
];
