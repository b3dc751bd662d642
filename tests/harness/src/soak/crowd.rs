//! A crowd: clients connect, are served and leave in random order, on several threads, while
//! servers open and close the device.

use super::Findings;
use crate::client::{Client, Contract};
use crate::driver::{Driver, Failure, File, Source};
use crate::machine::{Machine, READ_WRITE};
use oorandom::Rand32;
use parking_lot::{Mutex, RwLock};
use psimp_model::{Group, Kernel, Privilege, Process, SecurityQos, Thread, TokenSpec, privileges, sids};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::RulesMode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The result of a crowd.
#[derive(Clone, Debug, Default)]
pub struct Crowd {
    /// How long it took.
    pub duration: Duration,
    /// Clients that connected and left.
    pub clients: usize,
    /// The most that were connected at one time.
    pub most: usize,
    /// How often a client was impersonated.
    pub served: u64,
    /// The driver's bytes for each waiting client; none where there is no image.
    pub bytes: Option<usize>,
    /// Statuses and replies that an operation cannot return.
    pub unexpected: Findings,
    /// Leaks after all had left.
    pub leaks: Findings,
}

/// Servers, each of which is closed and opened again at times.
const SERVERS: usize = 3;

/// Processes of the clients, four of each user: no process and no user may have all places.
const PROCESSES: u32 = 120;

/// A primary token of one of the users. With the privilege, the kernel keeps other users' tokens.
fn administrator(session: Luid, user: u32) -> TokenSpec {
    let user = Sid::new(5, &[21, 9, 9, 9, 2000 + user]);
    TokenSpec {
        groups: vec![Group { sid: sids::ADMINISTRATORS, enabled: true }],
        privileges: vec![Privilege { luid: privileges::IMPERSONATE, enabled: true }],
        ..TokenSpec::new(user, session, TokenType::Primary, Level::Anonymous)
    }
}

struct Place<'a> {
    machine: &'a Machine,
    driver: &'a Driver,
    clients: usize,
    /// The clients' processes.
    processes: Vec<Arc<Process>>,
    come: AtomicUsize,
    /// Clients that have not left.
    here: Mutex<Vec<File>>,
    most: AtomicUsize,
    servers: [RwLock<Option<File>>; SERVERS],
    served: AtomicU64,
    unexpected: Mutex<Findings>,
}

/// Lets this many clients connect and leave.
///
/// # Errors
/// When the driver does not start, or its device does not open.
pub fn crowd(source: &Source, clients: usize, threads: usize) -> Result<Crowd, Failure> {
    let machine = Machine::new(Kernel::Win10);
    let system = &machine.system;
    let session = machine.process.primary().authentication_id();
    let process = |user| system.create_process(system.create_token(administrator(session, user)));
    machine.process.set_primary(system.create_token(administrator(session, 0)));
    let driver = Driver::start(source, system)?;
    let primary = machine.process.primary();
    let count = || (Arc::strong_count(&primary), machine.system.logon_session_references(session));
    let before = count();
    let processes: Vec<_> = (0..PROCESSES).map(|number| process(number / 4)).collect();
    let place = Place {
        machine: &machine,
        driver: &driver,
        clients,
        processes,
        come: AtomicUsize::new(0),
        here: Mutex::default(),
        most: AtomicUsize::new(0),
        servers: std::array::from_fn(|_| RwLock::new(None)),
        served: AtomicU64::new(0),
        unexpected: Mutex::default(),
    };
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (place, machine) = (&place, machine.on(&machine.system.create_thread(&machine.process)));
            let clients: Vec<_> =
                place.processes.iter().map(|process| machine.system.create_thread(process)).collect();
            scope.spawn(move || place.run(&machine, &clients, Rand32::new(number as u64 + 1)));
        }
    });
    let mut crowd = place.finish();
    crowd.duration = begin.elapsed();
    for fault in driver.stop() {
        crowd.leaks.add(|| fault);
    }
    let after = count();
    if after != before {
        crowd.leaks.add(|| format!("references on the clients' token and tokens of its session: {before:?} before, {after:?} after"));
    }
    Ok(crowd)
}

impl Place<'_> {
    /// Connects, serves and leaves until all have connected, and then until all have left.
    fn run(&self, machine: &Machine, clients: &[Arc<Thread>], mut random: Rand32) {
        while self.come.fetch_add(1, Ordering::Relaxed) < self.clients {
            if let Some(client) = clients.get(random.rand_u32() as usize % clients.len().max(1)) {
                self.connect(client, &mut random);
            }
            match random.rand_range(0..64) {
                0 => self.reopen(machine, &mut random),
                1..16 => {
                    self.leave(machine, &mut random);
                }
                16..32 => self.serve(machine, &mut random),
                _ => (),
            }
        }
        while self.leave(machine, &mut random) {
            if random.rand_range(0..16) == 0 {
                self.serve(machine, &mut random);
            }
        }
        machine.system.ps_revert_to_self(&machine.thread);
    }

    fn connect(&self, client: &Arc<Thread>, random: &mut Rand32) {
        let quality = SecurityQos {
            level: random.rand_range(0..4),
            tracking: if random.rand_range(0..2) == 0 { SecurityQos::STATIC } else { SecurityQos::DYNAMIC },
            effective_only: random.rand_range(0..2) == 0,
        };
        match self.driver.connect(client, Some(quality)) {
            Ok(file) => {
                let mut here = self.here.lock();
                here.push(file);
                self.most.fetch_max(here.len(), Ordering::Relaxed);
            }
            Err(failure) => self.wonder(|| format!("a client connects: {failure}")),
        }
    }

    /// Disconnects one of the connected clients; returns whether there was one.
    fn leave(&self, machine: &Machine, random: &mut Rand32) -> bool {
        let file = {
            let mut here = self.here.lock();
            let Ok(count @ 1..) = u32::try_from(here.len()) else { return false };
            here.swap_remove(random.rand_range(0..count) as usize)
        };
        if let Err(failure) = self.driver.close(&machine.thread, file) {
            self.wonder(|| format!("a client leaves: {failure}"));
        }
        true
    }

    /// A server impersonates one of the connected clients.
    fn serve(&self, machine: &Machine, random: &mut Rand32) {
        let Some(server) = self.server(random) else { return };
        let server = server.read();
        let Some(file) = server.as_ref() else { return };
        let server = Client { machine, driver: self.driver, file, about: 0 };
        let come = u32::try_from(self.come.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        // Ids rise in the order of connecting; those of other crowds are lower.
        let told = server.next_client(0).and_then(|first| {
            let Some(first) = first else { return Ok(None) };
            server.next_client(first.id + u64::from(random.rand_range(0..come.max(1))))
        });
        let told = match told {
            Ok(Some(told)) => told,
            Ok(None) => return,
            Err(failure) => return self.wonder(|| format!("NEXT_CLIENT: {failure}")),
        };
        match server.serve(told.id, told.level, RulesMode::Kernel) {
            Ok(outcome) if outcome.level_stored == told.level => {
                self.served.fetch_add(1, Ordering::Relaxed);
            }
            // It has left, or another server accepted it first.
            Err(Failure::Status(Status::NOT_FOUND)) => (),
            other => self.wonder(|| format!("SERVE of {told:?}: {other:?}")),
        }
    }

    /// A server closes its handle, and opens the device again.
    fn reopen(&self, machine: &Machine, random: &mut Rand32) {
        let Some(server) = self.server(random) else { return };
        machine.system.ps_revert_to_self(&machine.thread);
        let mut server = server.write();
        if let Some(Err(failure)) = server.take().map(|file| self.driver.close(&machine.thread, file)) {
            self.wonder(|| format!("a server closes: {failure}"));
        }
        match self.driver.open(&machine.thread, READ_WRITE) {
            Ok(file) => *server = Some(file),
            Err(failure) => self.wonder(|| format!("a server opens: {failure}")),
        }
    }

    fn server(&self, random: &mut Rand32) -> Option<&RwLock<Option<File>>> {
        self.servers.get(random.rand_u32() as usize % SERVERS)
    }

    fn wonder(&self, words: impl FnOnce() -> String) {
        self.unexpected.lock().add(words);
    }

    /// The result, after the servers have closed.
    fn finish(self) -> Crowd {
        let Self { machine, driver, clients, most, servers, served, unexpected, .. } = self;
        let bytes = driver.connect(&machine.thread, None).ok().and_then(|file| {
            let bytes = file.context_size();
            driver.close(&machine.thread, file).ok().and(bytes)
        });
        for file in servers.into_iter().filter_map(RwLock::into_inner) {
            if let Err(failure) = driver.close(&machine.thread, file) {
                unexpected.lock().add(|| format!("a server closes: {failure}"));
            }
        }
        Crowd {
            duration: Duration::ZERO,
            clients,
            most: most.into_inner(),
            served: served.into_inner(),
            bytes,
            unexpected: unexpected.into_inner(),
            leaks: Findings::default(),
        }
    }
}
