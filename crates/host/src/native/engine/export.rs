//! A function that the driver can call, as the engine sees it: a thunk, and a value in a register.

use super::address::Address;
use super::mapping::Code;
use psimp_nt::Status;

/// `PASSIVE_LEVEL`.
pub(crate) const PASSIVE: u8 = 0;
/// `APC_LEVEL`.
pub(crate) const APC: u8 = 1;
/// `DISPATCH_LEVEL`.
pub(crate) const DISPATCH: u8 = 2;
/// `HIGH_LEVEL`: callable anywhere.
pub(crate) const ANY: u8 = 15;

/// The function does not depend on resources.
pub(crate) const NEVER: Option<u64> = None;
/// It fails with `STATUS_INSUFFICIENT_RESOURCES`.
pub(crate) const RESOURCES: Option<u64> = Some(Status::INSUFFICIENT_RESOURCES.0 as u64);
/// It fails by returning a null pointer.
pub(crate) const NULL: Option<u64> = Some(0);

/// A thunk: callable by the driver with the function's arguments.
pub(crate) type Thunk = unsafe extern "win64" fn();

/// A function that the driver can call.
#[derive(Debug)]
pub(crate) struct Export {
    /// Its name in the module or in the framework's documentation.
    pub(crate) name: &'static str,
    /// The highest IRQL at which it may be called.
    pub(crate) highest_irql: u8,
    /// What it returns when an observer makes it fail for lack of resources.
    pub(crate) failure: Option<u64>,
    /// The source file that has its body.
    pub(crate) file: &'static str,
    /// The code that the driver calls.
    pub(crate) thunk: Thunk,
}

impl Export {
    /// The address that the driver gets.
    pub(crate) fn address(&self) -> u64 {
        self.thunk as *const () as u64
    }

    /// The thunk, to be called as one of the driver's functions.
    pub(crate) fn code(&self) -> Code<'static> {
        Code::of_thunk(self.address())
    }
}

/// A value as the calling convention returns it.
pub(crate) trait Returns {
    /// The register. Bits that the type does not have are not zero, so that a caller that reads
    /// them is detected.
    fn into_rax(self) -> u64;
}

const UNDEFINED: u64 = 0xCCCC_CCCC_CCCC_CCCC;

impl Returns for () {
    fn into_rax(self) -> u64 {
        UNDEFINED
    }
}

impl Returns for u8 {
    fn into_rax(self) -> u64 {
        UNDEFINED & !0xFF | u64::from(self)
    }
}

impl Returns for bool {
    fn into_rax(self) -> u64 {
        u8::from(self).into_rax()
    }
}

impl Returns for i32 {
    fn into_rax(self) -> u64 {
        UNDEFINED & !0xFFFF_FFFF | u64::from(self.cast_unsigned())
    }
}

impl Returns for Status {
    fn into_rax(self) -> u64 {
        self.0.cast_signed().into_rax()
    }
}

impl Returns for u64 {
    fn into_rax(self) -> u64 {
        self
    }
}

impl Returns for Address {
    fn into_rax(self) -> u64 {
        self.0
    }
}
