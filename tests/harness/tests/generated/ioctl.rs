//! docs/ioctl.md.

use super::contract::{meanings, prose, structures};
use psimp_model::GenericMapping;
use psimp_protocol::layout::{Field, Kind, Layout};
use psimp_protocol::wire::MAX_DESCRIPTOR;
use psimp_protocol::{
    CLIENT_NAME, CLIENTS_AUTHENTICATED, CLIENTS_SDDL, CLIENTS_SETTING, DEVICE_NAME, DEVICE_SDDL, IOCTLS,
    Ioctl, LINK_NAME, MAX_CONNECTIONS, MAX_PROCESS_CONNECTIONS, MAX_SAVES, MAX_USER_CONNECTIONS,
    PROTOCOL_VERSION, REFUSALS, Refusal,
};
use psimp_rules::Rule;
use psimp_service::rights;
use std::fmt::Write as _;

pub(super) fn render() -> String {
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
    text.push_str(&opening());
    text.push_str(&in_detail());
    text.push_str(REFUSED);
    text.extend(REFUSALS.iter().map(refusal));
    text.push_str(IO_MANAGER);
    let _ = writeln!(
        text,
        "\nA file object keeps at most {MAX_SAVES} saves; a descriptor has at most {MAX_DESCRIPTOR} bytes. At most {MAX_CONNECTIONS} clients are\n\
         connected, {MAX_USER_CONNECTIONS} of a user and {MAX_PROCESS_CONNECTIONS} of a process.\n\n\
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

/// What a caller opens, and with which rights.
fn opening() -> String {
    let right = |name: &str, value: u32| format!("`{name}` {value:#x}");
    let rights = [
        right("THREAD_SET_THREAD_TOKEN", rights::THREAD_SET_THREAD_TOKEN),
        right("THREAD_IMPERSONATE", rights::THREAD_IMPERSONATE),
        right("THREAD_QUERY_LIMITED_INFORMATION", rights::THREAD_QUERY_LIMITED_INFORMATION),
        right("THREAD_QUERY_INFORMATION", rights::THREAD_QUERY_INFORMATION),
        right("TOKEN_DUPLICATE", rights::TOKEN_DUPLICATE),
        right("TOKEN_IMPERSONATE", rights::TOKEN_IMPERSONATE),
        right("TOKEN_QUERY", rights::TOKEN_QUERY),
    ];
    format!(
        "\n## Handles\n\n\
         A server opens the device with `GENERIC_READ`, and with `GENERIC_WRITE` for the codes whose access is\n\
         Write. A client asks for `GENERIC_READ`; more is refused to those whom only the setting lets in.\n\n\
         | an open that fails | status |\n|---|---|\n\
         | any other name below the device; any name relative to a handle of it | `STATUS_OBJECT_NAME_NOT_FOUND` |\n\
         | an opener who may not serve, or not connect | `STATUS_ACCESS_DENIED` |\n\
         | a thread that impersonates below Impersonation: the I/O manager's status, or the driver's | `STATUS_ACCESS_DENIED`, `…BAD_IMPERSONATION_LEVEL` |\n\
         | a level in the quality of service above 3, or above the thread's own | `STATUS_INVALID_PARAMETER`, `…BAD_IMPERSONATION_LEVEL` |\n\
         | a client beside as many of its process or its user as there can be | `STATUS_QUOTA_EXCEEDED` |\n\
         | a client beside all that there can be; no memory | `STATUS_INSUFFICIENT_RESOURCES` |\n\n\
         What the setting lets in has no `FILE_TRAVERSE`: a token without `SeChangeNotifyPrivilege` may be refused.\n\n\
         Handles of threads and tokens are the caller's own and are opened for user mode, with the rights that\n\
         the structures name:\n\
         {}.\n\
         The pseudo handle of `GetCurrentThread` is a handle of a thread too. Those of tokens\n\
         (`GetCurrentThreadToken` and the like) are not: they are `STATUS_INVALID_HANDLE`.\n\n\
         `include/psimp.h` has the control codes, structures, values, limits and statuses of requests for C, and\n\
         `crates/protocol` for Rust. The rights are in `winnt.h`.\n\
         `crates/windows/examples/` has a caller in C and the same in Rust.\n",
        rights.join(", ")
    )
}

/// What the tables do not say of operations.
fn in_detail() -> String {
    let GenericMapping { read, write, execute, all } = GenericMapping::FILE;
    format!(
        "\n## In detail\n\n\
         * **REVERT and END** return the slot as it was before; of a thread that did not impersonate every\n  \
           field is zero.\n\
         * **SAVE** keeps an idle thread as well: to RESTORE that ends the impersonation, with verdict 0.\n\
         * **RESTORE** leaves the save where it is. DISCARD drops it, and so does the close of the last handle.\n\
         * **SERVE** stores the slot copy-on-open, always; effective-only is as the client connected. The level is at\n  \
           most the client's and at most its token's.\n\
         * **NEXT_CLIENT** returns clients in the order in which they connected, whose ids rise: first those after\n  \
           0, then those after the id returned last, until `STATUS_NO_MORE_ENTRIES`. Clients that another server\n  \
           has are left out.\n\
         * **ACCESS_CHECK and WORKER_CHECK** take a self-relative descriptor with an owner and a group. Generic\n  \
           rights mean `GENERIC_READ` {read:#010x}, `GENERIC_WRITE` {write:#010x}, `GENERIC_EXECUTE` {execute:#010x},\n  \
           `GENERIC_ALL` {all:#010x}. `MAXIMUM_ALLOWED` is answered with all that is granted. A request whose access is\n  \
           denied succeeds: `status` says so, and `granted` is 0.\n\
         * **A thread impersonates until it reverts**, also after the handle is closed and the driver unloaded. Revert\n  \
           before the thread goes back to a pool: in a callback of the Win32 thread pool that returns while it\n  \
           impersonates, ntdll raises `STATUS_CALLBACK_RETURNED_WHILE_IMPERSONATING`.\n"
    )
}

/// A structure with its length.
fn structure(layout: &Layout) -> String {
    match layout {
        Layout { size: 0, .. } => "–".to_owned(),
        Layout { name, size, tail: ("", _), .. } => format!("{name} ({size})"),
        Layout { name, size, tail: (tail, _), .. } => format!("{name}, then {tail} ({size})"),
    }
}

/// The layouts of all structures.
fn structures_in_bytes() -> String {
    let mut text = String::new();
    // Those that are in others only are described there.
    let whole = |layout: &&Layout| {
        IOCTLS.iter().any(|row| [row.about().input.name, row.about().output.name].contains(&layout.name))
    };
    for layout in structures().into_iter().filter(whole) {
        let link = |name: &str| link(name, layout);
        let _ = write!(
            text,
            "\n### {} ({} bytes)\n\n{}\n\n| offset | field | type | meaning |\n|---|---|---|---|\n",
            layout.name,
            layout.size,
            prose(layout.doc, link)
        );
        for field in layout.fields {
            let meaning = prose(field.doc, link);
            let _ = writeln!(
                text,
                "| {} | `{}` | {} | {} |",
                field.offset,
                field.name,
                kind(field),
                meaning.trim_end_matches('.')
            );
        }
        let lists = layout.values.iter().map(|(name, values)| format!("{name}: {}.", meanings(values)));
        let lists: Vec<_> = lists.collect();
        if !lists.is_empty() {
            let _ = write!(text, "\n{}\n", lists.join(" "));
        }
    }
    text
}

/// What a link in a comment of a structure is on the page.
fn link(name: &str, of: &Layout) -> String {
    let list = |layout: &Layout| {
        layout.values.iter().find(|(_, values)| values.name == name).map(|(label, _)| *label)
    };
    let elsewhere = || structures().into_iter().find_map(|layout| Some((list(layout)?, layout.name)));
    match name {
        "PROTOCOL_VERSION" => format!("{PROTOCOL_VERSION}, the protocol version"),
        "MAX_DESCRIPTOR" => MAX_DESCRIPTOR.to_string(),
        _ => match (list(of), elsewhere()) {
            (Some(label), _) => format!("{label} below"),
            (None, Some((label, structure))) => format!("{label} of {structure}"),
            (None, None) => match name.split_once("::") {
                Some((structure, field)) => format!("`{field}` of {structure}"),
                None => name.to_owned(),
            },
        },
    }
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
        Kind::Array(layout) => {
            let fields = layout.fields.iter().map(|field| format!("{} {}", kind(field), field.name));
            let fields: Vec<_> = fields.collect();
            format!("{} × ({})", field.size / layout.size, fields.join(", "))
        }
    }
}

const REFUSED: &str = "\n## What is refused\n\n\
Checked in this order. The slot is as before, with these exceptions: a RESTORE that fails once it\n\
has found the save ends the impersonation, and so does a REVERT that has no memory for its reply.\n\n\
| what | status | of |\n|---|---|---|\n";

/// What comes from before the driver, and from after it.
const IO_MANAGER: &str = "\nThe I/O manager answers by itself: `STATUS_INVALID_HANDLE` to a handle that is closed, \
`STATUS_ACCESS_DENIED` to one without the\naccess of the code, `STATUS_INSUFFICIENT_RESOURCES` without memory for the \
request, and `STATUS_ACCESS_VIOLATION` to buffers that\nit cannot read or write. The last can come after the driver: the reply \
of a `METHOD_BUFFERED` request is copied to the\ncaller once the driver is done, and a caller whose buffer is gone by then is \
told of the fault, not of what has changed.\nQUERY tells.\n";

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
