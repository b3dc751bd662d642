//! The state of a connection: a client that connected, and the server that impersonates it.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};
use psimp_nt::{Level, Sid, Status};
use psimp_protocol::{ConnectionId, MAX_CONNECTIONS, MAX_PROCESS_CONNECTIONS, MAX_USER_CONNECTIONS};

/// The next connection's number: each is used once between load and unload, so that an old id never
/// refers to another client.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Identifies a server's open of the device while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerId(pub NonZeroU64);

/// The state of a connection, except the client's token. It begins with the client's open and ends
/// with the close of either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    id: ConnectionId,
    qos: Qos,
    user: Sid,
    /// The server that has the client: it impersonates it, did so, or is trying to.
    server: Option<ServerId>,
    /// The number of that server's threads that are trying to now.
    trying: u32,
    /// Whether one of them succeeded.
    served: bool,
}

/// The quality of service that a client requested when it connected: the limits for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qos {
    /// Its process id.
    pub process: u32,
    /// The level.
    pub level: Level,
    /// Dynamic tracking.
    pub dynamic: bool,
    /// Disabled groups and privileges cannot be enabled.
    pub effective_only: bool,
}

impl Connection {
    /// A waiting client, whose token has this user.
    fn new(qos: Qos, user: Sid) -> Self {
        Self {
            id: ConnectionId(NEXT.fetch_add(1, Ordering::Relaxed)),
            qos,
            user,
            server: None,
            trying: 0,
            served: false,
        }
    }

    /// Its number; a later connection has a higher one.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// The client's quality of service.
    pub fn qos(&self) -> Qos {
        self.qos
    }

    /// Whether this server serves it; `None` when another server does.
    pub fn served_by(&self, server: ServerId) -> Option<bool> {
        match self.server {
            None => Some(false),
            Some(own) if own == server => Some(true),
            Some(_) => None,
        }
    }

    /// A thread of the server starts to impersonate the client; `None` when another server has it.
    /// Each `accept` is followed by one [`Connection::finish_accept`].
    pub fn accept(&mut self, server: ServerId) -> Option<()> {
        self.served_by(server)?;
        self.server = Some(server);
        self.trying = self.trying.saturating_add(1);
        Some(())
    }

    /// The thread is done: `served` when it impersonated the client, not when that was refused. Once
    /// no thread of the server is trying and none succeeded, other servers can have the client.
    pub fn finish_accept(&mut self, served: bool) {
        self.trying = self.trying.saturating_sub(1);
        self.served |= served;
        if !self.served && self.trying == 0 {
            self.server = None;
        }
    }
}

/// A waiting client beside those that are `connected`, of which there are `count`.
///
/// # Errors
/// `INSUFFICIENT_RESOURCES` when there are [`MAX_CONNECTIONS`]; `QUOTA_EXCEEDED` when so many of its
/// user or of its process are connected that no other is admitted.
pub fn admit<'c>(
    connected: impl Iterator<Item = &'c Connection>,
    count: usize,
    qos: Qos,
    user: &Sid,
) -> Result<Connection, Status> {
    if count >= MAX_CONNECTIONS {
        return Err(Status::INSUFFICIENT_RESOURCES);
    }
    let (mut of_process, mut of_user) = (0, 0);
    for other in connected {
        of_process += usize::from(other.qos.process == qos.process);
        of_user += usize::from(other.user == *user);
    }
    if of_process >= MAX_PROCESS_CONNECTIONS || of_user >= MAX_USER_CONNECTIONS {
        return Err(Status::QUOTA_EXCEEDED);
    }
    Ok(Connection::new(qos, *user))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    const SERVERS: [ServerId; 2] = [ServerId(NonZeroU64::MIN), ServerId(NonZeroU64::MAX)];
    const QOS: Qos = Qos { process: 8, level: Level::Impersonation, dynamic: true, effective_only: true };

    #[test]
    fn one_server_has_a_client_at_a_time() {
        let mut connection = Connection::new(QOS, Sid::EVERYONE);
        assert_eq!(SERVERS.map(|server| connection.served_by(server)), [Some(false), Some(false)]);
        assert_eq!(connection.accept(SERVERS[1]), Some(()));
        assert_eq!(connection.accept(SERVERS[0]), None);
        assert_eq!(SERVERS.map(|server| connection.served_by(server)), [None, Some(true)]);
        connection.finish_accept(false);
        assert_eq!(connection.accept(SERVERS[0]), Some(()));
        connection.finish_accept(true);
        assert_eq!(connection.accept(SERVERS[0]), Some(()));
        connection.finish_accept(false);
        assert_eq!(connection.accept(SERVERS[1]), None);
    }

    #[test]
    fn a_refusal_takes_no_client_from_the_servers_other_threads() {
        for others_answer_first in [false, true] {
            let mut connection = Connection::new(QOS, Sid::EVERYONE);
            assert_eq!([(); 2].map(|()| connection.accept(SERVERS[0])), [Some(()); 2]);
            connection.finish_accept(others_answer_first);
            assert_eq!(connection.accept(SERVERS[1]), None);
            connection.finish_accept(!others_answer_first);
            assert_eq!(connection.accept(SERVERS[1]), None);
        }
    }

    #[test]
    fn neither_a_process_nor_a_user_takes_all_places() {
        let user = Sid::EVERYONE;
        let other = Sid::new(5, &[18]);
        let clients = |count: usize, processes: u32| {
            (0..count).map(move |number| {
                #[allow(clippy::cast_possible_truncation)] // thousands
                let process = number as u32 % processes + 100;
                Connection::new(Qos { process, ..QOS }, user)
            })
        };
        let admitted = |count, processes, process, who: &Sid| {
            let connected: std::vec::Vec<_> = clients(count, processes).collect();
            admit(connected.iter(), count, Qos { process, ..QOS }, who).map(|client| client.qos().process)
        };
        assert_eq!(admitted(249, 1, 100, &other), Ok(100));
        assert_eq!(admitted(250, 1, 100, &other), Err(Status::QUOTA_EXCEEDED));
        assert_eq!(admitted(250, 1, 8, &user), Ok(8));
        assert_eq!(admitted(999, 100, 8, &user), Ok(8));
        assert_eq!(admitted(1000, 100, 8, &user), Err(Status::QUOTA_EXCEEDED));
        assert_eq!(admitted(1000, 100, 8, &other), Ok(8));
        assert_eq!(admitted(9999, 100, 8, &other), Ok(8));
        assert_eq!(admitted(10_000, 100, 8, &other), Err(Status::INSUFFICIENT_RESOURCES));
    }

    #[test]
    fn ids_rise() {
        assert!(Connection::new(QOS, Sid::EVERYONE).id() < Connection::new(QOS, Sid::EVERYONE).id());
    }
}
