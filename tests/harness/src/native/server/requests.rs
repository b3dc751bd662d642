//! Group B: the requests of a row, sent to the open device.

use super::actor::Actor;
use super::connections::written;
use super::env::{READ_WRITE, open_device};
use super::remote::done;
use crate::client::Contract;
use crate::driver::Failure;
use crate::native::client::Order;
use crate::native::system::handle::{AsHandle as _, OwnedHandle, number};
use crate::native::system::rights::{ALL_OF_A_THREAD, QUERY_THREAD, to_thread_before_vista};
use crate::native::system::{process, thread};
use crate::observe::SlotView;
use crate::run::requests::Sender;
use parking_lot::Mutex;
use psimp_catalogue::{Caller, ClientToken, Handle, Opening, Securable, Who};
use psimp_model::rights::{FILE_READ_DATA, FILE_WRITE_DATA, TOKEN_ALL_ACCESS};
use psimp_nt::Status;
use psimp_rules::Family;
use std::sync::mpsc::channel;

/// The thread that sends the requests.
pub(super) struct OnDevice<'a, 'scope, 'env> {
    actor: &'a Actor<'scope, 'env>,
    handles: Mutex<Vec<OwnedHandle>>,
}

impl<'a, 'scope, 'env> OnDevice<'a, 'scope, 'env> {
    pub(super) fn new(actor: &'a Actor<'scope, 'env>) -> Self {
        Self { actor, handles: Mutex::default() }
    }

    /// Rights to a thread in those that the kernel has.
    fn of_thread(&self, access: u32) -> u32 {
        match self.actor.env.kernel.family() {
            // It has an older right for the limited one.
            Family::Nt52 => {
                let [limited, older] = QUERY_THREAD;
                let older = if access & limited == 0 { 0 } else { older };
                to_thread_before_vista(access | older)
            }
            Family::Documented | Family::Win10 => access,
        }
    }

    fn token(&self, tok: ClientToken, access: u32) -> Result<OwnedHandle, Failure> {
        Ok(thread::duplicate_handle(self.actor.env.token(tok)?.as_handle(), access)?)
    }

    /// A handle of a thread of this process that has ended.
    fn ended(&self, access: u32) -> Result<OwnedHandle, Failure> {
        let ((told, id), (end, wait)) = (channel(), channel::<()>());
        let thread = thread::spawn(move || {
            // The other end waits for this, and drops its own to let the thread end.
            let _ = told.send(thread::current_id());
            let _ = wait.recv();
        });
        let opened = id.recv().map_err(|_| Failure::Fault("a thread that ended early".to_owned()));
        let opened =
            opened.and_then(|id| Ok(self.actor.env.clerk.open_thread(id, self.of_thread(access))?));
        drop(end);
        // It cannot panic.
        let _ = thread.join();
        opened
    }
}

impl Sender for OnDevice<'_, '_, '_> {
    fn begin(&self) -> Result<(), Failure> {
        let token = self.actor.env.token(ClientToken::A2)?.number();
        let rules = self.actor.rules();
        self.actor.request(|client| client.impersonate_by(token, false, false, 2, rules)).map(drop)
    }

    fn slot(&self) -> Result<Option<SlotView>, String> {
        self.actor.queried(self.actor.who)
    }

    // The method as a path is not general over the client's lifetime.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn save(&self) -> Result<u64, Failure> {
        self.actor.request(|client| client.save()).map(|saved| saved.save)
    }

    fn handle(&self, which: Handle) -> Result<u64, Failure> {
        let clerk = &self.actor.env.clerk;
        let handle = match which {
            Handle::Value(value) => return Ok(value),
            Handle::Event => {
                let event = self.actor.env.object(Securable::NullDacl)?;
                let event = event.as_handle().try_clone_to_owned();
                event.map_err(|error| crate::native::system::Error::of_std("DuplicateHandle", &error))?
            }
            Handle::Token(tok, access) => self.token(tok, access)?,
            Handle::OwnThread(access) => clerk.open_thread(thread::current_id(), self.of_thread(access))?,
            Handle::EndedThread(access) => self.ended(access)?,
            Handle::ForeignThread => {
                clerk.open_thread(self.actor.remote_of(Who::Q)?.thread_id, ALL_OF_A_THREAD)?
            }
            Handle::Closed => {
                let handle = self.token(ClientToken::A2, TOKEN_ALL_ACCESS)?;
                return Ok(number(handle.as_handle()));
            }
        };
        let value = number(handle.as_handle());
        self.handles.lock().push(handle);
        Ok(value)
    }

    fn release(&self) {
        self.handles.lock().clear();
    }

    fn send(&self, caller: Caller, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        let with_access = |access, output: &mut [u8]| Ok(open_device(access)?.control(code, input, output)?);
        match caller {
            Caller::Opener => self.actor.request(|client| client.control(code, input, output)),
            Caller::Reader => with_access(FILE_READ_DATA, output),
            Caller::Writer => with_access(FILE_WRITE_DATA, output),
            Caller::OtherProcess => {
                let remote = self.actor.remote_of(Who::Q)?;
                let (device, keep) = (self.actor.device()?, remote.number());
                let handle = process::give(remote.process.as_handle(), device.as_handle())?;
                self.actor.order(Who::Q, Order::Keep { handle, keep }).and_then(done)?;
                let control =
                    Order::Control { to: keep, code, input: input.to_vec(), output: output.to_vec() };
                let sent = self.actor.order(Who::Q, control).and_then(|told| written(told, output));
                self.actor.order(Who::Q, Order::Close(keep)).and_then(done)?;
                sent
            }
            Caller::Kernel => Err(Failure::Fault("a request of the kernel's".to_owned())),
        }
    }

    fn open(&self, opening: &Opening) -> Result<(), Failure> {
        if !opening.administrator {
            let remote = self.actor.remote_of(Who::Q)?;
            let (name, keep) = (String::new(), remote.number());
            let open = Order::Open { name, access: READ_WRITE, quality: None, keep };
            self.actor.order(Who::Q, open).and_then(done)?;
            return self.actor.order(Who::Q, Order::Close(keep)).and_then(done);
        }
        let level = opening.impersonating;
        // On a thread that impersonates only that.
        let opened = thread::spawn(move || {
            if let Some(level) = level {
                thread::impersonate_self(level)
                    .map_err(|status| Failure::Fault(format!("ImpersonateSelf: {status}")))?;
            }
            let opened = crate::native::system::device::Device::open_name("", READ_WRITE, None);
            Ok(opened.map(drop)?)
        });
        // The thread does not panic.
        opened.join().unwrap_or(Err(Failure::Status(Status::UNSUCCESSFUL)))
    }
}
