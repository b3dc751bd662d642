//! A job that contains all children: they are terminated when this process ends for any reason.
#![allow(unsafe_code)] // jobs and the attributes of new processes

use crate::Error;
use crate::structure::length;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;
use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, IsProcessInJob, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    DeleteProcThreadAttributeList, InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST,
    PROC_THREAD_ATTRIBUTE_JOB_LIST, UpdateProcThreadAttribute,
};

/// A job whose processes are terminated when its last handle is closed. No child inherits the
/// handle.
#[derive(Debug)]
pub(crate) struct Job(OwnedHandle);

impl Job {
    /// The one job of this process.
    pub(crate) fn of_this_process() -> Result<&'static Self, Error> {
        static JOB: OnceLock<Result<Job, Error>> = OnceLock::new();
        JOB.get_or_init(Self::new).as_ref().map_err(Clone::clone)
    }

    fn new() -> Result<Self, Error> {
        // SAFETY: a job takes no attributes and no name.
        let job = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if job.is_null() {
            return Err(Error::last("CreateJobObjectW"));
        }
        // SAFETY: the call succeeded, and nothing else owns the handle.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(job) });
        let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        // SAFETY: the handle is open, and this class takes this structure.
        let done = unsafe {
            SetInformationJobObject(
                job.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                length::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>(),
            )
        };
        if done == 0 { Err(Error::last("SetInformationJobObject")) } else { Ok(job) }
    }

    /// Adds a process to the job, unless it is already in it.
    pub(crate) fn hold(&self, process: &OwnedHandle) -> Result<(), Error> {
        let (job, process, mut held) = (self.0.as_raw_handle(), process.as_raw_handle(), 0);
        // SAFETY: both handles are open, and the place for the answer is borrowed for the call.
        let done = unsafe { IsProcessInJob(process, job, &raw mut held) };
        // If that fails, the process is added, or the error of that is returned.
        if done != 0 && held != 0 {
            return Ok(());
        }
        // SAFETY: both handles are open.
        let done = unsafe { AssignProcessToJobObject(job, process) };
        if done == 0 { Err(Error::last("AssignProcessToJobObject")) } else { Ok(()) }
    }
}

/// The attribute that puts a new process into a job at creation.
pub(crate) struct Attribute {
    list: Vec<usize>,
    /// Windows reads it when the process is created.
    jobs: Box<[HANDLE; 1]>,
}

impl Attribute {
    pub(crate) fn new(job: &Job) -> Result<Self, Error> {
        let call = "InitializeProcThreadAttributeList";
        let mut size = 0;
        // SAFETY: without a list it only returns the size.
        unsafe { InitializeProcThreadAttributeList(std::ptr::null_mut(), 1, 0, &raw mut size) };
        let mut list = vec![0_usize; size.div_ceil(size_of::<usize>())];
        // SAFETY: the list has the size that it takes for one attribute.
        let done =
            unsafe { InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), 1, 0, &raw mut size) };
        if done == 0 {
            return Err(Error::last(call));
        }
        // From here on the list is deleted on drop.
        let mut attribute = Self { list, jobs: Box::new([job.0.as_raw_handle()]) };
        let (key, value) = (PROC_THREAD_ATTRIBUTE_JOB_LIST as usize, attribute.jobs.as_ptr().cast());
        let (none, nothing) = (std::ptr::null_mut(), std::ptr::null());
        let length = size_of::<[HANDLE; 1]>();
        // SAFETY: the list was made for one attribute, and the handles live as long as it.
        let done =
            unsafe { UpdateProcThreadAttribute(attribute.pointer(), 0, key, value, length, none, nothing) };
        if done == 0 { Err(Error::last("UpdateProcThreadAttribute")) } else { Ok(attribute) }
    }

    pub(crate) fn pointer(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.list.as_mut_ptr().cast()
    }
}

impl Drop for Attribute {
    fn drop(&mut self) {
        // SAFETY: the list was initialized, and is not used any more.
        unsafe { DeleteProcThreadAttributeList(self.pointer()) };
    }
}
