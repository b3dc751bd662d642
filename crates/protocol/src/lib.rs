//! The IOCTL contract between `psimp.sys` and its callers.
//!
//! Driver, harness, fuzz targets and documentation read the same tables: `operations.rs` has a row
//! for each operation, [`wire`] the structures, [`REFUSALS`] what is refused. Every structure is
//! fixed width without padding, handles are 64 bits wide, so that 32-bit callers use it unchanged.
//!
//! What arrives from user mode is a *claim*: the structures in [`wire`] accept
//! any bytes. [`ImpersonateRequest::try_from`] and [`Target::try_from`] turn
//! claims into values whose fields are known to be in range.
#![no_std]
#![forbid(unsafe_code)]

mod event;
pub mod layout;
mod operations;
mod refusal;
mod request;
pub mod wire;

pub use event::{EventLevel, EventPayload, Record};
pub use operations::{About, Access, Changes, IOCTLS, Input, Ioctl, MAX_REPLY, Operation, Step};
pub use refusal::{AppliesTo, Cause, REFUSALS, Refusal, is_documented, not_assigned, refusals};
pub use request::{
    AccessCheckRequest, ConnectionId, ImpersonateRequest, NextClientRequest, RestoreRequest, RulesMode,
    SaveId, ServeRequest, Target, ThreadTarget,
};

/// Version of this contract; every request that carries one must carry this.
pub const PROTOCOL_VERSION: u32 = 1;

/// NT name of the control device.
pub const DEVICE_NAME: &str = r"\Device\PsImpersonate";
/// Symbolic link that makes it `\\.\PsImpersonate` in user mode.
pub const LINK_NAME: &str = r"\DosDevices\PsImpersonate";
/// What a client opens below the device, whatever the case of its letters, to connect.
pub const CLIENT_NAME: &str = r"\Client";
/// How many clients can be connected at one time.
pub const MAX_CONNECTIONS: usize = 10_000;
/// How many clients of one user can be, so that no user takes all places.
pub const MAX_USER_CONNECTIONS: usize = 1_000;
/// How many clients of one process can be.
pub const MAX_PROCESS_CONNECTIONS: usize = 250;
/// How many saves a file object can hold at one time.
pub const MAX_SAVES: usize = 16;
/// Who may open the device to serve: SYSTEM and administrators, nobody else. Who may
/// connect, too, unless a setting says otherwise.
pub const DEVICE_SDDL: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";
/// Name of the setting, in the service's key `Parameters`: 1 lets every authenticated user
/// connect; whatever else it is, or without it, those who may serve.
pub const CLIENTS_SETTING: &str = "Clients";
/// [`CLIENTS_SETTING`]: every authenticated user may connect.
pub const CLIENTS_AUTHENTICATED: u32 = 1;
/// The device's descriptor when every authenticated user may connect.
pub const CLIENTS_SDDL: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;AU)";
/// [`DEVICE_SDDL`] as a self-relative descriptor of SYSTEM's, whose generic rights are mapped
/// as for files. The driver checks servers against it, and clients while [`CLIENTS_SETTING`] does
/// not admit every authenticated user, whatever the device's own descriptor says.
#[rustfmt::skip]
pub const SERVER_SECURITY: [u8; 96] = [
    // Revision, control (DACL present, protected, self-relative), offsets.
    1, 0, 0x04, 0x90, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0,
    // Owner and group: S-1-5-18.
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
    // The DACL: 52 bytes, two entries.
    2, 0, 52, 0, 2, 0, 0, 0,
    // Allow S-1-5-18 everything.
    0, 0, 20, 0, 0xFF, 0x01, 0x1F, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
    // Allow S-1-5-32-544 everything.
    0, 0, 24, 0, 0xFF, 0x01, 0x1F, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0,
];
/// [`CLIENTS_SDDL`] in the same form. The driver checks clients against it while every authenticated
/// user may connect.
pub const CLIENT_SECURITY: [u8; 116] = {
    // Allow S-1-5-11 to read.
    const ENTRY: [u8; 20] = [0, 0, 20, 0, 0x89, 0x00, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
    let mut bytes = [0; 116];
    let (before, entry) = bytes.split_at_mut(SERVER_SECURITY.len());
    before.copy_from_slice(&SERVER_SECURITY);
    entry.copy_from_slice(&ENTRY);
    // The DACL's size and its number of entries.
    bytes[46] = 72;
    bytes[48] = 3;
    bytes
};
