//! The IOCTL contract between `psimp.sys` and its callers.
//!
//! Driver, harness and documentation read the same tables and structures:
//! [`IOCTLS`] says what can be called, [`wire`] how its bytes lie, [`Status`]
//! what comes back. Every structure is fixed width without padding, handles are
//! 64 bits wide, so that 32-bit callers use it unchanged.
//!
//! What arrives from user mode is a *claim*: the structures in [`wire`] accept
//! any bytes. [`ImpersonateRequest::try_from`] and [`Target::try_from`] turn
//! claims into values whose fields are known to be in range.
#![no_std]
#![forbid(unsafe_code)]

mod ioctl;
mod refusal;
mod request;
mod status;
pub mod wire;

pub use ioctl::{Access, IOCTLS, Input, Ioctl, Operation};
pub use refusal::{REFUSALS, Refusal, Refused, is_documented};
pub use request::{
    AccessCheckRequest, ImpersonateRequest, RestoreRequest, RulesMode, SaveId, Target, ThreadTarget,
};
pub use status::Status;

/// Version of this contract; every request that carries one must carry this.
pub const PROTOCOL_VERSION: u32 = 1;

/// NT name of the control device.
pub const DEVICE_NAME: &str = r"\Device\PsImpersonate";
/// Symbolic link that makes it `\\.\PsImpersonate` in user mode.
pub const LINK_NAME: &str = r"\DosDevices\PsImpersonate";
/// How many saves a file object can hold at one time.
pub const MAX_SAVES: usize = 16;
/// Who may open the device: SYSTEM and administrators, nobody else.
pub const DEVICE_SDDL: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)";
