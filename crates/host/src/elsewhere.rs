//! The host on unsupported systems: the same interface, without function.

use crate::{
    Event, Failure, Fault, Image, IoControl, Listener, LoadError, Open, Options, Pending, StartError,
};
use psimp_model::{System, Thread};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

/// A running driver. There is none on this system.
#[derive(Debug)]
pub struct Host(Infallible);

/// An open file of the device. There is none on this system.
#[derive(Debug)]
pub struct File(Infallible);

impl File {
    /// The bytes of context that the driver keeps with the file object.
    pub fn context_size(&self) -> usize {
        match self.0 {}
    }

    /// The result of the create.
    pub fn information(&self) -> usize {
        match self.0 {}
    }

    /// The number of file objects that the framework visited so far to find this one.
    pub fn visits(&self) -> u64 {
        match self.0 {}
    }
}

impl Host {
    /// Fails: running an image needs x86-64 Linux.
    ///
    /// # Errors
    /// [`LoadError::Unsupported`], always.
    pub fn load(_image: &Image, _system: Arc<System>) -> Result<Self, StartError> {
        Err(LoadError::Unsupported.into())
    }

    /// Fails: running an image needs x86-64 Linux.
    ///
    /// # Errors
    /// [`LoadError::Unsupported`], always.
    pub fn load_with(_image: &Image, _system: Arc<System>, _options: Options) -> Result<Self, StartError> {
        Err(LoadError::Unsupported.into())
    }

    /// Opens the device.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn open(&self, _thread: &Arc<Thread>, _name: &str, _desired: u32) -> Result<File, Failure> {
        match self.0 {}
    }

    /// Opens the device, or a name below it.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn open_with(&self, _thread: &Arc<Thread>, _open: &Open<'_>) -> Result<File, Failure> {
        match self.0 {}
    }

    /// Opens a name relative to a file.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn open_relative(
        &self,
        _thread: &Arc<Thread>,
        _root: &File,
        _open: &Open<'_>,
    ) -> Result<File, Failure> {
        match self.0 {}
    }

    /// Sends a control code.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn device_io_control(
        &self,
        _thread: &Arc<Thread>,
        _file: &File,
        _request: &IoControl<'_>,
        _output: &mut [u8],
    ) -> Result<usize, Failure> {
        match self.0 {}
    }

    /// Sends a control code on an overlapped handle.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn begin_io_control(
        &self,
        _thread: &Arc<Thread>,
        _file: &File,
        _request: &IoControl<'_>,
        _output: usize,
    ) -> Result<Pending, Failure> {
        match self.0 {}
    }

    /// Requests the cancellation of the requests in flight on a file.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn cancel(&self, _file: &File) -> Result<(), Failure> {
        match self.0 {}
    }

    /// Closes the last handle of a file.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn cleanup(&self, _thread: &Arc<Thread>, _file: &File) -> Result<(), Failure> {
        match self.0 {}
    }

    /// Closes a file.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn close(&self, _thread: &Arc<Thread>, _file: File) -> Result<(), Failure> {
        match self.0 {}
    }

    /// Sends the cleanup and the close of a file that the device saw no create of.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn close_unknown(&self, _thread: &Arc<Thread>, _device: &str) -> Result<(), Failure> {
        match self.0 {}
    }

    /// Changes the listening session.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn listen(&self, _listener: Option<Listener>) -> Result<(), Failure> {
        match self.0 {}
    }

    /// The events that were written since the last call.
    pub fn events(&self) -> Vec<Event> {
        match self.0 {}
    }

    /// Unloads the driver.
    ///
    /// # Errors
    /// None: there is no such host.
    pub fn unload(self) -> Result<(), Vec<Fault>> {
        match self.0 {}
    }

    /// The faults reported so far.
    pub fn faults(&self) -> Vec<Fault> {
        match self.0 {}
    }

    /// The resources that the driver holds now and would leak if it were
    /// unloaded.
    pub fn held(&self) -> Vec<Fault> {
        match self.0 {}
    }

    /// How many work items the driver has created and not deleted.
    pub fn work_items(&self) -> usize {
        match self.0 {}
    }

    /// The address range of the image in this process.
    pub fn addresses(&self) -> Range<u64> {
        match self.0 {}
    }
}
