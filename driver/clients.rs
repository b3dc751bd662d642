//! The clients that are connected to the device.
//!
//! They form a list through the contexts of their file objects, oldest first, so that a connection
//! needs no memory beyond its file object's. A client is in the list from its create to its own
//! cleanup, or to that of the server that has it: a file object is in the list only while it is
//! open.
//!
//! All functions here take the wait lock of the list, so they are called at `PASSIVE_LEVEL`.

use crate::kernel::{ClientSecurity, ServedClient};
use crate::wdf::{ContextType, Device, Mutex, WaitLock};
use core::cell::UnsafeCell;
use core::ptr;
use psimp_nt::Status;
use psimp_protocol::{ConnectionId, MAX_CONNECTIONS};
use psimp_service::{Connection, Qos, ServerId};
use wdk_sys::{NTSTATUS, WDF_OBJECT_ATTRIBUTES};

/// The context of the device.
#[repr(C)]
struct DeviceContext {
    /// The lock, a child of the device, guards every [`Place`] and every [`Closed`] as well.
    clients: Mutex<Clients>,
}

/// Both ends of the list, and its length.
struct Clients {
    first: *mut Place,
    last: *mut Place,
    count: usize,
}

/// A client's place in the list, in its file object's context, where it never moves.
pub(crate) struct Place {
    client: Option<Waiting>,
    next: *mut Place,
    previous: *mut Place,
}

/// A client that is connected.
struct Waiting {
    connection: Connection,
    security: ClientSecurity,
}

/// Whether a file object serves no clients (any more). A caller that has [`Clients`] holds the
/// lock that guards it: the driver has one device.
pub(crate) struct Closed(UnsafeCell<bool>);

impl Closed {
    pub(crate) const fn new(closed: bool) -> Self {
        Self(UnsafeCell::new(closed))
    }

    fn get(&self, _locked: &Clients) -> bool {
        // SAFETY: the lock is held, and every writer holds it.
        unsafe { *self.0.get() }
    }

    fn set(&self, _locked: &mut Clients) {
        // SAFETY: the lock is held, and every reader and writer holds it.
        unsafe { *self.0.get() = true };
    }
}

static DEVICE_CONTEXT: ContextType = ContextType::of::<DeviceContext>(c"DeviceContext", &DEVICE_CONTEXT);

/// Attributes of a device with clients.
pub(crate) fn attributes() -> WDF_OBJECT_ATTRIBUTES {
    DEVICE_CONTEXT.attributes()
}

/// Initialises a device that was created with those attributes.
///
/// # Errors
/// The framework's error, for example out of memory.
///
/// # Safety
/// Called once, before the device can be opened.
pub(crate) unsafe fn prepare(device: Device) -> Result<(), NTSTATUS> {
    let object = device.handle().cast();
    // SAFETY: the device exists; the lock goes into its context.
    let lock = unsafe { WaitLock::create(object) }?;
    let clients = Clients { first: ptr::null_mut(), last: ptr::null_mut(), count: 0 };
    // SAFETY: the device exists.
    let context = unsafe { DEVICE_CONTEXT.get::<DeviceContext>(object) };
    // SAFETY: the framework made the context with the device, which cannot be opened yet.
    unsafe { context.write(DeviceContext { clients: Mutex::new(lock, clients) }) };
    Ok(())
}

/// Works on the clients of a device under their lock. `work` takes no lock and drops no
/// reference: it returns what it removes or refuses.
fn with<R>(device: Device, work: impl FnOnce(&mut Clients) -> R) -> R {
    // SAFETY: the device exists.
    let context = unsafe { DEVICE_CONTEXT.get::<DeviceContext>(device.handle().cast()) };
    // SAFETY: written before the device could be opened, and lives as long as it does.
    let context = unsafe { &*context };
    context.clients.with(work)
}

impl Place {
    /// An unused place. No constant: that would be as long as a place.
    pub(crate) fn empty() -> Self {
        Self { client: None, next: ptr::null_mut(), previous: ptr::null_mut() }
    }
}

impl Clients {
    /// The place of the first client whose connection `matches`; null if there is none.
    fn find(&mut self, mut matches: impl FnMut(&Connection) -> bool) -> *mut Place {
        let mut place = self.first;
        while !place.is_null() {
            // SAFETY: a place in the list is of a file object that is open.
            let this = unsafe { &*place };
            if this.client.as_ref().is_some_and(|client| matches(&client.connection)) {
                break;
            }
            place = this.next;
        }
        place
    }

    /// The client whose connection has this id.
    fn by_id(&mut self, id: ConnectionId) -> Option<&mut Waiting> {
        let place = self.find(|connection| connection.id() == id);
        // SAFETY: null, or a place in the list, which is borrowed as long as the result.
        unsafe { place.as_mut() }?.client.as_mut()
    }

    /// Appends a place to the list.
    ///
    /// # Safety
    /// The place is in no list, and is removed from this one before its file object is freed.
    unsafe fn append(&mut self, place: *mut Place, client: Waiting) {
        let previous = self.last;
        // SAFETY: the place is valid and in no list, as the caller promised.
        unsafe { place.write(Place { client: Some(client), next: ptr::null_mut(), previous }) };
        // SAFETY: null, or a place in the list.
        match unsafe { previous.as_mut() } {
            Some(previous) => previous.next = place,
            None => self.first = place,
        }
        self.last = place;
        self.count += 1;
    }

    /// Removes the client at a place from the list; `None` when there is none.
    ///
    /// # Safety
    /// The place is null or of a file object that still exists.
    unsafe fn remove(&mut self, place: *mut Place) -> Option<Waiting> {
        // SAFETY: promised by the caller.
        let this = unsafe { place.as_mut() }?;
        let client = this.client.take()?;
        let (next, previous) = (this.next, this.previous);
        // SAFETY: null, or a place in the list.
        match unsafe { previous.as_mut() } {
            Some(previous) => previous.next = next,
            None => self.first = next,
        }
        // SAFETY: null, or a place in the list.
        match unsafe { next.as_mut() } {
            Some(next) => next.previous = previous,
            None => self.last = previous,
        }
        self.count -= 1;
        Some(client)
    }
}

/// Appends a connecting client to the list, at `place`.
///
/// # Errors
/// `INSUFFICIENT_RESOURCES` when too many are connected.
///
/// # Safety
/// The place is in a file object of this device that is being opened; [`disconnect`] follows
/// before that goes.
#[inline(never)]
pub(crate) unsafe fn connect(
    device: Device,
    place: *mut Place,
    security: ClientSecurity,
) -> Result<(), Status> {
    let qos = security.qos();
    let refused = with(device, |clients| {
        if clients.count >= MAX_CONNECTIONS {
            return Some(security);
        }
        // Under the lock, so that later clients have higher ids.
        let client = Waiting { connection: Connection::new(qos), security };
        // SAFETY: promised by the caller.
        unsafe { clients.append(place, client) };
        None
    });
    // A client that is refused is dropped outside the lock.
    if refused.is_none() { Ok(()) } else { Err(Status::INSUFFICIENT_RESOURCES) }
}

/// Removes a client whose last handle is closed from the list; does nothing when it is not in the
/// list.
///
/// # Safety
/// The place is one of a file object of this device that still exists.
pub(crate) unsafe fn disconnect(device: Device, place: *mut Place) {
    // SAFETY: promised by the caller.
    let client = with(device, |clients| unsafe { clients.remove(place) });
    // Its reference is dropped outside the lock.
    drop(client);
}

/// Ends the connections of a server whose last handle is closed; it can accept no more.
pub(crate) fn end_all(device: Device, server: ServerId, closed: &Closed) {
    loop {
        // One at a time, because each is dropped outside the lock.
        let ended = with(device, |clients| {
            closed.set(clients);
            let own = clients.find(|connection| connection.served_by(server) == Some(true));
            // SAFETY: null, or a place in the list.
            unsafe { clients.remove(own) }
        });
        if ended.is_none() {
            return;
        }
    }
}

/// See [`psimp_service::Kernel::next_client`].
pub(crate) fn next(device: Device, server: ServerId, after: ConnectionId) -> Option<(Connection, bool)> {
    with(device, |clients| {
        let mut found = None;
        clients.find(|connection| {
            if connection.id() > after {
                found = connection.served_by(server).map(|served| (*connection, served));
            }
            found.is_some()
        });
        found
    })
}

/// See [`psimp_service::Kernel::accept`]; `closed` is the server's.
///
/// # Errors
/// `NOT_FOUND`, `FILE_CLOSED`.
pub(crate) fn accept(
    device: Device,
    server: ServerId,
    closed: &Closed,
    id: ConnectionId,
) -> Result<(Qos, ServedClient), Status> {
    with(device, |clients| {
        if closed.get(clients) {
            return Err(Status::FILE_CLOSED);
        }
        let client = clients.by_id(id).ok_or(Status::NOT_FOUND)?;
        client.connection.accept(server).ok_or(Status::NOT_FOUND)?;
        Ok((client.connection.qos(), client.security.share()))
    })
}

/// See [`psimp_service::Kernel::finish_accept`]. Does nothing when the connection has ended.
pub(crate) fn finish_accept(device: Device, id: ConnectionId, served: bool) {
    with(device, |clients| {
        if let Some(client) = clients.by_id(id) {
            client.connection.finish_accept(served);
        }
    });
}
