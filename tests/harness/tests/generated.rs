//! Generates docs/ioctl.md, the levels of docs/tracing.md and the demo of docs/levels.md from the project's own
//! tables and output, and tests that they are current.

mod support;

use psimp_harness::demo::model;
use psimp_harness::driver::Source;
use psimp_harness::run::Setup;
use psimp_model::Kernel;
use psimp_protocol::layout::{Field, Kind, Layout};
use psimp_protocol::wire::MAX_DESCRIPTOR;
use psimp_protocol::{
    CLIENT_NAME, CLIENTS_AUTHENTICATED, CLIENTS_SDDL, CLIENTS_SETTING, DEVICE_NAME, DEVICE_SDDL, EventLevel,
    IOCTLS, Ioctl, LINK_NAME, MAX_CONNECTIONS, MAX_PROCESS_CONNECTIONS, MAX_SAVES, MAX_USER_CONNECTIONS,
    PROTOCOL_VERSION, REFUSALS, Refusal, RulesMode,
};
use psimp_rules::Rule;
use std::fmt::Write as _;
use std::path::Path;
use support::compare;

fn render() -> String {
    let mut text = format!(
        "# IOCTL reference\n\n\
         Made of the tables in `crates/protocol`; a test keeps it current. Protocol version {PROTOCOL_VERSION}.\n\n\
         Device `{DEVICE_NAME}`, link `{LINK_NAME}`, descriptor `{DEVICE_SDDL}`. Every request is\n\
         `METHOD_BUFFERED` and handled on the thread that sent it: what it changes is changed on return. On\n\
         an overlapped handle the call nevertheless fails with `ERROR_IO_PENDING`, and status, length and\n\
         reply come with the completion. A handle works in the process that opened it, for user mode\n\
         alone.\n\n\
         A client opens `{LINK_NAME}{CLIENT_NAME}`, case-insensitive. The SQOS flags of its `CreateFile`\n\
         are what it allows a server; without `SECURITY_SQOS_PRESENT` that is Impersonation,\n\
         dynamic tracking, effective-only. That handle serves no request: it is the connection, and closing\n\
         it ends it, as closing the server's does. Who may connect is the value `{CLIENTS_SETTING}` of the service's key\n\
         `Parameters`, a `REG_DWORD` that is read as the driver starts: {CLIENTS_AUTHENTICATED} makes the descriptor\n\
         `{CLIENTS_SDDL}`. Who may serve does not change with it.\n\n\
         | name | code | access | input | output | |\n|---|---|---|---|---|---|\n"
    );
    for row in IOCTLS {
        let about = row.about();
        let _ = writeln!(
            text,
            "| {} | `0x{:08X}` | {:?} | {} | {} | {} |",
            row.name,
            row.code(),
            row.access(),
            structure(about.input),
            structure(about.output),
            about.purpose.trim().trim_end_matches('.')
        );
    }
    text.push_str(REFUSED);
    text.extend(REFUSALS.iter().map(refusal));
    let _ = writeln!(
        text,
        "\nA file object keeps at most {MAX_SAVES} saves; at most {MAX_CONNECTIONS} clients are connected, {MAX_USER_CONNECTIONS} of a user and {MAX_PROCESS_CONNECTIONS} of a process; a descriptor has at most {MAX_DESCRIPTOR} bytes.\n\n\
         ## Structures\n\n\
         Little-endian, naturally aligned, without padding. Handles are 64 bits wide; a 32-bit caller\n\
         sign-extends its own. Reserved fields are zero. A thread handle of 0 is the calling thread."
    );
    text.push_str(&structures_in_bytes());
    text.push_str("\n## Rules\n\n| number | rule |\n|---|---|\n");
    for rule in Rule::ALL {
        let _ = writeln!(text, "| {} | {} |", rule as u32, rule.name());
    }
    text
}

/// A structure with its length.
fn structure(layout: &Layout) -> String {
    match layout {
        Layout { size: 0, .. } => "–".to_owned(),
        Layout { name, size, tail: ("", _), .. } => format!("{name} ({size})"),
        Layout { name, size, tail: (tail, _), .. } => format!("{name}, then {tail} ({size})"),
    }
}

/// The layouts of all structures: the inputs in the order of the operations, then the outputs.
fn structures_in_bytes() -> String {
    let inputs = IOCTLS.iter().map(|row| row.about().input);
    let outputs = IOCTLS.iter().map(|row| row.about().output);
    let mut written = Vec::new();
    let mut text = String::new();
    for layout in inputs.chain(outputs).filter(|layout| layout.size != 0) {
        if written.contains(&layout.name) {
            continue;
        }
        written.push(layout.name);
        let _ = write!(
            text,
            "\n### {} ({} bytes)\n\n| offset | field | type |\n|---|---|---|\n",
            layout.name, layout.size
        );
        for field in layout.fields {
            let _ = writeln!(text, "| {} | `{}` | {} |", field.offset, field.name, kind(field));
        }
        let lists = layout.values.iter().map(|(name, values)| {
            let values: Vec<_> =
                values.iter().map(|(number, meaning)| format!("{number} {meaning}")).collect();
            format!("{name}: {}.", values.join(", "))
        });
        let lists: Vec<_> = lists.collect();
        if !lists.is_empty() {
            let _ = write!(text, "\n{}\n", lists.join(" "));
        }
    }
    text
}

fn kind(field: &Field) -> String {
    match field.kind {
        Kind::Plain(kind) => kind.to_owned(),
        Kind::Level => "u32, 0 to 3".to_owned(),
        Kind::Handle => "handle".to_owned(),
        Kind::AccessMask => "access mask".to_owned(),
        Kind::Status => "NTSTATUS".to_owned(),
        Kind::Luid | Kind::TokenId => "LUID".to_owned(),
        Kind::SaveId | Kind::ConnectionId => "u64".to_owned(),
        Kind::ConnectionIdOrZero => "u64, 0 for the first".to_owned(),
        Kind::ProcessId => "process id".to_owned(),
        Kind::BuildId => "16 digits".to_owned(),
        Kind::Structure(layout) => layout.name.to_owned(),
    }
}

const REFUSED: &str = "\n## What is refused\n\n\
Checked in this order. The slot is as before, with these exceptions: a RESTORE that fails once it\n\
has found the save ends the impersonation, and so does a REVERT that has no memory for its reply.\n\n\
| what | status | of |\n|---|---|---|\n";

/// A row of the table of refusals; common prefixes are written once.
fn refusal(refusal: &Refusal) -> String {
    let mut statuses = String::new();
    for status in refusal.statuses {
        let name = status.name().expect("a status of the contract");
        let _ = if statuses.is_empty() {
            write!(statuses, "`STATUS_{name}`")
        } else {
            write!(statuses, ", `…{name}`")
        };
    }
    let (applies, others): (Vec<&Ioctl>, Vec<&Ioctl>) =
        IOCTLS.iter().partition(|row| refusal.is_of(row.code()));
    let names = |rows: &[&Ioctl]| rows.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
    let of = match (applies.len(), others.len()) {
        (_, 0) => "all".to_owned(),
        (0, _) => "–".to_owned(),
        (applying, other) if other < applying => format!("all but {}", names(&others)),
        _ => names(&applies),
    };
    format!("| {} | {statuses} | {of} |\n", refusal.what)
}

/// Compares a part of a page, from after the first `start` to before the next `end`.
#[track_caller]
fn compare_part(file: &str, [start, end]: [&str; 2], expected: &str) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file);
    let (before, rest) = page.split_once(start).expect(start);
    let (_, after) = rest.split_once(end).expect(end);
    compare(file, [before, start, expected, end, after].concat());
}

#[test]
fn the_ioctl_reference_is_current() {
    compare("../../docs/ioctl.md", render());
}

/// docs/tracing.md names the operations of each level.
#[test]
fn the_levels_of_events_are_current() {
    let names = |level| {
        let rows = IOCTLS.iter().filter(|row| row.event_level() == level);
        let names: Vec<_> = rows.map(|row| row.name).collect();
        let (last, others) = names.split_last().expect("a level has operations");
        format!("{} and {last} that succeeded", others.join(", "))
    };
    let changes = names(EventLevel::Change) + "; start and stop";
    compare_part("../../docs/tracing.md", ["| 4, informational | ", " |\n"], &changes);
    compare_part("../../docs/tracing.md", ["| 5, verbose | ", " |\n"], &names(EventLevel::ReadOnly));
}

#[test]
fn the_demo_in_the_page_about_levels_is_current() {
    let setup = Setup { source: Source::Service, kernel: Kernel::Win10, rules: RulesMode::Documented };
    // Tests of the demo compare this output with the image's.
    let demo = model::run(&setup, "target image, kernel win10, rules documented");
    compare_part("../../docs/levels.md", ["```text\n", "```\n"], &demo.text);
}
