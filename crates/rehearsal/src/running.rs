//! Processes of the rehearsal.

use crate::call::{self, Bound};
use crate::device::Opened;
use crate::object::Named;
use crate::pipe::{ClientEnd, ServerEnd};
use crate::rehearsal::Machine;
use crate::stream::{Reader, Writer};
use parking_lot::{Condvar, Mutex};
use psimp_model::{MandatoryLabel, Object, SecurityDescriptor, Thread, Token};
use psimp_nt::Status;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What a handle stands for that the model has no objects for.
#[derive(Clone)]
pub(crate) enum Thing {
    /// An open of the device.
    Device(Arc<Opened>),
    /// The server's end of a named pipe.
    Server(Arc<ServerEnd>),
    /// The client's end.
    Client(Arc<ClientEnd>),
    /// A directory of the object manager, or an event in one.
    Named(#[allow(dead_code)] Arc<Named>), // kept for as long as the handle
}

/// A process.
pub(crate) struct Process {
    /// The process of the model.
    pub(crate) kernel: Arc<psimp_model::Process>,
    /// Its creation time, as `FILETIME` has it.
    pub(crate) started: u64,
    pub(crate) input: Mutex<Option<Reader>>,
    pub(crate) output: Mutex<Option<Writer>>,
    things: Mutex<BTreeMap<u64, Thing>>,
    state: Mutex<State>,
    changed: Condvar,
    machine: Weak<Machine>,
}

#[derive(Default)]
struct State {
    /// Threads that are inside a call.
    inside: usize,
    /// Its exit code.
    ended: Option<u32>,
    /// The threads that run.
    threads: BTreeMap<u32, Running>,
}

/// A thread that runs.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) thread: Arc<Thread>,
    /// Who may open it.
    pub(crate) descriptor: Arc<SecurityDescriptor>,
}

impl Process {
    pub(crate) fn new(
        machine: &Arc<Machine>,
        kernel: Arc<psimp_model::Process>,
        started: u64,
        input: Option<Reader>,
        output: Option<Writer>,
    ) -> Arc<Self> {
        let process = Arc::new(Self {
            kernel,
            started,
            input: Mutex::new(input),
            output: Mutex::new(output),
            things: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
            machine: Arc::downgrade(machine),
        });
        machine.processes.lock().insert(process.kernel.id(), process.clone());
        process
    }

    /// Begins a call; `false` if the process has ended.
    pub(crate) fn enter(&self) -> bool {
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return false;
        }
        state.inside += 1;
        true
    }

    /// Ends a call; `false` if the process has ended.
    pub(crate) fn leave(&self) -> bool {
        let mut state = self.state.lock();
        state.inside -= 1;
        self.changed.notify_all();
        state.ended.is_none()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    /// Its exit code, once it has ended and everything of it is closed; waits for that, but no longer than this.
    pub(crate) fn exit_code(&self, time: Duration) -> Option<u32> {
        let mut state = self.state.lock();
        let is_over = |state: &State| state.ended.is_some() && state.threads.is_empty();
        if !is_over(&state) {
            self.changed.wait_for(&mut state, time);
        }
        if is_over(&state) { state.ended } else { None }
    }

    /// Starts a thread of this process: `run` on a thread of the operating system. Its descriptor is that of an object
    /// which the creating thread makes.
    pub(crate) fn start_thread(
        self: &Arc<Self>,
        machine: &Arc<Machine>,
        creator: Option<&Thread>,
    ) -> impl FnOnce() -> Guard + Send + 'static + use<> {
        let thread = machine.system.create_thread(&self.kernel);
        // The effective token of the creating thread; that of the process for its first thread.
        let (made_with, ..) = machine.system.ps_reference_effective_token(creator.unwrap_or(&thread));
        let descriptor = Arc::new(descriptor(&made_with, &self.kernel.primary()));
        let running = Running { thread: thread.clone(), descriptor };
        self.state.lock().threads.insert(thread.id(), running);
        let bound = Bound { machine: machine.clone(), process: self.clone(), thread };
        move || {
            call::bind(Some(&bound));
            Guard
        }
    }

    pub(crate) fn threads(&self) -> Vec<Running> {
        self.state.lock().threads.values().cloned().collect()
    }

    /// Ends the process, if it has not ended yet: its threads, and then what its handles stand for.
    pub(crate) fn end(&self, code: u32) {
        let threads = {
            let mut state = self.state.lock();
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(code);
            while state.inside > 0 {
                self.changed.wait(&mut state);
            }
            state.threads.clone()
        };
        let things = std::mem::take(&mut *self.things.lock());
        drop(things);
        self.kernel.close_handles();
        if let Some(machine) = self.machine.upgrade() {
            for running in threads.values() {
                running.thread.terminate();
                machine.system.ps_revert_to_self(&running.thread);
            }
            machine.processes.lock().remove(&self.kernel.id());
        }
        drop(threads);
        drop((self.input.lock().take(), self.output.lock().take()));
        self.state.lock().threads.clear();
        self.changed.notify_all();
    }

    /// A handle of this process for something that the model has no objects for.
    pub(crate) fn insert(&self, thing: Thing, granted: u32) -> u64 {
        let number = self.kernel.handles().insert(Object::Event(Arc::default()), granted);
        self.things.lock().insert(number, thing);
        number
    }

    /// Another handle, in this process or another, with the same access or this one.
    pub(crate) fn duplicate(&self, number: u64, to: &Self, access: Option<u32>) -> Result<u64, Status> {
        let machine = self.machine.upgrade().ok_or(Status::INVALID_HANDLE)?;
        let (from, table) = (self.kernel.handles(), to.kernel.handles());
        let copy = machine.system.nt_duplicate_object(from, number, table, access)?;
        if let Some(thing) = self.thing(number) {
            to.things.lock().insert(copy, thing);
        }
        Ok(copy)
    }

    pub(crate) fn thing(&self, number: u64) -> Option<Thing> {
        self.things.lock().get(&number).cloned()
    }

    pub(crate) fn close(&self, number: u64) {
        let thing = self.things.lock().remove(&number);
        drop(thing);
        drop(self.kernel.handles().remove(number));
    }
}

/// A thread of the operating system, while it is one of the rehearsal. It keeps nothing itself: its thread may stay in a
/// call for ever.
pub(crate) struct Guard;

impl Drop for Guard {
    /// The thread ends, and what it impersonates with it.
    fn drop(&mut self) {
        let bound = call::bind(None).and_then(|place| place.bound());
        let Some(Bound { machine, process, thread }) = bound else { return };
        thread.terminate();
        machine.system.ps_revert_to_self(&thread);
        let mut state = process.state.lock();
        if state.ended.is_none() {
            state.threads.remove(&thread.id());
        }
        process.changed.notify_all();
    }
}

/// The descriptor of an object that a thread makes for a process, or of the process itself: the default DACL of the
/// token that it is made with, and the integrity of the process, below which nobody writes to it or reads it.
pub(crate) fn descriptor(made_with: &Token, primary: &Token) -> SecurityDescriptor {
    let label = MandatoryLabel {
        integrity: primary.integrity(),
        no_write_up: true,
        no_read_up: true,
        no_execute_up: false,
    };
    let dacl = Some(made_with.default_dacl());
    SecurityDescriptor { label: Some(label), ..SecurityDescriptor::new(made_with.user(), dacl) }
}
