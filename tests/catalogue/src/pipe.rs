//! Group U, named pipes: the server's token after `ImpersonateNamedPipeClient`, by
//! the quality of service with which the client opens the pipe.

use crate::script::{ByKernel, all};
use psimp_nt::Status;

/// `SECURITY_SQOS_PRESENT`: the flags of the quality of service count.
const SQOS_PRESENT: u32 = 0x0010_0000;
/// `SECURITY_ANONYMOUS`.
const ANONYMOUS: u32 = 0;
/// `SECURITY_IDENTIFICATION`.
const IDENTIFICATION: u32 = 0x0001_0000;

/// A client that opens the server's pipe, in the server's own process, writes
/// something, and is impersonated.
#[derive(Clone, Copy, Debug)]
pub struct Pipe {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: &'static str,
    /// The quality of service in the flags of the client's `CreateFile`.
    pub flags: u32,
    /// The server reads what the client wrote first.
    pub reads: bool,
    /// What `ImpersonateNamedPipeClient` returns.
    pub status: Status,
    /// Type and own level of the token that the server then opens with `OpenAsSelf`,
    /// or a short status.
    pub open: ByKernel<&'static str>,
    /// The access that the server then has.
    pub access: ByKernel<&'static str>,
}

const ASKS_NOTHING: Pipe = Pipe {
    id: "U08",
    title: "a pipe's client that asks for nothing is at Impersonation",
    flags: 0,
    reads: true,
    status: Status::SUCCESS,
    // NT 5.2 compares with the level recorded in the primary token of the client, which is idle: 0.
    open: ByKernel { documented: "imp/2", nt52: "imp/1", win10: "imp/2" },
    access: ByKernel { documented: "as A", nt52: "A5", win10: "as A" },
};

pub(crate) static PIPES: &[Pipe] = &[
    ASKS_NOTHING,
    Pipe {
        id: "U09",
        title: "a pipe's client at Identification",
        flags: SQOS_PRESENT | IDENTIFICATION,
        open: all("imp/1"),
        access: all("A5"),
        ..ASKS_NOTHING
    },
    Pipe {
        id: "U10",
        title: "a pipe's client at Anonymous",
        flags: SQOS_PRESENT | ANONYMOUS,
        open: all("A6"),
        access: all("A5"),
        ..ASKS_NOTHING
    },
    Pipe {
        id: "U11",
        title: "a pipe's client cannot be impersonated before something was read",
        reads: false,
        status: Status::CANNOT_IMPERSONATE,
        open: all("7C"),
        access: all("as A"),
        ..ASKS_NOTHING
    },
    Pipe {
        id: "U12",
        title: "levels without SECURITY_SQOS_PRESENT are ignored",
        flags: IDENTIFICATION,
        ..ASKS_NOTHING
    },
];
