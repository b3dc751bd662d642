//! Statuses of the I/O manager and of KMDF beyond those of the contract with
//! the driver.

use psimp_nt::Status;

/// The device cannot be opened: not yet, or no longer.
pub(crate) const NO_SUCH_DEVICE: Status = Status(0xC000_000E);
/// An invalid name.
pub(crate) const OBJECT_NAME_INVALID: Status = Status(0xC000_0033);
/// The name exists already.
pub(crate) const OBJECT_NAME_COLLISION: Status = Status(0xC000_0035);
/// The operation was already requested.
pub(crate) const DRIVER_INTERNAL_ERROR: Status = Status(0xC000_0183);
/// An attributes structure contradicts itself.
pub(crate) const WDF_OBJECT_ATTRIBUTES_INVALID: Status = Status(0xC020_0209);
/// The driver may not choose the object's parent.
pub(crate) const WDF_PARENT_ASSIGNMENT_NOT_ALLOWED: Status = Status(0xC020_020F);
/// The attributes ask for a synchronisation scope that the object cannot have.
pub(crate) const WDF_SYNCHRONIZATION_SCOPE_INVALID: Status = Status(0xC020_0210);
/// The attributes ask for an execution level that the object cannot have.
pub(crate) const WDF_EXECUTION_LEVEL_INVALID: Status = Status(0xC020_0211);
/// There are no attributes, or no parent in them, where one is needed.
pub(crate) const WDF_PARENT_NOT_SPECIFIED: Status = Status(0xC020_0212);
/// A wait ended without its condition: a success status.
pub(crate) const TIMEOUT: Status = Status(0x0000_0102);
/// Not a final status.
pub(crate) const PENDING: Status = Status(0x0000_0103);

/// `NT_ERROR`: no output is returned to the caller.
pub(crate) fn is_error(status: Status) -> bool {
    status.0 >= 0xC000_0000
}
