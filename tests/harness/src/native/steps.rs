//! The steps of a case, carried out by the threads of the server process.

use super::express::of;
use super::look::{self, Seen};
use super::stage::{Kept, Stage};
use crate::run::Found;
use psimp_catalogue::{
    Body, Case, Column, DecisionRow, Judge, Kernel, Object, Program, State, Step, Tok, Who,
};
use psimp_model::{privileges, sids};
use psimp_protocol::Status;
use psimp_rules::TokenType;
use psimp_windows::token::{Filter, QUERY};
use psimp_windows::{Token, thread};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

const THREAD_ALL_ACCESS: u32 = 0x001F_FFFF;
const TOKEN_ADJUST_PRIVILEGES: u32 = 0x20;
/// `SeBackupPrivilege`, which some fixtures hold for privilege checks to find.
const OTHER_PRIVILEGE: u64 = 17;
/// `FILE_READ_DATA`, and `EVENT_QUERY_STATE` of the objects here.
const READ: u32 = 1;

/// Carries out a case, and looks whether all came as expected.
pub(super) fn run(stage: &Stage, case: &Case) -> Found {
    std::thread::scope(|scope| {
        let mut actor = Actor::new(stage, Who::T1, scope);
        match case.body {
            Body::Decision(row) => actor.decide(row),
            Body::Script(script) => actor.steps(script.steps),
            Body::Requests(_) | Body::Race(_) | Body::Needs(_) => {
                stage.compare("the case", "one that user mode can carry out", "another");
            }
        }
        // The answer is written as the process, whatever the case left.
        actor.ended("RevertToSelf", Status::SUCCESS, thread::set_token(thread::current(), None));
    });
    stage.finish()
}

/// Steps to carry out, and whom to tell when that is done.
type Part = (&'static [Step], Sender<()>);

struct Player<'scope> {
    parts: Sender<Part>,
    thread: ScopedJoinHandle<'scope, ()>,
}

/// One thread's part in a case.
struct Actor<'scope, 'env> {
    stage: &'env Stage,
    who: Who,
    /// Whom the calls are about.
    about: Who,
    number: usize,
    scope: &'scope Scope<'scope, 'env>,
    players: BTreeMap<Who, Player<'scope>>,
}

impl<'scope, 'env> Actor<'scope, 'env> {
    fn new(stage: &'env Stage, who: Who, scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { stage, who, about: who, number: 0, scope, players: BTreeMap::new() }
    }

    /// Group D: the token, and the three looks at what came of it.
    fn decide(&self, row: &DecisionRow) {
        let set =
            self.stage.token(row.token).and_then(|token| thread::set_token(thread::current(), Some(token)));
        self.ended("SetThreadToken", Status::SUCCESS, set);
        let column = match self.stage.kernel {
            Kernel::Documented => row.doc,
            Kernel::Nt52 => row.nt52,
            Kernel::Win10 | Kernel::Peios => row.w10,
        };
        let expected = column.observed(row.token);
        let slot = match column {
            Column::K(level) => format!("{} L{level}", row.token.name()),
            Column::C(level, _) => format!("copy of {} imp/{level} L{level}", row.token.name()),
        };
        let seen = Seen::of(thread::current(), true);
        let (slot, observed) = seen.slot(self.stage, Some(row.token), &slot);
        self.stage.compare("slot", &slot, &observed);
        self.stage.show(observed);
        let opened = match &seen {
            Seen::Token(token) => look::kind(token),
            other => other.open(other),
        };
        self.stage.compare("open", &expected.open, &opened);
        self.stage.compare("access", &expected.access, &look::access(self.stage));
    }

    fn steps(&mut self, steps: &'static [Step]) {
        for step in steps {
            self.number += 1;
            self.step(step);
        }
    }

    fn step(&mut self, step: &'static Step) {
        let documented = self.stage.kernel == Kernel::Documented;
        match *step {
            Step::Impersonate { token, status, .. } => {
                let set = self.stage.token(token);
                let set =
                    set.and_then(|token| self.on_thread(|thread| thread::set_token(thread, Some(token))));
                if set.is_ok() {
                    self.stage.ask(self.about, Some(token));
                }
                self.ended("SetThreadToken", status, set);
            }
            Step::End { .. } | Step::Revert => {
                let set = self.on_thread(|thread| thread::set_token(thread, None));
                self.ended("SetThreadToken without a token", Status::SUCCESS, set);
            }
            Step::DisablePrivilege => {
                let token = Token::of_process(thread::current_process(), TOKEN_ADJUST_PRIVILEGES | QUERY);
                let luid = u64::from(privileges::IMPERSONATE);
                self.ended(
                    "AdjustTokenPrivileges",
                    Status::SUCCESS,
                    token.and_then(|token| token.set_privilege(luid, false)),
                );
            }
            Step::Repeat(times, steps) => (0..times).for_each(|_| self.steps(steps)),
            Step::On(who, steps) => self.play(who, steps),
            Step::Toward(who, steps) => {
                self.player(who);
                let before = std::mem::replace(&mut self.about, who);
                self.steps(steps);
                self.about = before;
            }
            Step::OnlyKernel(steps) => self.steps(steps),
            Step::OnKernels(kernels, steps) if kernels.contains(&self.stage.kernel) => self.steps(steps),
            Step::WhereDocumented(steps) if documented => self.steps(steps),
            Step::Elsewhere(steps) if !documented => self.steps(steps),
            Step::OnlyDriver(_) | Step::OnKernels(..) | Step::WhereDocumented(_) | Step::Elsewhere(_) => (),
            Step::Check(ref values) => self.check(of(values, self.stage.kernel)),
            Step::Program(ref program) => self.program(program),
            Step::Judge(ref judge) => self.judge(judge),
            Step::Object(ref object) => self.object(object),
            ref other => {
                self.stage.compare("a step", "one that user mode can carry out", &format!("{other:?}"));
            }
        }
    }

    fn check(&self, state: &State) {
        let look = || self.on_thread(|thread| Ok(Seen::of(thread, true)));
        let (Ok(seen), Ok(again)) = (look(), look()) else {
            return self.compare("a look at the thread", "possible", "not possible");
        };
        let (expected, observed) = seen.slot(self.stage, self.stage.asked(self.about), state.slot);
        if !state.slot.is_empty() {
            self.compare("slot", &expected, &observed);
        }
        self.stage.show(observed);
        if self.about == self.who {
            let open = seen.open(&again);
            if state.slot.contains("co1") {
                // Which object that was cannot be told: the slot cannot be looked at without an open.
                let kind = |open: &str| open.split_once(' ').map_or(open, |(_, kind)| kind).to_owned();
                self.compare("open", &kind(state.open), &kind(&open));
            } else {
                self.compare("open", state.open, &open);
            }
            if !state.access.is_empty() {
                self.compare("access", state.access, &look::access(self.stage));
            }
        }
    }

    fn program(&mut self, program: &Program) {
        match *program {
            Program::ThreadHandle(number, who, access) => {
                let id = self.id(who);
                match thread::open(id, access) {
                    Ok(handle) => self.hold(number, Kept::Thread(handle, who)),
                    Err(error) => self.compare("OpenThread", "success", &error.to_string()),
                }
            }
            Program::TokenHandle(number, tok, access) => {
                let copy =
                    self.stage.token(tok).map(|token| thread::duplicate_handle(token.as_handle(), access));
                match copy {
                    Ok(Ok(handle)) => self.hold(number, Kept::Token(handle.into(), Some(tok))),
                    Ok(Err(error)) => self.compare("DuplicateHandle", "success", &error.to_string()),
                    Err(status) => self.compare("token of the case", "success", &status.to_string()),
                }
            }
            Program::Open(number, object, desired) => {
                let opened = self.stage.object(object).map(|event| event.open(desired));
                match opened {
                    Ok(Ok(handle)) => self.hold(number, Kept::Other(handle)),
                    Ok(Err(status)) => self.compare("open", "success", &status.to_string()),
                    Err(error) => self.compare("object", "success", &error.to_string()),
                }
            }
            Program::Close(number) => {
                let closed = self.stage.kept.lock().remove(&number).is_some();
                self.same("a handle to close", &true, &closed);
            }
            Program::OpenOwn { as_self, ref expected } => {
                let look = || Seen::of(thread::current(), as_self);
                let expected = of(expected, self.stage.kernel);
                self.compare("open", expected, &look().open(&Seen::of(thread::current(), true)));
            }
            Program::OpenToken { thread: number, desired, as_self, keep, status } => {
                let behind = self.behind(number);
                let opened = self.with_thread(number, |thread| Token::of_thread(thread, desired, as_self));
                let ended = opened.map(|token| self.hold(keep, Kept::Token(token, self.stage.asked(behind))));
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
                    self.stage.ask(behind, tok);
                }
                self.ended("SetThreadToken", status, set);
            }
            Program::SetInformation { token, length, status } => {
                let set = self.with_token(token, |token| {
                    let number = token.number().to_le_bytes();
                    thread::set_token_bytes(thread::current(), number.get(..length).unwrap_or_default())
                });
                self.ended("NtSetInformationThread", status, set);
            }
            Program::ImpersonateThread { server, client, level, status } => {
                let (to, from) = (self.behind(server), self.behind(client));
                let done = self.with_thread(server, |server| {
                    self.with_thread(client, |client| thread::impersonate_thread(server, client, level))
                });
                if done.is_ok() {
                    self.stage.ask(to, self.stage.asked(from));
                }
                self.ended("NtImpersonateThread", status, done);
            }
            Program::ImpersonateSelf(level) => {
                self.stage.ask(self.who, None);
                self.ended("ImpersonateSelf", Status::SUCCESS, thread::impersonate_self(level));
            }
            Program::ImpersonateAnonymous => {
                self.stage.ask(self.who, None);
                let done = thread::impersonate_anonymous(thread::current());
                self.ended("ImpersonateAnonymousToken", Status::SUCCESS, done);
            }
            ref call => self.tokens(call),
        }
    }

    /// Calls on tokens, and on what does not depend on the slot, or ought not.
    fn tokens(&self, program: &Program) {
        match *program {
            Program::Duplicate { token, level, status } => {
                let kind = TokenType::Impersonation;
                let copy = self.with_token(token, |token| token.duplicate(0, kind, level, false).map(drop));
                self.ended("DuplicateTokenEx", status, copy);
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
                // The handle may be for adjusting alone, so what is disabled is asked of the token itself.
                let disabled = self.tok(token).map_or(Err(Status::INVALID_HANDLE), |tok| self.disabled(tok));
                let set = disabled.and_then(|luids| {
                    self.with_token(token, |token| {
                        luids.iter().try_for_each(|luid| token.set_privilege(*luid, true))
                    })
                });
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            Program::ChildRunsAs(user) => {
                let runs_as = child_token().map(|token| (token.user, token.token_type));
                let expected = self.stage.real(user.sid()).map(|sid| (sid, TokenType::Primary));
                self.same("user and type of the child's token", &expected, &runs_as);
            }
            Program::NewThreadIsIdle => {
                let idle = self.scope.spawn(|| matches!(Seen::of(thread::current(), true), Seen::Idle));
                self.same("the new thread impersonates nothing", &Some(true), &idle.join().ok());
            }
            ref other => self.compare("a call", "one that user mode can make", &format!("{other:?}")),
        }
    }

    fn judge(&self, judge: &Judge) {
        match *judge {
            Judge::Open(object, desired, status) => match self.stage.object(object) {
                Ok(event) => self.ended("open", status, event.open(desired).map(drop)),
                Err(error) => self.compare("object", "success", &error.to_string()),
            },
            Judge::Token(token, object, status) => {
                let checked = self.stage.descriptor(object).map(|descriptor| {
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

    fn object(&mut self, object: &Object) {
        match *object {
            Object::Exit(who) => match self.players.remove(&who) {
                Some(Player { parts, thread }) => {
                    drop(parts);
                    self.same("the thread has ended", &true, &thread.join().is_ok());
                }
                None => self.compare("the thread that exits", "one that runs", "none"),
            },
            Object::SameToken(one, other, expected) => {
                let id = |who| match self.look(who) {
                    Seen::Token(token) => Some(token.token_id),
                    _ => None,
                };
                let (one, other) = (id(one), id(other));
                self.same("the same token", &expected, &(one.is_some() && one == other));
            }
            Object::SlotHasPrivilege(expected) => {
                let held = match self.look(self.about) {
                    Seen::Token(token) => Some(token.privileges.iter().any(|p| p.luid == OTHER_PRIVILEGE)),
                    _ => None,
                };
                self.same("the slot's token has the privilege", &Some(expected), &held);
            }
            Object::EnableDisabled(tok) => {
                let set = self.disabled(tok).and_then(|luids| {
                    let token = self.stage.token(tok)?;
                    luids.iter().try_for_each(|luid| token.set_privilege(*luid, true))
                });
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, set);
            }
            ref other => self.compare("a step", "one that user mode can carry out", &format!("{other:?}")),
        }
    }

    /// The privileges that a token of the case has disabled, of which there is at least one.
    fn disabled(&self, tok: Tok) -> Result<Vec<u64>, Status> {
        let held = self.stage.token(tok)?.information()?.privileges.into_iter();
        let disabled: Vec<_> = held.filter(|held| !held.enabled()).map(|held| held.luid).collect();
        if disabled.is_empty() { Err(Status::PRIVILEGE_NOT_HELD) } else { Ok(disabled) }
    }

    fn look(&self, who: Who) -> Seen {
        if who == self.who {
            return Seen::of(thread::current(), true);
        }
        let id = self.stage.threads.lock().get(&who).copied();
        match id.map(|id| thread::open(id, THREAD_ALL_ACCESS)) {
            Some(Ok(handle)) => Seen::of(handle.as_handle(), true),
            _ => Seen::Refused(Status::INVALID_HANDLE),
        }
    }

    /// A call on the thread that the calls are about.
    fn on_thread<T>(&self, call: impl FnOnce(BorrowedHandle<'_>) -> Result<T, Status>) -> Result<T, Status> {
        if self.about == self.who {
            return call(thread::current());
        }
        let id = self.stage.threads.lock().get(&self.about).copied().unwrap_or(0);
        let handle = thread::open(id, THREAD_ALL_ACCESS).map_err(|_| Status::INVALID_HANDLE)?;
        call(handle.as_handle())
    }

    fn with_thread<T>(
        &self,
        number: usize,
        call: impl FnOnce(BorrowedHandle<'_>) -> Result<T, Status>,
    ) -> Result<T, Status> {
        if number == Program::SELF {
            return call(thread::current());
        }
        // Another number may be kept during the call, so the lock is not held.
        let handle = match self.stage.kept.lock().get(&number) {
            Some(Kept::Thread(handle, _) | Kept::Other(handle)) => same_handle(handle.as_handle())?,
            Some(Kept::Token(token, _)) => same_handle(token.as_handle())?,
            None => return Err(Status::INVALID_HANDLE),
        };
        call(handle.as_handle())
    }

    fn with_token<T>(
        &self,
        number: usize,
        call: impl FnOnce(&Token) -> Result<T, Status>,
    ) -> Result<T, Status> {
        self.with_thread(number, |handle| call(&Token::from(same_handle(handle)?)))
    }

    fn behind(&self, number: usize) -> Who {
        match self.stage.kept.lock().get(&number) {
            Some(Kept::Thread(_, who)) => *who,
            _ => self.who,
        }
    }

    fn tok(&self, number: usize) -> Option<Tok> {
        match self.stage.kept.lock().get(&number) {
            Some(Kept::Token(_, tok)) => *tok,
            _ => None,
        }
    }

    fn hold(&self, number: usize, kept: Kept) {
        self.stage.kept.lock().insert(number, kept);
    }

    fn id(&mut self, who: Who) -> u32 {
        if who == self.who {
            return thread::current_id();
        }
        self.player(who);
        self.stage.threads.lock().get(&who).copied().unwrap_or(0)
    }

    /// Lets a thread carry out steps, and waits for it.
    fn play(&mut self, who: Who, steps: &'static [Step]) {
        if who == self.who {
            return self.steps(steps);
        }
        let (done, wait) = channel();
        let sent = self.player(who).parts.send((steps, done));
        self.same("the thread carries out its part", &true, &(sent.is_ok() && wait.recv().is_ok()));
    }

    fn player(&mut self, who: Who) -> &Player<'scope> {
        let (scope, stage) = (self.scope, self.stage);
        self.players.entry(who).or_insert_with(|| {
            let (parts, waiting) = channel::<Part>();
            let (started, start) = channel();
            let thread = scope.spawn(move || {
                // The other end waits for this.
                let _ = started.send(thread::current_id());
                let mut actor = Actor::new(stage, who, scope);
                for (steps, done) in waiting {
                    actor.steps(steps);
                    let _ = done.send(());
                }
            });
            stage.threads.lock().insert(who, start.recv().unwrap_or(0));
            Player { parts, thread }
        })
    }

    fn compare(&self, what: &str, expected: &str, observed: &str) {
        self.stage.compare(&format!("{:?} step {}: {what}", self.who, self.number), expected, observed);
    }

    fn same<T: Debug>(&self, what: &str, expected: &T, observed: &T) {
        self.compare(what, &format!("{expected:?}"), &format!("{observed:?}"));
    }

    fn ended(&self, what: &str, expected: Status, result: Result<(), Status>) {
        let observed = result.err().unwrap_or(Status::SUCCESS);
        self.compare(what, &expected.to_string(), &observed.to_string());
    }
}

fn same_handle(handle: BorrowedHandle<'_>) -> Result<OwnedHandle, Status> {
    handle.try_clone_to_owned().map_err(|_| Status::INVALID_HANDLE)
}

/// What a process that is started now runs as.
fn child_token() -> Option<psimp_windows::information::Information> {
    use std::process::{Command, Stdio};
    let mut command = Command::new(std::env::current_exe().ok()?);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let information = Token::of_process(child.as_handle(), QUERY).and_then(|token| token.information());
    let _ = child.wait();
    information.ok()
}
