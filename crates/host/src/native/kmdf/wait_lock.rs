//! Wait locks: who holds one, who waits for it, and what becomes of it.

use super::attributes::{Attributes, TypedContext};
use super::children::Child;
use crate::native::contracts::describe;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::machine::Machine;
use crate::{Fault, FaultKind, Waiting};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// `WDFWAITLOCK`.
#[derive(Debug)]
pub(crate) struct WaitLock {
    handle: u64,
    /// Handle of the object that it is deleted with.
    parent: u64,
    context: TypedContext,
    owner: Mutex<Option<Owner>>,
    released: Condvar,
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug)]
struct Owner {
    /// Tells operating-system threads apart.
    cpu: usize,
    /// Id of the model's thread, for messages.
    thread: u32,
    /// Return address of the call that acquired it.
    caller: u64,
}

impl Child for WaitLock {
    const KIND: Kind = Kind::WaitLock;

    fn handle(&self) -> u64 {
        self.handle
    }

    fn parent(&self) -> u64 {
        self.parent
    }
}

/// How often a waiter looks whether the driver was ended.
const SLICE: Duration = Duration::from_millis(10);

impl WaitLock {
    /// A lock that nobody holds.
    pub(crate) fn new(cpu: &Cpu, parent: u64, attributes: Attributes) -> Arc<Self> {
        let handle = object_address::address(Kind::WaitLock, cpu.serial());
        let context = TypedContext::new(attributes);
        Arc::new(Self { handle, parent, context, owner: Mutex::default(), released: Condvar::new() })
    }

    /// Deletes the lock, which nobody may hold.
    pub(crate) fn delete(&self, dispatch: &Dispatch<'_>, cpu: &Cpu) -> Outcome<()> {
        if let Some(owner) = *self.owner.lock() {
            let message = format!("{} was deleted while {}", self.name(dispatch.machine), owner.holds());
            return Err(held(dispatch.machine, message, owner.caller));
        }
        dispatch.machine.framework.locks.remove(self);
        self.context.destroy(dispatch, cpu, self.handle)
    }

    pub(crate) fn context(&self) -> &TypedContext {
        &self.context
    }

    fn name(&self, machine: &Machine) -> String {
        describe::address(self.handle, machine)
    }

    /// Acquires the lock for the calling thread; says whether it did, which
    /// without a timeout is certain.
    pub(crate) fn acquire(self: &Arc<Self>, cx: &Context<'_>, timeout: Option<Duration>) -> Outcome<bool> {
        let me = Owner { cpu: identity(cx.cpu), thread: cx.dispatch.thread.id(), caller: cx.caller };
        let mut owner = self.owner.lock();
        if let Some(other) = *owner {
            if other.cpu == me.cpu && timeout.is_none() {
                let name = self.name(cx.machine());
                let since = since(cx.machine(), other.caller);
                return Err(cx.fault(
                    FaultKind::Deadlock,
                    format_args!("waits for {name}, which the calling thread itself holds{since}"),
                ));
            }
            let begin = Instant::now();
            while let Some(other) = *owner {
                let waited = begin.elapsed();
                let left = timeout.map(|timeout| timeout.saturating_sub(waited));
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(false);
                }
                self.check_hope(cx, waited, other)?;
                match MutexGuard::unlocked(&mut owner, || advice(cx)) {
                    // Asking took a moment, in which it may have been released.
                    Waiting::Sleep if owner.is_some() => {
                        self.released.wait_for(&mut owner, left.map_or(SLICE, |left| left.min(SLICE)));
                    }
                    Waiting::Sleep | Waiting::Again => (),
                    Waiting::InVain => return Err(self.in_vain(cx, other)),
                }
            }
            // What the wait took is not what the driver takes.
            cx.cpu.watch().progress();
        }
        *owner = Some(me);
        drop(owner);
        cx.cpu.locks.borrow_mut().push(self.clone());
        Ok(true)
    }

    /// Ends the wait when it has become pointless.
    fn check_hope(&self, cx: &Context<'_>, waited: Duration, owner: Owner) -> Outcome<()> {
        let machine = cx.machine();
        if let Some(fault) = machine.stopped() {
            return Err(Stop::from(fault.clone()));
        }
        if machine.limit == 0 || waited < Duration::from_millis(machine.limit.into()) {
            return Ok(());
        }
        Err(self.in_vain(cx, owner))
    }

    #[cold]
    fn in_vain(&self, cx: &Context<'_>, owner: Owner) -> Stop {
        let machine = cx.machine();
        let (name, holds, since) = (self.name(machine), owner.holds(), since(machine, owner.caller));
        cx.fault(FaultKind::Hang, format_args!("waits in vain for {name}: {holds}{since}"))
    }

    /// Releases the lock, which the calling thread must hold.
    pub(crate) fn release(&self, cx: &Context<'_>) -> Outcome<()> {
        let mut owner = self.owner.lock();
        let why = match *owner {
            Some(owner) if owner.cpu == identity(cx.cpu) => None,
            Some(owner) => Some(format!("{}{}", owner.holds(), since(cx.machine(), owner.caller))),
            None => Some("nobody holds it".to_owned()),
        };
        if let Some(why) = why {
            let name = self.name(cx.machine());
            return Err(cx.fault(FaultKind::LockOwner, format_args!("releases {name}, but {why}")));
        }
        // What the driver kept under the lock is from now on any thread's.
        cx.machine().held.take_over(cx.cpu);
        cx.cpu.locks.borrow_mut().retain(|lock| lock.handle != self.handle);
        *owner = None;
        drop(owner);
        self.released.notify_one();
        Ok(())
    }

    /// The fault of a driver that returns while it holds the lock.
    #[cold]
    pub(crate) fn still_held(&self, machine: &Machine) -> Stop {
        let caller = self.owner.lock().map_or(0, |owner| owner.caller);
        held(machine, format!("the driver returned while it held {}", self.name(machine)), caller)
    }
}

impl Owner {
    fn holds(&self) -> String {
        format!("thread {} holds it", self.thread)
    }
}

/// What the observer wants a thread to do that has to wait.
fn advice(cx: &Context<'_>) -> Waiting {
    let observer = cx.machine().options.observer.as_ref();
    observer.map_or(Waiting::Sleep, |observer| observer.wait(cx.dispatch.thread.id()))
}

fn identity(cpu: &Cpu) -> usize {
    std::ptr::from_ref(cpu) as usize
}

fn since(machine: &Machine, caller: u64) -> String {
    machine.mapping.site(caller).map(|site| format!(" since {site}")).unwrap_or_default()
}

#[cold]
fn held(machine: &Machine, message: String, caller: u64) -> Stop {
    Stop::from(Fault { kind: FaultKind::LockHeld, message, site: machine.mapping.site(caller) })
}
