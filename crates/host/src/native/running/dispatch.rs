//! One call of the host into the driver, and its context.
#![allow(unsafe_code)] // from the thread's block back to the dispatch

use super::account::Account;
use super::machine::Machine;
use crate::native::contracts::describe;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::enter::{self, Ended};
use crate::native::engine::mapping::Code;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::framework::file::FileObject;
use crate::native::framework::request::Request;
use crate::{Fault, FaultKind};
use psimp_model::Thread;
use std::sync::Arc;

/// The context of a thread in the driver.
#[derive(Clone, Copy)]
pub(crate) struct Dispatch<'a> {
    pub(crate) machine: &'a Machine,
    /// The account of the calling operating-system thread.
    pub(crate) account: &'a Account,
    /// The thread of the model that is current.
    pub(crate) thread: &'a Arc<Thread>,
    /// The IRQL at which the driver runs. No function that changes it is modelled.
    pub(crate) irql: u8,
    /// Whether the framework entered a critical region before it called the driver.
    pub(crate) in_critical_region: bool,
    /// The request that is dispatched.
    pub(crate) request: Option<&'a Request>,
    /// The file object of the request.
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
    /// A dispatch at `PASSIVE_LEVEL`, without a request.
    pub(crate) fn new(machine: &'a Machine, account: &'a Account, thread: &'a Arc<Thread>) -> Self {
        Self {
            machine,
            account,
            thread,
            irql: 0,
            in_critical_region: false,
            request: None,
            file: None,
            work: None,
        }
    }

    /// A dispatch on a system thread.
    pub(crate) fn of_system(machine: &'a Machine, account: &'a Account) -> Self {
        Self::new(machine, account, &machine.system_thread)
    }

    /// The dispatch that is in progress.
    ///
    /// # Safety
    /// The driver, or an export for it, is running on the calling thread, whose block is `cpu`; and
    /// the result is not used after this call into the host.
    pub(crate) unsafe fn current(cpu: &Cpu) -> &'a Self {
        // SAFETY: `with_dispatch` is called here only, with this type; the rest is the caller's
        // promise.
        unsafe { cpu.dispatch() }
    }
}

impl Dispatch<'_> {
    /// Id of the thread on whose behalf this runs.
    pub(crate) fn on_behalf_of(&self) -> u32 {
        self.work.map_or(self.thread.id(), |work| work.enqueued_by)
    }

    /// Runs `body`, which calls the driver, and records what the driver holds.
    pub(crate) fn settle_after<R>(&self, body: impl FnOnce() -> Outcome<R>) -> Result<R, Fault> {
        let Self { machine, account, .. } = *self;
        let checked = || {
            let value = body()?;
            self.check_quarantine()?;
            Ok(value)
        };
        match account.cpu.with_dispatch(&machine.mapping, machine.limit, self, checked) {
            None => Err(Fault {
                kind: FaultKind::Host,
                message: "the driver was called from within a call of the driver".to_owned(),
                site: None,
            }),
            Some(Ok(value)) => {
                self.take_over();
                Ok(value)
            }
            Some(Err(Stop(fault))) => {
                if fault.kind == FaultKind::Host {
                    account.abandon();
                } else {
                    account.drop_all();
                }
                Err(machine.stop(*fault))
            }
        }
    }

    /// Moves what the driver took on this thread into the ledger, which all threads share.
    pub(crate) fn take_over(&self) {
        let Account { references, pool, handles, .. } = self.account;
        self.machine.ledger.take_over(references, pool, handles);
    }

    /// The fault of a driver that wrote to the system buffer of a completed request.
    fn check_quarantine(&self) -> Outcome<()> {
        let mut quarantine = self.account.quarantine.borrow_mut();
        let Some(kept) = &*quarantine else { return Ok(()) };
        let Some(fault) = kept.check(self.machine.framework.id(), &self.machine.mapping) else {
            return Ok(());
        };
        *quarantine = None;
        Err(Stop::from(fault))
    }

    /// Calls a function of the driver, which must release the locks that it acquires, and leave the
    /// critical regions that it enters.
    pub(crate) fn call<const N: usize>(&self, function: u64, arguments: [u64; N]) -> Outcome<u64> {
        let Some(code) = self.machine.mapping.function(function) else {
            return Err(Stop::from(Fault {
                kind: FaultKind::BadArgument,
                message: format!("the driver gave 0x{function:X} as a function, where it has no code"),
                site: None,
            }));
        };
        if !self.machine.mapping.may_be_called(function) {
            let function = describe::address(function, &self.machine.mapping);
            return Err(Stop::from(Fault {
                kind: FaultKind::CallTarget,
                message: format!(
                    "the driver gave {function} as a function, which its guard table does not have"
                ),
                site: None,
            }));
        }
        self.call_code(code, arguments)
    }

    /// As [`Dispatch::call`], for code that is known to be a function.
    pub(crate) fn call_code<const N: usize>(&self, code: Code<'_>, arguments: [u64; N]) -> Outcome<u64> {
        const { assert!(N <= enter::MOST_ARGUMENTS) };
        let mut all = [0; enter::MOST_ARGUMENTS];
        for (to, from) in all.iter_mut().zip(arguments) {
            *to = from;
        }
        let Account { locks, regions, .. } = self.account;
        let before = (locks.borrow().len(), regions.borrow().len());
        let value = enter::enter(self.account.cpu, code, all).map_err(|ended| self.fault_of(ended))?;
        if let Some(lock) = locks.borrow().get(before.0) {
            return Err(Stop::from(lock.still_held(&self.machine.mapping)));
        }
        match regions.borrow().get(before.1) {
            None => Ok(value),
            Some(&caller) => Err(self.still_in_region(caller)),
        }
    }

    /// The fault of a driver that returns inside a critical region.
    #[cold]
    fn still_in_region(&self, caller: u64) -> Stop {
        Stop::from(Fault {
            kind: FaultKind::CriticalRegion,
            message: "the driver returned inside a critical region that it entered".to_owned(),
            site: self.machine.mapping.site(caller),
        })
    }

    #[cold]
    fn fault_of(&self, ended: Ended) -> Stop {
        let Self { machine, account, .. } = *self;
        match ended {
            Ended::Fault(fault) => fault,
            Ended::Trap(trap) => {
                let near = |address| self.lent(address);
                Stop::from(describe::trap(&trap, &account.cpu.stack, &machine.mapping, near))
            }
            Ended::Unknown => Stop::from(Fault {
                kind: FaultKind::Host,
                message: "the host left the driver without a reason".to_owned(),
                site: None,
            }),
        }
    }

    /// A description of the memory lent to the driver that an address is in or next to.
    fn lent(&self, address: u64) -> Option<String> {
        let here = self.account.pool.borrow().live().find_map(|block| block.describe(address));
        here.or_else(|| self.machine.ledger.find_block(|block| block.describe(address)))
            .or_else(|| self.request?.describe(address))
            .or_else(|| self.account.create.borrow().as_ref()?.describe(address))
    }
}
