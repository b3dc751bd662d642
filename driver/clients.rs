//! The clients that are connected to the device.
//!
//! A list through the contexts of their file objects, oldest first, so that a connection needs no
//! memory beyond its file object's. A client is in it from its create to its own cleanup, or to
//! that of the server that has it: a file object is in the list only as long as it is open.

use crate::kernel::ClientSecurity;
use crate::wdf::{ContextType, WaitLock};
use core::ptr;
use psimp_nt::Status;
use psimp_protocol::{ConnectionId, MAX_CONNECTIONS};
use psimp_service::{Connection, ServerId};
use wdk_sys::{NTSTATUS, WDF_OBJECT_ATTRIBUTES, WDFDEVICE};

/// What the device keeps.
#[repr(C)]
struct DeviceContext {
    /// Guards `clients`, and the places of clients in file objects. A child of the device, which
    /// deletes it.
    lock: WaitLock,
    clients: Clients,
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
pub(crate) struct Waiting {
    pub(crate) connection: Connection,
    pub(crate) security: ClientSecurity,
}

static DEVICE_CONTEXT: ContextType = ContextType::of::<DeviceContext>(c"DeviceContext", &DEVICE_CONTEXT);

/// Attributes of a device that has clients.
pub(crate) fn attributes() -> WDF_OBJECT_ATTRIBUTES {
    DEVICE_CONTEXT.attributes()
}

/// Prepares a device that was created with those, before anybody can open it.
///
/// # Errors
/// What the framework fails with, out of memory for one.
pub(crate) fn prepare(device: WDFDEVICE) -> Result<(), NTSTATUS> {
    let lock = WaitLock::create(device.cast())?;
    let clients = Clients { first: ptr::null_mut(), last: ptr::null_mut(), count: 0 };
    let context = DEVICE_CONTEXT.get::<DeviceContext>(device.cast());
    // SAFETY: the framework made the context with the device, which nobody can open yet.
    unsafe { context.write(DeviceContext { lock, clients }) };
    Ok(())
}

/// Works on the clients of a device under its lock. `work` takes no lock and lets no reference
/// go: what it removes or refuses, it hands out.
fn with<R>(device: WDFDEVICE, work: impl FnOnce(&mut Clients) -> R) -> R {
    let context = DEVICE_CONTEXT.get::<DeviceContext>(device.cast());
    // SAFETY: the context lives as long as the device, and was written before it could be opened.
    let lock = unsafe { &(*context).lock };
    lock.with(|| {
        // SAFETY: the lock is held, so this is the only use of what it guards.
        work(unsafe { &mut (*context).clients })
    })
}

impl Place {
    /// Nobody is here.
    pub(crate) const EMPTY: Self = Self { client: None, next: ptr::null_mut(), previous: ptr::null_mut() };
}

impl Clients {
    /// The first place whose client is such a one; null without.
    fn find(&mut self, mut such: impl FnMut(&mut Connection) -> bool) -> *mut Place {
        let mut place = self.first;
        while !place.is_null() {
            // SAFETY: a place in the list is of a file object that is open.
            let this = unsafe { &mut *place };
            if this.client.as_mut().is_some_and(|client| such(&mut client.connection)) {
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

    /// Puts a place at the end.
    ///
    /// # Safety
    /// The place is in no list, and taken out of this one before its file object goes.
    unsafe fn append(&mut self, place: *mut Place, client: Waiting) {
        let previous = self.last;
        // SAFETY: the place is valid and nobody else's, as the caller promised.
        unsafe { place.write(Place { client: Some(client), next: ptr::null_mut(), previous }) };
        // SAFETY: null, or a place in the list.
        match unsafe { previous.as_mut() } {
            Some(previous) => previous.next = place,
            None => self.first = place,
        }
        self.last = place;
        self.count += 1;
    }

    /// Takes out who is at a place; none when the list has not got it.
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

/// A client connects: it is at `place` from now on.
///
/// # Errors
/// `INSUFFICIENT_RESOURCES` when too many are connected.
///
/// # Safety
/// The place is in a file object of this device that is being opened; [`disconnect`] follows
/// before that goes.
pub(crate) unsafe fn connect(
    device: WDFDEVICE,
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
    // Who is refused is let go outside the lock.
    if refused.is_none() { Ok(()) } else { Err(Status::INSUFFICIENT_RESOURCES) }
}

/// A client's last handle is closed.
///
/// # Safety
/// The place is one of a file object of this device that still exists.
pub(crate) unsafe fn disconnect(device: WDFDEVICE, place: *mut Place) {
    // SAFETY: promised by the caller.
    let client = with(device, |clients| unsafe { clients.remove(place) });
    // The reference goes outside the lock.
    drop(client);
}

/// A server's last handle is closed: `close` is called under the lock, and the connections end
/// that the server has.
pub(crate) fn end_all(device: WDFDEVICE, server: ServerId, close: impl Fn()) {
    loop {
        // One at a time, as each must be let go outside the lock.
        let ended = with(device, |clients| {
            close();
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
pub(crate) fn next(device: WDFDEVICE, server: ServerId, after: ConnectionId) -> Option<(Connection, bool)> {
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

/// Works on a client that the server may have, unless `is_closed` says that the server is gone,
/// which it is asked under the lock.
///
/// # Errors
/// `NOT_FOUND`, `FILE_CLOSED`.
pub(crate) fn on_client<R>(
    device: WDFDEVICE,
    id: ConnectionId,
    is_closed: impl FnOnce() -> bool,
    work: impl FnOnce(&mut Waiting) -> Option<R>,
) -> Result<R, Status> {
    with(device, |clients| {
        if is_closed() {
            return Err(Status::FILE_CLOSED);
        }
        clients.by_id(id).and_then(work).ok_or(Status::NOT_FOUND)
    })
}
