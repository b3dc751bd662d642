//! The hook that every call of the driver passes: for failures on demand and
//! for schedules.

use crate::Site;
use std::fmt;

/// A call that the driver is about to make.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The export or KMDF function.
    pub function: &'static str,
    /// The call site; offset 0 when a callback ends in a jump to the function.
    pub site: Site,
    /// Id of the calling thread of the model.
    pub thread: u32,
    /// Id of the thread on whose behalf it is made: the one that enqueued the running work item,
    /// else the calling one.
    pub on_behalf_of: u32,
    /// Whether the call can fail for lack of resources, and therefore fails if the observer decides
    /// so.
    pub can_fail: bool,
    pub(crate) stack: &'a dyn Fn() -> Vec<Site>,
}

impl Call<'_> {
    /// The call stack in the driver, innermost first: the first one is [`Call::site`]. If the
    /// driver was called back from one of its own calls, the stack of that call follows. A function
    /// that ends in a jump to the next is not on the stack, nor is a callback that
    /// ends like that.
    ///
    /// It is computed only on demand, which takes some hundred instructions for each call on the
    /// stack.
    pub fn stack(&self) -> Vec<Site> {
        (self.stack)()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("function", &self.function)
            .field("site", &self.site)
            .field("thread", &self.thread)
            .field("on_behalf_of", &self.on_behalf_of)
            .field("can_fail", &self.can_fail)
            .finish_non_exhaustive()
    }
}

/// Whether a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is made.
    Proceed,
    /// It fails for lack of resources, without any effect, if it can.
    Fail,
}

/// The action of a thread that has to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It sleeps until the lock is released.
    Sleep,
    /// It checks immediately whether the lock has been released.
    Again,
    /// It stops waiting, because no thread is left that could release the lock: the driver is ended
    /// with a fault.
    Abandon,
}

/// Observes every call of the driver before it is made.
///
/// It runs on the thread that calls and may keep it waiting; it must not call
/// the driver itself.
pub trait Observer: Send + Sync {
    /// Decides on one call.
    fn rule(&self, call: &Call<'_>) -> Decision;

    /// The action of the calling thread for a wait lock that another thread holds; `thread` is its
    /// id in the model. The host holds no lock during this call.
    ///
    /// An observer that schedules threads lets others run here and has the thread try again: it
    /// could not control a sleeping thread.
    fn wait(&self, thread: u32) -> Waiting {
        let _ = thread;
        Waiting::Sleep
    }
}
