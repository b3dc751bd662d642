//! The machine of a rehearsal: what is created when it starts, and what is left when it ends.

use crate::call::{self, Bound};
use crate::inject::{Injection, Pending};
use crate::people::{self, People};
use crate::process::BOOT;
use crate::running::{Machine, Process};
use parking_lot::Mutex;
use psimp_host::{Host, Image, Options, StartError};
use psimp_model::{Kernel, System};
use psimp_nt::Luid;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// How long threads that end on their own may take at the end.
const PATIENCE: Duration = Duration::from_secs(2);

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
    /// Starts a machine with this kernel, and the driver with these settings if there is an image. `program` is what
    /// another instance of the harness does with its arguments.
    ///
    /// # Errors
    /// Why the driver did not start.
    pub fn start(
        kernel: Kernel,
        image: Option<&Image>,
        settings: BTreeMap<String, u32>,
        program: fn(&[String]) -> u32,
    ) -> Result<Self, String> {
        let system = Arc::new(System::new(kernel));
        let (own, details) = people::administrator();
        let own = system.create_token_with(own, details);
        // The first process, so that its id is the same in every rehearsal of this program.
        let process = system.create_process(own);
        let closer = system.create_system_thread(&system.create_system_process());
        let start = |image| {
            let options = Options { parameters: settings.clone(), ..Options::default() };
            Host::load_with(image, system.clone(), options)
        };
        let host = image.map(start).transpose();
        let host = host.map_err(|error: StartError| error.to_string())?;
        let machine = Arc::new(Machine {
            system,
            host,
            settings,
            program,
            people: People::default(),
            processes: Mutex::default(),
            injection: Pending::default(),
            names: Mutex::default(),
            lacking: Mutex::default(),
            broken: Mutex::default(),
            closer,
            harness: process.id(),
            clock: AtomicU64::new(BOOT),
        });
        let running = Process::new(&machine, process, BOOT, None, None);
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
