//! docs/ioctl.md is made of the contract's own tables; this is how, and a test
//! that it is current. `UPDATE_GOLDEN=1 cargo test -p psimp-harness` rewrites it.

use psimp_protocol::wire::{
    self, Access, AccessCheck, Connection, Discard, Evaluation, Impersonate, MAX_DESCRIPTOR, NextClient,
    Outcome, Restore, Saved, Serve, Slot, Thread, Version, WorkerAccess,
};
use psimp_protocol::{
    CLIENT_NAME, CLIENTS_AUTHENTICATED, CLIENTS_SDDL, CLIENTS_SETTING, DEVICE_NAME, DEVICE_SDDL, IOCTLS,
    Input, Ioctl, LINK_NAME, MAX_CONNECTIONS, MAX_SAVES, Operation, PROTOCOL_VERSION, REFUSALS, Refusal,
    Refused,
};
use psimp_rules::Rule;
use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::Path;

/// A structure's fields with offset and type, in the order of its declaration.
macro_rules! layout {
    ($structure:ident { $($field:ident: $kind:literal),* $(,)? }) => {{
        let mut text = format!("\n### {} ({} bytes)\n\n| offset | field | type |\n|---|---|---|\n",
            stringify!($structure), size_of::<$structure>());
        $(let _ = writeln!(text, "| {} | `{}` | {} |", offset_of!($structure, $field), stringify!($field), $kind);)*
        text
    }};
}

fn purpose(operation: Operation) -> &'static str {
    match operation {
        Operation::Version => "says which contract and which build this is",
        Operation::Impersonate => "makes a thread impersonate a token, and reads back what came of it",
        Operation::Query => "reads a thread's slot",
        Operation::Save => "keeps a thread's slot under an id",
        Operation::Restore => {
            "assigns a kept slot again, decided anew by the kernel; on failure the thread reverts"
        }
        Operation::Discard => "drops a kept slot",
        Operation::Revert => "ends the calling thread's impersonation (`PsRevertToSelf`)",
        Operation::End => "ends a thread's impersonation (`PsImpersonateClient` without a token)",
        Operation::Evaluate => "says what the documented rule decides, with the rules tried; changes nothing",
        Operation::AccessCheck => "checks access as the calling thread now is (`SeAccessCheck`, user mode)",
        Operation::NextClient => {
            "tells of the first connection behind an id that this server serves or could"
        }
        Operation::Serve => "makes the calling thread impersonate a client that is connected",
        Operation::WorkerCheck => {
            "does what `ACCESS_CHECK` does, and the same on a worker thread of the system; no thread is raised"
        }
    }
}

fn structures(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Version => ("–", "Version"),
        Operation::Impersonate => ("Impersonate", "Outcome"),
        Operation::Query | Operation::End => ("Thread", "Slot"),
        Operation::Save => ("Thread", "Saved"),
        Operation::Restore => ("Restore", "Outcome"),
        Operation::Discard => ("Discard", "–"),
        Operation::Revert => ("–", "Slot"),
        Operation::Evaluate => ("Impersonate", "Evaluation"),
        Operation::AccessCheck => ("AccessCheck, then the descriptor", "Access"),
        Operation::NextClient => ("NextClient", "Connection"),
        Operation::Serve => ("Serve", "Outcome"),
        Operation::WorkerCheck => ("AccessCheck, then the descriptor", "WorkerAccess"),
    }
}

fn render() -> String {
    let mut text = format!(
        "# IOCTL reference\n\n\
         Made of the tables in `crates/protocol`; a test keeps it current. Protocol version {PROTOCOL_VERSION}.\n\n\
         Device `{DEVICE_NAME}`, link `{LINK_NAME}`, descriptor `{DEVICE_SDDL}`. Every request is\n\
         `METHOD_BUFFERED`, handled on the thread that sent it and complete on return. A handle works\n\
         in the process that opened it, for user mode alone.\n\n\
         A client opens `{LINK_NAME}{CLIENT_NAME}`, in any case of its letters, and says in the flags of its\n\
         `CreateFile` how far a server may go; without `SECURITY_SQOS_PRESENT` that is Impersonation,\n\
         dynamic tracking, effective-only. That handle serves no request: it is the connection, and closing\n\
         it ends it, as closing the server's does. Who may connect is the value `{CLIENTS_SETTING}` of the service's key\n\
         `Parameters`, a `REG_DWORD` that is read as the driver starts: {CLIENTS_AUTHENTICATED} makes the descriptor\n\
         `{CLIENTS_SDDL}`. Who may serve does not change with it.\n\n\
         | name | code | access | input | output | |\n|---|---|---|---|---|---|\n"
    );
    for row in &IOCTLS {
        let (input, output) = structures(row.operation);
        let length = match row.input {
            Input::Exactly(0) => input.to_owned(),
            Input::Exactly(length) | Input::Headed(length) => format!("{input} ({length})"),
        };
        let output = if row.output == 0 { output.to_owned() } else { format!("{output} ({})", row.output) };
        let _ = writeln!(
            text,
            "| {} | `0x{:08X}` | {:?} | {length} | {output} | {} |",
            row.name,
            row.code(),
            row.access,
            purpose(row.operation)
        );
    }
    text.push_str(REFUSED);
    text.extend(REFUSALS.iter().map(refusal));
    let _ = writeln!(
        text,
        "\nA file object keeps at most {MAX_SAVES} saves; at most {MAX_CONNECTIONS} clients are connected; a descriptor has at most {MAX_DESCRIPTOR} bytes.\n\n\
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

/// The layouts of all structures.
fn structures_in_bytes() -> String {
    let mut text = String::new();
    text.push_str(&layout!(Impersonate {
        version: "u32",
        level: "u32, 0 to 3",
        thread: "handle",
        token: "handle",
        flags: "u32",
        reserved: "u32",
    }));
    text.push_str("\nFlags: 1 copy-on-open, 2 effective-only, 4 let the kernel decide alone.\n");
    text.push_str(&layout!(Thread { version: "u32", reserved: "u32", thread: "handle" }));
    text.push_str(&layout!(Restore { version: "u32", reserved: "u32", thread: "handle", save: "u64" }));
    text.push_str(&layout!(Discard { version: "u32", reserved: "u32", save: "u64" }));
    text.push_str(&layout!(AccessCheck {
        version: "u32",
        desired: "access mask",
        length: "u32",
        reserved: "u32",
    }));
    text.push_str(&layout!(NextClient { version: "u32", reserved: "u32", after: "u64, 0 for the first" }));
    text.push_str(&layout!(Serve {
        version: "u32",
        level: "u32, 0 to 3",
        connection: "u64",
        flags: "u32",
        reserved: "u32",
    }));
    text.push_str("\nFlags: 4 let the kernel decide alone.\n");
    text.push_str(&layout!(Version {
        protocol: "u32",
        driver: "3 × u16",
        reserved: "u16",
        max_saves: "u32",
        build_id: "16 digits",
    }));
    text.push_str(&layout!(Slot {
        flags: "u32",
        level: "u32",
        token_type: "u32",
        own_level: "u32",
        token_id: "LUID",
        authentication_id: "LUID",
        user_length: "u32",
        user: "SID, zero-filled",
    }));
    text.push_str("\nFlags: 1 active, 2 copy-on-open, 4 effective-only, 8 restricted, 16 the token could not be read.\n");
    text.push_str(&layout!(Saved { save: "u64", slot: "Slot" }));
    text.push_str(&layout!(Outcome {
        status: "NTSTATUS",
        level_asked: "u32",
        level_stored: "u32",
        verdict: "u32",
        rule: "u32",
        decided_by: "u32",
        flags: "u32, as in Slot",
        reserved: "u32",
        token_asked: "LUID",
        token_stored: "LUID",
        authentication_id: "LUID",
    }));
    text.push_str(
        "\nVerdict: 0 nothing in the slot, 1 kept, 2 copied. Decided by: 1 the driver, 2 the kernel.\n",
    );
    text.push_str(&layout!(Evaluation {
        verdict: "u32",
        level: "u32",
        rule: "u32",
        steps: "u32",
        trace: "16 × (u16 rule, u16 effect)",
    }));
    text.push_str("\nEffect: 1 passes, 2 keeps, 3 objects.\n");
    text.push_str(&layout!(Access { granted: "access mask", status: "NTSTATUS" }));
    text.push_str(&layout!(WorkerAccess { caller: "Access", worker: "Access" }));
    text.push_str(&layout!(Connection {
        id: "u64",
        process: "process id",
        level: "u32",
        flags: "u32",
        reserved: "u32",
    }));
    text.push_str(
        "\nFlags: 1 dynamic tracking, 2 effective-only, 4 this server serves it; otherwise it waits.\n",
    );
    text
}

const REFUSED: &str = "\n## What is refused\n\n\
Checked in this order. The slot is as before, with these exceptions: a RESTORE that fails once it\n\
has found the save ends the impersonation, and so does a REVERT that has no memory for its reply.\n\n\
| what | status | of |\n|---|---|---|\n";

/// A row of the table of refusals; like prefixes are written once.
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
    let names = |operations: &[Operation]| {
        operations.iter().map(|&operation| Ioctl::of(operation).name).collect::<Vec<_>>().join(", ")
    };
    let of = match refusal.of {
        Refused::Every | Refused::Except([]) => "all".to_owned(),
        Refused::Unknown => "–".to_owned(),
        Refused::Only(operations) => names(operations),
        Refused::Except(operations) => format!("all but {}", names(operations)),
    };
    format!("| {} | {statuses} | {of} |\n", refusal.what)
}

#[test]
fn the_ioctl_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ioctl.md");
    let rendered = render();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &rendered).expect("docs/ioctl.md can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == rendered, "docs/ioctl.md is not current; UPDATE_GOLDEN=1 cargo test rewrites it");
}

#[test]
fn every_structure_is_covered_to_its_last_byte() {
    assert_eq!(offset_of!(Outcome, authentication_id) + 8, size_of::<wire::Outcome>());
    assert_eq!(offset_of!(Slot, user) + 68, size_of::<wire::Slot>());
}
