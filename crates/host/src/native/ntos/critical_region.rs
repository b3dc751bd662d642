//! Critical regions: normal kernel APCs are not delivered to a thread inside, special ones are.

use crate::FaultKind;
use crate::native::running::call::exports;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn KeEnterCriticalRegion[APC, fails NEVER](cx) {
        cx.account().regions.borrow_mut().push(cx.caller);
        Ok(())
    }

    /// Only a region that the driver entered itself: those of the framework, around a callback or under
    /// a wait lock, are the framework's to leave.
    fn KeLeaveCriticalRegion[APC, fails NEVER](cx) {
        match cx.account().regions.borrow_mut().pop() {
            Some(_) => Ok(()),
            None => Err(cx.fault(
                FaultKind::CriticalRegion,
                "leaves a critical region that the driver did not enter",
            )),
        }
    }

    fn KeAreApcsDisabled[DISPATCH, fails NEVER](cx) -> bool {
        let account = cx.account();
        let under_a_lock = !account.locks.borrow().is_empty();
        Ok(cx.dispatch.in_critical_region || under_a_lock || !account.regions.borrow().is_empty())
    }
}
