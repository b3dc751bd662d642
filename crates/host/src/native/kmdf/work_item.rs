//! Work items: what is enqueued, what runs, and who waits for it.
//!
//! The callback runs on another thread of the operating system, as a system
//! worker thread of the model. It begins when a thread waits for it, or returns
//! from the driver. So what comes before is always before the work, whatever the
//! operating system does, and a failure on demand finds the same calls in the same
//! order each time. A driver that waits for its work in another way, by looking at
//! memory again and again, waits in vain here.

use super::attributes::{Attributes, TypedContext};
use super::children::{Child, Children};
use crate::native::contracts::describe;
use crate::native::contracts::object_address::Kind;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::engine::workers;
use crate::native::running::context::Context;
use crate::native::running::dispatch::{Dispatch, Work};
use crate::native::running::machine::Machine;
use crate::native::running::memory::Address;
use crate::{Fault, FaultKind};
use parking_lot::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// `WDFWORKITEM`.
#[derive(Debug)]
pub(crate) struct WorkItem {
    handle: u64,
    /// Handle of the object that it is deleted with.
    parent: u64,
    /// `EvtWorkItemFunc`.
    callback: u64,
    context: TypedContext,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Id of the thread that enqueued it, until it begins to run.
    enqueued_by: Option<u32>,
    /// How many worker threads run it.
    running: usize,
    /// It is being deleted.
    deleted: bool,
}

impl Child for WorkItem {
    const KIND: Kind = Kind::WorkItem;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}

/// How often a waiter looks whether it waits in vain.
const SLICE: Duration = Duration::from_millis(10);

impl WorkItem {
    /// One that has nothing to do.
    pub(crate) fn new(handle: u64, parent: u64, callback: u64, attributes: Attributes) -> Arc<Self> {
        let context = TypedContext::new(attributes);
        Arc::new(Self { handle, parent, callback, context, state: Mutex::default(), ended: Condvar::new() })
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    pub(crate) fn parent(&self) -> Address {
        Address(self.parent)
    }

    fn name(&self, machine: &Machine) -> String {
        describe::address(self.handle, machine)
    }

    /// Has it run once more, unless it is waiting to.
    pub(crate) fn enqueue(&self, cx: &Context<'_>) -> Outcome<()> {
        let mut state = self.state.lock();
        if state.deleted {
            let name = self.name(cx.machine());
            return Err(cx.fault(
                FaultKind::FrameworkHandle,
                format_args!("was given {name}, which is being deleted"),
            ));
        }
        if state.enqueued_by.is_none() {
            state.enqueued_by = Some(cx.dispatch.thread.id());
            cx.machine().framework.work_items.waiting.fetch_add(1, Ordering::AcqRel);
        }
        drop(state);
        // What the driver holds is the worker's as well.
        cx.machine().held.take_over(cx.cpu);
        Ok(())
    }

    /// Waits until it has nothing to do.
    pub(crate) fn flush(self: &Arc<Self>, cx: &Context<'_>) -> Outcome<()> {
        if cx.dispatch.work.is_some_and(|work| work.item == self.handle) {
            let name = self.name(cx.machine());
            return Err(cx.fault(
                FaultKind::Deadlock,
                format_args!("waits for {name}, whose callback the calling thread itself runs"),
            ));
        }
        // The worker may give back what the driver holds here.
        cx.machine().held.take_over(cx.cpu);
        self.wait(cx.machine(), cx.cpu)
    }

    /// Deletes it, once it has nothing to do.
    pub(crate) fn delete(self: &Arc<Self>, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        self.state.lock().deleted = true;
        self.wait(dispatch.machine, cpu)?;
        if dispatch.machine.framework.work_items.items.remove(self) {
            self.context.destroy(dispatch, cpu, self.handle)?;
        }
        Ok(())
    }

    /// Waits even when the driver was ended meanwhile: the callback may use
    /// memory of who waits. The watchdog ends it at last.
    fn wait(self: &Arc<Self>, machine: &Machine, cpu: &Cpu) -> Outcome<()> {
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
                return Err(self.in_vain(machine));
            }
            self.ended.wait_for(&mut state, SLICE);
        }
        // What the wait took is not what the driver takes.
        cpu.watch().progress();
        match machine.stopped() {
            Some(fault) => Err(Stop::from(fault.clone())),
            None => Ok(()),
        }
    }

    #[cold]
    fn in_vain(&self, machine: &Machine) -> Stop {
        let message = format!("{} is enqueued again and again, or does not end", self.name(machine));
        Stop::from(Fault { kind: FaultKind::Hang, message, site: machine.mapping.site(self.callback) })
    }

    /// Lets it run, if it is enqueued.
    fn start(self: &Arc<Self>, machine: &Machine) -> Outcome<()> {
        let mut state = self.state.lock();
        let Some(enqueued_by) = state.enqueued_by.take() else { return Ok(()) };
        machine.framework.work_items.waiting.fetch_sub(1, Ordering::AcqRel);
        let Some(machine) = machine.share() else { return Ok(()) };
        state.running += 1;
        drop(state);
        let item = Arc::clone(self);
        let run = move || {
            if catch_unwind(AssertUnwindSafe(|| item.run(&machine, enqueued_by))).is_err() {
                machine.stop(host_fault("the host panicked at the end of a work item".to_owned()));
            }
            // Not after who waits goes on: the machine may be gone then.
            drop(machine);
            item.state.lock().running -= 1;
            item.ended.notify_all();
        };
        workers::run(run).map_err(|error| {
            self.state.lock().running -= 1;
            Stop::from(host_fault(format!("there is no thread for a work item: {error}")))
        })
    }

    /// Runs the callback on the calling thread, which is a system worker thread
    /// meanwhile. A fault is the machine's afterwards.
    fn run(&self, machine: &Machine, enqueued_by: u32) {
        let thread = machine.take_worker();
        let cpu = Cpu::attach();
        let work = Some(Work { item: self.handle, enqueued_by });
        let dispatch = Dispatch { machine, thread: &thread, irql: 0, request: None, file: None, work };
        let ended = dispatch.run(cpu, || {
            dispatch.call(cpu, self.callback, [self.handle, 0, 0, 0])?;
            if thread.is_impersonating() {
                return Err(Stop::from(Fault {
                    kind: FaultKind::BugCheck,
                    message: format!(
                        "the callback of {} returned while the thread impersonates: \
                         bug check 0xDF (IMPERSONATING_WORKER_THREAD)",
                        self.name(machine)
                    ),
                    site: machine.mapping.site(self.callback),
                }));
            }
            Ok(())
        });
        if ended.is_ok() {
            // Other drivers will run here: what this one freed is looked at when it is unloaded.
            cpu.pool.borrow_mut().orphan();
            machine.give_worker(thread);
        }
    }
}

fn host_fault(message: String) -> Fault {
    Fault { kind: FaultKind::Host, message, site: None }
}

/// The work items of one driver.
#[derive(Debug, Default)]
pub(crate) struct WorkItems {
    items: Children<WorkItem>,
    /// How many are enqueued and have not begun.
    waiting: AtomicUsize,
}

impl WorkItems {
    /// Takes a new one up.
    pub(crate) fn add(&self, item: Arc<WorkItem>) {
        self.items.add(item);
    }

    /// The one behind a handle.
    pub(crate) fn find(&self, cx: &Context<'_>, handle: Address) -> Outcome<Arc<WorkItem>> {
        self.items.find(cx, handle)
    }

    /// Lets all run that are enqueued.
    pub(crate) fn start_all(&self, machine: &Machine) -> Outcome<()> {
        if self.waiting.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        self.items.all().iter().try_for_each(|item| item.start(machine))
    }

    /// Deletes those below an object.
    pub(crate) fn delete_children(&self, dispatch: &Dispatch<'_>, cpu: &Cpu, parent: u64) -> Outcome<()> {
        self.items.of(parent).iter().try_for_each(|item| item.delete(dispatch, cpu))
    }
}
