//! Pointers to memory that is not the driver's, or is read-only.

use crate::call::Call;
use crate::defect::defects;
use core::hint::black_box;
use core::ptr;

/// In a section that is only read.
static CONSTANT: u64 = 0x1234_5678_9ABC_DEF0;

defects! {
    /// Null is read.
    fn null_read [Control] (_call) {
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { black_box(ptr::null::<u64>()).read_volatile() };
    }

    /// A field of a structure at null is written.
    fn null_written [Control] (_call) {
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        unsafe { black_box(ptr::without_provenance_mut::<u64>(0x18)).write_volatile(1) };
    }

    /// An unassigned address of the kernel's half is read.
    fn kernel_address_read [Control] (_call) {
        let nowhere = black_box(ptr::without_provenance::<u64>(0xFFFF_F780_0000_0000));
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { nowhere.read_volatile() };
    }

    /// A non-canonical address is read.
    fn impossible_address_read [Control] (_call) {
        let nowhere = black_box(ptr::without_provenance::<u64>(0x4141_4141_4141_4141));
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { nowhere.read_volatile() };
    }

    /// A constant is written.
    fn constant_written [Control] (_call) {
        let constant = black_box((&raw const CONSTANT).cast_mut());
        // SAFETY: none; this breaks the protection of the section.
        unsafe { constant.write_volatile(1) };
    }

    /// The driver's own code is written.
    fn code_written [Control] (_call) {
        let code = black_box(null_read as fn(&Call) as *mut u8);
        // SAFETY: none; this breaks the protection of the section.
        unsafe { code.write_volatile(0xC3) };
    }

    /// The import table is written.
    fn import_table_written [Control] (_call) {
        unsafe extern "C" {
            #[link_name = "__imp_ExFreePool"]
            static SLOT: usize;
        }
        let slot = black_box((&raw const SLOT).cast_mut());
        // SAFETY: none; this breaks the protection of the section.
        unsafe { slot.write_volatile(0) };
    }

    /// A user-mode address is written to without a check.
    fn user_address_written [Control] (call) {
        let address = call.handle().cast::<u64>();
        // SAFETY: none; this breaks the rule that addresses of user mode are probed.
        unsafe { address.write_volatile(1) };
    }
}
