//! The thread that makes a call.

use crate::inject::Injected;
use crate::running::{Machine, Process};
use psimp_model::Thread;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What a thread of this process is in the rehearsal.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(crate) machine: Arc<Machine>,
    pub(crate) process: Arc<Process>,
    pub(crate) thread: Arc<Thread>,
}

/// The same, kept by the thread: it may wait for ever outside a call, when its process has long ended.
pub(crate) struct Place {
    machine: Weak<Machine>,
    process: Weak<Process>,
    thread: Weak<Thread>,
}

impl Bound {
    fn place(&self) -> Place {
        Place {
            machine: Arc::downgrade(&self.machine),
            process: Arc::downgrade(&self.process),
            thread: Arc::downgrade(&self.thread),
        }
    }
}

impl Place {
    /// What it is, if its process still runs.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let (machine, process, thread) =
            (self.machine.upgrade()?, self.process.upgrade()?, self.thread.upgrade()?);
        Some(Bound { machine, process, thread })
    }
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
    /// Calls that are under way on this thread, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// How often a thread that waits looks whether its process has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Makes the calling thread a thread of the rehearsal; returns what it was.
pub(crate) fn bind(bound: Option<&Bound>) -> Option<Place> {
    PLACE.replace(bound.map(Bound::place))
}

/// Makes it again what it was.
pub(crate) fn bind_again(place: Option<Place>) {
    PLACE.set(place);
}

/// Creates a thread of a process; what is returned makes the calling thread of the operating system that thread.
pub(crate) fn create_thread(
    machine: &Arc<Machine>,
    process: &Arc<Process>,
    creator: Option<&Thread>,
) -> impl FnOnce() -> Guard + Send + 'static + use<> {
    let thread = process.create_thread(&machine.system, creator);
    let place = Bound { machine: machine.clone(), process: process.clone(), thread }.place();
    move || {
        bind_again(Some(place));
        Guard
    }
}

/// A thread of the operating system, while it is one of the rehearsal. It keeps nothing itself: its thread may stay in a
/// call for ever.
pub(crate) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        let bound = bind(None).and_then(|place| place.bound());
        let Some(Bound { machine, process, thread }) = bound else { return };
        process.end_thread(&machine.system, &thread);
    }
}

/// A call that is under way. Its process does not end before it is over.
pub(crate) struct Call(Option<Bound>);

/// Begins a call of the calling thread. A thread whose process has ended makes no more calls: it stays here, or where
/// the call ends. What the thread keeps then is never released, so objects are taken inside a call and dropped before it
/// ends.
///
/// # Panics
/// On a thread that is not of a rehearsal.
pub(crate) fn enter() -> Call {
    let place =
        PLACE.with_borrow(|place| place.as_ref().expect("a thread of the rehearsal makes the call").bound());
    let Some(bound) = place else { stay() };
    let depth = DEPTH.get();
    if depth == 0 && !bound.process.enter() {
        drop(bound);
        stay();
    }
    DEPTH.set(depth + 1);
    Call(Some(bound))
}

impl Call {
    pub(crate) fn machine(&self) -> &Arc<Machine> {
        &self.bound().machine
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.bound().process
    }

    pub(crate) fn thread(&self) -> &Arc<Thread> {
        &self.bound().thread
    }

    fn bound(&self) -> &Bound {
        self.0.as_ref().expect("there until the call is dropped")
    }

    /// Ends the call, and then waits until there is a result; not longer than the process lives. `look` keeps no object of
    /// the model: the thread may stay here.
    pub(crate) fn wait<T>(self, mut look: impl FnMut(Duration) -> Option<T>) -> T {
        let process = Arc::downgrade(self.process());
        drop(self);
        loop {
            if process.upgrade().is_none_or(|process| process.has_ended()) {
                stay();
            }
            if let Some(found) = look(LOOK) {
                return found;
            }
        }
    }

    /// A place inside a case: where a server process dies or hangs that is to.
    pub(crate) fn inside_a_case(self) -> Self {
        if self.machine().is_harness(self.process()) {
            return self;
        }
        match self.machine().injection.take(&[Injected::Dies, Injected::Hangs]) {
            Some(Injected::Dies) => {
                let process = Arc::downgrade(self.process());
                drop(self);
                if let Some(process) = process.upgrade() {
                    process.end(ACCESS_VIOLATION);
                }
                stay()
            }
            Some(Injected::Hangs) => self.wait(|time| {
                std::thread::sleep(time);
                None
            }),
            _ => self,
        }
    }
}

/// `STATUS_ACCESS_VIOLATION`, with which a program that fails at a wrong address ends.
const ACCESS_VIOLATION: u32 = 0xC000_0005;

impl Drop for Call {
    fn drop(&mut self) {
        let depth = DEPTH.get() - 1;
        DEPTH.set(depth);
        let goes_on = depth > 0 || self.process().leave();
        // A thread that stays must keep nothing.
        drop(self.0.take());
        if !goes_on {
            stay();
        }
    }
}

/// A thread whose process has ended: nothing of it runs any more. What it owns is the process's, whose end releases it.
fn stay() -> ! {
    loop {
        std::thread::park();
    }
}
