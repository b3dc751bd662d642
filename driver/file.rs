//! File objects: a server's belongs to the process that opened it, and keeps the slots that were
//! saved on it; a client's is its connection.

use crate::clients::{self, Place};
use crate::kernel::{self, ClientSecurity, HandleToken, Process, SlotToken};
use crate::request::{Create, Name};
use crate::wdf::{self, ContextType, WaitLock};
use core::num::NonZeroU64;
use core::ptr;
use psimp_nt::Status;
use psimp_protocol::{ConnectionId, SERVER_SECURITY};
use psimp_service::{Client, Connection, SaveTable, ServerId};
use wdk_sys::{
    _WDF_FILEOBJECT_CLASS::WdfFileObjectWdfCannotUseFsContexts, _WDF_TRI_STATE::WdfUseDefault, NTSTATUS,
    SECURITY_CLIENT_CONTEXT, WDF_FILEOBJECT_CONFIG, WDFDEVICE, WDFDEVICE_INIT, WDFFILEOBJECT, WDFREQUEST,
    call_unsafe_wdf_function_binding,
};

/// What a file object keeps. Written before the first request, and never in a file object whose
/// create failed, which has none of the callbacks below either.
#[repr(C)]
struct FileContext {
    /// The device that it is open on.
    device: WDFDEVICE,
    /// The process that opened it to serve, referenced so that its address cannot become another
    /// process's while the handle lives on elsewhere. None for a client.
    opener: Option<Process>,
    /// The client's place among those that are connected; nobody is ever at a server's.
    place: Place,
    /// Guards `saves`. A child of the file object, which deletes it. None for a client.
    lock: Option<WaitLock>,
    /// The saved slots; `None` once the last handle is closed, and for a client.
    saves: Option<SaveTable<SlotToken>>,
    /// Nobody is served any more. Guarded by the lock of the clients.
    closed: bool,
}

impl FileContext {
    const EMPTY: Self = Self {
        device: ptr::null_mut(),
        opener: None,
        place: Place::EMPTY,
        lock: None,
        saves: None,
        closed: false,
    };
}

/// Who may serve, where its structures are aligned.
#[repr(C, align(8))]
struct Descriptor([u8; SERVER_SECURITY.len()]);
static SERVERS: Descriptor = Descriptor(SERVER_SECURITY);

static FILE_CONTEXT: ContextType = ContextType::of::<FileContext>(c"FileContext", &FILE_CONTEXT);

/// Asks the framework for file objects with our context and callbacks.
pub(crate) fn configure(init: *mut WDFDEVICE_INIT) {
    let mut config = WDF_FILEOBJECT_CONFIG {
        Size: wdf::size_of_config::<WDF_FILEOBJECT_CONFIG>(),
        EvtDeviceFileCreate: Some(evt_device_file_create),
        EvtFileClose: Some(evt_file_close),
        EvtFileCleanup: Some(evt_file_cleanup),
        AutoForwardCleanupClose: WdfUseDefault,
        FileObjectClass: WdfFileObjectWdfCannotUseFsContexts,
    };
    let mut attributes = FILE_CONTEXT.attributes();
    // SAFETY: the caller's init is not yet consumed; the framework copies both
    // locals.
    unsafe {
        call_unsafe_wdf_function_binding!(
            WdfDeviceInitSetFileObjectConfig,
            init,
            &raw mut config,
            &raw mut attributes
        );
    }
}

/// Opens the device to serve, or the client's name to be served. Runs in the opener's context at
/// `PASSIVE_LEVEL`; the device's own descriptor has been checked, for whatever name.
extern "C" fn evt_device_file_create(device: WDFDEVICE, request: WDFREQUEST, file: WDFFILEOBJECT) {
    // SAFETY: the framework hands each create to this callback once, and nothing else in the
    // driver has its handle.
    let create = unsafe { Create::new(request, file) };
    let opened = match create.name() {
        Name::Device => serve(&create, device, file),
        Name::Client => connect(&create, device, file),
        Name::Unknown => Err(Status::OBJECT_NAME_NOT_FOUND),
    };
    create.complete(opened);
}

/// Opens a server's file object: whoever may connect may not serve for that.
fn serve(create: &Create, device: WDFDEVICE, file: WDFFILEOBJECT) -> Result<(), Status> {
    // Whoever asks for nothing is asked all the same.
    const FILE_READ_ATTRIBUTES: u32 = 0x80;
    let (_, status) = kernel::access_check(&SERVERS.0, create.desired_access() | FILE_READ_ATTRIBUTES)?;
    status.ok()?;
    let lock = WaitLock::create(file.cast()).map_err(|status: NTSTATUS| Status(status.cast_unsigned()))?;
    let (lock, saves) = (Some(lock), Some(SaveTable::new()));
    let opener = Some(kernel::current_process().reference());
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the framework made the context with this file object, and nothing else can reach it
    // before the create is completed.
    unsafe { context.write(FileContext { device, opener, lock, saves, ..FileContext::EMPTY }) };
    Ok(())
}

/// Opens a client's file object: it waits for a server from now on.
fn connect(create: &Create, device: WDFDEVICE, file: WDFFILEOBJECT) -> Result<(), Status> {
    let security = ClientSecurity::of_caller(create.quality_of_service())?;
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the framework made the context with this file object, and nothing else can reach it
    // before it is among the clients.
    unsafe { context.write(FileContext { device, closed: true, ..FileContext::EMPTY }) };
    // SAFETY: the context was just written; the place stays where it is.
    let place = unsafe { &raw mut (*context).place };
    // SAFETY: the cleanup below follows, unless this fails.
    unsafe { clients::connect(device, place, security) }
}

/// Ends the connection of a client, or those that a server has, and drops what was saved; requests
/// that come later find nothing. Runs at `PASSIVE_LEVEL` when the last handle is closed, perhaps
/// while requests are still in flight. Threads are not touched: what they impersonate is theirs.
extern "C" fn evt_file_cleanup(file: WDFFILEOBJECT) {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the context was written when the file was opened.
    let device = unsafe { (*context).device };
    // SAFETY: as above.
    let place = unsafe { &raw mut (*context).place };
    // SAFETY: the file object exists as long as this callback runs.
    unsafe { clients::disconnect(device, place) };
    // SAFETY: written when the file was opened, and never changed.
    let Some(lock) = (unsafe { (*context).lock.as_ref() }) else { return };
    clients::end_all(device, id(file), || {
        // SAFETY: the lock of the clients is held.
        unsafe { (*context).closed = true };
    });
    let saves = lock.with(|| {
        // SAFETY: the lock is held, so this is the only use of the table.
        unsafe { (*context).saves.take() }
    });
    // The references go outside the lock.
    release(saves);
}

/// Drops the saves where they are. Moved or inlined, each of the slots would be code of its own.
#[inline(never)]
fn release(_saves: Option<SaveTable<SlotToken>>) {}

/// Drops the reference on the opener. All I/O on the file is over; the thread is
/// any thread.
extern "C" fn evt_file_close(file: WDFFILEOBJECT) {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: the context lives as long as the file object, and this is its last
    // callback, so nothing else reads it.
    drop(unsafe { (*context).opener.take() });
}

/// Names a server.
fn id(file: WDFFILEOBJECT) -> ServerId {
    ServerId(NonZeroU64::new(file.addr() as u64).unwrap_or(NonZeroU64::MIN))
}

/// Works on the saves of `file` under its lock.
///
/// # Errors
/// `FILE_CLOSED` after the last handle was closed.
pub(crate) fn with_saves<R>(
    file: WDFFILEOBJECT,
    work: impl FnOnce(&mut SaveTable<SlotToken>) -> R,
) -> Result<R, Status> {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: a request holds its file object open, and the lock was written when it was opened.
    let lock = unsafe { (*context).lock.as_ref() }.ok_or(Status::FILE_CLOSED)?;
    let done = lock.with(|| {
        // SAFETY: the lock is held, so this is the only use of the table.
        match unsafe { (*context).saves.as_mut() } {
            Some(saves) => Ok(work(saves)),
            None => Err(work),
        }
    });
    // What `work` would have saved goes outside the lock, too.
    done.map_err(|_work| Status::FILE_CLOSED)
}

/// See [`psimp_service::Kernel::next_client`].
pub(crate) fn next_client(
    device: WDFDEVICE,
    file: WDFFILEOBJECT,
    after: ConnectionId,
) -> Option<(Connection, bool)> {
    clients::next(device, id(file), after)
}

/// See [`psimp_service::Kernel::accept`].
///
/// # Errors
/// `NOT_FOUND`, `FILE_CLOSED`.
pub(crate) fn accept(
    device: WDFDEVICE,
    file: WDFFILEOBJECT,
    connection: ConnectionId,
) -> Result<Client<HandleToken, SECURITY_CLIENT_CONTEXT>, Status> {
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: a request holds its file object open, and the lock of the clients is held.
    let is_closed = || unsafe { (*context).closed };
    clients::on_client(device, connection, is_closed, |client| {
        client.connection.accept(id(file))?;
        let (token, context) = client.security.share();
        Some(Client { qos: client.connection.qos(), token, context })
    })
}

/// See [`psimp_service::Kernel::finish_accept`].
pub(crate) fn finish_accept(device: WDFDEVICE, connection: ConnectionId, served: bool) {
    // A connection that has ended meanwhile is nobody's any more.
    let _ = clients::on_client(
        device,
        connection,
        || false,
        |client| {
            client.connection.finish_accept(served);
            Some(())
        },
    );
}

/// Whether the calling process opened `file` to serve.
pub(crate) fn is_callers(file: WDFFILEOBJECT) -> bool {
    if file.is_null() {
        return false;
    }
    let context = FILE_CONTEXT.get::<FileContext>(file.cast());
    // SAFETY: a request holds its file object open, and the context is written
    // only before the first and after the last request.
    let opener = unsafe { (*context).opener.as_ref() };
    opener.is_some_and(|opener| opener.is(kernel::current_process()))
}
