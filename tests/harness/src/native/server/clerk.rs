//! What a case needs of its own process, done by a thread that never impersonates.
//!
//! A thread that impersonates would ask for it as its client: another user may not open the process's threads and
//! tokens, and nothing opens below Impersonation.

use super::remote::Remote;
use crate::driver::Failure;
use crate::native::client::{Order, Told};
use crate::native::system::handle::{AsHandle as _, OwnedHandle};
use crate::native::system::information::Information;
use crate::native::system::object::{Descriptor, Event};
use crate::native::system::token::QUERY;
use crate::native::system::{Error, Token, thread};
use parking_lot::Mutex;
use psimp_model::rights::TOKEN_ADJUST_PRIVILEGES;
use psimp_nt::{Sid, Status};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

type Work = Box<dyn FnOnce() + Send>;

/// The thread.
pub(super) struct Clerk(Mutex<Sender<Work>>);

impl Clerk {
    /// Starts it, on a thread that does not impersonate yet.
    pub(super) fn start() -> Self {
        let (work, waiting) = channel::<Work>();
        thread::spawn(move || waiting.into_iter().for_each(|work| work()));
        Self(Mutex::new(work))
    }

    /// Opens a thread of this process.
    pub(super) fn open_thread(&self, id: u32, access: u32) -> Result<OwnedHandle, Error> {
        self.carry_out(move || thread::open(id, access))?
    }

    /// Creates an object whose owner is the user of this process.
    pub(super) fn event(&self, owner: Sid, descriptor: Descriptor) -> Result<Event, Error> {
        self.carry_out(move || Event::create(&owner, &descriptor))?
    }

    /// Creates an object in a directory that grants nothing.
    pub(super) fn nested_event(&self, owner: Sid, descriptor: Descriptor) -> Result<Event, Error> {
        self.carry_out(move || Event::create_in(&Descriptor::granting(&owner, &[])?, &descriptor))?
    }

    /// Enables or disables a privilege of this process.
    pub(super) fn set_privilege(&self, luid: u64, enabled: bool) -> Result<(), Error> {
        self.carry_out(move || {
            let token = Token::of_process(thread::current_process(), TOKEN_ADJUST_PRIVILEGES | QUERY);
            let token = token.map_err(|status| of_own_token("NtOpenProcessToken", status))?;
            let set = token.set_privilege(luid, enabled);
            set.map_err(|status| of_own_token("NtAdjustPrivilegesToken", status))
        })?
    }

    /// The primary token of a process that this one has started.
    pub(super) fn token_of(&self, process: OwnedHandle) -> Result<Information, Error> {
        let of_child = |call, status| Error::status(call, status).of("the child's token");
        self.carry_out(move || {
            let token = Token::of_process(process.as_handle(), QUERY);
            let token = token.map_err(|status| of_child("NtOpenProcessToken", status))?;
            token.information().map_err(|status| of_child("NtQueryInformationToken", status))
        })?
    }

    /// An order to a client process.
    pub(super) fn order(&self, remote: Arc<Remote>, order: Order) -> Result<Result<Told, Failure>, Error> {
        self.carry_out(move || remote.order(order))
    }

    fn carry_out<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let (reply, answer) = channel();
        // If the thread has ended, the answer is missing too.
        let _ = self.0.lock().send(Box::new(move || drop(reply.send(work()))));
        answer.recv().map_err(|_| Error::win32("the clerk's thread, which has ended", 0))
    }
}

fn of_own_token(call: &'static str, status: Status) -> Error {
    Error::status(call, status).of("this process's token")
}
