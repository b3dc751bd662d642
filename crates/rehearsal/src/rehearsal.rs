//! The machine of a rehearsal: what is created when it starts, and what is left when it ends.

use crate::call::Bound;
use crate::inject::{Injection, Pending};
use crate::object::ByName;
use crate::people::{self, People};
use crate::pipe::Instance;
use crate::running::Process;
use crate::{call, process};
use parking_lot::Mutex;
use psimp_host::{Host, Image, Options, StartError};
use psimp_model::{Kernel, System, Thread};
use psimp_nt::{Luid, Status};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// What another instance of this program does with its arguments; its exit code.
pub(crate) type Program = fn(&[String]) -> u32;

/// How long threads that end on their own may take at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The state of a machine.
pub(crate) struct Machine {
    pub(crate) system: Arc<System>,
    pub(crate) host: Option<Host>,
    pub(crate) program: Program,
    pub(crate) people: People,
    /// The processes that run.
    pub(crate) processes: Mutex<BTreeMap<u32, Arc<Process>>>,
    pub(crate) injection: Pending,
    /// Events by their names, for as long as they are open.
    pub(crate) events: Mutex<BTreeMap<String, ByName>>,
    /// Pipes by their names, the same.
    pub(crate) pipes: Mutex<BTreeMap<String, Weak<Instance>>>,
    /// A call that the rehearsal lacks and somebody made.
    pub(crate) lacking: Mutex<Option<&'static str>>,
    /// Contracts that the driver broke.
    pub(crate) broken: Mutex<Vec<String>>,
    /// The one that closes what nobody's thread closes.
    closer: Arc<Thread>,
    harness: u32,
    clock: AtomicU64,
}

impl Machine {
    pub(crate) fn is_harness(&self, process: &Process) -> bool {
        process.kernel.id() == self.harness
    }

    /// The time, later than before at each look.
    pub(crate) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// The thread that a file is closed by.
    pub(crate) const fn closer(&self) -> &Arc<Thread> {
        &self.closer
    }
}

/// A machine with one process, the harness's, whose user is an elevated administrator.
pub struct Rehearsal {
    machine: Arc<Machine>,
    harness: Bound,
    /// Handles of the harness's process at the beginning, and what refers to its logon session.
    before: (usize, usize),
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal").field("kernel", &self.machine.system.kernel()).finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// Starts a machine with this kernel, and the driver if there is an image. `program` is what another instance of
    /// the harness does with its arguments.
    ///
    /// # Errors
    /// Why the driver did not start.
    pub fn start(
        kernel: Kernel,
        image: Option<&Image>,
        program: fn(&[String]) -> u32,
    ) -> Result<Self, String> {
        let system = Arc::new(System::new(kernel));
        let (own, details) = people::administrator();
        let own = system.create_token_with(own, details);
        // The first process, so that its id is the same in every rehearsal of this program.
        let process = system.create_process(own);
        let closer = system.create_system_thread(&system.create_system_process());
        let host = image.map(|image| Host::load_with(image, system.clone(), Options::default())).transpose();
        let host = host.map_err(|error: StartError| error.to_string())?;
        let machine = Arc::new(Machine {
            system,
            host,
            program,
            people: People::default(),
            processes: Mutex::default(),
            injection: Pending::default(),
            events: Mutex::default(),
            pipes: Mutex::default(),
            lacking: Mutex::default(),
            broken: Mutex::default(),
            closer,
            harness: process.id(),
            clock: AtomicU64::new(process::BOOT),
        });
        let running = Process::new(&machine, process, process::BOOT, None, None);
        let thread = machine.system.create_thread(&running.kernel);
        let harness = Bound { machine: machine.clone(), process: running, thread };
        let before = (harness.process.kernel.handles().count(), session(&machine));
        Ok(Self { machine, harness, before })
    }

    /// Makes something fail, once.
    pub fn inject(&self, injection: Injection) {
        self.machine.injection.set(Some(injection));
    }

    /// Whether what was to fail has not failed yet.
    pub fn is_pending(&self) -> bool {
        self.machine.injection.is_pending()
    }

    /// A case begins.
    pub fn begins(&self, case: &str) {
        self.machine.injection.begins(case);
    }

    /// Does something as the harness.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = call::bind(Some(&self.harness));
        let done = work();
        call::bind_again(before);
        done
    }

    /// Ends the machine; returns what is left of the run on it, in words, and the contracts that the driver broke.
    pub fn end(self) -> Vec<String> {
        let mut left = self.left_after(PATIENCE);
        let Self { machine, harness, .. } = self;
        harness.process.end(0);
        left.append(&mut machine.broken.lock());
        drop(harness);
        let end = Instant::now() + PATIENCE;
        while Arc::strong_count(&machine) > 1 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        match Arc::try_unwrap(machine).map(|machine| machine.host) {
            Ok(Some(host)) => {
                left.extend(host.unload().err().into_iter().flatten().map(|fault| fault.to_string()));
            }
            Ok(None) => (),
            Err(_) => left.push("a thread of the rehearsal, which keeps its machine".to_owned()),
        }
        left
    }

    /// What is left, once there is nothing or the time is over.
    fn left_after(&self, time: Duration) -> Vec<String> {
        let end = Instant::now() + time;
        loop {
            let left = self.left();
            if left.is_empty() || Instant::now() > end {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn left(&self) -> Vec<String> {
        let machine = &self.machine;
        let mut left = Vec::new();
        for (id, process) in machine.processes.lock().iter() {
            if !machine.is_harness(process) {
                left.push(format!("process {id}, with {} handles", process.kernel.handles().count()));
            }
        }
        let threads = self.harness.process.threads().len();
        let handles = self.harness.process.kernel.handles().count();
        let tokens = session(machine);
        for (what, count, before) in [
            ("threads of the harness", threads, 0),
            ("handles of the harness", handles, self.before.0),
            ("tokens of the harness's logon session", tokens, self.before.1),
        ] {
            if count > before {
                left.push(format!("{} {what}", count - before));
            }
        }
        if self.harness.thread.is_impersonating() {
            left.push("an impersonation of the harness's thread".to_owned());
        }
        for session in machine.people.sessions() {
            let tokens = machine.system.logon_session_references(Luid(session));
            if tokens > 0 {
                left.push(format!("{tokens} tokens of the logon session {session:#x}"));
            }
        }
        left.extend(machine.people.accounts().into_iter().map(|name| format!("the account {name}")));
        left
    }
}

fn session(machine: &Machine) -> usize {
    machine.system.logon_session_references(people::SESSION)
}

/// What a call returns for a failure of the host. A broken contract, which would end Windows, is kept for the end.
pub(crate) fn status_of(machine: &Machine, failure: psimp_host::Failure) -> Status {
    match failure {
        psimp_host::Failure::Status(status) => status,
        psimp_host::Failure::Fault(fault) => {
            let (fault, mut broken) = (fault.to_string(), machine.broken.lock());
            if !broken.contains(&fault) {
                broken.push(fault);
            }
            Status::UNSUCCESSFUL
        }
    }
}
