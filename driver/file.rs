//! File objects: a server's belongs to the process that opened it, and keeps the slots that were
//! saved on it; a client's is its connection.
//!
//! Everything here runs at `PASSIVE_LEVEL`: it takes wait locks or runs in callbacks of that level.

use crate::clients::{self, Closed, Place};
use crate::kernel::{self, ClientSecurity, Process, ServedClient, SlotToken};
use crate::request::Create;
use crate::wdf::{self, ContextType, Device, File, Mutex, WaitLock};
use core::cell::UnsafeCell;
use core::num::NonZeroU64;
use psimp_nt::Status;
use psimp_protocol::ConnectionId;
use psimp_service::{Qos, Role, SaveTable, ServerId};
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts, _WDF_TRI_STATE::WdfUseDefault, NTSTATUS,
    WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDEVICE_INIT, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// What a file object keeps. Written before the first request, and never in a file object whose
/// create failed, which gets none of the callbacks below either.
#[repr(C)]
struct FileContext {
    /// The device that it is open on.
    device: Device,
    /// The process that opened it to serve, referenced so that its address cannot become another
    /// process's while the handle lives on elsewhere. `None` for a client.
    opener: Option<Process>,
    /// A client's place among those that are connected, guarded by their lock. Unused by a server.
    place: UnsafeCell<Place>,
    /// The saved slots; `None` inside once the last handle is closed. The lock is a child of the
    /// file object, which deletes it. `None` for a client.
    saves: Option<Mutex<Option<SaveTable<SlotToken>>>>,
    /// It serves nobody: it is a client's, or its last handle is closed.
    closed: Closed,
}

static FILE_CONTEXT: ContextType = ContextType::of::<FileContext>(c"FileContext", &FILE_CONTEXT);

/// Asks the framework for file objects with our context and callbacks.
///
/// # Safety
/// `init` is not yet consumed by the creation of a device.
pub(crate) unsafe fn configure(init: *mut WDFDEVICE_INIT) {
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(evt_device_file_create),
        EvtFileClose: Some(evt_file_close),
        EvtFileCleanup: Some(evt_file_cleanup),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: WdfFileObjectWdfCannotUseFsContexts,
    };
    let mut attributes = FILE_CONTEXT.attributes();
    // SAFETY: promised by the caller; the framework copies both locals.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut config,
            &raw mut attributes
        );
    }
}

/// Opens the device to serve, or the client's name to be served. Runs in the opener's context;
/// the I/O manager has checked the device's own descriptor, whatever the name.
extern "C" fn evt_device_file_create(device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    // SAFETY: the callback is of this driver's one device.
    let device = unsafe { Device::new(device) };
    // SAFETY: the framework hands each create to this callback once, and nothing else in the
    // driver has its handle.
    let create = unsafe { Create::new(request, file) };
    let opened = psimp_service::open(create.name(), create.desired_access(), kernel::access_check);
    let result = opened.and_then(|role| match role {
        Role::Server => open_server(&create, device),
        Role::Client => open_client(&create, device),
    });
    create.complete(result);
}

/// Makes the file object a server's, of the calling process.
fn open_server(create: &Create, device: Device) -> Result<(), Status> {
    let file = create.file_object();
    // SAFETY: the file object exists, and the lock goes into its context.
    let lock = unsafe { WaitLock::create(file.cast()) };
    let lock = lock.map_err(|status: NTSTATUS| Status(status.cast_unsigned()))?;
    let server = FileContext {
        device,
        opener: Some(Process::of_caller()),
        place: UnsafeCell::new(Place::EMPTY),
        saves: Some(Mutex::new(lock, Some(SaveTable::new()))),
        closed: Closed::new(false),
    };
    // SAFETY: the file object exists as long as its create is in progress.
    let context = unsafe { context(file) };
    // SAFETY: the framework made the context with this file object, and nothing else can reach it
    // before the create is completed.
    unsafe { context.write(server) };
    Ok(())
}

/// Makes the file object a client's: it waits for a server from now on.
fn open_client(create: &Create, device: Device) -> Result<(), Status> {
    let security = ClientSecurity::of_caller(create.quality_of_service())?;
    let client = FileContext {
        device,
        opener: None,
        place: UnsafeCell::new(Place::EMPTY),
        saves: None,
        closed: Closed::new(true),
    };
    // SAFETY: the file object exists as long as its create is in progress.
    let context = unsafe { context(create.file_object()) };
    // SAFETY: the framework made the context with this file object, and nothing else can reach it
    // before it is among the clients.
    unsafe { context.write(client) };
    // SAFETY: just written; the place stays where it is.
    let place = unsafe { (*context).place.get() };
    // SAFETY: the cleanup below follows, unless this fails.
    unsafe { clients::connect(device, place, security) }
}

/// The context of a file object; not written before it is open.
///
/// # Safety
/// The file object exists.
unsafe fn context(file: WDFFILEOBJECT) -> *mut FileContext {
    // SAFETY: promised by the caller.
    unsafe { FILE_CONTEXT.get(file.cast()) }
}

/// The context of a file object that is open.
fn opened(file: File<'_>) -> &FileContext {
    // SAFETY: the file object is open, so it exists.
    let context = unsafe { context(file.handle()) };
    // SAFETY: written when the file object was opened, and after that only in its close; what
    // changes meanwhile is in cells.
    unsafe { &*context }
}

/// Ends the connection of a client, or those that a server has, and drops what was saved; requests
/// that come later find nothing. Runs when the last handle is closed, perhaps while requests are
/// still in flight. Threads are not touched: they go on impersonating.
extern "C" fn evt_file_cleanup(file: WDFFILEOBJECT) {
    // SAFETY: the callback is only of files that were opened, and the close comes after it.
    let file = unsafe { File::new(file) };
    let context = opened(file);
    // SAFETY: the place is of a file object that exists as long as this callback runs.
    unsafe { clients::disconnect(context.device, context.place.get()) };
    let Some(saves) = &context.saves else { return };
    clients::end_all(context.device, server_id(file), &context.closed);
    // The references are dropped outside the lock.
    release(saves.with(Option::take));
}

/// Drops the saves where they are: not moved, which would be code for each of them.
#[inline(never)]
fn release(_saves: Option<SaveTable<SlotToken>>) {}

/// Drops the reference on the opener. All I/O on the file is over; the thread is
/// any thread.
extern "C" fn evt_file_close(file: WDFFILEOBJECT) {
    // SAFETY: the file object exists as long as this callback runs.
    let context = unsafe { context(file) };
    // SAFETY: this is the file object's last callback, so nothing else reads its context.
    drop(unsafe { (*context).opener.take() });
}

/// Names a server.
pub(crate) fn server_id(file: File<'_>) -> ServerId {
    ServerId(NonZeroU64::new(file.handle().addr() as u64).unwrap_or(NonZeroU64::MIN))
}

/// Works on the saves of `file` under their lock.
///
/// # Errors
/// `FILE_CLOSED` after the last handle was closed.
pub(crate) fn with_saves<R>(
    file: File<'_>,
    work: impl FnOnce(&mut SaveTable<SlotToken>) -> R,
) -> Result<R, Status> {
    let saves = opened(file).saves.as_ref().ok_or(Status::FILE_CLOSED)?;
    let done = saves.with(|saves| match saves {
        Some(saves) => Ok(work(saves)),
        None => Err(work),
    });
    // What `work` would have saved is dropped outside the lock, too.
    done.map_err(|_work| Status::FILE_CLOSED)
}

/// See [`psimp_service::Kernel::accept`].
///
/// # Errors
/// `NOT_FOUND`, `FILE_CLOSED`.
pub(crate) fn accept(
    device: Device,
    file: File<'_>,
    connection: ConnectionId,
) -> Result<(Qos, ServedClient), Status> {
    clients::accept(device, server_id(file), &opened(file).closed, connection)
}

/// Whether the calling process opened `file` to serve.
pub(crate) fn opened_by_caller(file: File<'_>) -> bool {
    opened(file).opener.as_ref().is_some_and(Process::is_callers)
}
