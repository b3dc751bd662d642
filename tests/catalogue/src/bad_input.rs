//! Group B: requests to the driver with something wrong in them.
//!
//! The thread impersonates A2 at Impersonation level when an attempt is made,
//! and still does so after one that fails.

use crate::ClientToken;
use psimp_nt::Status;
use psimp_protocol::{Ioctl, Operation};

/// A row: several attempts of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    /// `B01` and so on.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: &'static str,
    /// Requests to send.
    pub attempts: &'static [Attempt],
    /// Opens of the device to try.
    pub openings: &'static [Opening],
}

/// A request that is valid except for `edit`, `output` and `caller`.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The operation, which determines the control code.
    pub operation: Operation,
    /// What is changed in the input.
    pub edit: Edit,
    /// The output buffer.
    pub output: Output,
    /// The sender.
    pub caller: Caller,
    /// The expected status.
    pub status: Status,
}

/// What is changed in the input.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    /// Nothing.
    None,
    /// Another control code, with the operation's input.
    Code(u32),
    /// This many bytes are missing at the end.
    Shorter(usize),
    /// This many zero bytes follow.
    Longer(usize),
    /// The level of IMPERSONATE and SERVE.
    Level(u32),
    /// The flags of IMPERSONATE and SERVE.
    Flags(u32),
    /// The reserved field.
    Reserved(u32),
    /// The protocol version.
    Version(u32),
    /// The token handle of IMPERSONATE.
    Token(Handle),
    /// The token of IMPERSONATE, and a level.
    TokenAt(ClientToken, u32),
    /// The thread handle.
    Thread(Handle),
    /// The id of RESTORE and DISCARD; without this, of a save made just before.
    Save(u64),
    /// The security descriptor of `ACCESS_CHECK` and `WORKER_CHECK`.
    Descriptor(&'static [u8]),
    /// The length that these requests state for their descriptor.
    DescriptorLength(u32),
}

/// A handle.
#[derive(Clone, Copy, Debug)]
pub enum Handle {
    /// This number.
    Value(u64),
    /// Of an event.
    Event,
    /// Of this token, with this access.
    Token(ClientToken, u32),
    /// Of the calling thread, with this access.
    OwnThread(u32),
    /// Of another thread of the process, with this access; it has ended.
    EndedThread(u32),
    /// Of a thread of another process, with all access.
    ForeignThread,
    /// Of a token, closed again.
    Closed,
}

/// The output buffer.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    /// As long as the reply.
    Exact,
    /// This many bytes shorter.
    Shorter(usize),
    /// This many bytes longer.
    Longer(usize),
    /// None.
    Missing,
}

/// The sender of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The process that opened the device, for reading and writing.
    Opener,
    /// The same, for reading only.
    Reader,
    /// The same, for writing only.
    Writer,
    /// Another process, with a duplicate of the handle.
    OtherProcess,
    /// Code in the kernel.
    Kernel,
}

/// An open of the device.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The level at which the caller, an administrator, impersonates a token
    /// of its own user; `None` when it does not.
    pub impersonating: Option<u32>,
    /// Whether the caller is an administrator.
    pub administrator: bool,
    /// The expected status.
    pub status: Status,
}

use Operation::{
    AccessCheck, Discard, End, Evaluate, Impersonate, NextClient, Query, Restore, Revert, Save, Serve,
    Version, WorkerCheck,
};

const VALID: Attempt = Attempt {
    operation: Impersonate,
    edit: Edit::None,
    output: Output::Exact,
    caller: Caller::Opener,
    status: Status::SUCCESS,
};

const fn edited(operation: Operation, edit: Edit, status: Status) -> Attempt {
    Attempt { operation, edit, status, ..VALID }
}

pub(crate) const fn output(operation: Operation, output: Output, status: Status) -> Attempt {
    Attempt { operation, output, status, ..VALID }
}

const fn sent_by(caller: Caller, operation: Operation, status: Status) -> Attempt {
    Attempt { operation, caller, status, ..VALID }
}

const fn token(handle: Handle, status: Status) -> Attempt {
    edited(Impersonate, Edit::Token(handle), status)
}

pub(crate) const fn row(id: &'static str, title: &'static str, attempts: &'static [Attempt]) -> Requests {
    Requests { id, title, attempts, openings: &[] }
}

/// `THREAD_SET_THREAD_TOKEN` and `THREAD_IMPERSONATE`.
const SET: u32 = 0x180;
/// `THREAD_QUERY_LIMITED_INFORMATION`.
const LOOK: u32 = 0x800;
/// `THREAD_QUERY_INFORMATION`, which kernels before Windows Vista ask for instead.
const LOOK_52: u32 = 0x40;
/// `THREAD_IMPERSONATE`.
const USE: u32 = 0x100;

/// Revision 1, `SE_SELF_RELATIVE`, every offset 0.
const NO_OWNER: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// The same with owner and group at offset 0xFFFFFFF0.
const OWNER_BEYOND: [u8; 20] =
    [1, 0, 0, 0x80, 0xF0, 0xFF, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0];

pub(crate) static ROWS: &[Requests] = &[
    row(
        "B01",
        "input shorter than the structure",
        &[
            edited(Impersonate, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(Impersonate, Edit::Shorter(32), Status::INFO_LENGTH_MISMATCH),
            edited(Query, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(Query, Edit::Shorter(16), Status::INFO_LENGTH_MISMATCH),
            edited(End, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(End, Edit::Shorter(16), Status::INFO_LENGTH_MISMATCH),
            edited(Save, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(Restore, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(Discard, Edit::Shorter(16), Status::INFO_LENGTH_MISMATCH),
            edited(Evaluate, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(AccessCheck, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(AccessCheck, Edit::Shorter(4096), Status::INFO_LENGTH_MISMATCH),
            edited(NextClient, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(Serve, Edit::Shorter(8), Status::INFO_LENGTH_MISMATCH),
            edited(WorkerCheck, Edit::Shorter(1), Status::INFO_LENGTH_MISMATCH),
            edited(WorkerCheck, Edit::Shorter(4096), Status::INFO_LENGTH_MISMATCH),
        ],
    ),
    row(
        "B02",
        "input longer than the structure",
        &[
            edited(Version, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(Impersonate, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(Impersonate, Edit::Longer(4096), Status::INFO_LENGTH_MISMATCH),
            edited(Query, Edit::Longer(8), Status::INFO_LENGTH_MISMATCH),
            edited(Revert, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(End, Edit::Longer(8), Status::INFO_LENGTH_MISMATCH),
            edited(Save, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(Restore, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(Discard, Edit::Longer(8), Status::INFO_LENGTH_MISMATCH),
            edited(Evaluate, Edit::Longer(4), Status::INFO_LENGTH_MISMATCH),
            edited(AccessCheck, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(AccessCheck, Edit::DescriptorLength(0xFFFF_FFFF), Status::INFO_LENGTH_MISMATCH),
            edited(NextClient, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(Serve, Edit::Longer(8), Status::INFO_LENGTH_MISMATCH),
            edited(WorkerCheck, Edit::Longer(1), Status::INFO_LENGTH_MISMATCH),
            edited(WorkerCheck, Edit::DescriptorLength(0xFFFF_FFFF), Status::INFO_LENGTH_MISMATCH),
        ],
    ),
    row(
        "B03",
        "levels above Delegation, compared unsigned",
        &[
            edited(Impersonate, Edit::Level(4), Status::INVALID_PARAMETER),
            edited(Impersonate, Edit::Level(0xFFFF_FFFF), Status::INVALID_PARAMETER),
            edited(Impersonate, Edit::Level(0x8000_0000), Status::INVALID_PARAMETER),
            edited(Evaluate, Edit::Level(4), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Level(4), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Level(0xFFFF_FFFF), Status::INVALID_PARAMETER),
        ],
    ),
    row(
        "B04",
        "flags beyond those there are",
        &[
            edited(Impersonate, Edit::Flags(8), Status::INVALID_PARAMETER),
            edited(Impersonate, Edit::Flags(0xFF), Status::INVALID_PARAMETER),
            edited(Impersonate, Edit::Flags(0x8000_0000), Status::INVALID_PARAMETER),
            edited(Evaluate, Edit::Flags(8), Status::INVALID_PARAMETER),
            edited(Restore, Edit::Flags(1), Status::INVALID_PARAMETER),
            edited(Restore, Edit::Flags(2), Status::INVALID_PARAMETER),
            edited(Restore, Edit::Flags(8), Status::INVALID_PARAMETER),
            edited(Restore, Edit::Flags(0x8000_0000), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Flags(1), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Flags(2), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Flags(8), Status::INVALID_PARAMETER),
        ],
    ),
    row(
        "B05",
        "handles that are none, and pseudo-handles",
        &[
            token(Handle::Value(0), Status::INVALID_HANDLE),
            token(Handle::Value(0xFFFF_FFFF_FFFF_FFFF), Status::OBJECT_TYPE_MISMATCH),
            token(Handle::Value(0xFFFF_FFFF_FFFF_FFFE), Status::OBJECT_TYPE_MISMATCH),
            token(Handle::Value(0xFFFF_FFFF_FFFF_FFFC), Status::INVALID_HANDLE),
            token(Handle::Value(0xFFFF_FFFF_FFFF_FFFB), Status::INVALID_HANDLE),
            token(Handle::Value(0xFFFF_FFFF_FFFF_FFFA), Status::INVALID_HANDLE),
            token(Handle::Value(0xDEAD_BEEF), Status::INVALID_HANDLE),
            token(Handle::Value(0x7FFF_FFFC), Status::INVALID_HANDLE),
            token(Handle::Closed, Status::INVALID_HANDLE),
            edited(Query, Edit::Thread(Handle::Value(0xDEAD_BEEF)), Status::INVALID_HANDLE),
            edited(End, Edit::Thread(Handle::Value(0x7FFF_FFFC)), Status::INVALID_HANDLE),
            edited(Save, Edit::Thread(Handle::Value(0xDEAD_BEEF)), Status::INVALID_HANDLE),
            edited(Restore, Edit::Thread(Handle::Value(0x7FFF_FFFC)), Status::INVALID_HANDLE),
            edited(Evaluate, Edit::Token(Handle::Value(0)), Status::INVALID_HANDLE),
            edited(Evaluate, Edit::Thread(Handle::Value(4096)), Status::INVALID_HANDLE),
        ],
    ),
    row(
        "B06",
        "handles of another kind of object",
        &[
            token(Handle::Event, Status::OBJECT_TYPE_MISMATCH),
            token(Handle::OwnThread(0x001F_FFFF), Status::OBJECT_TYPE_MISMATCH),
            edited(Query, Edit::Thread(Handle::Event), Status::OBJECT_TYPE_MISMATCH),
            edited(End, Edit::Thread(Handle::Token(ClientToken::A2, 0xF_01FF)), Status::OBJECT_TYPE_MISMATCH),
        ],
    ),
    row(
        "B07",
        "handles without the access needed",
        &[
            token(Handle::Token(ClientToken::A2, 0xA), Status::ACCESS_DENIED),
            token(Handle::Token(ClientToken::A2, 0x4), Status::SUCCESS),
            edited(Impersonate, Edit::Thread(Handle::OwnThread(0x80)), Status::ACCESS_DENIED),
            edited(Impersonate, Edit::Thread(Handle::OwnThread(0x100)), Status::ACCESS_DENIED),
            edited(Impersonate, Edit::Thread(Handle::OwnThread(SET)), Status::SUCCESS),
            edited(Query, Edit::Thread(Handle::OwnThread(SET)), Status::ACCESS_DENIED),
            edited(Query, Edit::Thread(Handle::OwnThread(LOOK)), Status::SUCCESS),
            edited(Query, Edit::Thread(Handle::OwnThread(LOOK_52)), Status::SUCCESS),
            edited(End, Edit::Thread(Handle::OwnThread(LOOK)), Status::ACCESS_DENIED),
            edited(Save, Edit::Thread(Handle::OwnThread(SET)), Status::ACCESS_DENIED),
            edited(Save, Edit::Thread(Handle::OwnThread(LOOK)), Status::ACCESS_DENIED),
            edited(Save, Edit::Thread(Handle::OwnThread(LOOK_52)), Status::ACCESS_DENIED),
            edited(Save, Edit::Thread(Handle::OwnThread(LOOK | USE)), Status::SUCCESS),
            edited(Save, Edit::Thread(Handle::OwnThread(LOOK_52 | USE)), Status::SUCCESS),
            edited(Restore, Edit::Thread(Handle::OwnThread(LOOK)), Status::ACCESS_DENIED),
            edited(Evaluate, Edit::Token(Handle::Token(ClientToken::A2, 0x4)), Status::ACCESS_DENIED),
            edited(Evaluate, Edit::Token(Handle::Token(ClientToken::A2, 0x8)), Status::SUCCESS),
            edited(Evaluate, Edit::Thread(Handle::OwnThread(USE)), Status::ACCESS_DENIED),
            edited(Evaluate, Edit::Thread(Handle::OwnThread(LOOK)), Status::SUCCESS),
            edited(Evaluate, Edit::Thread(Handle::OwnThread(LOOK_52)), Status::SUCCESS),
        ],
    ),
    row(
        "B08",
        "handles of the kernel",
        &[
            token(Handle::Value(0xFFFF_FFFF_8000_0004), Status::INVALID_HANDLE),
            token(Handle::Value(0x8000_0004), Status::INVALID_HANDLE),
            edited(Query, Edit::Thread(Handle::Value(0xFFFF_FFFF_8000_0004)), Status::INVALID_HANDLE),
        ],
    ),
    row(
        "B09",
        "a level above the impersonation token's own",
        &[
            edited(Impersonate, Edit::TokenAt(ClientToken::A1, 2), Status::BAD_IMPERSONATION_LEVEL),
            edited(Impersonate, Edit::TokenAt(ClientToken::A0, 1), Status::BAD_IMPERSONATION_LEVEL),
            edited(Impersonate, Edit::TokenAt(ClientToken::A2, 3), Status::BAD_IMPERSONATION_LEVEL),
            edited(Impersonate, Edit::TokenAt(ClientToken::N1, 2), Status::BAD_IMPERSONATION_LEVEL),
            edited(Evaluate, Edit::TokenAt(ClientToken::A1, 2), Status::BAD_IMPERSONATION_LEVEL),
            edited(Impersonate, Edit::TokenAt(ClientToken::A3, 3), Status::SUCCESS),
        ],
    ),
    row(
        "B10",
        "a primary token needs duplicate and query access too",
        &[
            token(Handle::Token(ClientToken::Ap2, 0x4), Status::ACCESS_DENIED),
            token(Handle::Token(ClientToken::Ap2, 0x6), Status::ACCESS_DENIED),
            token(Handle::Token(ClientToken::Ap2, 0xC), Status::ACCESS_DENIED),
            token(Handle::Token(ClientToken::Ap2, 0xA), Status::ACCESS_DENIED),
            token(Handle::Token(ClientToken::Ap2, 0xE), Status::SUCCESS),
        ],
    ),
    row(
        "B11",
        "unknown control codes",
        &[
            edited(Version, Edit::Code(Ioctl::NEXT_FREE_CODE), Status::INVALID_DEVICE_REQUEST),
            edited(Impersonate, Edit::Code(0x0022_6004), Status::INVALID_DEVICE_REQUEST),
            edited(Query, Edit::Code(0x0022_2008), Status::INVALID_DEVICE_REQUEST),
            edited(Version, Edit::Code(0), Status::INVALID_DEVICE_REQUEST),
        ],
    ),
    row(
        "B12",
        "output buffer missing or too small",
        &[
            output(Version, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(Version, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Impersonate, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(Impersonate, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Query, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Revert, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(Revert, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(End, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Save, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Restore, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(Evaluate, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(AccessCheck, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(NextClient, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Serve, Output::Missing, Status::BUFFER_TOO_SMALL),
            output(WorkerCheck, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
            output(Discard, Output::Missing, Status::SUCCESS),
            output(Query, Output::Longer(4096), Status::SUCCESS),
        ],
    ),
    row(
        "B13",
        "a 32-bit caller: the same structures, handles sign-extended",
        &[
            edited(Query, Edit::Thread(Handle::Value(0xFFFF_FFFF_FFFF_FFFE)), Status::SUCCESS),
            edited(Query, Edit::Thread(Handle::Value(0xFFFF_FFFE)), Status::INVALID_HANDLE),
            VALID,
        ],
    ),
    row(
        "B14",
        "reserved fields and versions",
        &[
            edited(Impersonate, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(Query, Edit::Reserved(0x8000_0000), Status::INVALID_PARAMETER),
            edited(End, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(Impersonate, Edit::Version(0), Status::INVALID_PARAMETER),
            edited(Query, Edit::Version(2), Status::INVALID_PARAMETER),
            edited(End, Edit::Version(0xFFFF_FFFF), Status::INVALID_PARAMETER),
            edited(Save, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(Restore, Edit::Version(2), Status::INVALID_PARAMETER),
            edited(Discard, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(Evaluate, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(AccessCheck, Edit::Version(0), Status::INVALID_PARAMETER),
            edited(AccessCheck, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(NextClient, Edit::Version(2), Status::INVALID_PARAMETER),
            edited(NextClient, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Version(0), Status::INVALID_PARAMETER),
            edited(Serve, Edit::Reserved(1), Status::INVALID_PARAMETER),
            edited(WorkerCheck, Edit::Version(2), Status::INVALID_PARAMETER),
        ],
    ),
    row(
        "B15",
        "a request acts on the issuing thread, and has changed what it changes on return",
        &[VALID, edited(Query, Edit::None, Status::SUCCESS), edited(Revert, Edit::None, Status::SUCCESS)],
    ),
    row(
        "B16",
        "the access of the device handle",
        &[
            sent_by(Caller::Reader, Impersonate, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, Revert, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, End, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, Query, Status::SUCCESS),
            sent_by(Caller::Reader, Version, Status::SUCCESS),
            sent_by(Caller::Writer, Query, Status::ACCESS_DENIED),
            sent_by(Caller::Writer, Version, Status::ACCESS_DENIED),
            sent_by(Caller::Writer, Impersonate, Status::SUCCESS),
            sent_by(Caller::Reader, Save, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, Restore, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, Discard, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, Evaluate, Status::SUCCESS),
            sent_by(Caller::Reader, AccessCheck, Status::SUCCESS),
            sent_by(Caller::Reader, NextClient, Status::NO_MORE_ENTRIES),
            sent_by(Caller::Reader, Serve, Status::ACCESS_DENIED),
            sent_by(Caller::Reader, WorkerCheck, Status::SUCCESS),
            sent_by(Caller::Writer, NextClient, Status::ACCESS_DENIED),
            sent_by(Caller::Writer, Serve, Status::NOT_FOUND),
            sent_by(Caller::Writer, WorkerCheck, Status::ACCESS_DENIED),
            sent_by(Caller::Writer, Evaluate, Status::ACCESS_DENIED),
            sent_by(Caller::Writer, AccessCheck, Status::ACCESS_DENIED),
        ],
    ),
    Requests {
        id: "B17",
        title: "who may open the device, and impersonating at which level",
        attempts: &[],
        openings: &[
            Opening { impersonating: Some(0), administrator: true, status: Status::BAD_IMPERSONATION_LEVEL },
            Opening { impersonating: Some(1), administrator: true, status: Status::BAD_IMPERSONATION_LEVEL },
            Opening { impersonating: Some(2), administrator: true, status: Status::SUCCESS },
            Opening { impersonating: None, administrator: true, status: Status::SUCCESS },
            Opening { impersonating: None, administrator: false, status: Status::ACCESS_DENIED },
        ],
    },
    row(
        "B18",
        "another process's file object, another process's thread, an ended thread",
        &[
            sent_by(Caller::OtherProcess, Version, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Impersonate, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Query, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Revert, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, End, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Save, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Restore, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Discard, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Evaluate, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, AccessCheck, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, NextClient, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, Serve, Status::ACCESS_DENIED),
            sent_by(Caller::OtherProcess, WorkerCheck, Status::ACCESS_DENIED),
            edited(Impersonate, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(Query, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(Save, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(Restore, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(Evaluate, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(End, Edit::Thread(Handle::ForeignThread), Status::ACCESS_DENIED),
            edited(Impersonate, Edit::Thread(Handle::EndedThread(SET)), Status::THREAD_IS_TERMINATING),
            edited(Query, Edit::Thread(Handle::EndedThread(LOOK)), Status::THREAD_IS_TERMINATING),
        ],
    ),
    row(
        "B19",
        "a requestor in the kernel",
        &[
            sent_by(Caller::Kernel, Version, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Impersonate, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Query, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Revert, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, End, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Save, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Restore, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Discard, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Evaluate, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, AccessCheck, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, NextClient, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, Serve, Status::ACCESS_DENIED),
            sent_by(Caller::Kernel, WorkerCheck, Status::ACCESS_DENIED),
        ],
    ),
    row(
        "B20",
        "saves that there are not",
        &[
            edited(Restore, Edit::Save(0), Status::NOT_FOUND),
            edited(Restore, Edit::Save(u64::MAX), Status::NOT_FOUND),
            edited(Discard, Edit::Save(0), Status::NOT_FOUND),
            edited(Discard, Edit::Save(0x8000_0000_0000_0000), Status::NOT_FOUND),
            edited(Restore, Edit::None, Status::SUCCESS),
            edited(Discard, Edit::None, Status::SUCCESS),
        ],
    ),
    row(
        "B21",
        "bytes that are no security descriptor",
        &[
            edited(AccessCheck, Edit::Descriptor(&[]), Status::INVALID_SECURITY_DESCR),
            edited(AccessCheck, Edit::Descriptor(&[1; 19]), Status::INVALID_SECURITY_DESCR),
            edited(AccessCheck, Edit::Descriptor(&[0xFF; 64]), Status::INVALID_SECURITY_DESCR),
            // Self-relative, with neither owner nor group.
            edited(AccessCheck, Edit::Descriptor(&NO_OWNER), Status::INVALID_SECURITY_DESCR),
            // An owner offset beyond the end.
            edited(AccessCheck, Edit::Descriptor(&OWNER_BEYOND), Status::INVALID_SECURITY_DESCR),
            edited(AccessCheck, Edit::None, Status::SUCCESS),
            edited(WorkerCheck, Edit::Descriptor(&[]), Status::INVALID_SECURITY_DESCR),
            edited(WorkerCheck, Edit::Descriptor(&NO_OWNER), Status::INVALID_SECURITY_DESCR),
            edited(WorkerCheck, Edit::None, Status::SUCCESS),
        ],
    ),
];
