//! Privileged work, on a system worker thread that has the privilege.
//!
//! A driver that needs more access than its caller has could put a stronger token into the slot of
//! the caller's thread, do the work, and put the old token back. That is wrong for three reasons.
//! All other code that runs on the thread meanwhile has the access as well, for example an APC or a
//! filter driver. Code that may open the thread may open that token. And when putting the old token
//! back fails, for example out of memory, the caller keeps the stronger one. A worker thread of the
//! system has the system's token already, so no slot is changed and nothing has to be put back. It
//! must only not impersonate when it returns (`IMPERSONATING_WORKER_THREAD`, 0xDF).

use crate::kernel;
use crate::wdf::{self, ContextType, Device};
use core::{ptr, slice};
use psimp_nt::Status;
use wdk_sys::{WDF_WORKITEM_CONFIG, WDFOBJECT, WDFWORKITEM, call_unsafe_wdf_function_binding};

/// The context of a work item: the arguments, and the result.
#[repr(C)]
struct Work {
    /// A security descriptor in the request's buffer; the request's thread waits.
    descriptor: *const u8,
    length: usize,
    desired: u32,
    /// Granted access and access status, or the error of the check.
    answer: Option<Result<(u32, Status), Status>>,
}

static WORK: ContextType = ContextType::of::<Work>(c"Work", &WORK);

/// A work item that is deleted on drop.
struct WorkItem(WDFWORKITEM);

impl WorkItem {
    fn create(device: Device) -> Result<Self, Status> {
        let mut config = WDF_WORKITEM_CONFIG {
            Size: wdf::size_of_config::<WDF_WORKITEM_CONFIG>(),
            EvtWorkItemFunc: Some(evt_work_item),
            // It is not serialised with other callbacks.
            AutomaticSerialization: 0,
        };
        let mut attributes = WORK.attributes();
        attributes.ParentObject = device.handle().cast();
        let mut item: WDFWORKITEM = ptr::null_mut();
        // SAFETY: the device exists; the pointers are to locals.
        kernel::check(unsafe {
            call_unsafe_wdf_function_binding!(
                WdfWorkItemCreate,
                &raw mut config,
                &raw mut attributes,
                &raw mut item
            )
        })?;
        Ok(Self(item))
    }

    fn work(&self) -> *mut Work {
        // SAFETY: the value owns the item.
        unsafe { WORK.get(self.0.cast()) }
    }

    /// Runs the work, and waits for it. `PASSIVE_LEVEL`.
    fn run(&self) {
        // SAFETY: the item exists as long as `self`, and is enqueued once.
        unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemEnqueue, self.0) };
        // SAFETY: PASSIVE_LEVEL, no lock held, and not the work item's own thread.
        unsafe { call_unsafe_wdf_function_binding!(WdfWorkItemFlush, self.0) };
    }
}

impl Drop for WorkItem {
    fn drop(&mut self) {
        let object: WDFOBJECT = self.0.cast();
        // SAFETY: the value owns the item, and its callback has returned.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, object) };
    }
}

/// [`kernel::access_check`] on a worker thread. The caller's thread waits for it, at
/// `PASSIVE_LEVEL`; its slot is not touched.
///
/// # Errors
/// Those of the check, and the framework's error, for example out of memory.
pub(crate) fn access_check(device: Device, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
    let item = WorkItem::create(device)?;
    let work = Work { descriptor: descriptor.as_ptr(), length: descriptor.len(), desired, answer: None };
    let context = item.work();
    // SAFETY: the framework made the context with the item, which is not enqueued yet.
    unsafe { context.write(work) };
    item.run();
    // SAFETY: the callback has returned, and the item with its context is ours until drop.
    let answer = unsafe { (*context).answer };
    answer.unwrap_or(Err(Status::UNSUCCESSFUL))
}

/// Does the work. `PASSIVE_LEVEL`, on a worker thread of the system, which does not impersonate.
extern "C" fn evt_work_item(item: WDFWORKITEM) {
    // SAFETY: the item exists as long as its callback runs.
    let work = unsafe { WORK.get::<Work>(item.cast()) };
    // SAFETY: the context was written before the item was enqueued, and the thread that enqueued
    // it waits, so this is the only use of it.
    let work = unsafe { &mut *work };
    // SAFETY: the bytes are a slice that the waiting thread holds.
    let descriptor = unsafe { slice::from_raw_parts(work.descriptor, work.length) };
    work.answer = Some(kernel::access_check(descriptor, work.desired));
}
