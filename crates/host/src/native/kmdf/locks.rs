//! The wait-lock functions.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status::TIMEOUT;
use crate::native::engine::address::Address;
use crate::native::engine::export::PASSIVE;
use crate::native::engine::stop::Outcome;
use crate::native::framework::typed_context::TypedContext;
use crate::native::framework::wait_lock::WaitLock;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_nt::Status;
use std::sync::Arc;
use std::time::Duration;

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfWaitLockCreate[DISPATCH, fails RESOURCES](
        cx, globals: Address, attributes: Address, lock: Address
    ) -> Status {
        let framework = cx.framework(globals)?;
        let (attributes, parent) = match cx.child_attributes(attributes)? {
            Ok(checked) => checked,
            Err(status) => return Ok(status),
        };
        let parent = cx.parent(parent)?;
        let context = match TypedContext::new(attributes) {
            Ok(context) => context,
            Err(status) => return Ok(status),
        };
        let handle = object_address::address(Kind::WaitLock, cx.account().serial());
        framework.locks.add(WaitLock::new(handle, parent, context));
        cx.write(lock, &handle, "the lock's handle")?;
        Ok(Status::SUCCESS)
    }

    /// Without a timeout, or with a nonzero one, the thread may wait.
    fn WdfWaitLockAcquire[DISPATCH, fails NEVER](
        cx, globals: Address, lock: Address, timeout: Address
    ) -> Status {
        cx.framework(globals)?;
        let lock = find(cx, lock)?;
        let timeout = match timeout.non_null() {
            None => None,
            Some(at) => Some(cx.read::<i64>(at, "the timeout")?),
        };
        if timeout != Some(0) && cx.dispatch.irql > PASSIVE {
            return Err(cx.fault(FaultKind::Irql, format_args!("may wait at IRQL {}", cx.dispatch.irql)));
        }
        let timeout = match timeout {
            Some(due @ 1..) => return cx.not_modelled(format_args!("waits until the system time {due}")),
            // In units of 100 ns; negative values are relative.
            Some(time) => Some(Duration::from_nanos(time.unsigned_abs().saturating_mul(100))),
            None => None,
        };
        Ok(if lock.acquire(cx, timeout)? { Status::SUCCESS } else { TIMEOUT })
    }

    fn WdfWaitLockRelease[DISPATCH, fails NEVER](cx, globals: Address, lock: Address) {
        cx.framework(globals)?;
        find(cx, lock)?.release(cx)
    }
}

/// The lock of a handle.
pub(crate) fn find(cx: &Context<'_>, handle: Address) -> Outcome<Arc<WaitLock>> {
    cx.child(&cx.machine().framework.locks, handle)
}
