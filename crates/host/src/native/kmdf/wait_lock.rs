//! Waiting for, releasing and deleting wait locks.

use crate::native::engine::stop::{Outcome, Stop};
use crate::native::framework::children::Child;
use crate::native::framework::wait_lock::{Owner, WaitLock};
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::{FaultKind, Waiting};
use parking_lot::MutexGuard;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a waiting thread checks whether the driver was ended.
const SLICE: Duration = Duration::from_millis(10);

impl WaitLock {
    /// Acquires the lock for the calling thread; returns whether it did. Without a
    /// timeout it always does.
    pub(super) fn acquire(self: &Arc<Self>, cx: &Context<'_>, timeout: Option<Duration>) -> Outcome<bool> {
        let me = Owner { cpu: identity(cx), thread: cx.dispatch.thread.id(), caller: cx.caller };
        let mut owner = self.owner.lock();
        if let Some(other) = *owner {
            if other.cpu == me.cpu && timeout.is_none() {
                let name = self.name(&cx.machine().mapping);
                let since = cx.at("since", other.caller);
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
                self.check_wait(cx, waited, other)?;
                match MutexGuard::unlocked(&mut owner, || advice(cx)) {
                    // The observer took some time, in which the lock may have been
                    // released.
                    Waiting::Sleep if owner.is_some() => {
                        self.released.wait_for(&mut owner, left.map_or(SLICE, |left| left.min(SLICE)));
                    }
                    Waiting::Sleep | Waiting::Again => (),
                    Waiting::Abandon => return Err(self.give_up(cx, other)),
                }
            }
            // The time of the wait does not count as the driver's.
            cx.account().cpu.progress();
        }
        *owner = Some(me);
        drop(owner);
        cx.account().locks.borrow_mut().push(self.clone());
        Ok(true)
    }

    /// Ends the wait when it can no longer succeed.
    fn check_wait(&self, cx: &Context<'_>, waited: Duration, owner: Owner) -> Outcome<()> {
        let machine = cx.machine();
        if let Some(fault) = machine.stopped() {
            return Err(Stop::from(fault.clone()));
        }
        if machine.limit == 0 || waited < Duration::from_millis(machine.limit.into()) {
            return Ok(());
        }
        Err(self.give_up(cx, owner))
    }

    #[cold]
    fn give_up(&self, cx: &Context<'_>, owner: Owner) -> Stop {
        let (name, holds) = (self.name(&cx.machine().mapping), owner.holds());
        let since = cx.at("since", owner.caller);
        cx.fault(FaultKind::Hang, format_args!("gives up waiting for {name}: {holds}{since}"))
    }

    /// Releases the lock, which the calling thread must hold.
    pub(super) fn release(&self, cx: &Context<'_>) -> Outcome<()> {
        let mut owner = self.owner.lock();
        let why = match *owner {
            Some(owner) if owner.cpu == identity(cx) => None,
            Some(owner) => Some(format!("{}{}", owner.holds(), cx.at("since", owner.caller))),
            None => Some("nobody holds it".to_owned()),
        };
        if let Some(why) = why {
            let name = self.name(&cx.machine().mapping);
            return Err(cx.fault(FaultKind::LockOwner, format_args!("releases {name}, but {why}")));
        }
        // From now on any thread may release what the driver stored under the lock.
        cx.dispatch.take_over();
        cx.account().locks.borrow_mut().retain(|lock| lock.handle() != self.handle());
        *owner = None;
        drop(owner);
        self.released.notify_one();
        Ok(())
    }

    /// Deletes the lock, which must not be held.
    pub(super) fn delete(&self, dispatch: &Dispatch<'_>) -> Outcome<()> {
        if let Some(fault) = self.deleted_while_held(&dispatch.machine.mapping) {
            return Err(Stop::from(fault));
        }
        dispatch.machine.framework.locks.remove(self);
        self.context().destroy(dispatch, self.handle())
    }
}

/// The observer's decision for a thread that has to wait.
fn advice(cx: &Context<'_>) -> Waiting {
    let observer = cx.machine().options.observer.as_ref();
    observer.map_or(Waiting::Sleep, |observer| observer.wait(cx.dispatch.thread.id()))
}

/// Identifies the operating-system thread.
fn identity(cx: &Context<'_>) -> usize {
    std::ptr::from_ref(cx.account()) as usize
}
