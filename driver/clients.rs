//! The clients that are connected to the device.
//!
//! They form a list through the contexts of their file objects, oldest first, so that a connection
//! needs no memory beyond its file object's. A client is in the list from its create to its own
//! cleanup, or to that of the server that has it: a file object is in the list only while it is
//! open. A server's file object is in the list as well, before the client that it saw last, so that
//! it need not begin at the first one.
//!
//! All functions here take the wait lock of the list, so they are called at `PASSIVE_LEVEL`.

use crate::kernel::{ClientSecurity, ServedClient};
use crate::wdf::{ContextType, Device, Mutex, WaitLock};
use core::cell::UnsafeCell;
use core::ptr;
use psimp_nt::Status;
use psimp_protocol::ConnectionId;
use psimp_service::{Connection, Qos, ServerId, admit};
use wdk_sys::{NTSTATUS, WDF_OBJECT_ATTRIBUTES};

/// The context of the device.
#[repr(C)]
struct DeviceContext {
    /// The lock, a child of the device, guards every [`Place`] and every [`Closed`] as well.
    clients: Mutex<Clients>,
    /// The setting, as the driver started.
    every_user: bool,
}

/// Both ends of the list, and its length.
struct Clients {
    first: *mut Place,
    last: *mut Place,
    count: usize,
}

/// A place in the list, in the context of a file object, where it never moves in memory.
pub(crate) struct Place {
    /// `None` in a server's place.
    client: Option<Waiting>,
    /// Of a server's place in the list: every client before it has a lower id.
    seen: ConnectionId,
    listed: bool,
    next: *mut Place,
    previous: *mut Place,
}

/// A server of the device, which is open during `'f`.
pub(crate) struct Server<'f> {
    id: ServerId,
    place: *mut Place,
    closed: &'f Closed,
}

impl<'f> Server<'f> {
    /// # Safety
    /// `place` is in the context of a file object that is not closed during `'f`, and `closed` is its
    /// own.
    pub(crate) unsafe fn new(id: ServerId, place: *mut Place, closed: &'f Closed) -> Self {
        Self { id, place, closed }
    }
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
pub(crate) unsafe fn prepare(device: Device, every_user: bool) -> Result<(), NTSTATUS> {
    let object = device.handle().cast();
    // SAFETY: the device exists; the lock goes into its context.
    let lock = unsafe { WaitLock::create(object) }?;
    let clients = Clients { first: ptr::null_mut(), last: ptr::null_mut(), count: 0 };
    // SAFETY: the device exists.
    let context = unsafe { DEVICE_CONTEXT.get::<DeviceContext>(object) };
    // SAFETY: the framework made the context with the device, which cannot be opened yet.
    unsafe { context.write(DeviceContext { clients: Mutex::new(lock, clients), every_user }) };
    Ok(())
}

/// Works on the clients of a device under their lock. `work` takes no lock and drops no
/// reference: it returns what it removes or refuses.
fn with<R>(device: Device, work: impl FnOnce(&mut Clients) -> R) -> R {
    context(&device).clients.with(work)
}

/// Whether every authenticated user may connect.
pub(crate) fn every_user_may_connect(device: Device) -> bool {
    context(&device).every_user
}

fn context(device: &Device) -> &DeviceContext {
    // SAFETY: the device exists.
    let context = unsafe { DEVICE_CONTEXT.get::<DeviceContext>(device.handle().cast()) };
    // SAFETY: written before the device could be opened, and lives as long as it does.
    unsafe { &*context }
}

impl Place {
    /// An unused place. No constant: that would be as long as a place.
    pub(crate) fn empty() -> Self {
        let [next, previous] = [ptr::null_mut(); 2];
        Self { client: None, seen: ConnectionId(0), listed: false, next, previous }
    }
}

impl Clients {
    /// The first place from `place` on whose client `matches`; null if there is none.
    ///
    /// # Safety
    /// `place` is null or in the list.
    unsafe fn find(mut place: *mut Place, mut matches: impl FnMut(&Connection) -> bool) -> *mut Place {
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

    /// Where a server begins to look for clients whose ids are at least `id`.
    fn start(&self, server: &Server<'_>, id: ConnectionId) -> *mut Place {
        // SAFETY: a server's place exists as long as it is open; the lock is held.
        let place = unsafe { &*server.place };
        if place.listed && place.seen <= id { place.next } else { self.first }
    }

    /// The client whose connection has this id.
    fn by_id(&mut self, server: &Server<'_>, id: ConnectionId) -> Option<&mut Waiting> {
        // SAFETY: a start is null or in the list.
        let place = unsafe { Self::find(self.start(server, id), |connection| connection.id() >= id) };
        // SAFETY: null, or a place in the list, which is borrowed as long as the result.
        let client = unsafe { place.as_mut() }?.client.as_mut()?;
        (client.connection.id() == id).then_some(client)
    }

    /// Moves a server's place to before the client at `place`.
    ///
    /// # Safety
    /// `place` is a client's and in the list; the server's leaves the list before its file object is
    /// freed.
    unsafe fn move_server(&mut self, server: &Server<'_>, place: *mut Place, seen: ConnectionId) {
        // SAFETY: the server is open.
        unsafe { self.unlink(server.place) };
        // SAFETY: promised by the caller.
        let previous = unsafe { (*place).previous };
        let (listed, next) = (true, place);
        // SAFETY: the server is open, and its place is in no list.
        unsafe { server.place.write(Place { client: None, seen, listed, next, previous }) };
        // SAFETY: both neighbours are null or in the list.
        unsafe { self.link(server.place) };
    }

    /// Appends a client's place to the list.
    ///
    /// # Safety
    /// The place is in no list, and is removed from this one before its file object is freed.
    unsafe fn append(&mut self, place: *mut Place, client: Waiting) {
        let (client, next, previous) = (Some(client), ptr::null_mut(), self.last);
        // SAFETY: the place is valid and in no list, as the caller promised.
        unsafe { place.write(Place { client, seen: ConnectionId(0), listed: true, next, previous }) };
        // SAFETY: both neighbours are null or in the list.
        unsafe { self.link(place) };
        self.count += 1;
    }

    /// Makes the neighbours of a place, or the ends of the list, refer to it.
    ///
    /// # Safety
    /// The place is valid, and its neighbours are each other's, or null at the ends of the list.
    unsafe fn link(&mut self, place: *mut Place) {
        // SAFETY: promised by the caller.
        let this = unsafe { &*place };
        let (next, previous) = (this.next, this.previous);
        // SAFETY: null, or a place in the list.
        *unsafe { previous.as_mut() }.map_or(&mut self.first, |previous| &mut previous.next) = place;
        // SAFETY: null, or a place in the list.
        *unsafe { next.as_mut() }.map_or(&mut self.last, |next| &mut next.previous) = place;
    }

    /// Takes a place out of the list, if it is in it.
    ///
    /// # Safety
    /// The place is of a file object that still exists.
    unsafe fn unlink(&mut self, place: *mut Place) {
        // SAFETY: promised by the caller.
        let this = unsafe { &mut *place };
        if !core::mem::take(&mut this.listed) {
            return;
        }
        let (next, previous) = (this.next, this.previous);
        // SAFETY: null, or a place in the list.
        *unsafe { previous.as_mut() }.map_or(&mut self.first, |previous| &mut previous.next) = next;
        // SAFETY: null, or a place in the list.
        *unsafe { next.as_mut() }.map_or(&mut self.last, |next| &mut next.previous) = previous;
    }

    /// Takes a place out of the list; returns the client that was there.
    ///
    /// # Safety
    /// The place is of a file object that still exists.
    unsafe fn remove(&mut self, place: *mut Place) -> Option<Waiting> {
        // SAFETY: promised by the caller.
        unsafe { self.unlink(place) };
        // SAFETY: promised by the caller.
        let client = unsafe { (*place).client.take() }?;
        self.count -= 1;
        Some(client)
    }

    /// All connections.
    fn connections(&self) -> impl Iterator<Item = &Connection> {
        // SAFETY: null, or in the list as long as it is borrowed.
        let place = |place: *mut Place| unsafe { place.as_ref() };
        let places = core::iter::successors(place(self.first), move |this| place(this.next));
        places.filter_map(|place| place.client.as_ref().map(|client| &client.connection))
    }
}

/// Appends a connecting client to the list, at `place`.
///
/// # Errors
/// Those of [`admit`], and of the query of the client's user.
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
    let (qos, user) = (security.qos(), security.user()?);
    let refused = with(device, |clients| {
        // Under the lock, so that later clients have higher ids.
        match admit(clients.connections(), clients.count, qos, &user) {
            Err(status) => Err((status, security)),
            Ok(connection) => {
                // SAFETY: promised by the caller.
                unsafe { clients.append(place, Waiting { connection, security }) };
                Ok(())
            }
        }
    });
    // A client that is refused is dropped outside the lock.
    refused.map_err(|(status, _security)| status)
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
pub(crate) fn end_all(device: Device, server: &Server<'_>) {
    let mut seen = ConnectionId(0);
    loop {
        // One at a time, because each is dropped outside the lock.
        let ended = with(device, |clients| {
            server.closed.set(clients);
            let own = |connection: &Connection| connection.served_by(server.id) == Some(true);
            // SAFETY: a start is null or in the list.
            let place = unsafe { Clients::find(clients.start(server, seen), own) };
            // SAFETY: null, or in the list.
            let Some(client) = unsafe { place.as_ref() }.and_then(|place| place.client.as_ref()) else {
                // SAFETY: the server's file object exists as long as its cleanup runs.
                unsafe { clients.unlink(server.place) };
                return None;
            };
            seen = client.connection.id();
            // SAFETY: just found; the last turn of the loop removes the server's place.
            unsafe { clients.move_server(server, place, seen) };
            // SAFETY: just found.
            unsafe { clients.remove(place) }
        });
        if ended.is_none() {
            return;
        }
    }
}

/// See [`psimp_service::Kernel::next_client`].
pub(crate) fn next(device: Device, server: &Server<'_>, after: ConnectionId) -> Option<(Connection, bool)> {
    with(device, |clients| {
        // A server that is closed must not come into the list again.
        if server.closed.get(clients) {
            return None;
        }
        let mut found = None;
        let others = |connection: &Connection| {
            if connection.id() > after {
                found = connection.served_by(server.id).map(|served| (*connection, served));
            }
            found.is_some()
        };
        // SAFETY: a start is null or in the list.
        let place = unsafe { Clients::find(clients.start(server, after), others) };
        let (connection, _) = &found?;
        // SAFETY: just found; the server is not closed, so its cleanup, which removes it, is still to come.
        unsafe { clients.move_server(server, place, connection.id()) };
        found
    })
}

/// See [`psimp_service::Kernel::accept`].
///
/// # Errors
/// `NOT_FOUND`, `FILE_CLOSED`.
pub(crate) fn accept(
    device: Device,
    server: &Server<'_>,
    id: ConnectionId,
) -> Result<(Qos, ServedClient), Status> {
    with(device, |clients| {
        if server.closed.get(clients) {
            return Err(Status::FILE_CLOSED);
        }
        let client = clients.by_id(server, id).ok_or(Status::NOT_FOUND)?;
        client.connection.accept(server.id).ok_or(Status::NOT_FOUND)?;
        Ok((client.connection.qos(), client.security.share()))
    })
}

/// See [`psimp_service::Kernel::finish_accept`]. Does nothing when the connection has ended.
pub(crate) fn finish_accept(device: Device, server: &Server<'_>, id: ConnectionId, impersonated: bool) {
    with(device, |clients| {
        if let Some(client) = clients.by_id(server, id) {
            client.connection.finish_accept(impersonated);
        }
    });
}
