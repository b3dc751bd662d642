//! The operations on a driver: load, open, control, close, unload.

use super::contracts::object_address::{self, Kind};
use super::contracts::status::{NO_SUCH_DEVICE, OBJECT_NAME_INVALID};
use super::engine::export::APC;
use super::framework::create_memory::{CreateMemory, Opening};
use super::framework::device::Device;
use super::framework::file::FileObject;
use super::framework::file_name::FileName;
use super::framework::request::{Done, Request};
use super::leaks::left_behind;
use super::running::account::Account;
use super::running::dispatch::Dispatch;
use super::running::machine::{Machine, driver_object};
use super::{kmdf, ntos, start};
use crate::{
    Event, Failure, Fault, FaultKind, Image, IoControl, Listener, Open, Options, Pending, StartError,
};
use psimp_model::{AccessRequest, GenericMapping, System, Thread, check_ioctl_access, open_device};
use psimp_nt::Status;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A running driver: its image mapped, bound and started on a [`System`].
///
/// Any thread may call it; the driver runs on the calling thread, with the
/// [`Thread`] of the model that is passed as the current one.
pub struct Host {
    machine: Arc<Machine>,
}

/// An open file of the driver's device.
///
/// [`Host::close`] closes it; one that is dropped stays open.
#[derive(Debug)]
pub struct File {
    object: Arc<FileObject>,
    information: usize,
}

impl File {
    /// The bytes of context that the driver keeps with the file object, in the
    /// nonpaged pool.
    pub fn context_size(&self) -> usize {
        self.object.context().size()
    }

    /// The result of the create, as `IO_STATUS_BLOCK.Information` tells it: 0 for `FILE_SUPERSEDED`, 1 for
    /// `FILE_OPENED` and so on.
    pub fn information(&self) -> usize {
        self.information
    }

    /// The number of file objects that the framework visited so far to find this one: counted at each
    /// `WdfRequestGetFileObject` and at the cleanup. It is one each time, unless
    /// `WDF_FILEOBJECT_CONFIG.FileObjectClass` forbids the framework to use the `FILE_OBJECT`; 0 for
    /// `WdfFileObjectNotRequired`.
    pub fn visits(&self) -> u64 {
        self.object.visits()
    }
}

impl Host {
    /// Maps an image and runs its entry point.
    ///
    /// # Errors
    /// When the image cannot be mapped, `DriverEntry` fails, or the driver breaks
    /// a contract during the start.
    pub fn load(image: &Image, system: Arc<System>) -> Result<Self, StartError> {
        Self::load_with(image, system, Options::default())
    }

    /// As [`Host::load`], with options.
    ///
    /// # Errors
    /// As [`Host::load`].
    pub fn load_with(image: &Image, system: Arc<System>, options: Options) -> Result<Self, StartError> {
        Ok(Self { machine: start::start(image, system, options)? })
    }

    /// Opens a device by its name or link, as `NtCreateFile` of `thread` does.
    ///
    /// # Errors
    /// The error of the I/O manager or the driver, or a broken contract.
    pub fn open(&self, thread: &Arc<Thread>, name: &str, desired: u32) -> Result<File, Failure> {
        self.open_with(thread, &Open::new(name, desired))
    }

    /// Opens a device, or a name below it, which the device's descriptor covers
    /// as well.
    ///
    /// # Errors
    /// The error of the I/O manager or the driver, or a broken contract.
    pub fn open_with(&self, thread: &Arc<Thread>, open: &Open<'_>) -> Result<File, Failure> {
        self.check_running()?;
        let (device, name) = self.machine.framework.parse(open.name).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
        if !device.can_be_opened() {
            return Err(NO_SUCH_DEVICE.into());
        }
        let desired = GenericMapping::FILE.map(open.desired);
        let granted = if self.machine.options.device_descriptors {
            open_device(&self.machine.system, thread, device.acl(), desired)?.0
        } else {
            granted_unchecked(open)
        };
        let open = Open { name, desired, quality: open.quality };
        self.open_checked(thread, &device, &open, granted, false)
    }

    /// Opens a name relative to a file, as `NtCreateFile` does with a handle to it as the
    /// `RootDirectory`: empty, or beginning with a backslash or not.
    ///
    /// The device's descriptor is not checked. Learn says that secure open covers relative opens too,
    /// but in `ReactOS` they pass without a check, so a driver cannot rely on one.
    ///
    /// # Errors
    /// The error of the I/O manager or the driver, or a broken contract.
    pub fn open_relative(&self, thread: &Arc<Thread>, root: &File, open: &Open<'_>) -> Result<File, Failure> {
        self.check_running()?;
        let device = self.own(root)?.device();
        let desired = GenericMapping::FILE.map(open.desired);
        self.open_checked(thread, device, &Open { desired, ..*open }, granted_unchecked(open), true)
    }

    /// Opens a name below a device, once it is clear what access to it is granted.
    fn open_checked(
        &self,
        thread: &Arc<Thread>,
        device: &Arc<Device>,
        open: &Open<'_>,
        granted: u32,
        relative: bool,
    ) -> Result<File, Failure> {
        let name = FileName::new(open.name).ok_or(OBJECT_NAME_INVALID)?;
        let account = Account::attach();
        let file = Arc::new(FileObject::new(account.serial(), device, granted, name)?);
        self.machine.framework.add_file(&file);
        match self.create(&account, thread, &file, open, relative) {
            Ok(information) => Ok(File { object: file, information }),
            Err(failure) => {
                self.machine.framework.remove_file(&file);
                Err(failure)
            }
        }
    }

    /// The create request of a new file object; returns its information.
    fn create(
        &self,
        account: &Account,
        thread: &Arc<Thread>,
        file: &Arc<FileObject>,
        open: &Open<'_>,
        relative: bool,
    ) -> Result<usize, Failure> {
        let device = file.device();
        let Some(callback) = device.on_create() else { return Ok(0) };
        let address = |kind| object_address::address(kind, account.serial());
        let opening = Opening {
            access_state: address(Kind::AccessState),
            related: if relative { address(Kind::FileObject) } else { 0 },
            desired: open.desired,
            quality: open.quality,
        };
        let memory = CreateMemory::new(account.create.take(), &opening).map_err(Status::from)?;
        let request = Request::create(account.serial(), memory);
        let dispatch = Dispatch {
            in_critical_region: true,
            request: Some(&request),
            file: Some(file),
            ..Dispatch::new(&self.machine, account, thread)
        };
        let done = dispatch.run(|| {
            dispatch.call(callback, [device.handle(), request.handle(), file.handle()])?;
            let done = request.finish(&self.machine.mapping, callback)?;
            if !done.status.is_success() {
                // Neither cleanup nor close follows a failed create.
                kmdf::file::destroy(file, &dispatch)?;
                kmdf::device::closed(device, &dispatch)?;
            }
            Ok(done)
        });
        *account.create.borrow_mut() = request.into_memory();
        let done = done.map_err(Failure::Fault)?;
        done.status.ok()?;
        Ok(done.information)
    }

    /// Sends a control code, as `NtDeviceIoControlFile` of `thread` does on a synchronous handle: the
    /// I/O manager waits for the completion. Returns how many bytes of `output` were written.
    ///
    /// # Errors
    /// The error of the I/O manager or the driver, or a broken contract.
    pub fn device_io_control(
        &self,
        thread: &Arc<Thread>,
        file: &File,
        request: &IoControl<'_>,
        output: &mut [u8],
    ) -> Result<usize, Failure> {
        let done = self.control(thread, file, request, output)?;
        done.status.ok()?;
        Ok(done.information)
    }

    /// Sends a control code, as `NtDeviceIoControlFile` of `thread` does on an overlapped handle, with
    /// an output buffer of this length. The framework marks each request pending before it calls
    /// `EvtIoInCallerContext`, so the caller gets `STATUS_PENDING` even if the driver has completed it.
    ///
    /// # Errors
    /// The error of the I/O manager, or a broken contract. The driver's comes with the completion.
    pub fn begin_io_control(
        &self,
        thread: &Arc<Thread>,
        file: &File,
        request: &IoControl<'_>,
        output: usize,
    ) -> Result<Pending, Failure> {
        let mut reply = vec![0; output];
        let done = self.control(thread, file, request, &mut reply)?;
        reply.truncate(done.information);
        Ok(Pending { status: done.status, reply })
    }

    /// Sends a control code; returns what the driver completed it with.
    fn control(
        &self,
        thread: &Arc<Thread>,
        file: &File,
        request: &IoControl<'_>,
        output: &mut [u8],
    ) -> Result<Done, Failure> {
        self.check_running()?;
        let file = self.own(file)?;
        check_ioctl_access(request.code, file.granted())?;
        let device = file.device();
        let callback = device.on_io_in_caller_context().ok_or(Status::INVALID_DEVICE_REQUEST)?;
        let account = Account::attach();
        let irql = request.irql;
        if request.stale != 0 {
            account.cpu.fill_stack(request.stale);
        }
        let again = (account.buffer.take(), account.reply.take());
        let request = Request::control(account.serial(), request, output.len(), file.begin_request(), again);
        let request = request.map_err(|no_block| {
            file.end_request();
            Status::from(no_block)
        })?;
        let dispatch = Dispatch {
            irql,
            in_critical_region: irql <= APC,
            request: Some(&request),
            file: Some(file),
            ..Dispatch::new(&self.machine, &account, thread)
        };
        let done = dispatch.run(|| {
            dispatch.call(callback, [device.handle(), request.handle()])?;
            Ok(request.finish(&self.machine.mapping, callback)?)
        });
        file.end_request();
        let (reply, quarantine) = request.deliver(self.machine.framework.id(), output);
        account.reply.set(reply);
        if quarantine.is_some() {
            account.buffer.set(account.quarantine.replace(quarantine).map(|before| before.buffer));
        }
        done.map_err(Failure::Fault)
    }

    /// Requests the cancellation of the requests in flight on a file, as
    /// `CancelIoEx` does. It only notifies the driver: a request that the driver
    /// has not marked cancelable is completed normally.
    ///
    /// # Errors
    /// `NOT_FOUND` when none is in flight; the fault that ended the driver.
    pub fn cancel(&self, file: &File) -> Result<(), Failure> {
        self.check_running()?;
        if self.own(file)?.cancel() { Ok(()) } else { Err(Status::NOT_FOUND.into()) }
    }

    /// Closes the last handle of a file, while requests may still be in flight:
    /// they reach the driver until [`Host::close`].
    ///
    /// # Errors
    /// A broken contract.
    pub fn cleanup(&self, thread: &Arc<Thread>, file: &File) -> Result<(), Failure> {
        self.check_running()?;
        let file = self.own(file)?;
        let account = Account::attach();
        let dispatch = Dispatch { file: Some(file), ..Dispatch::new(&self.machine, &account, thread) };
        dispatch.run(|| kmdf::file::clean_up(file, &dispatch)).map_err(Failure::Fault)
    }

    /// Closes a file: `thread` closes its last handle, unless that is closed
    /// already, and no reference to it remains.
    ///
    /// # Errors
    /// A broken contract.
    pub fn close(&self, thread: &Arc<Thread>, file: File) -> Result<(), Failure> {
        self.check_running()?;
        self.own(&file)?;
        let File { object, .. } = file;
        let account = Account::attach();
        let dispatch = Dispatch { file: Some(&object), ..Dispatch::new(&self.machine, &account, thread) };
        let closed = dispatch.run(|| {
            kmdf::file::clean_up(&object, &dispatch)?;
            kmdf::file::close(&object, &dispatch)?;
            self.machine.framework.remove_file(&object);
            kmdf::device::closed(object.device(), &dispatch)
        });
        closed.map_err(Failure::Fault)
    }

    /// Sends the cleanup and the close of a `FILE_OBJECT` that the device saw no create of, as another
    /// driver can: the framework finds no file object for it, and calls the driver with `NULL`.
    ///
    /// # Errors
    /// `OBJECT_NAME_NOT_FOUND` without such a device; a broken contract.
    pub fn close_unknown(&self, thread: &Arc<Thread>, device: &str) -> Result<(), Failure> {
        self.check_running()?;
        let device = self.machine.framework.device(device).ok_or(Status::OBJECT_NAME_NOT_FOUND)?;
        let account = Account::attach();
        let dispatch = Dispatch::new(&self.machine, &account, thread);
        let callbacks = [device.on_cleanup(), device.on_close()];
        let closed = dispatch
            .run(|| callbacks.iter().try_for_each(|&callback| kmdf::file::notify(callback, 0, &dispatch)));
        closed.map_err(Failure::Fault)
    }

    /// Changes the session that listens to the driver's events, and notifies the
    /// driver, on a system thread.
    ///
    /// # Errors
    /// A broken contract.
    pub fn listen(&self, listener: Option<Listener>) -> Result<(), Failure> {
        self.check_running()?;
        let account = Account::attach();
        let dispatch = Dispatch::of_system(&self.machine, &account);
        dispatch.run(|| ntos::listen(&dispatch, listener)).map_err(Failure::Fault)
    }

    /// The events that were written since the last call, while a session
    /// listened.
    pub fn events(&self) -> Vec<Event> {
        self.machine.options.events.take()
    }

    /// Unloads the driver and reports what it left behind.
    ///
    /// # Errors
    /// The reason why it cannot be unloaded, or its leaks; after a fault that
    /// ended the driver, all faults that were reported.
    pub fn unload(self) -> Result<(), Vec<Fault>> {
        let machine = &self.machine;
        if machine.stopped().is_some() {
            return Err(machine.faults());
        }
        let open = machine.framework.open_files();
        if open != 0 {
            return Err(vec![unload_fault(&format!("{open} files of its device are open"))]);
        }
        let unload = machine.driver_object.read_u64(driver_object::DRIVER_UNLOAD);
        if unload == 0 {
            return Err(vec![unload_fault("it has no DriverUnload")]);
        }
        let account = Account::attach();
        let dispatch = Dispatch::of_system(machine, &account);
        let arguments = [machine.driver_object.address()];
        let of_framework = kmdf::driver::unload();
        dispatch
            .run(|| {
                if unload == of_framework.address() {
                    return dispatch.call_code(of_framework.code(), arguments);
                }
                dispatch.call(unload, arguments)
            })
            .map_err(|fault| vec![fault])?;
        let faults = left_behind(machine, &account);
        machine.report(&faults);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The faults reported so far.
    pub fn faults(&self) -> Vec<Fault> {
        self.machine.faults()
    }

    /// What the driver holds now and would leak if it were gone: references,
    /// pool blocks, handles.
    pub fn held(&self) -> Vec<Fault> {
        self.machine.ledger.leaks(&self.machine.mapping)
    }

    /// How many work items the driver has created and not deleted.
    pub fn work_items(&self) -> usize {
        self.machine.framework.work_items.all().len()
    }

    /// The address range of the image in this process.
    pub fn addresses(&self) -> Range<u64> {
        let mapping = &self.machine.mapping;
        mapping.base()..mapping.base() + mapping.size() as u64
    }

    fn check_running(&self) -> Result<(), Failure> {
        match self.machine.stopped() {
            None => Ok(()),
            Some(fault) => Err(Failure::Fault(fault.clone())),
        }
    }

    /// The file object, if it belongs to this driver.
    fn own<'a>(&self, file: &'a File) -> Result<&'a Arc<FileObject>, Failure> {
        if self.machine.framework.owns(file.object.device()) {
            Ok(&file.object)
        } else {
            Err(Status::INVALID_HANDLE.into())
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("mapping", &self.machine.mapping).finish_non_exhaustive()
    }
}

/// The access that an open gets where no descriptor is checked.
fn granted_unchecked(open: &Open<'_>) -> u32 {
    AccessRequest::user(open.desired, GenericMapping::FILE).granted_unchecked()
}

fn unload_fault(why: &str) -> Fault {
    Fault { kind: FaultKind::Unload, message: format!("the driver cannot be unloaded: {why}"), site: None }
}
