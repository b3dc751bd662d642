//! The framework: its functions, its globals, the contexts of its objects.

use crate::call::{keep, kept};
use crate::defect::defects;
use crate::state::{FILE_CONTEXT, FileContext, OTHER_CONTEXT};
use crate::wdf::NO_ATTRIBUTES;
use core::hint::black_box;
use core::ptr;
use wdk_sys::{
    PWDF_DRIVER_GLOBALS, WDFFUNC, WDFSPINLOCK, WdfDriverGlobals, WdfFunctions,
    call_unsafe_wdf_function_binding,
};

defects! {
    /// A function of the framework that the host does not model.
    fn slot_not_modelled [Control] (_call) {
        let mut lock: WDFSPINLOCK = ptr::null_mut();
        // SAFETY: none needed; the host has no such function.
        let _ = unsafe {
            call_unsafe_wdf_function_binding!(WdfSpinLockCreate, NO_ATTRIBUTES, &raw mut lock)
        };
    }

    /// A function behind the end of the framework's table.
    fn slot_behind_the_table [Control] (_call) {
        // SAFETY: the table is there since the driver was bound.
        let table = unsafe { WdfFunctions };
        // SAFETY: none; this breaks the length of the table.
        let function: WDFFUNC = unsafe { table.wrapping_add(black_box(444)).read_volatile() };
        if let Some(function) = function {
            // SAFETY: none; this is no function.
            unsafe { function() };
        }
    }

    /// The framework's table is written.
    fn table_written [Control] (_call) {
        // SAFETY: the table is there since the driver was bound.
        let table = unsafe { WdfFunctions };
        // SAFETY: none; this breaks the rule that the table is only read.
        unsafe { table.cast_mut().write_volatile(None) };
    }

    /// The framework is called with invalid globals.
    fn globals_of_nobody [Control] (call) {
        const COMPLETE: usize = 263;
        let mut globals = [0_u8; 56];
        // SAFETY: the table is there since the driver was bound.
        let table = unsafe { WdfFunctions };
        // SAFETY: the slot of WdfRequestComplete.
        let function = unsafe { table.wrapping_add(COMPLETE).read() };
        // SAFETY: the function in that slot is of this type.
        let function = unsafe {
            core::mem::transmute::<WDFFUNC, extern "C" fn(*mut u8, wdk_sys::WDFREQUEST, i32)>(function)
        };
        // Breaks the rule that the driver passes its own globals.
        function(globals.as_mut_ptr(), call.request, 0);
    }

    /// Memory behind the framework's globals is written; detected at unload.
    fn globals_overrun [Control] (_call) {
        // SAFETY: the globals are there since the driver was bound.
        let globals: PWDF_DRIVER_GLOBALS = unsafe { WdfDriverGlobals };
        // SAFETY: none; this breaks the bounds of the globals.
        unsafe { globals.wrapping_add(1).cast::<u8>().write_volatile(1) };
    }

    /// The flag that makes the entry point unbind is cleared.
    fn unbind_prevented [Start] (_call) {
        // SAFETY: the globals are there since the driver was bound.
        let globals: PWDF_DRIVER_GLOBALS = unsafe { WdfDriverGlobals };
        // SAFETY: none; this breaks the rule that the globals are only read.
        unsafe { (*globals).DisplaceDriverUnload = 0 };
    }

    /// A context is requested that the file does not have.
    fn context_of_another_type [Control] (call) {
        // SAFETY: none; this breaks the rule that an object has its own contexts only.
        let _: *mut FileContext = unsafe { OTHER_CONTEXT.get(call.file.cast()) };
    }

    /// Memory behind a context is written.
    fn context_overrun [Control] (call) {
        // SAFETY: the request keeps its file open.
        let context: *mut FileContext = unsafe { FILE_CONTEXT.get(call.file.cast()) };
        // SAFETY: none; this breaks the bounds of the context.
        unsafe { context.wrapping_add(1).cast::<u8>().write_volatile(1) };
    }

    /// The context of a file is written after the file was closed.
    fn context_kept [Control] (call) {
        match kept() {
            // SAFETY: the request keeps its file open.
            None => keep(unsafe { FILE_CONTEXT.get(call.file.cast()) }),
            // SAFETY: none; this breaks the lifetime of the context.
            Some(context) => unsafe { context.cast::<u64>().write_volatile(1) },
        }
    }

    /// A file is used after it was closed.
    fn file_kept [Control] (call) {
        match kept() {
            None => keep(call.file.cast()),
            Some(file) => {
                // SAFETY: none; this breaks the lifetime of the file.
                let _: *mut FileContext = unsafe { FILE_CONTEXT.get(file) };
            }
        }
    }

    /// The context of a file is requested without a look at the handle, which is null for a file that
    /// the framework does not know.
    fn context_of_no_file [Cleanup] (call) {
        // SAFETY: none; this breaks the rule that contexts are of objects.
        let _: *mut FileContext = unsafe { FILE_CONTEXT.get(call.file.cast()) };
    }

    /// The file is deleted by the driver.
    fn file_deleted [Control] (call) {
        // SAFETY: none; this breaks the rule that files are the framework's.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, call.file.cast()) };
    }
}
