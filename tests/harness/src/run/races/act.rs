//! One thread's part in a race.

use super::Pace;
use super::env::RaceEnv;
use crate::client::{Client, Contract};
use crate::driver::Failure;
use crate::machine::Machine;
use crate::observe::{self, SlotView};
use crate::result::mismatch;
use psimp_catalogue::{Act, ClientToken, ThreadArg, TokenArg, Who};
use psimp_model::{Object, privileges, rights};
use psimp_nt::Status;
use psimp_protocol::wire;

/// A thread in a race.
pub(super) struct Actor<'a> {
    env: &'a RaceEnv,
    who: Who,
    /// The machine as this thread uses it.
    machine: Machine,
    pace: &'a Pace,
}

impl<'a> Actor<'a> {
    pub(super) fn new(env: &'a RaceEnv, who: Who, pace: &'a Pace) -> Self {
        Self { env, who, machine: env.machine.on(&env.thread(who)), pace }
    }

    pub(super) fn acts(&self, acts: &'static [Act]) {
        for act in acts {
            if let Act::Repeat(times, acts) = act {
                (0..*times).for_each(|_| self.acts(acts));
            } else {
                self.pace.pause(name(act));
                self.act(act);
            }
        }
    }

    // The methods as paths are not general over the client's lifetime.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn act(&self, act: &'static Act) {
        let what = name(act);
        match *act {
            Act::Impersonate { on, token, copy_on_open, effective_only, level, allowed } => {
                let rules = self.env.rules;
                let done = self.request(on, |client| match token {
                    TokenArg::Token(tok) => {
                        client.impersonate(tok, copy_on_open, effective_only, level, rules)
                    }
                    TokenArg::Handle(number) => {
                        client.impersonate_by(self.handle(number), copy_on_open, effective_only, level, rules)
                    }
                });
                self.ended(what, done.map(drop), allowed);
            }
            Act::End(on, allowed) => {
                self.ended(what, self.request(on, |client| client.end()).map(drop), allowed);
            }
            Act::Revert => {
                let done = self.request(ThreadArg::Own, |client| client.revert());
                self.ended(what, done.map(drop), &[Status::SUCCESS]);
            }
            Act::Query(on, slots, statuses) => {
                let answer = self.request(on, |client| client.query());
                self.told(what, answer, slots, statuses);
            }
            Act::Save(on, number, slots, statuses) => {
                let answer = self.request(on, |client| {
                    let saved = client.save()?;
                    self.env.saves.lock().insert(number, saved.save);
                    Ok(saved.slot)
                });
                self.told(what, answer, slots, statuses);
            }
            Act::Restore(on, number, allowed) => {
                let done = self.request(on, |client| client.restore(self.save(number), self.env.rules));
                self.ended(what, done.map(drop), allowed);
            }
            Act::Discard(number, allowed) => {
                let done = self.request(ThreadArg::Own, |client| client.discard(self.save(number)));
                self.ended(what, done, allowed);
            }
            ref act => self.outside(act),
        }
    }

    /// Acts of programs, the kernel and the I/O manager.
    fn outside(&self, act: &'static Act) {
        let (env, machine) = (self.env, &self.machine);
        match *act {
            Act::TokenHandle(number, tok) => {
                env.handles.lock().insert(number, machine.handle(tok, rights::TOKEN_ALL_ACCESS));
            }
            Act::ThreadHandle(number, who) => {
                let object = Object::Thread(env.thread(who));
                let handle = machine.process.handles().insert(object, rights::THREAD_ALL_ACCESS);
                env.handles.lock().insert(number, handle);
            }
            Act::CloseHandle(number) => {
                let closed = machine.system.nt_close(&machine.thread, self.handle(number));
                self.ended(name(act), closed.map_err(Failure::from), &[Status::SUCCESS]);
            }
            Act::ReuseHandle(number, tok) => self.reuse(number, tok),
            Act::Open(who, allowed) => {
                let opened = self.about(who, |handle| machine.open_token_of(handle, true));
                let words = observe::open(&opened, None);
                self.one_of(name(act), words.trim_start_matches("new "), allowed, &[]);
            }
            Act::Privilege(enabled) => {
                machine.process.primary().adjust_privilege(privileges::IMPERSONATE, enabled);
            }
            Act::BecomeServer(server) => machine.become_server(server),
            Act::Disable(number) => {
                let moved_out = machine.thread.disable_impersonation();
                env.disabled.lock().insert(number, moved_out);
            }
            Act::RestoreDisabled(number) => {
                let moved_out = env.disabled.lock().remove(&number);
                machine.thread.restore_impersonation(moved_out.unwrap_or_default());
            }
            Act::Exit => env.exit(self.who),
            Act::Cancel(allowed) => {
                let done = env.device().and_then(|device| device.driver.cancel(&device.file));
                self.ended(name(act), done, allowed);
            }
            Act::Cleanup => {
                let closed =
                    env.device().and_then(|device| device.driver.cleanup(&machine.thread, &device.file));
                self.ended(name(act), closed, &[Status::SUCCESS]);
            }
            Act::Unload => env.differ(env.unload(&machine.thread)),
            Act::References(tok, allowed) => {
                let references = machine.references(tok);
                if !allowed.contains(&references) {
                    let what = format!("{:?}: references on {}", self.who, tok.name());
                    let found = mismatch(&what, format!("one of {allowed:?}"), references.to_string());
                    env.differ(vec![found]);
                }
            }
            // Handled by the caller.
            _ => (),
        }
    }

    /// Sends a request that names this thread.
    fn request<T>(
        &self,
        on: ThreadArg,
        send: impl FnOnce(&Client<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let device = self.env.device()?;
        let send = |about| {
            let (driver, file) = (&device.driver, &device.file);
            send(&Client { machine: &self.machine, driver, file, about })
        };
        match on {
            ThreadArg::Own => send(0),
            ThreadArg::Of(who) => self.about(who, send),
            ThreadArg::Handle(number) => send(self.handle(number)),
            ThreadArg::Id(who) => send(self.env.thread_id(who).into()),
        }
    }

    /// Calls `act` with a handle to a thread, which is closed afterwards.
    fn about<T>(&self, who: Who, act: impl FnOnce(u64) -> T) -> T {
        let thread = Object::Thread(self.env.thread(who));
        let handle = self.machine.process.handles().insert(thread, rights::THREAD_ALL_ACCESS);
        let done = act(handle);
        self.machine.close(handle);
        done
    }

    fn reuse(&self, number: usize, tok: ClientToken) {
        let before = self.handle(number);
        let after = self.machine.handle(tok, rights::TOKEN_ALL_ACCESS);
        self.env.handles.lock().insert(number, after);
        if before != after {
            let what = format!("{:?}: the handle that is used again", self.who);
            self.env.differ(vec![mismatch(&what, format!("{before:#x}"), format!("{after:#x}"))]);
        }
    }

    fn handle(&self, number: usize) -> u64 {
        self.env.handles.lock().get(&number).copied().unwrap_or_default()
    }

    fn save(&self, number: usize) -> u64 {
        self.env.saves.lock().get(&number).copied().unwrap_or_default()
    }

    /// Checks that the status is one of the allowed ones.
    fn ended(&self, what: &str, result: Result<(), Failure>, allowed: &[Status]) {
        let observed = match result {
            Ok(()) => Status::SUCCESS.to_string(),
            Err(failure) => failure.to_string(),
        };
        self.one_of(what, &observed, &[], allowed);
    }

    /// Checks that the reported slot is one of `slots`, or the status one of
    /// `statuses`.
    fn told(&self, what: &str, answer: Result<wire::Slot, Failure>, slots: &[&str], statuses: &[Status]) {
        let observed = match answer {
            Ok(slot) => match SlotView::from_reply(&slot) {
                Ok(slot) => self.env.words(slot.as_ref()),
                Err(problem) => problem,
            },
            Err(failure) => failure.to_string(),
        };
        self.one_of(what, &observed, slots, statuses);
    }

    fn one_of(&self, what: &str, observed: &str, words: &[&str], statuses: &[Status]) {
        let statuses = statuses.iter().map(ToString::to_string);
        let allowed: Vec<_> = words.iter().map(|words| (*words).to_owned()).chain(statuses).collect();
        if !allowed.iter().any(|allowed| allowed == observed) {
            let what = format!("{:?}: {what}", self.who);
            self.env.differ(vec![mismatch(&what, allowed.join(" or "), observed)]);
        }
    }
}

/// The name of an act in a schedule.
pub(crate) fn name(act: &Act) -> &'static str {
    match act {
        Act::Repeat(..) => "repeat",
        Act::Impersonate { .. } => "IMPERSONATE",
        Act::End(..) => "END",
        Act::Revert => "REVERT",
        Act::Query(..) => "QUERY",
        Act::Save(..) => "SAVE",
        Act::Restore(..) => "RESTORE",
        Act::Discard(..) => "DISCARD",
        Act::TokenHandle(..) | Act::ThreadHandle(..) => "open a handle",
        Act::CloseHandle(_) => "CloseHandle",
        Act::ReuseHandle(..) => "use a handle again",
        Act::Open(..) => "OpenThreadToken",
        Act::Privilege(_) => "AdjustTokenPrivileges",
        Act::BecomeServer(_) => "replace the primary token",
        Act::Disable(_) => "PsDisableImpersonation",
        Act::RestoreDisabled(_) => "PsRestoreImpersonation",
        Act::Exit => "exit",
        Act::Cancel(_) => "CancelIoEx",
        Act::Cleanup => "close the last handle",
        Act::Unload => "close, and unload",
        Act::References(..) => "count references",
    }
}
