//! Access and privilege checks, and lifetimes of objects.

use super::actor::{Actor, OTHER_PRIVILEGE, READ, Worker};
use super::observe::OpenedToken;
use psimp_catalogue::{Judge, Object};
use psimp_nt::Status;

impl Actor<'_, '_> {
    pub(super) fn judge(&self, judge: &Judge) {
        match *judge {
            Judge::Open(object, desired, status) => match self.env.object(object) {
                Ok(event) => self.ended("open", status, event.open(desired).map(drop)),
                Err(error) => self.compare("object", "success", &error.to_string()),
            },
            Judge::Token(token, object, status) => {
                let checked = self.env.descriptor(object).map(|descriptor| {
                    self.with_token(token, |token| token.access_check(&descriptor, READ)).and_then(Status::ok)
                });
                match checked {
                    Ok(checked) => self.ended("NtAccessCheck", status, checked),
                    Err(error) => self.compare("descriptor", "success", &error.to_string()),
                }
            }
            Judge::TokenPrivilege(token, expected) => {
                let held = self.with_token(token, |token| token.holds(OTHER_PRIVILEGE));
                self.same("NtPrivilegeCheck", &expected, &held);
            }
            ref other => self.compare("a check", "one that user mode can make", &format!("{other:?}")),
        }
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
            Object::SameToken(one, other, expected) => {
                let id = |who| match self.look(who) {
                    OpenedToken::Token(token) => Some(token.token_id),
                    _ => None,
                };
                let (one, other) = (id(one), id(other));
                self.same("the same token", &expected, &(one.is_some() && one == other));
            }
            Object::SlotHasPrivilege(expected) => {
                let held = match self.look(self.about) {
                    OpenedToken::Token(token) => {
                        Some(token.privileges.iter().any(|p| p.luid == OTHER_PRIVILEGE))
                    }
                    _ => None,
                };
                self.same("the slot's token has the privilege", &Some(expected), &held);
            }
            Object::EnableDisabled(tok) => {
                let set = self.disabled(tok).and_then(|luids| {
                    let token = self.env.token(tok)?;
                    luids.iter().try_for_each(|luid| token.set_privilege(*luid, true))
                });
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            ref other => self.compare("a step", "one that user mode can carry out", &format!("{other:?}")),
        }
    }
}
