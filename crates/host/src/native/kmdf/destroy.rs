//! Checks on the memory of deleted objects.

use crate::native::engine::stop::Outcome;
use crate::native::framework::key::Key;
use crate::native::framework::typed_context::TypedContext;
use crate::native::running::dispatch::Dispatch;

impl TypedContext {
    /// Runs the callbacks for an object that is being deleted, and takes its
    /// context away.
    pub(super) fn destroy(&self, dispatch: &Dispatch<'_>, handle: u64) -> Outcome<()> {
        for callback in self.callbacks() {
            if callback != 0 {
                dispatch.call(callback, [handle])?;
            }
        }
        match self.destroyed(handle) {
            Some(memory) => {
                Ok(dispatch.machine.framework.destroyed.take_away(memory, &dispatch.machine.mapping)?)
            }
            None => Ok(()),
        }
    }
}

impl Key {
    /// Closes and deletes it.
    pub(super) fn delete(&self, dispatch: &Dispatch<'_>) -> Outcome<()> {
        dispatch.machine.framework.keys.remove(self);
        self.context.destroy(dispatch, self.handle)
    }
}
