//! The driver's start and unload.

use crate::call::{Call, block, keep, kept};
use crate::defect::defects;
use crate::state::CALLBACK;
use crate::wdf::Name;
use core::hint::black_box;
use core::ptr;
use core::sync::atomic::Ordering;
use wdk_sys::ntddk::KeBugCheckEx;
use wdk_sys::{STATUS_INSUFFICIENT_RESOURCES, call_unsafe_wdf_function_binding};

static SDDL: Name<15> = Name::new("D:P(A;;GA;;;SY)");
static DATA: [u8; 16] = [0xC3; 16];

defects! {
    /// Null is read.
    fn start_reads_null [Start] (_call) {
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { black_box(ptr::null::<u64>()).read_volatile() };
    }

    /// A loop without end.
    fn start_without_end [Start] (_call) {
        while black_box(true) {}
    }

    /// A bug check.
    fn start_stops_the_system [Start] (_call) {
        // SAFETY: none; this stops the system.
        unsafe { KeBugCheckEx(0xE2, 0, 0, 0, 0) };
    }

    /// `DriverEntry` fails, and keeps a pool block.
    fn failed_start_leaks [Start] (call) {
        black_box(block(24));
        call.status.set(STATUS_INSUFFICIENT_RESOURCES);
    }

    /// `DriverEntry` fails after it wrote behind a pool block.
    fn failed_start_overruns [Start] (call) {
        let block = block(24);
        // SAFETY: none; this breaks the bounds of the block.
        unsafe { block.wrapping_add(24).write_volatile(1) };
        call.status.set(STATUS_INSUFFICIENT_RESOURCES);
    }

    /// A device is described, but neither created nor freed.
    fn device_init_leaked [Start] (call) {
        let sddl = SDDL.unicode();
        // SAFETY: none; this breaks the rule that what is allocated is freed or used.
        black_box(unsafe {
            call_unsafe_wdf_function_binding!(WdfControlDeviceInitAllocate, call.driver, &raw const sddl)
        });
    }

    /// A device description is freed twice.
    fn device_init_freed_twice [Start] (call) {
        let sddl = SDDL.unicode();
        // SAFETY: `sddl` is a local.
        let init = unsafe {
            call_unsafe_wdf_function_binding!(WdfControlDeviceInitAllocate, call.driver, &raw const sddl)
        };
        // SAFETY: allocated above.
        unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitFree, init) };
        // SAFETY: none; this breaks the rule that it is freed once.
        unsafe { call_unsafe_wdf_function_binding!(WdfDeviceInitFree, init) };
    }

    /// The device gets a callback that is not code; detected at the first request.
    fn data_as_callback [Start] (_call) {
        CALLBACK.store((&raw const DATA).cast_mut().cast(), Ordering::Relaxed);
    }

    /// The device gets a callback one byte after the start of a function; detected at the first request.
    fn middle_as_callback [Start] (_call) {
        let address = (middle_as_callback as fn(&Call) as usize) + 1;
        CALLBACK.store(ptr::without_provenance_mut(address), Ordering::Relaxed);
    }

    /// Memory behind the driver object is written.
    fn driver_object_overrun [Start] (call) {
        // SAFETY: none; this breaks the bounds of the driver object.
        unsafe { call.driver_object.wrapping_add(1).cast::<u8>().write_volatile(1) };
    }

    /// The same in a running driver; detected at unload.
    fn driver_object_overrun_later [Control] (call) {
        // SAFETY: none; this breaks the bounds of the driver object.
        unsafe { call.driver_object.wrapping_add(1).cast::<u8>().write_volatile(1) };
    }

    /// The driver cannot be unloaded any more.
    fn unload_prevented [Control] (call) {
        // SAFETY: none; this breaks the rule that the framework's unload is kept.
        unsafe { (*call.driver_object).DriverUnload = None };
    }

    /// The unload routine is data.
    fn data_as_unload [Control] (call) {
        let data = (&raw const DATA) as usize;
        // SAFETY: none; this breaks the rule that callbacks are functions.
        let unload = unsafe {
            core::mem::transmute::<usize, unsafe extern "C" fn(*mut wdk_sys::DRIVER_OBJECT)>(data)
        };
        // SAFETY: the driver object is there as long as the driver.
        unsafe { (*call.driver_object).DriverUnload = Some(unload) };
    }

    /// Null is read when the last handle is closed.
    fn cleanup_reads_null [Cleanup] (_call) {
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { black_box(ptr::null::<u64>()).read_volatile() };
    }

    /// Pool is allocated when the last handle is closed, and never freed.
    fn cleanup_leaks [Cleanup] (_call) {
        black_box(block(24));
    }

    /// Null is read at unload.
    fn unload_reads_null [Unload] (_call) {
        // SAFETY: none; this breaks the rule that a pointer leads to memory.
        let _ = unsafe { black_box(ptr::null::<u64>()).read_volatile() };
    }

    /// A loop without end at unload.
    fn unload_without_end [Unload] (_call) {
        while black_box(true) {}
    }

    /// Memory behind a pool block of an earlier request is written, and the block is
    /// not freed.
    fn block_kept_and_overrun [Control] (_call) {
        match kept() {
            None => keep(block(24).cast()),
            // SAFETY: none; this breaks the bounds of the block.
            Some(block) => unsafe { block.cast::<u8>().wrapping_add(24).write_volatile(1) },
        }
    }
}
