//! Makes calls of the driver fail, and checks the contract afterwards.

use super::contract::{Levels, Request, brief};
use super::id::{Failing, Stack, StackId};
use crate::driver::Witness;
use crate::observe::SlotView;
use parking_lot::Mutex;
use psimp_host::{Call, Decision, Failure, Fault, FaultKind, Observer, StartError, Waiting};
use psimp_model::Thread;
use psimp_nt::Status;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// A violation of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// A reference, a handle, a pool block or a request leaked.
    pub leak: bool,
    /// What happened.
    pub what: String,
}

/// One run: the calls that fail in it, and what was observed.
pub struct Watch {
    /// The calls that fail, in order.
    failing: Vec<Failing>,
    /// Whether every request is logged.
    narrate: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many calls have failed so far.
    failed: usize,
    /// The calls that can fail since the last one that did.
    since: Vec<Met>,
    threads: Vec<Weak<Thread>>,
    /// The requests in progress, by thread.
    served: BTreeMap<u32, Served>,
    levels: Levels,
    /// Counts the requests that change slots.
    turn: u64,
    /// Threads run at the same time.
    slots_change: bool,
    violations: Vec<Violation>,
    log: Vec<String>,
}

/// A request in progress.
struct Served {
    code: u32,
    /// The function that failed last in it.
    failed: Option<&'static str>,
}

/// A call that can fail, and how often it has been made.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) id: StackId,
    pub(super) stack: Stack,
    pub(super) times: u32,
}

/// The record of a run.
#[derive(Debug)]
pub(super) struct RunRecord {
    /// Whether every call that was to fail did.
    pub(super) complete: bool,
    /// The calls that could fail after the last one that did.
    pub(super) since: Vec<Met>,
    pub(super) violations: Vec<Violation>,
    pub(super) log: Vec<String>,
}

impl Watch {
    /// A watch for a run in which these calls fail.
    pub(super) fn new(failing: &[Failing], narrate: bool) -> Arc<Self> {
        Arc::new(Self { failing: failing.to_vec(), narrate, state: Mutex::default() })
    }

    /// The record of the run.
    pub(super) fn finish(&self) -> RunRecord {
        let state = std::mem::take(&mut *self.state.lock());
        RunRecord {
            complete: state.failed == self.failing.len(),
            since: state.since,
            violations: state.violations,
            log: state.log,
        }
    }

    fn violation(&self, leak: bool, what: String) {
        self.state.lock().violations.push(Violation { leak, what });
    }

    fn log_line(&self, state: &mut State, what: impl FnOnce() -> String) {
        if self.narrate {
            state.log.push(what());
        }
    }
}

impl Witness for Watch {
    fn beside(self: Arc<Self>, scheduler: Option<Arc<dyn Observer>>) -> Arc<dyn Observer> {
        match scheduler {
            None => self,
            Some(scheduler) => {
                // Any thread may then change a slot at any time, so slots are not checked.
                self.state.lock().slots_change = true;
                Arc::new(Scheduled { scheduler, watch: self })
            }
        }
    }

    fn notice(&self, thread: &Arc<Thread>) {
        self.state.lock().notice(thread);
    }

    fn disturb(&self) {
        self.state.lock().turn += 1;
    }

    fn ended(&self, what: &str, status: Status) {
        self.log_line(&mut self.state.lock(), || format!("{what}: {status}"));
    }

    fn did_not_start(&self, error: &StartError) {
        match error {
            StartError::Status(status) => self.ended("start of the driver", *status),
            StartError::Fault(fault) => self.report(fault),
            StartError::Load(error) => self.violation(false, error.to_string()),
        }
    }

    fn report(&self, fault: &Fault) {
        self.violation(is_leak(fault.kind), fault.to_string());
    }

    fn left(&self, what: &str) {
        self.violation(true, format!("references after close and revert: {what}"));
    }

    fn request(
        &self,
        thread: &Arc<Thread>,
        code: u32,
        input: &[u8],
        output: &mut [u8],
        send: &dyn Fn(&mut [u8]) -> Result<usize, Failure>,
    ) -> Result<usize, Failure> {
        let request = Request::new(thread, code, input);
        let before = self.state.lock().begin(thread, &request, code);
        let ended = send(output);
        let mut state = self.state.lock();
        let served = state.served.remove(&thread.id());
        let reply = ended.as_ref().map_or(&[][..], |&length| output.get(..length).unwrap_or_default());
        let result = match &ended {
            Ok(_) => Ok(reply),
            Err(Failure::Status(status)) => Err(*status),
            // The host reports it again when the driver is unloaded.
            Err(Failure::Fault(fault)) => {
                self.log_line(&mut state, || format!("{}: fault: {fault}", request.name()));
                return ended;
            }
        };
        let broken = state.judge(&request, before, result, served.and_then(|served| served.failed));
        if let Ok(reply) = result {
            request.remember(reply, &mut state.levels);
        }
        let status = result.err().unwrap_or(Status::SUCCESS);
        self.log_line(&mut state, || {
            let target = request.target.as_ref().unwrap_or(thread);
            let now = brief(slot(target).as_ref());
            format!("{}: {status}; thread {}: {now}", request.name(), target.id())
        });
        for why in broken {
            let what = format!("{} {why} ({status})", request.name());
            self.log_line(&mut state, || format!("  BROKEN: {what}"));
            state.violations.push(Violation { leak: false, what });
        }
        ended
    }
}

/// The state before a request.
struct Before {
    slots: Vec<(Arc<Thread>, Option<SlotView>)>,
    turn: u64,
}

impl State {
    fn notice(&mut self, thread: &Arc<Thread>) {
        if !self.threads.iter().any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(thread))) {
            self.threads.push(Arc::downgrade(thread));
        }
    }

    /// Records the state before a request.
    fn begin(&mut self, thread: &Arc<Thread>, request: &Request, code: u32) -> Before {
        self.notice(thread);
        if let Some(target) = &request.target {
            self.notice(target);
        }
        self.served.insert(thread.id(), Served { code, failed: None });
        self.turn += 1;
        Before { slots: self.slots(), turn: self.turn }
    }

    /// Records the violations of a request.
    fn judge(
        &mut self,
        request: &Request,
        before: Before,
        result: Result<&[u8], Status>,
        failed: Option<&str>,
    ) -> Vec<String> {
        let mut broken = Vec::from_iter(request.check_end(result).err());
        // A request that changed slots in the meantime is checked on its own.
        let undisturbed = self.turn == before.turn && !self.slots_change;
        self.turn += 1;
        for (thread, before) in before.slots.into_iter().filter(|_| undisturbed) {
            let after = slot(&thread);
            let is_target = request.target.as_ref().is_some_and(|target| Arc::ptr_eq(target, &thread));
            let kept = if is_target {
                request.check_slot(before.as_ref(), after.as_ref(), result, failed, &self.levels)
            } else if before == after {
                Ok(())
            } else {
                Err("changed the slot of another thread".to_owned())
            };
            if let Err(why) = kept {
                let (was, is) = (brief(before.as_ref()), brief(after.as_ref()));
                broken.push(format!("{why}; thread {} was {was} and is {is}", thread.id()));
            }
        }
        broken
    }

    /// Counts a call that can fail; returns its number on this stack.
    fn meet(&mut self, id: StackId, stack: &Stack) -> u32 {
        let Some(met) = self.since.iter_mut().find(|met| met.id == id) else {
            self.since.push(Met { id, stack: stack.clone(), times: 1 });
            return 1;
        };
        met.times += 1;
        if met.stack != *stack {
            let what = format!("two stacks have the id {id}: {}; {stack}", met.stack);
            self.violations.push(Violation { leak: false, what });
        }
        met.times
    }

    /// The slots of the threads.
    fn slots(&self) -> Vec<(Arc<Thread>, Option<SlotView>)> {
        let threads = self.threads.iter().filter_map(Weak::upgrade);
        threads.map(|thread| (thread.clone(), slot(&thread))).collect()
    }
}

fn slot(thread: &Thread) -> Option<SlotView> {
    thread.slot().map(|slot| SlotView::from(&slot))
}

impl Observer for Watch {
    fn rule(&self, call: &Call<'_>) -> Decision {
        if !call.can_fail {
            return Decision::Proceed;
        }
        let sites = call.stack();
        let mut state = self.state.lock();
        let stack = Stack {
            function: call.function,
            sites,
            code: state.served.get(&call.on_behalf_of).map(|served| served.code),
        };
        let id = stack.id();
        let number = state.meet(id, &stack);
        if self.failing.get(state.failed) == Some(&Failing { stack: id, number }) {
            state.failed += 1;
            state.since.clear();
            // A failed event cannot be reported, so it excuses no violation.
            let excuses = !call.function.starts_with("Etw");
            if let Some(served) = state.served.get_mut(&call.on_behalf_of).filter(|_| excuses) {
                served.failed = Some(call.function);
            }
            self.log_line(&mut state, || format!("{id} fails: {stack}"));
            return Decision::Fail;
        }
        Decision::Proceed
    }
}

/// Consults the schedule first, then the failures.
struct Scheduled {
    scheduler: Arc<dyn Observer>,
    watch: Arc<Watch>,
}

impl Observer for Scheduled {
    fn rule(&self, call: &Call<'_>) -> Decision {
        match self.scheduler.rule(call) {
            Decision::Fail => Decision::Fail,
            Decision::Proceed => self.watch.rule(call),
        }
    }

    fn wait(&self, thread: u32) -> Waiting {
        self.scheduler.wait(thread)
    }
}

/// Whether the fault is a leak.
fn is_leak(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::ReferenceLeak
            | FaultKind::HandleLeak
            | FaultKind::PoolLeak
            | FaultKind::DeviceInit
            | FaultKind::DeviceLeak
            | FaultKind::Unbind
            | FaultKind::RegistrationLeak
            | FaultKind::NotCompleted
    )
}
