//! Enqueuing and running work items, and waiting for them.
//!
//! The callback runs on another operating-system thread, as a system worker thread of the model. It
//! starts when a thread waits for it or returns from the driver. The order is therefore
//! deterministic, regardless of the operating system's scheduling, and a failure on demand finds the
//! same calls in the same order each time. A driver that waits for its work in another way, by
//! polling memory, waits forever here.

use crate::native::engine::stop::{Outcome, Stop};
use crate::native::engine::workers;
use crate::native::framework::work_item::WorkItem;
use crate::native::running::account::Account;
use crate::native::running::context::Context;
use crate::native::running::dispatch::{Dispatch, Work};
use crate::native::running::machine::Machine;
use crate::{Fault, FaultKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a waiting thread checks whether it should give up.
const SLICE: Duration = Duration::from_millis(10);

impl WorkItem {
    /// Enqueues another run, unless one is already enqueued.
    pub(super) fn enqueue(&self, cx: &Context<'_>) -> Outcome<()> {
        let mut state = self.state.lock();
        if state.deleted {
            let name = self.name(&cx.machine().mapping);
            return Err(cx.fault(
                FaultKind::FrameworkHandle,
                format_args!("was given {name}, which is being deleted"),
            ));
        }
        if state.enqueued_by.is_none() {
            state.enqueued_by = Some(cx.dispatch.thread.id());
            cx.machine().framework.work_waiting.fetch_add(1, Ordering::AcqRel);
        }
        drop(state);
        // The worker may use what the driver holds as well.
        cx.dispatch.take_over();
        Ok(())
    }

    /// Waits until it is idle.
    pub(super) fn flush(self: &Arc<Self>, cx: &Context<'_>) -> Outcome<()> {
        if cx.dispatch.work.is_some_and(|work| work.item == self.handle) {
            let name = self.name(&cx.machine().mapping);
            return Err(cx.fault(
                FaultKind::Deadlock,
                format_args!("waits for {name}, whose callback the calling thread itself runs"),
            ));
        }
        // The worker may release what the driver holds here.
        cx.dispatch.take_over();
        self.wait(cx.dispatch)
    }

    /// Deletes it, once it is idle.
    pub(super) fn delete(self: &Arc<Self>, dispatch: &Dispatch<'_>) -> Outcome<()> {
        self.state.lock().deleted = true;
        self.wait(dispatch)?;
        if dispatch.machine.framework.work_items.remove(self) {
            self.context.destroy(dispatch, self.handle)?;
        }
        Ok(())
    }

    /// Waits even when the driver was ended meanwhile: the callback may use memory of the waiting
    /// thread. The watchdog ends the callback eventually.
    fn wait(self: &Arc<Self>, dispatch: &Dispatch<'_>) -> Outcome<()> {
        let machine = dispatch.machine;
        let begin = Instant::now();
        loop {
            let stopped = machine.stopped();
            if stopped.is_none() {
                self.start(machine)?;
            }
            let mut state = self.state.lock();
            if state.running == 0 {
                if let Some(fault) = stopped {
                    return Err(Stop::from(fault.clone()));
                }
                if state.enqueued_by.is_none() {
                    break;
                }
                continue;
            }
            // A callback that does not return has been ended by then.
            let most = Duration::from_millis(machine.limit.into()).saturating_mul(3);
            if machine.limit != 0 && begin.elapsed() > most {
                return Err(self.give_up(machine));
            }
            self.ended.wait_for(&mut state, SLICE);
        }
        // The time of the wait does not count as the driver's.
        dispatch.account.cpu.progress();
        match machine.stopped() {
            Some(fault) => Err(Stop::from(fault.clone())),
            None => Ok(()),
        }
    }

    #[cold]
    fn give_up(&self, machine: &Machine) -> Stop {
        let message = format!("{} is enqueued again and again, or does not end", self.name(&machine.mapping));
        Stop::from(Fault { kind: FaultKind::Hang, message, site: machine.mapping.site(self.callback) })
    }

    /// Starts it, if it is enqueued.
    fn start(self: &Arc<Self>, machine: &Machine) -> Outcome<()> {
        let mut state = self.state.lock();
        let Some(enqueued_by) = state.enqueued_by.take() else { return Ok(()) };
        machine.framework.work_waiting.fetch_sub(1, Ordering::AcqRel);
        let Some(machine) = machine.share() else { return Ok(()) };
        state.running += 1;
        drop(state);
        let item = Arc::clone(self);
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| item.run(&machine, enqueued_by))).is_err() {
                machine.stop(host_fault("the host panicked at the end of a work item".to_owned()));
            }
            // Before the waiting thread continues: the machine may be freed then.
            drop(machine);
            item.state.lock().running -= 1;
            item.ended.notify_all();
        };
        workers::run(run).map_err(|error| {
            self.state.lock().running -= 1;
            Stop::from(host_fault(format!("there is no thread for a work item: {error}")))
        })
    }

    /// Runs the callback on the calling thread, which acts as a system worker thread meanwhile. A
    /// fault is recorded in the machine.
    fn run(&self, machine: &Machine, enqueued_by: u32) {
        let thread = machine.take_worker();
        let account = Account::attach();
        let work = Some(Work { item: self.handle, enqueued_by });
        let dispatch = Dispatch { work, ..Dispatch::new(machine, &account, &thread) };
        let ended = dispatch.run(|| {
            dispatch.call(self.callback, [self.handle])?;
            if thread.is_impersonating() {
                return Err(Stop::from(Fault {
                    kind: FaultKind::BugCheck,
                    message: format!(
                        "the callback of {} returned while the thread impersonates: \
                         bug check 0xDF (IMPERSONATING_WORKER_THREAD)",
                        self.name(&machine.mapping)
                    ),
                    site: machine.mapping.site(self.callback),
                }));
            }
            Ok(())
        });
        if ended.is_ok() {
            // Other drivers will run here: the memory that this one freed is checked when it is
            // unloaded.
            account.pool.borrow_mut().orphan();
            machine.give_worker(thread);
        }
    }
}

fn host_fault(message: String) -> Fault {
    Fault { kind: FaultKind::Host, message, site: None }
}

impl Dispatch<'_> {
    /// Runs `body`, which calls the driver, settles the accounts, and starts the work items that are
    /// enqueued.
    ///
    /// # Errors
    /// The fault that ended the driver.
    pub(crate) fn run<R>(&self, body: impl FnOnce() -> Outcome<R>) -> Result<R, Fault> {
        let value = self.settle_after(body)?;
        let framework = &self.machine.framework;
        if framework.work_waiting.load(Ordering::Acquire) != 0 {
            let mut items = framework.work_items.all().into_iter();
            let started = items.try_for_each(|item| item.start(self.machine));
            started.map_err(|Stop(fault)| self.machine.stop(*fault))?;
        }
        Ok(value)
    }
}
