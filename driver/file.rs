//! File objects: a server's belongs to the process that opened it, and keeps the slots that were
//! saved on it; a client's is its connection.
//!
//! Everything here runs at `PASSIVE_LEVEL`: it takes wait locks or runs in callbacks of that level.

use crate::clients::{self, Closed, Place, Server};
use crate::kernel::{self, ClientSecurity, Process, ServedClient, SlotToken};
use crate::request::Create;
use crate::wdf::{self, ContextType, Device, File, Mutex, WaitLock};
use core::cell::UnsafeCell;
use core::num::NonZeroU64;
use psimp_nt::Status;
use psimp_protocol::ConnectionId;
use psimp_service::{Connection, Open, Qos, Role, SaveTable, ServerId};
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCanUseFsContext2, _WDF_TRI_STATE::WdfUseDefault, NTSTATUS,
    WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDEVICE_INIT, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// The context of a file object. It is written before the first request, but not in a file object
/// whose create failed, for which the callbacks below are not called.
#[repr(C)]
struct FileContext {
    /// The server process that opened it, referenced so that its address cannot be reused for
    /// another process while the handle exists elsewhere. `None` for a client.
    opener: Option<Process>,
    /// Its place among the clients, guarded by their lock.
    place: UnsafeCell<Place>,
    /// The saved slots; `None` inside once the last handle is closed. The lock is a child of the
    /// file object, which deletes it. `None` for a client.
    saves: Option<Mutex<Option<SaveTable<SlotToken>>>>,
    /// It cannot serve clients: it is a client's, or its last handle is closed.
    closed: Closed,
}

static FILE_CONTEXT: ContextType = ContextType::of::<FileContext>(c"FileContext", &FILE_CONTEXT);

/// Requests file objects with this context and these callbacks from the framework.
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
        // FsContext2 is for the driver whose device is opened, and this one leaves it to the framework.
        // Otherwise that walks all open files for each request, under the spin lock of the device.
        FileObjectClass: WdfFileObjectWdfCanUseFsContext2,
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

/// Opens the device as a server, or the client's name as a client. Runs in the opener's context;
/// the I/O manager has checked the device's own descriptor, for every name.
extern "C" fn evt_device_file_create(device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    // SAFETY: the callback is of this driver's one device.
    let device = unsafe { Device::new(device) };
    // SAFETY: the framework passes each create to this callback once, and nothing else in the
    // driver has its handle.
    let create = unsafe { Create::new(request, file) };
    let result = role(&create, device).and_then(|role| match role {
        Role::Server => open_server(&create),
        Role::Client => open_client(&create, device),
    });
    create.complete(result);
}

/// What is opened.
///
/// # Errors
/// Those of [`psimp_service::open`].
fn role(create: &Create, device: Device) -> Result<Role, Status> {
    let open = Open {
        name: create.name(),
        relative: create.is_relative(),
        desired: create.desired_access(),
        every_user_may_connect: clients::every_user_may_connect(device),
    };
    psimp_service::open(&open, kernel::access_check)
}

/// Makes the file object a server's, owned by the calling process.
fn open_server(create: &Create) -> Result<(), Status> {
    let file = create.file_object();
    // SAFETY: the file object exists, and the lock goes into its context.
    let lock = unsafe { WaitLock::create(file.cast()) };
    let lock = lock.map_err(|status: NTSTATUS| Status(status.cast_unsigned()))?;
    let server = FileContext {
        opener: Some(Process::of_caller()),
        place: UnsafeCell::new(Place::empty()),
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

/// Makes the file object a client's, which waits for a server from now on.
fn open_client(create: &Create, device: Device) -> Result<(), Status> {
    let security = ClientSecurity::of_caller(create.quality_of_service())?;
    let client = FileContext {
        opener: None,
        place: UnsafeCell::new(Place::empty()),
        saves: None,
        closed: Closed::new(true),
    };
    // SAFETY: the file object exists as long as its create is in progress.
    let context = unsafe { context(create.file_object()) };
    // SAFETY: the framework made the context with this file object, and nothing else can reach it
    // before it is among the clients.
    unsafe { context.write(client) };
    // SAFETY: just written; the place does not move.
    let place = unsafe { (*context).place.get() };
    // SAFETY: the cleanup below follows, unless this fails.
    unsafe { clients::connect(device, place, security) }
}

/// The context of a file object; not initialised before it is open.
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
    // SAFETY: written when the file object was opened, and again only in its close; what changes in
    // between is in cells.
    unsafe { &*context }
}

/// Ends the connection of a client, or those of a server, and drops its saves; later requests find
/// none. Runs when the last handle is closed, possibly while requests are still in flight. Threads
/// are not affected: they continue impersonating.
///
/// `file` is null for a `FILE_OBJECT` that the framework does not know: another driver can send a
/// cleanup and a close of one that it made itself.
extern "C" fn evt_file_cleanup(file: WDFFILEOBJECT) {
    if file.is_null() {
        return;
    }
    // SAFETY: not null, so the file was opened; its close comes later.
    let file = unsafe { File::new(file) };
    let context = opened(file);
    // SAFETY: the place is in a file object that exists as long as this callback runs.
    unsafe { clients::disconnect(file.device(), context.place.get()) };
    let Some(saves) = &context.saves else { return };
    clients::end_all(file.device(), &server(file));
    // The references are dropped outside the lock.
    drop(saves.with(Option::take));
}

/// Releases the reference on the opener. All I/O on the file is complete; runs on any thread. `file`
/// is null as for [`evt_file_cleanup`].
extern "C" fn evt_file_close(file: WDFFILEOBJECT) {
    if file.is_null() {
        return;
    }
    // SAFETY: the file object exists as long as this callback runs.
    let context = unsafe { context(file) };
    // SAFETY: this is the file object's last callback, so nothing else reads its context.
    drop(unsafe { (*context).opener.take() });
}

/// The server that a file object is.
fn server(file: File<'_>) -> Server<'_> {
    let context = opened(file);
    let id = NonZeroU64::new(file.handle().addr() as u64).unwrap_or(NonZeroU64::MIN);
    // SAFETY: both are of this file object.
    unsafe { Server::new(ServerId(id), context.place.get(), &context.closed) }
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
    // A slot that `work` would have saved is dropped outside the lock, too.
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
    clients::accept(device, &server(file), connection)
}

/// See [`psimp_service::Kernel::finish_accept`].
pub(crate) fn finish_accept(device: Device, file: File<'_>, connection: ConnectionId, served: bool) {
    clients::finish_accept(device, &server(file), connection, served);
}

/// See [`psimp_service::Kernel::next_client`].
pub(crate) fn next_client(device: Device, file: File<'_>, after: ConnectionId) -> Option<(Connection, bool)> {
    clients::next(device, &server(file), after)
}

/// Whether the calling process opened `file` to serve.
pub(crate) fn opened_by_caller(file: File<'_>) -> bool {
    opened(file).opener.as_ref().is_some_and(Process::is_callers)
}
