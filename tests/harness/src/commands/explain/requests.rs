//! The requests of group B in words.

use crate::notation;
use crate::report::counted;
use psimp_catalogue::{Attempt, Caller, Edit, Handle, Opening, Output, Requests};
use psimp_protocol::Ioctl;
use std::fmt::Write as _;

pub(super) fn requests(row: &Requests) -> String {
    let mut text = String::from("Requests, each with A2 impersonated before\n");
    for (number, attempt) in (1..).zip(row.attempts) {
        let _ = writeln!(text, "  {number}. {}", self::attempt(attempt));
    }
    for opening in row.openings {
        let _ = writeln!(text, "  {}", self::opening(opening));
    }
    text
}

fn attempt(attempt: &Attempt) -> String {
    let Attempt { operation, edit, output, caller, status } = *attempt;
    let output = match output {
        Output::Exact => String::new(),
        Output::Shorter(bytes) => format!(", with room for all of the reply but {}", counted(bytes, "byte")),
        Output::Longer(bytes) => format!(", with room for {} more than the reply", counted(bytes, "byte")),
        Output::Missing => ", without an output buffer".to_owned(),
    };
    let caller = match caller {
        Caller::Opener => "",
        Caller::Reader => ", through a handle for reading alone",
        Caller::Writer => ", through a handle for writing alone",
        Caller::OtherProcess => ", by another process with a duplicate of the handle",
        Caller::Kernel => ", by code in the kernel",
    };
    format!("{}{}{output}{caller}: {status}", Ioctl::of(operation).name, self::edit(edit))
}

fn edit(edit: Edit) -> String {
    match edit {
        Edit::None => String::new(),
        Edit::Code(code) => format!(", sent under the control code {code:#010x}"),
        Edit::Shorter(bytes) => format!(", its input {} shorter", counted(bytes, "byte")),
        Edit::Longer(bytes) => format!(", its input {} longer", counted(bytes, "byte")),
        Edit::Level(level) => format!(" at {}", notation::level(level)),
        Edit::Flags(flags) => format!(" with the flags {flags:#x}"),
        Edit::Reserved(value) => format!(" with {value:#x} in the reserved field"),
        Edit::Version(version) => format!(" of version {version}"),
        Edit::Token(token) => format!(" of {}", handle(token)),
        Edit::TokenAt(token, level) => format!(" of {} at {}", token.name(), notation::level(level)),
        Edit::Thread(thread) => format!(" for {}", handle(thread)),
        Edit::Save(id) => format!(" of the save {id:#x}"),
        Edit::Descriptor(bytes) => format!(" of a descriptor of {}", counted(bytes.len(), "byte")),
        Edit::DescriptorLength(length) => format!(" that says its descriptor has {length} bytes"),
    }
}

fn handle(handle: Handle) -> String {
    match handle {
        Handle::Value(value) => format!("the handle {value:#x}"),
        Handle::Event => "a handle of an event".to_owned(),
        Handle::Token(token, access) => format!("a handle of {} with access {access:#x}", token.name()),
        Handle::OwnThread(access) => format!("a handle of the own thread with access {access:#x}"),
        Handle::EndedThread(access) => {
            format!("a handle of a thread that has ended, with access {access:#x}")
        }
        Handle::ForeignThread => "a handle of another process's thread".to_owned(),
        Handle::Closed => "a handle that is closed".to_owned(),
    }
}

fn opening(opening: &Opening) -> String {
    let who = if opening.administrator { "an administrator" } else { "somebody else" };
    let level = opening
        .impersonating
        .map_or(String::new(), |level| format!(", impersonating at {}", notation::level(level)));
    format!("{who} opens the device{level}: {}", opening.status)
}
