//! One call of the host into the driver: on whose behalf, and about what.

use super::machine::Machine;
use crate::native::contracts::ledger::Held;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::enter;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::framework::quarantine::Resting;
use crate::native::kmdf::{FileObject, Request};
use crate::{Fault, FaultKind};
use psimp_model::Thread;
use std::sync::Arc;

/// What a thread does in the driver.
pub(crate) struct Dispatch<'a> {
    pub(crate) machine: &'a Machine,
    /// The thread of the model that is current.
    pub(crate) thread: &'a Arc<Thread>,
    /// The IRQL at which the driver runs. No function that changes it is
    /// modelled.
    pub(crate) irql: u8,
    /// The request that is dispatched.
    pub(crate) request: Option<&'a Request>,
    /// The file object it is about.
    pub(crate) file: Option<&'a Arc<FileObject>>,
    /// The work item whose callback runs.
    pub(crate) work: Option<Work>,
}

/// A run of a work item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Its handle.
    pub(crate) item: u64,
    /// Id of the thread that enqueued it.
    pub(crate) enqueued_by: u32,
}

impl<'a> Dispatch<'a> {
    /// What a thread of the system does.
    pub(crate) fn of_system(machine: &'a Machine) -> Self {
        let thread = &machine.system_thread;
        Self { machine, thread, irql: 0, request: None, file: None, work: None }
    }
}

impl Dispatch<'_> {
    /// Id of the thread that this is done for.
    pub(crate) fn on_behalf_of(&self) -> u32 {
        self.work.map_or(self.thread.id(), |work| work.enqueued_by)
    }

    /// Runs `body`, which enters the driver, and settles the accounts.
    pub(crate) fn run<R>(&self, cpu: &'static Cpu, body: impl FnOnce() -> Outcome<R>) -> Result<R, Fault> {
        let checked = || body().and_then(|value| Resting::check(cpu, self.machine).map(|()| value));
        let Some(result) = cpu.with_dispatch(self, checked) else {
            return Err(Fault {
                kind: FaultKind::Host,
                message: "the driver was called from within a call of the driver".to_owned(),
                site: None,
            });
        };
        match result {
            Ok(value) => {
                self.machine.held.take_over(cpu);
                let started = self.machine.framework.work_items.start_all(self.machine);
                started.map(|()| value).map_err(|Stop(fault)| self.machine.stop(*fault))
            }
            Err(Stop(fault)) => {
                if fault.kind == FaultKind::Host {
                    cpu.abandon();
                } else {
                    Held::drop_all(cpu);
                }
                Err(self.machine.stop(*fault))
            }
        }
    }

    /// Calls a function of the driver, which releases the locks that it takes.
    pub(crate) fn call<const N: usize>(&self, cpu: &Cpu, function: u64, arguments: [u64; N]) -> Outcome<u64> {
        const { assert!(N <= enter::MOST_ARGUMENTS) };
        let mut all = [0; enter::MOST_ARGUMENTS];
        for (to, from) in all.iter_mut().zip(arguments) {
            *to = from;
        }
        let before = cpu.locks.borrow().len();
        let value = enter::enter(cpu, self.machine, function, all)?;
        match cpu.locks.borrow().get(before) {
            None => Ok(value),
            Some(lock) => Err(lock.still_held(self.machine)),
        }
    }
}
