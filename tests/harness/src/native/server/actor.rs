//! The steps of a case, carried out by the threads of the server process.

use super::env::{CaseEnv, Kept, kind};
use super::observe::{self, OpenedToken};
use super::race;
use super::requests::OnDevice;
use crate::driver::Failure;
use crate::native::plan::is_client;
use crate::native::system::error::Error;
use crate::native::system::handle::{AsHandle, BorrowedHandle, OwnedHandle};
use crate::native::system::rights::ALL_OF_A_THREAD;
use crate::native::system::thread::{Scope, ScopedJoinHandle};
use crate::native::system::{Token, thread};
use crate::result::Comparison;
use crate::run::connections::broker;
use crate::run::requests;
use psimp_catalogue::{Body, Case, ClientToken, Column, DecisionRow, Program, State, Step, Who};
use psimp_model::privileges;
use psimp_nt::Status;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc::{Sender, channel};

/// `FILE_READ_DATA`, and `EVENT_QUERY_STATE` of the objects here.
pub(super) const READ: u32 = 1;

/// Carries out a case, and compares the results with the expected values.
pub(super) fn run(env: &CaseEnv, case: &Case) -> Comparison {
    thread::scope(|scope| {
        let mut actor = Actor::new(env, Who::T1, scope);
        match case.body {
            Body::Decision(row) if env.driver.is_some() => actor.decide_through_driver(row),
            Body::Decision(row) => actor.decide(row),
            Body::Script(script) => {
                // Now, as this thread impersonates nobody: what a thread makes while it impersonates, another thread
                // too, is its client's to open.
                for who in [Who::T2, Who::T3] {
                    actor.worker(who);
                }
                actor.steps(script.steps);
            }
            Body::Pipe(pipe) => actor.pipe(pipe),
            Body::Requests(row) => actor.compared(requests::run(&OnDevice::new(&actor), actor.rules(), row)),
            Body::Race(race) => actor.compared(race::run(&actor, race)),
            Body::Needs(_) => {
                env.compare("the case", "one that user mode can carry out", "another");
            }
        }
        // The answer is written without impersonating, whatever the case left.
        actor.ended("RevertToSelf", Status::SUCCESS, thread::set_token(thread::current(), None));
    });
    env.finish()
}

/// Steps to carry out, and the channel to signal when they are done.
pub(super) type Work = (&'static [Step], Sender<()>);

pub(super) struct Worker<'scope> {
    pub(super) parts: Sender<Work>,
    pub(super) thread: ScopedJoinHandle<'scope, ()>,
}

/// One thread's part in a case.
pub(super) struct Actor<'scope, 'env> {
    pub(super) env: &'env CaseEnv,
    pub(super) who: Who,
    /// The thread that the calls are about.
    pub(super) about: Who,
    number: usize,
    pub(super) scope: &'scope Scope<'scope, 'env>,
    pub(super) workers: BTreeMap<Who, Worker<'scope>>,
}

impl<'scope, 'env> Actor<'scope, 'env> {
    fn new(env: &'env CaseEnv, who: Who, scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { env, who, about: who, number: 0, scope, workers: BTreeMap::new() }
    }

    /// Group D by `SetThreadToken`, with the three observations of its result.
    fn decide(&self, row: &DecisionRow) {
        let token = self.env.token(row.token);
        let set = token.and_then(|token| Ok(thread::set_token(thread::current(), Some(token))?));
        self.ended("SetThreadToken", Status::SUCCESS, set);
        self.decided(row, row.of(self.env.kernel));
    }

    /// Observes the result of a decision.
    pub(super) fn decided(&self, row: &DecisionRow, column: Column) {
        let expected = column.observed(row.token);
        let slot = match column {
            Column::K(level) => format!("{} L{level}", row.token.name()),
            Column::C(level, _) => format!("copy of {} imp/{level} L{level}", row.token.name()),
        };
        let seen = OpenedToken::of(thread::current(), true);
        if self.env.driver.is_none() {
            let (slot, observed) = seen.slot(self.env, Some(row.token), &slot);
            self.env.compare("slot", &slot, &observed);
            self.env.show(observed);
        }
        let opened = match &seen {
            OpenedToken::Token(token) => kind(token),
            other => other.open(None),
        };
        self.env.compare("open", &expected.open, &opened);
        self.env.compare("access", &expected.access, &observe::access(self.env));
    }

    /// The result of a whole case.
    fn compared(&self, found: Comparison) {
        match found {
            Ok(words) => self.env.show(words),
            Err(differences) => self.env.note(|found| found.extend(differences)),
        }
    }

    fn steps(&mut self, steps: &'static [Step]) {
        for step in steps {
            self.number += 1;
            self.step(step);
        }
    }

    fn step(&mut self, step: &'static Step) {
        let documented = self.env.route().documented(self.env.kernel);
        let has_driver = self.env.driver.is_some();
        match *step {
            _ if is_client(self.who) && self.remote_step(step) => (),
            Step::OnlyDriver(steps) if has_driver => self.steps(steps),
            Step::OnlyKernel(_) if has_driver => (),
            Step::Impersonate { .. } | Step::End { .. } if has_driver => self.through_driver(step),
            _ if has_driver && step.is_about_saves() => self.through_driver(step),
            Step::Revert if has_driver && self.about == self.who => self.through_driver(step),
            Step::Impersonate { token, status, .. } => {
                let set = self.env.token(token);
                let set =
                    set.and_then(|token| self.on_thread(|thread| thread::set_token(thread, Some(token))));
                if set.is_ok() {
                    self.env.asked.note(self.about, Some(token));
                }
                self.ended("SetThreadToken", status, set);
            }
            Step::End { .. } | Step::Revert => {
                let set = self.on_thread(|thread| thread::set_token(thread, None));
                self.ended("SetThreadToken without a token", Status::SUCCESS, set);
            }
            Step::DisablePrivilege => {
                let set = self.env.clerk.set_privilege(privileges::IMPERSONATE.into(), false);
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            Step::Repeat(times, steps) => (0..times).for_each(|_| self.steps(steps)),
            Step::On(who, steps) => self.play(who, steps),
            Step::Toward(who, steps) => {
                self.worker(who);
                let before = std::mem::replace(&mut self.about, who);
                self.steps(steps);
                self.about = before;
            }
            Step::OnlyKernel(steps) => self.steps(steps),
            Step::OnKernels(families, steps) if families.contains(&self.env.kernel.family()) => {
                self.steps(steps);
            }
            Step::WhereDocumented(steps) if documented => self.steps(steps),
            Step::WhereNotDocumented(steps) if !documented => self.steps(steps),
            Step::OnlyDriver(_)
            | Step::OnKernels(..)
            | Step::WhereDocumented(_)
            | Step::WhereNotDocumented(_) => (),
            Step::Check(ref values) => self.check(self.env.route().expected(values, self.env.kernel)),
            Step::Program(ref program) => self.program(program),
            Step::Judge(ref judge) => self.judge(judge),
            Step::Object(ref object) => self.object(object),
            Step::Broker(ref step) => broker(self, step),
            Step::Context(ref context) => self.context(step, context),
            ref other => {
                self.env.compare("a step", "one that user mode can carry out", &format!("{other:?}"));
            }
        }
    }

    fn check(&self, state: &State) {
        if self.env.driver.is_some() {
            return self.check_through_driver(state);
        }
        let (seen, again) = match (self.look(self.about), self.look(self.about)) {
            (Ok(seen), Ok(again)) => (seen, again),
            (Err(why), _) | (_, Err(why)) => {
                return self.compare("a look at the thread", "possible", &why.to_string());
            }
        };
        let (expected, observed) = seen.slot(self.env, self.env.asked.by(self.about), state.slot);
        if !state.slot.is_empty() {
            self.compare("slot", &expected, &observed);
        }
        self.env.show(observed);
        if self.about != self.who {
            return;
        }
        // Without copy-on-open every open is of the slot's own object.
        let open = seen.open(again.id());
        if state.slot.contains("co1") {
            // Which object that was is unknown: user mode cannot read the slot without opening the token.
            let kind = |open: &str| open.split_once(' ').map_or(open, |(_, kind)| kind).to_owned();
            self.compare("open", &kind(state.open), &kind(&open));
        } else {
            self.compare("open", state.open, &open);
        }
        self.look_at_access(state);
    }

    pub(super) fn look_at_access(&self, state: &State) {
        if !state.access.is_empty() {
            self.compare("access", state.access, &observe::access(self.env));
        }
    }

    /// The disabled privileges of a token of the case, of which there is at least one.
    pub(super) fn disabled(&self, tok: ClientToken) -> Result<Vec<u64>, Failure> {
        let told = self.env.token(tok)?.information();
        let of = |what| Failure::Fault(format!("{what} of {}", tok.name()));
        let told = told.map_err(|status| of(format!("{status} from NtQueryInformationToken")))?;
        let disabled: Vec<_> =
            told.privileges.into_iter().filter(|held| !held.enabled()).map(|held| held.luid).collect();
        if disabled.is_empty() { Err(of("no disabled privilege".to_owned())) } else { Ok(disabled) }
    }

    /// Opens the token of a thread; an open may change its slot.
    pub(super) fn look(&self, who: Who) -> Result<OpenedToken, Failure> {
        self.with(who, |thread| OpenedToken::of(thread, true))
    }

    /// The id of the token in a thread's slot, which the driver tells without opening it; else that of the opened token.
    pub(super) fn token_id(&self, who: Who) -> Result<Option<u64>, String> {
        if self.env.driver.is_some() {
            return Ok(self.queried(who)?.map(|slot| slot.token_id));
        }
        Ok(self.look(who).map_err(|why| why.to_string())?.id())
    }

    /// A call on the thread that the calls are about.
    fn on_thread<T>(&self, call: impl FnOnce(BorrowedHandle<'_>) -> Result<T, Status>) -> Result<T, Failure> {
        Ok(self.with(self.about, call)??)
    }

    /// A call with a handle of a thread, which the clerk opens.
    pub(super) fn with<T>(&self, who: Who, call: impl FnOnce(BorrowedHandle<'_>) -> T) -> Result<T, Failure> {
        if who == self.who {
            return Ok(call(thread::current()));
        }
        let id = self.env.threads.lock().get(&who).copied();
        let id = id.ok_or_else(|| Failure::Fault(format!("the case has no thread {who:?}")))?;
        Ok(call(self.env.clerk.open_thread(id, ALL_OF_A_THREAD)?.as_handle()))
    }

    pub(super) fn with_thread<T, E: Into<Failure>>(
        &self,
        number: usize,
        call: impl FnOnce(BorrowedHandle<'_>) -> Result<T, E>,
    ) -> Result<T, Failure> {
        if number == Program::SELF {
            return call(thread::current()).map_err(Into::into);
        }
        // The call may keep another number, so the lock is not held.
        let handle = match self.env.kept.lock().get(&number) {
            Some(Kept::Thread(handle, _) | Kept::Other(handle)) => same_handle(handle.as_handle())?,
            Some(Kept::Token(token, _)) => same_handle(token.as_handle())?,
            None => return Err(Failure::Fault(format!("the case keeps no handle {number}"))),
        };
        call(handle.as_handle()).map_err(Into::into)
    }

    pub(super) fn with_token<T, E: Into<Failure>>(
        &self,
        number: usize,
        call: impl FnOnce(&Token) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let token = match self.env.kept.lock().get(&number) {
            Some(Kept::Token(token, _)) => Token::from(same_handle(token.as_handle())?),
            _ => return Err(Failure::Fault(format!("the case keeps no token {number}"))),
        };
        call(&token).map_err(Into::into)
    }

    pub(super) fn behind(&self, number: usize) -> Who {
        match self.env.kept.lock().get(&number) {
            Some(Kept::Thread(_, who)) => *who,
            _ => self.who,
        }
    }

    pub(super) fn tok(&self, number: usize) -> Option<ClientToken> {
        match self.env.kept.lock().get(&number) {
            Some(Kept::Token(_, tok)) => *tok,
            _ => None,
        }
    }

    pub(super) fn hold(&self, number: usize, kept: Kept) {
        self.env.kept.lock().insert(number, kept);
    }

    /// The id of a thread of the case; `None` if it ended at once.
    pub(super) fn id(&mut self, who: Who) -> Option<u32> {
        if who == self.who {
            return Some(thread::current_id());
        }
        self.worker(who);
        self.env.threads.lock().get(&who).copied()
    }

    /// Lets a thread carry out steps, and waits for it.
    pub(super) fn play(&mut self, who: Who, steps: &'static [Step]) {
        if who == self.who {
            return self.steps(steps);
        }
        let (done, wait) = channel();
        let sent = self.worker(who).parts.send((steps, done));
        self.same("the thread carries out its part", &true, &(sent.is_ok() && wait.recv().is_ok()));
    }

    fn worker(&mut self, who: Who) -> &Worker<'scope> {
        let (scope, env) = (self.scope, self.env);
        self.workers.entry(who).or_insert_with(|| {
            let (parts, waiting) = channel::<Work>();
            let (started, start) = channel();
            let thread = thread::spawn_in(scope, move || {
                // The other end waits for this.
                let _ = started.send(thread::current_id());
                let mut actor = Actor::new(env, who, scope);
                for (steps, done) in waiting {
                    actor.steps(steps);
                    let _ = done.send(());
                }
            });
            // A step that needs a thread without an id says so.
            if let Ok(id) = start.recv() {
                env.threads.lock().insert(who, id);
            }
            Worker { parts, thread }
        })
    }

    pub(super) fn compare(&self, what: &str, expected: &str, observed: &str) {
        self.env.compare(&format!("{:?} step {}: {what}", self.who, self.number), expected, observed);
    }

    pub(super) fn same<T: Debug>(&self, what: &str, expected: &T, observed: &T) {
        self.compare(what, &format!("{expected:?}"), &format!("{observed:?}"));
    }

    pub(super) fn ended(&self, what: &str, expected: Status, result: Result<(), impl Into<Failure>>) {
        let observed =
            result.map_err(Into::into).map_or_else(|f| f.to_string(), |()| Status::SUCCESS.to_string());
        self.compare(what, &expected.to_string(), &observed);
    }
}

fn same_handle(handle: BorrowedHandle<'_>) -> Result<OwnedHandle, Failure> {
    handle.try_clone_to_owned().map_err(|error| Error::of_std("DuplicateHandle", &error).into())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Fault(error.to_string())
    }
}
