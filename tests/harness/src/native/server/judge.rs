//! Access and privilege checks, and lifetimes of objects.

use super::actor::{Actor, READ, Worker};
use super::observe::OpenedToken;
use super::via_driver::DeviceClient;
use crate::client::Contract as _;
use crate::driver::Failure;
use crate::machine::OTHER_PRIVILEGE;
use crate::native::system::Token;
use crate::native::system::object::open;
use crate::native::system::token::{QUERY, QUERY_SOURCE};
use crate::run::expected_access;
use psimp_catalogue::{Judge, Object, Securable};
use psimp_nt::Status;
use psimp_protocol::wire::WorkerAccess;

impl Actor<'_, '_> {
    pub(super) fn judge(&self, judge: &Judge) {
        match *judge {
            Judge::Open(object, desired, status) => {
                match self.env.object(object) {
                    Ok(event) => self.ended("open", status, event.open(desired).map(drop)),
                    Err(error) => self.compare("object", "success", &error.to_string()),
                }
                if self.env.driver.is_some() {
                    self.access_check(object, desired, status);
                }
            }
            Judge::Worker(object, caller, worker) => {
                let checked =
                    self.checked(object, |client, descriptor| client.worker_check(descriptor, READ));
                let told = |status| expected_access(READ, status);
                let checked = checked.map(|WorkerAccess { caller: own, worker: its }| {
                    ((own.granted, own.status), (its.granted, its.status))
                });
                self.same(
                    "WORKER_CHECK: granted and status of the caller, and of the worker",
                    &Ok((told(caller), told(worker))),
                    &checked,
                );
            }
            Judge::OpenNested(object, status) => {
                let descriptor = self.env.descriptor(object);
                let event = descriptor.and_then(|descriptor| self.env.nested(descriptor));
                match event {
                    // Through the directory, not from a handle of it.
                    Ok(event) => {
                        let opened = open(event.path(), READ).map(drop);
                        self.ended("open below a closed directory", status, opened);
                    }
                    Err(error) => self.compare("object", "success", &error.to_string()),
                }
            }
            Judge::Token(token, object, status) => {
                let checked = self.env.descriptor(object).map(|descriptor| {
                    let checked = self.with_token(token, |token| token.access_check(&descriptor, READ));
                    checked.and_then(|status| Ok(status.ok()?))
                });
                match checked {
                    Ok(checked) => self.ended("NtAccessCheck", status, checked),
                    Err(error) => self.compare("descriptor", "success", &error.to_string()),
                }
            }
            Judge::TokenPrivilege(token, expected) => {
                let held = self.with_token(token, |token| token.holds(OTHER_PRIVILEGE.into()));
                self.same("NtPrivilegeCheck", &expected.map_err(Failure::from), &held);
            }
            ref other => self.compare("a check", "one that user mode can make", &format!("{other:?}")),
        }
    }

    /// The driver's `ACCESS_CHECK`: a refusal grants nothing.
    fn access_check(&self, object: Securable, desired: u32, status: Status) {
        let checked = self.checked(object, |client, descriptor| client.access_check(descriptor, desired));
        let checked = checked.map(|access| (access.granted, access.status));
        self.same("ACCESS_CHECK: granted, status", &Ok(expected_access(desired, status)), &checked);
    }

    /// A request about the descriptor of an object.
    fn checked<T>(
        &self,
        object: Securable,
        request: impl FnOnce(&DeviceClient<'_>, &[u8]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let descriptor = self.env.descriptor(object)?;
        self.request(|client| request(client, descriptor.bytes()))
    }

    pub(super) fn object(&mut self, object: &Object) {
        match *object {
            Object::Exit(who) => match self.workers.remove(&who) {
                Some(Worker { parts, thread }) => {
                    drop(parts);
                    self.same("the thread has ended", &true, &thread.join().is_ok());
                }
                None => self.compare("the thread that exits", "one that runs", "none"),
            },
            Object::SameToken(one, other, expected) => match (self.token_id(one), self.token_id(other)) {
                (Ok(one), Ok(other)) => {
                    self.same("the same token", &expected, &(one.is_some() && one == other));
                }
                (one, other) => {
                    let why: Vec<_> = [one.err(), other.err()].into_iter().flatten().collect();
                    self.compare("a look at the two threads", "possible", &why.join("; "));
                }
            },
            Object::SameOrigin(tok) => {
                let expected = self.env.token(tok).and_then(|token| Ok(token.origin()?));
                let seen = self.with(self.about, |thread| {
                    Token::of_thread(thread, QUERY | QUERY_SOURCE, true).and_then(|token| token.origin())
                });
                let seen = seen.and_then(|seen| Ok(seen?));
                self.same("session, source, logon and origin, modified id", &expected, &seen);
            }
            Object::SlotHasPrivilege(expected) => {
                let held = self.look(self.about).map(|opened| match opened {
                    OpenedToken::Token(token) => {
                        Some(token.privileges.iter().any(|p| p.luid == u64::from(OTHER_PRIVILEGE)))
                    }
                    _ => None,
                });
                self.same("the slot's token has the privilege", &Ok(Some(expected)), &held);
            }
            Object::EnableDisabled(tok) => {
                let set = self.disabled(tok).and_then(|luids| {
                    let token = self.env.token(tok)?;
                    luids.iter().try_for_each(|luid| Ok(token.set_privilege(*luid, true)?))
                });
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            ref other => self.compare("a step", "one that user mode can carry out", &format!("{other:?}")),
        }
    }
}
