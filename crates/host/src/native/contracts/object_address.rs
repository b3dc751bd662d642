//! Addresses of objects, as the driver sees them.
//!
//! An object has no memory that the driver could access. Its address is in the
//! kernel's half of the address space, which a process can never map: a read or
//! write is a fault. The address is derived from the object's identity, so the
//! same object always has the same address, and no other object ever has it.

use psimp_model::{ObjectType, Process, Thread};

/// The object that an address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Token = 1,
    Thread,
    Process,
    Event,
    ObjectType,
    Driver,
    Device,
    DeviceInit,
    File,
    Request,
    AccessState,
    WaitLock,
    Registration,
    Key,
    WorkItem,
    FileObject,
}

impl Kind {
    const ALL: &[Self] = &[
        Self::Token,
        Self::Thread,
        Self::Process,
        Self::Event,
        Self::ObjectType,
        Self::Driver,
        Self::Device,
        Self::DeviceInit,
        Self::File,
        Self::Request,
        Self::AccessState,
        Self::WaitLock,
        Self::Registration,
        Self::Key,
        Self::WorkItem,
        Self::FileObject,
    ];

    /// The name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Thread => "thread",
            Self::Process => "process",
            Self::Event => "event",
            Self::ObjectType => "object type",
            Self::Driver => "WDFDRIVER",
            Self::Device => "WDFDEVICE",
            Self::DeviceInit => "WDFDEVICE_INIT",
            Self::File => "WDFFILEOBJECT",
            Self::Request => "WDFREQUEST",
            Self::AccessState => "ACCESS_STATE",
            Self::WaitLock => "WDFWAITLOCK",
            Self::Registration => "event registration",
            Self::Key => "WDFKEY",
            Self::WorkItem => "WDFWORKITEM",
            Self::FileObject => "FILE_OBJECT",
        }
    }
}

/// The lowest address of the kernel's half.
const BASE: u64 = 0xFFFF_8000_0000_0000;
const KIND_SHIFT: u32 = 42;
/// 64 bytes an object: a field access near its start still identifies it.
const ID_SHIFT: u32 = 6;
const ID_MASK: u64 = (1 << (KIND_SHIFT - ID_SHIFT)) - 1;

/// The address of an object. Ids repeat after 2³⁶ objects of a kind.
pub(crate) fn address(kind: Kind, id: u64) -> u64 {
    BASE | u64::from(kind as u8) << KIND_SHIFT | (id & ID_MASK) << ID_SHIFT
}

/// The object of an address: kind, id, and offset from the object's address.
pub(crate) fn decode(address: u64) -> Option<(Kind, u64, u64)> {
    if address < BASE {
        return None;
    }
    let kind = (address >> KIND_SHIFT) & 0x1F;
    let &kind = Kind::ALL.iter().find(|known| u64::from(**known as u8) == kind)?;
    Some((kind, (address >> ID_SHIFT) & ID_MASK, address & ((1 << ID_SHIFT) - 1)))
}

/// The address of a thread.
pub(crate) fn of_thread(thread: &Thread) -> u64 {
    address(Kind::Thread, thread.id().into())
}

/// The address of a process.
pub(crate) fn of_process(process: &Process) -> u64 {
    address(Kind::Process, process.id().into())
}

/// The address of an object type: the value of the variable that ntoskrnl
/// exports.
pub(crate) fn of_type(object_type: ObjectType) -> u64 {
    let id = match object_type {
        ObjectType::Token => 1,
        ObjectType::Thread => 2,
        ObjectType::Process => 3,
        ObjectType::Event => 4,
    };
    address(Kind::ObjectType, id)
}

#[cfg(test)]
mod tests {
    use super::{Kind, address, decode};

    #[test]
    fn an_address_is_of_one_object() {
        for &kind in Kind::ALL {
            for id in [0, 1, 0x1_0000, (1 << 36) - 1] {
                assert_eq!(decode(address(kind, id)), Some((kind, id, 0)));
                assert_eq!(decode(address(kind, id) + 24), Some((kind, id, 24)));
            }
        }
    }

    #[test]
    fn other_addresses_are_of_no_object() {
        for unknown in [0, 0x7FFF_FFFF_FFFF, 0xFFFF_8000_0000_0000, u64::MAX] {
            assert_eq!(decode(unknown), None);
        }
    }
}
