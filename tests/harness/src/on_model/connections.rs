//! A device's open files, as the service's kernel keeps them: the servers with their saves, and
//! the connected clients.

use super::token::ModelToken;
use parking_lot::Mutex;
use psimp_model::{ClientContext, SecurityQos, System, Thread};
use psimp_nt::Status;
use psimp_protocol::ConnectionId;
use psimp_service::{Connection, Qos, SaveTable, ServerId, admit};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The clients of one device, by their ids.
#[derive(Default)]
pub struct Clients(Mutex<BTreeMap<ConnectionId, (Connection, Arc<ClientContext>)>>);

impl Clients {
    /// A client opens the client's name: `thread`, with its present identity and the quality of
    /// service of its open.
    ///
    /// # Errors
    /// Those of [`System::se_create_client_security`] and of [`admit`].
    pub fn connect(
        self: &Arc<Self>,
        system: &System,
        thread: &Thread,
        quality: Option<&SecurityQos>,
    ) -> Result<ClientFile, Status> {
        let quality = quality.copied().unwrap_or(SecurityQos::DEFAULT_QOS);
        let context = system.se_create_client_security(thread, &quality, false)?;
        let qos = Qos {
            process: thread.process().id(),
            level: context.level,
            dynamic: context.dynamic,
            effective_only: context.is_effective_only(),
        };
        let mut clients = self.0.lock();
        let connected = clients.values().map(|(connection, _)| connection);
        let connection = admit(connected, clients.len(), qos, &context.token.user())?;
        clients.insert(connection.id(), (connection, Arc::new(context)));
        Ok(ClientFile { id: connection.id(), clients: self.clone() })
    }
}

/// A client's open of the device.
pub struct ClientFile {
    id: ConnectionId,
    clients: Arc<Clients>,
}

impl ClientFile {
    /// Its last handle is closed.
    pub fn close(&self) {
        let client = self.clients.0.lock().remove(&self.id);
        // The reference is dropped outside the lock.
        drop(client);
    }
}

/// A server's open of the device.
pub struct ServerFile {
    /// Its saves; none once the last handle is closed.
    saves: Mutex<Option<SaveTable<ModelToken>>>,
    id: ServerId,
    clients: Arc<Clients>,
}

impl Default for ServerFile {
    /// On a device without clients.
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl ServerFile {
    /// On the device with these clients.
    pub fn new(clients: Arc<Clients>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NonZeroU64::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap_or(NonZeroU64::MIN);
        Self { saves: Mutex::new(Some(SaveTable::new())), id: ServerId(id), clients }
    }

    /// The last handle is closed: the saves are dropped, the connections that it serves end, and
    /// nothing can be saved any more.
    pub fn close(&self) {
        // In this order, since `accept` checks the saves under the lock of the clients.
        let saves = self.saves.lock().take();
        let mut clients = self.clients.0.lock();
        let own: Vec<_> = clients
            .iter()
            .filter(|(_, (connection, _))| connection.served_by(self.id) == Some(true))
            .map(|(id, _)| *id)
            .collect();
        let own: Vec<_> = own.iter().filter_map(|id| clients.remove(id)).collect();
        drop(clients);
        // The references are dropped outside the locks.
        drop((saves, own));
    }

    pub(crate) fn with_saves<R>(
        &self,
        work: impl FnOnce(&mut SaveTable<ModelToken>) -> R,
    ) -> Result<R, Status> {
        if let Some(saves) = &mut *self.saves.lock() {
            return Ok(work(saves));
        }
        // `work`, and what it would have saved, is dropped outside the lock.
        Err(Status::FILE_CLOSED)
    }

    pub(crate) fn next_client(&self, after: ConnectionId) -> Option<(Connection, bool)> {
        let after = ConnectionId(after.0.checked_add(1)?);
        let clients = self.clients.0.lock();
        clients.range(after..).find_map(|(_, (connection, _))| {
            let served = connection.served_by(self.id)?;
            Some((*connection, served))
        })
    }

    pub(crate) fn accept(&self, id: ConnectionId) -> Result<(Qos, Arc<ClientContext>), Status> {
        let mut clients = self.clients.0.lock();
        if self.saves.lock().is_none() {
            return Err(Status::FILE_CLOSED);
        }
        let (connection, context) = clients.get_mut(&id).ok_or(Status::NOT_FOUND)?;
        connection.accept(self.id).ok_or(Status::NOT_FOUND)?;
        Ok((connection.qos(), context.clone()))
    }

    pub(crate) fn finish_accept(&self, id: ConnectionId, served: bool) {
        if let Some((connection, _)) = self.clients.0.lock().get_mut(&id) {
            connection.finish_accept(served);
        }
    }
}
