//! A client process as its server uses it.

use super::Said;
use crate::driver::Failure;
use crate::native::client::{Order, Refusal, Told};
use crate::native::system::device::Device;
use crate::native::system::handle::OwnedHandle;
use crate::native::system::{Error, process, thread};
use parking_lot::Mutex;
use psimp_catalogue::ClientToken;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The first number that [`Remote::number`] gives; a race has those before.
const FIRST_NUMBER: usize = 1;

/// A client process as the harness gives it to a server.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::native) struct Given {
    /// The process: a handle of the server process.
    pub(in crate::native) process: u64,
    /// Tokens by their names in the catalogue: handles of the client process.
    pub(in crate::native) tokens: BTreeMap<String, u64>,
}

/// A client process.
pub(super) struct Remote {
    name: String,
    pub(super) process: OwnedHandle,
    tokens: BTreeMap<String, u64>,
    /// One order at a time is on its way through the harness, whichever client it is for.
    turn: Arc<Mutex<()>>,
    pub(super) process_id: u32,
    pub(super) thread_id: u32,
    /// The number of the file that it keeps next.
    next: AtomicUsize,
}

impl Remote {
    pub(super) fn new(name: &str, given: &Given, turn: &Arc<Mutex<()>>) -> Result<Self, Failure> {
        let mut remote = Self {
            name: name.to_owned(),
            process: thread::given(given.process)?,
            tokens: given.tokens.clone(),
            turn: turn.clone(),
            process_id: 0,
            thread_id: 0,
            next: AtomicUsize::new(FIRST_NUMBER),
        };
        match remote.order(Order::Identify)? {
            Told::Ids(process, thread) => (remote.process_id, remote.thread_id) = (process, thread),
            other => return Err(unexpected(&other)),
        }
        Ok(remote)
    }

    /// Sends an order through the harness, and waits for the answer. The calling thread must not impersonate: below
    /// Impersonation it writes to no pipe.
    pub(super) fn order(&self, order: Order) -> Result<Told, Failure> {
        let failed = |call| {
            move |error: std::io::Error| Failure::from(Error::of_std(call, &error).of("a client process"))
        };
        let text = |error: serde_json::Error| Failure::Fault(format!("a client process: {error}"));
        let said = serde_json::to_string(&Said::Order(self.name.clone(), order)).map_err(text)?;
        let _turn = self.turn.lock();
        let mut out = process::output();
        writeln!(out, "{said}").and_then(|()| out.flush()).map_err(failed("WriteFile"))?;
        drop(out);
        let mut line = String::new();
        process::input().read_line(&mut line).map_err(failed("ReadFile"))?;
        if line.is_empty() {
            return Err(Failure::Fault("a client process has ended".to_owned()));
        }
        let answer: Result<Told, Refusal> = serde_json::from_str(&line).map_err(text)?;
        Ok(answer?)
    }

    /// A number for a file that it keeps.
    pub(super) fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn token(&self, tok: ClientToken) -> Result<u64, Failure> {
        let missing = || Failure::Fault(format!("the harness gave a client no token {}", tok.name()));
        self.tokens.get(tok.name()).copied().ok_or_else(missing)
    }
}

/// A client's file.
#[derive(Clone)]
pub(super) enum ClientFile {
    /// Of this process.
    Own(Arc<Device>),
    /// Of a client process, which keeps it under a number.
    Remote(Arc<Remote>, usize),
}

pub(super) fn unexpected(told: &Told) -> Failure {
    Failure::Fault(format!("a client process answered {told:?}"))
}

/// An answer without anything in it.
pub(super) fn done(told: Told) -> Result<(), Failure> {
    match told {
        Told::Done => Ok(()),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn text(told: Told) -> Result<String, Failure> {
    match told {
        Told::Text(text) => Ok(text),
        other => Err(unexpected(&other)),
    }
}
