//! The state of a machine, and of the processes on it.

use crate::bytes::{Reader, Writer};
use crate::inject::Pending;
use crate::people::People;
use parking_lot::{Condvar, Mutex};
use psimp_host::{Failure, Host};
use psimp_model::{MandatoryLabel, Object, SecurityDescriptor, System, Thread, Token};
use psimp_nt::Status;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What another instance of this program does with its arguments; its exit code.
pub(crate) type Program = fn(&[String]) -> u32;

/// What a handle stands for that the model has no objects for: an open of the device, an end of a named pipe, an event.
pub(crate) type Thing = Arc<dyn Any + Send + Sync>;

/// The state of a machine.
pub(crate) struct Machine {
    pub(crate) system: Arc<System>,
    pub(crate) host: Option<Host>,
    /// The settings that the driver was started with.
    pub(crate) settings: BTreeMap<String, u32>,
    pub(crate) program: Program,
    pub(crate) people: People,
    /// The processes that run.
    pub(crate) processes: Mutex<BTreeMap<u32, Arc<Process>>>,
    pub(crate) injection: Pending,
    /// Events and pipes by their names, for as long as they are open.
    pub(crate) names: Mutex<BTreeMap<String, Weak<dyn Any + Send + Sync>>>,
    /// A call that the rehearsal lacks and somebody made.
    pub(crate) lacking: Mutex<Option<&'static str>>,
    /// Contracts that the driver broke.
    pub(crate) broken: Mutex<Vec<String>>,
    /// The thread that closes what nobody's thread closes.
    pub(crate) closer: Arc<Thread>,
    /// The id of the harness's process.
    pub(crate) harness: u32,
    pub(crate) clock: AtomicU64,
}

impl Machine {
    pub(crate) fn is_harness(&self, process: &Process) -> bool {
        process.kernel.id() == self.harness
    }

    /// The time, later than before at each look.
    pub(crate) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Gives something a name, for as long as it is open.
    pub(crate) fn name(&self, path: String, thing: Weak<dyn Any + Send + Sync>) {
        let mut names = self.names.lock();
        names.retain(|_, thing| thing.strong_count() > 0);
        names.insert(path, thing);
    }

    /// What has a name, if it is one of these.
    pub(crate) fn named<T: Send + Sync + 'static>(&self, path: &str) -> Option<Arc<T>> {
        let thing = self.names.lock().get(path).and_then(Weak::upgrade)?;
        thing.downcast().ok()
    }

    /// What a call returns for a failure of the host. A broken contract, which would end Windows, is kept for the end.
    pub(crate) fn status_of(&self, failure: Failure) -> Status {
        match failure {
            Failure::Status(status) => status,
            Failure::Fault(fault) => {
                let (fault, mut broken) = (fault.to_string(), self.broken.lock());
                if !broken.contains(&fault) {
                    broken.push(fault);
                }
                Status::UNSUCCESSFUL
            }
        }
    }
}

/// A process.
pub(crate) struct Process {
    /// The process of the model.
    pub(crate) kernel: Arc<psimp_model::Process>,
    /// Who may open it, since it was made.
    pub(crate) descriptor: SecurityDescriptor,
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
        let primary = kernel.primary();
        let process = Arc::new(Self {
            kernel,
            descriptor: descriptor(&primary, &primary),
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

    /// A new thread. Its descriptor is that of an object which the creating thread makes.
    pub(crate) fn create_thread(&self, system: &System, creator: Option<&Thread>) -> Arc<Thread> {
        let thread = system.create_thread(&self.kernel);
        // The effective token of the creating thread; that of the process for its first thread.
        let (made_with, ..) = system.ps_reference_effective_token(creator.unwrap_or(&thread));
        let descriptor = Arc::new(descriptor(&made_with, &self.kernel.primary()));
        let running = Running { thread: thread.clone(), descriptor };
        self.state.lock().threads.insert(thread.id(), running);
        thread
    }

    /// A thread ends, and what it impersonates with it.
    pub(crate) fn end_thread(&self, system: &System, thread: &Thread) {
        thread.terminate();
        system.ps_revert_to_self(thread);
        let mut state = self.state.lock();
        if state.ended.is_none() {
            state.threads.remove(&thread.id());
        }
        self.changed.notify_all();
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
        // `STATUS_PROCESS_IS_TERMINATING`.
        if to.has_ended() {
            return Err(Status(0xC000_010A));
        }
        let (from, table) = (self.kernel.handles(), to.kernel.handles());
        let copy = machine.system.nt_duplicate_object(from, number, table, access)?;
        let thing = self.things.lock().get(&number).cloned();
        if let Some(thing) = thing {
            to.things.lock().insert(copy, thing);
        }
        Ok(copy)
    }

    /// What a handle stands for, if it is one of these.
    pub(crate) fn thing<T: Send + Sync + 'static>(&self, number: u64) -> Option<Arc<T>> {
        let thing = self.things.lock().get(&number).cloned()?;
        thing.downcast().ok()
    }

    pub(crate) fn close(&self, number: u64) {
        let thing = self.things.lock().remove(&number);
        drop(thing);
        drop(self.kernel.handles().remove(number));
    }
}

/// The descriptor of an object that a thread makes for a process, or of the process itself: the default DACL of the
/// token that it is made with, and the integrity of the process, below which nobody writes to it or reads it.
fn descriptor(made_with: &Token, primary: &Token) -> SecurityDescriptor {
    let label = MandatoryLabel {
        integrity: primary.integrity(),
        no_write_up: true,
        no_read_up: true,
        no_execute_up: false,
    };
    let dacl = Some(made_with.default_dacl());
    SecurityDescriptor { label: Some(label), ..SecurityDescriptor::new(made_with.user(), dacl) }
}
