//! Steps that a program carries out with system calls.

use super::actor::Actor;
use super::env::Kept;
use super::observe::OpenedToken;
use crate::driver::Failure;
use crate::native::system::handle::AsHandle as _;
use crate::native::system::handle::granted;
use crate::native::system::information::Information;
use crate::native::system::process::Program as Started;
use crate::native::system::token::Filter;
use crate::native::system::{Error, Token, rights, thread};
use psimp_catalogue::Program;
use psimp_model::sids;
use psimp_nt::{Status, TokenType};
use psimp_rules::Family;

impl Actor<'_, '_> {
    pub(super) fn program(&mut self, program: &Program) {
        match *program {
            Program::ThreadHandle(number, who, access) => {
                let Some(id) = self.id(who) else {
                    return self.compare("the thread to open", "one that runs", "none");
                };
                let access = match self.env.kernel.family() {
                    Family::Nt52 => rights::to_thread_before_vista(access),
                    Family::Documented | Family::Win10 => access,
                };
                match self.env.clerk.open_thread(id, access) {
                    Ok(handle) => self.hold(number, Kept::Thread(handle, who)),
                    Err(error) => self.compare("OpenThread", "success", &error.to_string()),
                }
            }
            Program::TokenHandle(number, tok, access) => {
                let copy =
                    self.env.token(tok).map(|token| thread::duplicate_handle(token.as_handle(), access));
                match copy {
                    Ok(Ok(handle)) => self.hold(number, Kept::Token(handle.into(), Some(tok))),
                    Ok(Err(error)) => self.compare("DuplicateHandle", "success", &error.to_string()),
                    Err(status) => self.compare("token of the case", "success", &status.to_string()),
                }
            }
            Program::Open(number, object, desired) => {
                let opened = self.env.object(object).map(|event| event.open(desired));
                match opened {
                    Ok(Ok(handle)) => self.hold(number, Kept::Other(handle)),
                    Ok(Err(status)) => self.compare("open", "success", &status.to_string()),
                    Err(error) => self.compare("object", "success", &error.to_string()),
                }
            }
            Program::Grants(number, access) => {
                let granted = self.with_thread(number, granted);
                self.same("access that the handle grants", &Ok(access), &granted);
            }
            Program::Close(number) => {
                let closed = self.env.kept.lock().remove(&number).is_some();
                self.same("a handle to close", &true, &closed);
            }
            Program::OpenOwn { as_self, ref expected } => {
                let expected = expected.of(self.env.kernel);
                // The open may replace the token in the slot, so that one is looked at before.
                match self.token_id(self.who) {
                    Ok(in_slot) => {
                        let opened = OpenedToken::of(thread::current(), as_self);
                        self.compare("open", expected, &opened.open(in_slot));
                    }
                    Err(why) => self.compare("slot before the open", "readable", &why),
                }
            }
            Program::OpenProcess { desired, keep, status } => {
                let opened = Token::of_process(thread::current_process(), desired);
                let ended = opened.map(|token| self.hold(keep, Kept::Token(token, None)));
                self.ended("OpenProcessToken", status, ended);
            }
            Program::OpenToken { thread: number, desired, as_self, keep, status } => {
                let behind = self.behind(number);
                let opened = self.with_thread(number, |thread| Token::of_thread(thread, desired, as_self));
                let ended =
                    opened.map(|token| self.hold(keep, Kept::Token(token, self.env.asked.by(behind))));
                self.ended("OpenThreadToken", status, ended);
            }
            ref call => self.slots(call),
        }
    }

    /// Calls that change what threads impersonate.
    fn slots(&self, program: &Program) {
        match *program {
            Program::SetThreadTokenNull => {
                let set = thread::set_token(thread::current(), None);
                self.ended("SetThreadToken without a token", Status::SUCCESS, set);
            }
            Program::SetThreadToken { thread: target, token, status } => {
                let (tok, behind) = (self.tok(token), self.behind(target));
                let set = self.with_token(token, |token| {
                    self.with_thread(target, |thread| thread::set_token(thread, Some(token)))
                });
                if set.is_ok() {
                    self.env.asked.note(behind, tok);
                }
                self.ended("SetThreadToken", status, set);
            }
            Program::SetInformation { token, length, status } => {
                let set = self
                    .with_token(token, |token| thread::set_token_of_length(thread::current(), token, length));
                self.ended("NtSetInformationThread", status, set);
            }
            Program::ImpersonateThread { server, client, level, status } => {
                let (to, from) = (self.behind(server), self.behind(client));
                let done = self.with_thread(server, |server| {
                    self.with_thread(client, |client| thread::impersonate_thread(server, client, level))
                });
                if done.is_ok() {
                    self.env.asked.note(to, self.env.asked.by(from));
                }
                self.ended("NtImpersonateThread", status, done);
            }
            Program::ImpersonateSelf(level) => {
                self.env.asked.note(self.who, None);
                self.ended("ImpersonateSelf", Status::SUCCESS, thread::impersonate_self(level));
            }
            Program::ImpersonateAnonymous(status) => {
                self.env.asked.note(self.who, None);
                let done = thread::impersonate_anonymous(thread::current());
                self.ended("ImpersonateAnonymousToken", status, done);
            }
            ref call => self.tokens(call),
        }
    }

    /// Calls on tokens, and on what does not, or should not, depend on the slot.
    fn tokens(&self, program: &Program) {
        match *program {
            Program::Duplicate { token, level, status } => {
                let kind = TokenType::Impersonation;
                let copy = self.with_token(token, |token| token.duplicate(0, kind, level, false).map(drop));
                self.ended("DuplicateTokenEx", status, copy);
            }
            Program::MakePrimary { token, status } => {
                let copy = self
                    .with_token(token, |token| token.duplicate(0, TokenType::Primary, 0, false).map(drop));
                self.ended("DuplicateTokenEx", status, copy);
            }
            Program::Tells { token, user, integrity } => {
                let told = self.with_token(token, Token::information).map(|told| {
                    // The groups and privileges of a user depend on the machine.
                    (Some(told.user), told.integrity, !told.groups.is_empty(), !told.privileges.is_empty())
                });
                // NT 5.2 has none.
                let levels = self.env.kernel.family() != Family::Nt52 || self.env.has_integrity_levels();
                let expected = (self.env.real(user.sid()), levels.then_some(integrity), true, true);
                self.same("user, integrity, groups, privileges", &Ok(expected), &told);
            }
            Program::Restrict { token, keep } => {
                let tok = self.tok(token);
                let filter = Filter { restricting: &[sids::RESTRICTED], ..Filter::default() };
                match self.with_token(token, |token| token.filter(&filter)) {
                    Ok(token) => self.hold(keep, Kept::Token(token, tok)),
                    Err(status) => self.ended("CreateRestrictedToken", Status::SUCCESS, Err(status)),
                }
            }
            Program::EnableDisabled(token) => {
                // The handle may allow adjusting only, so the disabled privileges are read from the token itself.
                let unknown = || Failure::Fault(format!("the case keeps no token {token} of its own"));
                let disabled = self.tok(token).ok_or_else(unknown).and_then(|tok| self.disabled(tok));
                let set = disabled.and_then(|luids| {
                    self.with_token(token, |token| {
                        luids.iter().try_for_each(|luid| token.set_privilege(*luid, true))
                    })
                });
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            Program::ChildRunsAs(user) => {
                let runs_as = self.child_token().map(|token| (Some(token.user), token.token_type));
                let expected = Ok((self.env.real(user.sid()), TokenType::Primary));
                self.same("user and type of the child's token", &expected, &runs_as);
            }
            Program::NewThreadIsIdle => {
                let idle = thread::spawn_in(self.scope, || {
                    matches!(OpenedToken::of(thread::current(), true), OpenedToken::Idle)
                });
                self.same("the new thread impersonates nothing", &Some(true), &idle.join().ok());
            }
            ref other => self.compare("a call", "one that user mode can make", &format!("{other:?}")),
        }
    }
}

/// A program that every user may run: the child's image is opened as the client of the thread that starts it.
const PROGRAM: &str = r"System32\cmd.exe";

impl Actor<'_, '_> {
    /// The token of a process that is started now.
    fn child_token(&self) -> Result<Information, String> {
        let said = |error: Error| error.to_string();
        let child = Started::start(PROGRAM, &["/c", "exit"]).map_err(said)?;
        let told = self.env.clerk.token_of(child.handle().map_err(said)?).map_err(said);
        child.wait().map_err(said)?;
        told
    }
}
