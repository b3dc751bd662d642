//! Work items.

use crate::call::{NON_PAGED, TAG};
use crate::defect::defects;
use crate::locks;
use crate::state::{DEVICE, FILE_CONTEXT};
use crate::wdf;
use core::hint::black_box;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use wdk_sys::ntddk::{
    ExAllocatePool2, IoGetCurrentProcess, PsDereferencePrimaryToken, PsImpersonateClient,
    PsReferencePrimaryToken,
};
use wdk_sys::{
    PETHREAD, PFN_WDF_WORKITEM, STATUS_SUCCESS, WDF_OBJECT_ATTRIBUTES, WDF_WORKITEM_CONFIG, WDFREQUEST,
    WDFWORKITEM, call_unsafe_wdf_function_binding,
};

unsafe extern "system" {
    /// Any IRQL. No reference is taken: the current thread outlives the call.
    fn PsGetCurrentThread() -> PETHREAD;
}

static DATA: [u8; 16] = [0xC3; 16];
/// The request of the waiting thread.
static REQUEST: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// A work item of the device's.
#[inline(always)]
fn create(callback: PFN_WDF_WORKITEM, automatic_serialization: u8) -> WDFWORKITEM {
    let mut config = WDF_WORKITEM_CONFIG {
        Size: wdf::size_of_config::<WDF_WORKITEM_CONFIG>(),
        EvtWorkItemFunc: callback,
        AutomaticSerialization: automatic_serialization,
    };
    let parent = DEVICE.load(Ordering::Relaxed);
    let mut attributes = WDF_OBJECT_ATTRIBUTES { ParentObject: parent, ..FILE_CONTEXT.attributes() };
    let mut item: WDFWORKITEM = ptr::null_mut();
    // SAFETY: the device exists; the pointers are to locals.
    let _ = unsafe {
        call_unsafe_wdf_function_binding!(
            WdfWorkItemCreate,
            &raw mut config,
            &raw mut attributes,
            &raw mut item
        )
    };
    item
}

/// # Safety
/// The work item exists.
#[inline(always)]
unsafe fn enqueue(item: WDFWORKITEM) {
    // SAFETY: promised by the caller.
    unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemEnqueue, item) };
}

/// # Safety
/// The work item exists.
#[inline(always)]
unsafe fn flush(item: WDFWORKITEM) {
    // SAFETY: promised by the caller.
    unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemFlush, item) };
}

/// # Safety
/// The work item exists, and it is not used after this.
#[inline(always)]
unsafe fn delete(item: WDFWORKITEM) {
    // SAFETY: promised by the caller.
    unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, item.cast()) };
}

/// Runs a callback and waits until it has returned.
#[inline(always)]
fn run(callback: extern "C" fn(WDFWORKITEM)) {
    let item = create(Some(callback), 0);
    // SAFETY: made above.
    unsafe { enqueue(item) };
    // SAFETY: made above.
    unsafe { flush(item) };
    // SAFETY: made above.
    unsafe { delete(item) };
}

extern "C" fn nothing(_item: WDFWORKITEM) {}

extern "C" fn impersonates(_item: WDFWORKITEM) {
    // SAFETY: the current process outlives the call.
    let process = unsafe { IoGetCurrentProcess() };
    // SAFETY: the current process outlives the call.
    let token = unsafe { PsReferencePrimaryToken(process) };
    // SAFETY: callable at any IRQL.
    let thread = unsafe { PsGetCurrentThread() };
    // SAFETY: the current thread outlives the call, and the token is referenced.
    let _ = unsafe { PsImpersonateClient(thread, token.cast(), 0, 0, 2) };
    // SAFETY: the reference taken above.
    unsafe { PsDereferencePrimaryToken(token) };
}

extern "C" fn flushes(item: WDFWORKITEM) {
    // SAFETY: none; this breaks the rule that a callback does not wait for itself.
    unsafe { flush(item) };
    black_box(());
}

extern "C" fn deletes(item: WDFWORKITEM) {
    // SAFETY: the work item exists as long as its callback runs.
    unsafe { delete(item) };
    black_box(());
}

extern "C" fn reads_null(_item: WDFWORKITEM) {
    // SAFETY: none; this breaks the rule that a pointer leads to memory.
    let _ = unsafe { black_box(ptr::null::<u64>()).read_volatile() };
}

extern "C" fn does_not_end(_item: WDFWORKITEM) {
    while black_box(true) {}
}

extern "C" fn keeps_a_lock(_item: WDFWORKITEM) {
    let lock = locks::create();
    // SAFETY: none; this breaks the rule that a lock is released.
    unsafe { locks::acquire(lock) };
    black_box(());
}

extern "C" fn keeps_pool(_item: WDFWORKITEM) {
    // SAFETY: at most DISPATCH_LEVEL; this breaks the rule that pool is freed.
    black_box(unsafe { ExAllocatePool2(NON_PAGED, 24, TAG) });
}

extern "C" fn completes(_item: WDFWORKITEM) {
    let request: WDFREQUEST = REQUEST.load(Ordering::Relaxed).cast();
    // SAFETY: the request is not completed, and its thread waits.
    unsafe { call_unsafe_wdf_function_binding!(WdfRequestComplete, request, STATUS_SUCCESS) };
    black_box(());
}

defects! {
    /// A worker thread returns to the system while it impersonates.
    fn worker_returns_impersonating [Control] (_call) {
        run(impersonates);
    }

    /// A worker thread waits for its own work item.
    fn worker_flushes_itself [Control] (_call) {
        run(flushes);
    }

    /// A work item is deleted by its own callback.
    fn worker_deletes_itself [Control] (_call) {
        run(deletes);
    }

    /// A worker thread reads null.
    fn worker_reads_null [Control] (_call) {
        run(reads_null);
    }

    /// A worker thread does not return.
    fn worker_without_end [Control] (_call) {
        run(does_not_end);
    }

    /// A worker thread returns with a lock.
    fn worker_holds_lock_at_return [Control] (_call) {
        run(keeps_a_lock);
    }

    /// A worker thread allocates pool that is never freed.
    fn worker_leaks [Control] (_call) {
        run(keeps_pool);
    }

    /// A worker thread completes the request of the waiting thread.
    fn worker_completes_a_request [Control] (call) {
        REQUEST.store(call.request.cast(), Ordering::Relaxed);
        call.settle();
        run(completes);
    }

    /// A work item is deleted twice.
    fn work_item_deleted_twice [Control] (_call) {
        let item = create(Some(nothing), 0);
        // SAFETY: made above.
        unsafe { delete(item) };
        // SAFETY: none; this breaks the rule that an object is deleted once.
        unsafe { delete(item) };
    }

    /// A work item is enqueued after it was deleted.
    fn work_item_used_after_delete [Control] (_call) {
        let item = create(Some(nothing), 0);
        // SAFETY: made above.
        unsafe { delete(item) };
        // SAFETY: none; this breaks the lifetime of the work item.
        unsafe { enqueue(item) };
    }

    /// Memory behind the context of a work item is written; detected when it is
    /// deleted.
    fn work_item_context_overrun [Control] (_call) {
        let item = create(Some(nothing), 0);
        // SAFETY: made above.
        let context: *mut [u64; 2] = unsafe { FILE_CONTEXT.get(item.cast()) };
        // SAFETY: none; this breaks the bounds of the context.
        unsafe { context.wrapping_add(1).cast::<u8>().write_volatile(1) };
        // SAFETY: made above.
        unsafe { delete(item) };
    }

    /// The thread waits at `DISPATCH_LEVEL`.
    fn work_item_flushed_too_high [Control] (_call) {
        let item = create(Some(nothing), 0);
        // SAFETY: none; this breaks the highest level of the function.
        unsafe { flush(item) };
    }

    /// A work item is deleted at `DISPATCH_LEVEL`.
    fn work_item_deleted_too_high [Control] (_call) {
        let item = create(Some(nothing), 0);
        // SAFETY: none; the framework puts it off until it can wait.
        unsafe { delete(item) };
    }

    /// A work item with automatic serialisation is created.
    fn work_item_serialised [Control] (_call) {
        create(Some(nothing), 1);
    }

    /// The callback of a work item is data.
    fn data_as_work [Control] (_call) {
        let data = (&raw const DATA) as usize;
        // SAFETY: none; this breaks the rule that callbacks are functions.
        run(unsafe { core::mem::transmute::<usize, extern "C" fn(WDFWORKITEM)>(data) });
    }
}
