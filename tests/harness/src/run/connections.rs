//! Clients that connect to the driver, and servers that impersonate them, whoever carries the steps out.

use crate::driver::Failure;
use parking_lot::Mutex;
use psimp_catalogue::{Broker, ClientToken};
use psimp_nt::Status;
use psimp_protocol::wire::{Connection, Outcome, connection_flags};
use psimp_protocol::{IOCTLS, MAX_REPLY};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Every client of a case, by the case's numbers. One that has left has no file.
pub(crate) type Connections<F> = Mutex<BTreeMap<usize, Connected<F>>>;

/// A client of the device.
#[derive(Clone)]
pub(crate) struct Connected<F> {
    /// Its file; none once that is closed.
    pub(crate) file: Option<F>,
    /// The connection's id.
    pub(crate) id: u64,
    /// Id of the process that opened the file.
    pub(crate) process: u32,
    /// The catalogue's name of the client's token.
    pub(crate) tok: Option<ClientToken>,
}

/// A file that was opened as a client.
pub(crate) struct OpenedClient<F> {
    pub(crate) file: F,
    /// Id of the process that opened it.
    pub(crate) process: u32,
    /// The catalogue's name of the token that it was opened with.
    pub(crate) tok: Option<ClientToken>,
}

/// A thread that carries out the steps about connections.
pub(crate) trait Connects {
    /// A client's file.
    type File: Clone;

    /// The clients of the case.
    fn clients(&self) -> &Connections<Self::File>;

    /// Opens the client's name as this thread, with the flags of `CreateFile`.
    fn open_client(&self, flags: u32) -> Result<OpenedClient<Self::File>, Failure>;

    /// Closes a client's file.
    fn close_client(&self, file: Self::File) -> Result<(), Failure>;

    /// Sends a control code to a client's file.
    fn send_to_client(
        &self,
        file: &Self::File,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Failure>;

    /// Opens a name below the device as this thread, with a level in the quality of service, and closes it again.
    fn open_name(&self, name: &str, level: u32) -> Result<(), Failure>;

    /// Opens a name relative to the first server, and closes it again.
    fn open_relative(&self, name: &str) -> Result<(), Failure>;

    /// Opens a further server.
    fn open_server(&self, number: usize) -> Result<(), Failure>;

    /// Closes it.
    fn close_server(&self, number: usize) -> Result<(), Failure>;

    /// `NEXT_CLIENT` through a server, of which 0 is the first.
    fn next_client(&self, server: usize, after: u64) -> Result<Option<Connection>, Failure>;

    /// SERVE through a server, in the rules mode of the run.
    fn serve_id(&self, server: usize, id: u64, level: u32) -> Result<Outcome, Failure>;

    /// REVERT.
    fn revert(&self) -> Result<(), Failure>;

    /// The thread now impersonates a client with this token.
    fn note(&self, tok: Option<ClientToken>);

    /// How often to repeat something.
    fn repetitions(&self, times: u32) -> u32;

    /// Records a difference, if there is one.
    fn differ(&self, what: &str, expected: &str, observed: &str);

    /// Compares two values.
    fn alike<T: Debug>(&self, what: &str, expected: &T, observed: &T) {
        self.differ(what, &format!("{expected:?}"), &format!("{observed:?}"));
    }

    /// Compares the status of a call.
    fn came<T>(&self, what: &str, expected: Status, result: Result<T, Failure>) {
        let observed = result.map_or_else(|failure| failure.to_string(), |_| Status::SUCCESS.to_string());
        self.differ(what, &expected.to_string(), &observed);
    }
}

/// Carries out a step.
pub(crate) fn broker(thread: &impl Connects, broker: &Broker) {
    match *broker {
        Broker::Connect { keep, flags, status } => {
            let connected = connect(thread, flags).map(|client| thread.clients().lock().insert(keep, client));
            thread.came("open of the client's name", status, connected);
        }
        Broker::OpenName(name, level, status) => {
            thread.came(&format!("open of {name}"), status, thread.open_name(name, level));
        }
        Broker::OpenRelative(name, status) => {
            thread.came(&format!("relative open of {name:?}"), status, thread.open_relative(name));
        }
        Broker::Leave(number) => {
            let file = thread.clients().lock().get_mut(&number).and_then(|client| client.file.take());
            let closed =
                file.ok_or_else(|| no_such("file to close")).and_then(|file| thread.close_client(file));
            thread.came("close of the client", Status::SUCCESS, closed);
        }
        Broker::ClientIsNoServer(number) => client_is_no_server(thread, number),
        Broker::OpenServer(number, status) => {
            thread.came("open of the device", status, thread.open_server(number));
        }
        Broker::CloseServer(number) => {
            thread.came("close of the server", Status::SUCCESS, thread.close_server(number));
        }
        Broker::Sees(server, client, terms) => match told(thread, server, client) {
            Ok(told) => thread.differ(&format!("server {server} on client {client}"), terms, &told),
            failure @ Err(_) => thread.came("NEXT_CLIENT", Status::SUCCESS, failure),
        },
        Broker::Serve { server, client: number, level, status } => {
            thread.came("SERVE", status, serve(thread, server, number, level));
        }
        Broker::ServeId(id, status) => thread.came("SERVE", status, thread.serve_id(0, id, 0)),
        Broker::Crowd(clients) => {
            thread.came("crowd", Status::SUCCESS, crowd(thread, thread.repetitions(clients)));
        }
    }
}

fn connect<C: Connects>(thread: &C, flags: u32) -> Result<Connected<C::File>, Failure> {
    let OpenedClient { file, process, tok } = thread.open_client(flags)?;
    match newest(thread) {
        Ok(id) => Ok(Connected { file: Some(file), id, process, tok }),
        Err(failure) => thread.close_client(file).and(Err(failure)),
    }
}

/// The id of the client that connected last.
fn newest(thread: &impl Connects) -> Result<u64, Failure> {
    let mut id = 0;
    while let Some(told) = thread.next_client(0, id)? {
        id = told.id;
    }
    Ok(id)
}

fn client<C: Connects>(thread: &C, number: usize) -> Result<Connected<C::File>, Failure> {
    thread.clients().lock().get(&number).cloned().ok_or_else(|| no_such("client"))
}

/// What `NEXT_CLIENT` reports of a client, in the catalogue's notation.
fn told(thread: &impl Connects, server: usize, number: usize) -> Result<String, Failure> {
    let Connected { id, process, .. } = client(thread, number)?;
    let Some(before) = id.checked_sub(1) else { return Err(no_such("client")) };
    let told = thread.next_client(server, before)?;
    let Some(told) = told.filter(|told| told.id == id) else { return Ok("none".to_owned()) };
    thread.alike("the client's process", &process, &told.process);
    Ok(terms(&told))
}

fn serve(thread: &impl Connects, server: usize, number: usize, level: u32) -> Result<(), Failure> {
    let Connected { id, tok, .. } = client(thread, number)?;
    let outcome = thread.serve_id(server, id, level)?;
    thread.note(tok);
    thread.alike("level asked", &level, &outcome.level_asked);
    Ok(())
}

/// Sends every control code, with a valid length, through a client's file.
fn client_is_no_server(thread: &impl Connects, number: usize) {
    let file = client(thread, number).ok().and_then(|client| client.file);
    let Some(file) = file else { return thread.alike("the case has this client", &true, &false) };
    for row in IOCTLS {
        let length = (0..=4096).find(|length| row.input.takes(*length)).unwrap_or_default();
        let (input, mut output) = (vec![0; length], vec![0; MAX_REPLY]);
        let sent = thread.send_to_client(&file, row.code(), &input, &mut output);
        thread.came(row.name, Status::ACCESS_DENIED, sent);
    }
}

/// Clients connect, every other one leaves, the rest are served, and all leave.
fn crowd<C: Connects>(thread: &C, clients: u32) -> Result<(), Failure> {
    let mut crowd = Vec::new();
    let came = (0..clients).try_for_each(|_| {
        crowd.push(connect(thread, 0x0011_0000)?);
        Ok(())
    });
    let (left, stay): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|client| client.id % 2 == 0);
    let left = close_all(thread, left);
    let served = stay.iter().rev().try_for_each(|client| thread.serve_id(0, client.id, 1).map(drop));
    came.and(left).and(served).and(close_all(thread, stay))?;
    thread.revert()
}

/// Closes them all, even if some closes fail.
fn close_all<C: Connects>(thread: &C, clients: Vec<Connected<C::File>>) -> Result<(), Failure> {
    let files = clients.into_iter().filter_map(|client| client.file);
    files.map(|file| thread.close_client(file)).fold(Ok(()), Result::and)
}

/// What a client allows, and whether it is served, in the catalogue's notation.
fn terms(told: &Connection) -> String {
    let flag = |flag| told.flags & flag != 0;
    let tracking = if flag(connection_flags::DYNAMIC) { "dynamic" } else { "static" };
    let effective_only = u8::from(flag(connection_flags::EFFECTIVE_ONLY));
    let served = if flag(connection_flags::SERVED) { " served" } else { "" };
    format!("L{} {tracking} eo{effective_only}{served}", told.level)
}

pub(crate) fn no_such(what: &str) -> Failure {
    Failure::Fault(format!("the case has no such {what}"))
}
