//! A client process as its server uses it: orders to it, and steps that its thread carries out.

use super::Said;
use super::actor::Actor;
use crate::driver::Failure;
use crate::native::client::{Order, Refusal, Told};
use crate::native::system::handle::{AsHandle as _, OwnedHandle};
use crate::native::system::{Error, process, thread};
use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Context, Judge, Program, State, Step, Who};
use psimp_nt::Status;
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

    fn token(&self, tok: ClientToken) -> Result<u64, Failure> {
        let missing = || Failure::Fault(format!("the harness gave a client no token {}", tok.name()));
        self.tokens.get(tok.name()).copied().ok_or_else(missing)
    }
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

impl Actor<'_, '_> {
    /// The process of this thread or of another, if it is a client process.
    pub(super) fn remote_of(&self, who: Who) -> Result<Arc<Remote>, Failure> {
        let missing = || Failure::Fault(format!("the harness gave no process {who:?}"));
        self.env.remotes.get(&who).cloned().ok_or_else(missing)
    }

    /// An order to a client process. The clerk sends it: this thread may impersonate.
    pub(super) fn order(&self, who: Who, order: Order) -> Result<Told, Failure> {
        let remote = self.remote_of(who)?;
        self.env.clerk.order(remote, order)?
    }

    /// Carries out a step as a thread of a client process; returns whether it is such a step.
    pub(super) fn remote_step(&mut self, step: &Step) -> bool {
        match *step {
            Step::Impersonate { token, level, status, .. } => {
                let own = u32::from(token.fixture().level as u8);
                let lower = (level != own).then_some(level);
                let done = self.remote_of(self.who).and_then(|remote| {
                    let token = remote.token(token)?;
                    self.order(self.who, Order::Impersonate { token, lower }).and_then(done)
                });
                if done.is_ok() {
                    self.env.asked.note(self.who, Some(token));
                }
                self.ended("SetThreadToken", status, done);
            }
            Step::Revert => {
                let done = self.order(self.who, Order::Revert).and_then(done);
                self.ended("RevertToSelf", Status::SUCCESS, done);
            }
            Step::Check(ref values) => {
                let State { slot, .. } = self.env.route().expected(values, self.env.kernel);
                // The level is all that a program sees of a slot whose opens copy.
                let level = slot.rsplit_once(' ').map_or(*slot, |(_, level)| level);
                let seen = self.order(self.who, Order::Look).and_then(text);
                let seen = seen.unwrap_or_else(|failure| failure.to_string());
                self.compare("slot", level, &seen);
            }
            Step::Judge(Judge::Open(object, access, status)) => match self.env.object(object) {
                Ok(event) => {
                    let path = event.path().to_owned();
                    let opened = self.order(self.who, Order::OpenObject { path, access }).and_then(done);
                    self.ended("open", status, opened);
                }
                Err(error) => self.compare("object", "success", &error.to_string()),
            },
            // The handle is one of the server's, and is given to the client when it is used.
            Step::Program(ref program @ Program::ThreadHandle(..)) => self.program(program),
            Step::Program(Program::OpenToken {
                thread: number, desired: access, as_self, status, ..
            }) => {
                let opened = self.with_thread(number, |handle| {
                    let remote = self.remote_of(self.who)?;
                    let thread = process::give(remote.process.as_handle(), handle)?;
                    self.order(self.who, Order::OpenToken { thread, access, as_self }).and_then(done)
                });
                self.ended("OpenThreadToken", status, opened);
            }
            Step::Context(Context::Impersonate(_)) => {
                let done = self.order(self.who, Order::ImpersonatePipeClient).and_then(done);
                self.ended("ImpersonateNamedPipeClient", Status::SUCCESS, done);
            }
            _ => return false,
        }
        true
    }
}
