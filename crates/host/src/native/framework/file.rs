//! A file object.

use super::device::Device;
use super::device_init::FileClass;
use super::file_name::FileName;
use super::typed_context::{Attributes, TypedContext};
use crate::native::contracts::object_address::{self, Kind};
use psimp_nt::Status;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// `WDFFILEOBJECT`, with the user-mode handle of the file.
#[derive(Debug)]
pub(crate) struct FileObject {
    /// Zero when the driver wants no file objects.
    handle: u64,
    device: Arc<Device>,
    granted: u32,
    name: FileName,
    context: TypedContext,
    /// The last handle is closed.
    cleaned_up: AtomicBool,
    /// Number of requests that the driver has not returned from.
    in_flight: AtomicU32,
    /// Number of cancellations of the requests in flight.
    cancellations: AtomicU64,
    visits: AtomicU64,
}

impl FileObject {
    /// A file of `device`, opened by this name below it with the access that was
    /// granted.
    ///
    /// # Errors
    /// When there is no memory for its context.
    pub(crate) fn new(
        serial: u64,
        device: &Arc<Device>,
        granted: u32,
        name: FileName,
    ) -> Result<Self, Status> {
        let config = device.files().filter(|files| files.class != FileClass::NotRequired);
        let handle = if config.is_some() { object_address::address(Kind::File, serial) } else { 0 };
        let attributes = config.map_or_else(Attributes::default, |files| files.attributes);
        let context = TypedContext::new(attributes)?;
        device.opened();
        Ok(Self {
            handle,
            device: device.clone(),
            granted,
            name,
            context,
            cleaned_up: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            cancellations: AtomicU64::new(0),
            visits: AtomicU64::new(0),
        })
    }

    /// Records that a request is about to reach the driver; returns the number of earlier
    /// cancellations, which do not apply to it.
    pub(crate) fn begin_request(&self) -> u64 {
        let before = self.cancellations();
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        before
    }

    /// Records that the driver has returned from it.
    pub(crate) fn end_request(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Cancels the requests in flight; returns whether there were any.
    pub(crate) fn cancel(&self) -> bool {
        let any = self.in_flight.load(Ordering::Acquire) != 0;
        if any {
            self.cancellations.fetch_add(1, Ordering::AcqRel);
        }
        any
    }

    pub(crate) fn cancellations(&self) -> u64 {
        self.cancellations.load(Ordering::Acquire)
    }

    /// Counts file objects that were visited to find this one.
    pub(crate) fn add_visits(&self, visited: u64) {
        self.visits.fetch_add(visited, Ordering::Relaxed);
    }

    /// The number of file objects that were visited to find this one, so far.
    pub(crate) fn visits(&self) -> u64 {
        self.visits.load(Ordering::Relaxed)
    }

    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The access that the handle grants.
    pub(crate) fn granted(&self) -> u32 {
        self.granted
    }

    pub(crate) fn name(&self) -> &FileName {
        &self.name
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    /// Records that the last handle is closed; returns whether it was open before.
    pub(crate) fn set_cleaned_up(&self) -> bool {
        !self.cleaned_up.swap(true, Ordering::AcqRel)
    }
}
