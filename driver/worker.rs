//! Privileged work, done where the privilege is: on a worker thread of the system.
//!
//! A driver that needs more than its caller may could be tempted to raise the caller's thread:
//! to put a stronger token into its slot, do the work, and put the old one back. That is wrong in
//! every way that matters. All other code that runs on the thread meanwhile is raised with it, an
//! APC or a filter driver for one; whoever may open the thread may open its token; and when
//! putting the old token back fails, for want of memory for one, the caller keeps what it never
//! had. A worker has the system's token already and belongs to nobody, so that nothing is raised
//! and nothing has to be put back. All that it must not do is impersonate when it returns
//! (`IMPERSONATING_WORKER_THREAD`, 0xDF).

use crate::kernel;
use crate::wdf::{self, ContextType, Device};
use core::{ptr, slice};
use psimp_nt::Status;
use wdk_sys::{WDF_WORKITEM_CONFIG, WDFOBJECT, WDFWORKITEM, call_unsafe_wdf_function_binding};

/// What a work item keeps: the question, and the answer.
#[repr(C)]
struct Work {
    /// A security descriptor in the buffer of the request, whose thread waits.
    descriptor: *const u8,
    length: usize,
    desired: u32,
    /// Access granted, and what the check said; or why there was none.
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
            // It shares nothing with other callbacks that they would have to be kept from.
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

    /// Has the work done, and waits for it.
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
/// `PASSIVE_LEVEL`, and impersonates what it did before.
///
/// # Errors
/// Those, and what the framework fails with, out of memory for one.
pub(crate) fn access_check(device: Device, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
    let item = WorkItem::create(device)?;
    let work = Work { descriptor: descriptor.as_ptr(), length: descriptor.len(), desired, answer: None };
    // SAFETY: the framework made the context with the item, which is not enqueued yet.
    unsafe { item.work().write(work) };
    item.run();
    // SAFETY: the callback has returned, and the item with its context is ours until drop.
    let answer = unsafe { (*item.work()).answer };
    answer.unwrap_or(Err(Status::UNSUCCESSFUL))
}

/// Does the work. `PASSIVE_LEVEL`, on a worker thread of the system, which impersonates nobody
/// and does not while it is here.
extern "C" fn evt_work_item(item: WDFWORKITEM) {
    // SAFETY: the item exists as long as its callback runs.
    let work = unsafe { WORK.get::<Work>(item.cast()) };
    // SAFETY: the context was written before the item was enqueued, and whoever enqueued it
    // waits, so that nobody else has it now.
    let work = unsafe { &mut *work };
    // SAFETY: the bytes are a slice of whoever waits.
    let descriptor = unsafe { slice::from_raw_parts(work.descriptor, work.length) };
    work.answer = Some(kernel::access_check(descriptor, work.desired));
}
