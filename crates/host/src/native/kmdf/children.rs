//! Deletion of an object's children.

use crate::native::engine::stop::Outcome;
use crate::native::running::dispatch::Dispatch;

/// Deletes the children of an object, before the object itself.
pub(super) fn delete(dispatch: &Dispatch<'_>, parent: u64) -> Outcome<()> {
    let framework = &dispatch.machine.framework;
    framework.work_items.of(parent).iter().try_for_each(|item| item.delete(dispatch))?;
    framework.keys.of(parent).iter().try_for_each(|key| key.delete(dispatch))?;
    framework.locks.of(parent).iter().try_for_each(|lock| lock.delete(dispatch))
}
