//! The steps of a case that the thread of a client process carries out.

use super::actor::Actor;
use super::remote::{Remote, done, text};
use crate::driver::Failure;
use crate::native::client::{Order, Told};
use crate::native::system::handle::AsHandle as _;
use crate::native::system::process;
use psimp_catalogue::{Context, Judge, Program, State, Step, Who};
use psimp_nt::Status;
use std::sync::Arc;

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
