//! One call of the host into the driver: on whose behalf, and about what.

use super::cpu::Cpu;
use super::enter;
use super::held::Held;
use super::kmdf::{FileObject, Request, Resting};
use super::machine::Machine;
use super::{Outcome, Stop};
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
}

impl Dispatch<'_> {
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
                Ok(value)
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
