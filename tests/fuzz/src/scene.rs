//! The machine of a raw request: a server process with a fixed set of handles, in
//! one of a few states.

use psimp_catalogue::{ClientToken, ServerToken};
use psimp_harness::client::{Client, Contract};
use psimp_harness::driver::{Driver, Failure, File, Source};
use psimp_harness::machine::{Machine, READ_WRITE};
use psimp_harness::normalize::Ids;
use psimp_harness::observe::SlotView;
use psimp_model::{Kernel, Object, SecurityQos, Thread, rights};
use psimp_nt::Level;
use psimp_protocol::{MAX_SAVES, RulesMode};
use std::sync::Arc;

/// The state before the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Idle,
    /// The thread impersonates A at Impersonation.
    Impersonating,
    /// It impersonates A at Identification.
    Identifying,
    /// It impersonates A at Anonymous.
    Anonymous,
    /// It impersonates B, copy-on-open and effective-only.
    CopyOnOpen,
    /// It impersonates A, which is saved, and then B.
    Saved,
    /// A's impersonation is saved and ended.
    SavedAndIdle,
    /// As many idle slots are saved as a file object can hold.
    Full,
    /// It impersonates the second of the connected clients.
    Serving,
}

impl State {
    /// A further one comes last: stored inputs have their numbers.
    pub(crate) const ALL: [Self; 9] = [
        Self::Idle,
        Self::Impersonating,
        Self::Identifying,
        Self::Anonymous,
        Self::CopyOnOpen,
        Self::Saved,
        Self::SavedAndIdle,
        Self::Full,
        Self::Serving,
    ];
}

/// How the file was opened, and which process uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// The requested access.
    pub(crate) access: u32,
    /// The request comes from a thread of another process.
    pub(crate) elsewhere: bool,
}

/// Tokens that are open in the server's process, with the access granted.
const TOKENS: &[(ClientToken, u32)] = &[
    (ClientToken::A2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::Ap2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::A0, rights::TOKEN_ALL_ACCESS),
    (ClientToken::B2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::N2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::AR2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::Bop2, rights::TOKEN_ALL_ACCESS),
    (ClientToken::Ap0, rights::TOKEN_IMPERSONATE),
    (ClientToken::A2, rights::TOKEN_QUERY),
];

/// The machine, with the driver over it.
pub(crate) struct Scene {
    machine: Machine,
    driver: Driver,
    /// The file of the state, and that of the request, if it is another.
    files: Vec<File>,
    /// Two clients, static and dynamic, and their connections' ids.
    clients: Vec<(File, u64)>,
    /// The thread that sends the request, and the one of handle 4.
    threads: [Arc<Thread>; 2],
    /// The ids of the state's saves.
    saves: Vec<u64>,
    ids: Ids,
}

impl Scene {
    pub(crate) fn new(
        source: &Source,
        kernel: Kernel,
        server: ServerToken,
        state: State,
        open: Open,
    ) -> Result<Self, Failure> {
        let machine = Machine::new(kernel);
        let threads = [machine.thread.clone(), machine.system.create_thread(&machine.process)];
        let foreign = machine.other_process(server);
        let exiting = machine.system.create_thread(&machine.process);
        exiting.terminate();
        let foreign = machine.system.create_thread(&foreign);
        let handles = machine.process.handles();
        // 4 to 20; the tokens follow, 24 to 56.
        handles.insert(Object::Thread(threads[1].clone()), u32::MAX);
        handles.insert(Object::Thread(threads[1].clone()), rights::THREAD_QUERY_LIMITED_INFORMATION);
        handles.insert(Object::Thread(foreign.clone()), u32::MAX);
        handles.insert(Object::Thread(exiting), u32::MAX);
        handles.insert(Object::Event(Arc::new(())), u32::MAX);
        for &(tok, access) in TOKENS {
            machine.handle(tok, access);
        }
        let driver = Driver::start(source, &machine.system)?;
        let mut files = vec![driver.open(&machine.thread, READ_WRITE)?];
        if open.access != READ_WRITE {
            files.push(driver.open(&machine.thread, open.access)?);
        }
        let administrator = machine.process.primary();
        machine.become_server(server);
        let ids = Ids::since_primary(&machine);
        let administrator = machine.system.create_thread(&machine.system.create_process(administrator));
        let mut scene = Self { machine, driver, files, clients: Vec::new(), threads, saves: Vec::new(), ids };
        for tracking in [SecurityQos::STATIC, SecurityQos::DYNAMIC] {
            scene.connect(&administrator, tracking)?;
        }
        scene.saves = scene.reach(state)?;
        if open.elsewhere {
            scene.threads[0] = foreign;
        }
        Ok(scene)
    }

    /// Connects a client that allows every level.
    fn connect(&mut self, thread: &Arc<Thread>, tracking: u8) -> Result<(), Failure> {
        let quality = SecurityQos { tracking, ..SecurityQos::at(Level::Delegation) };
        let client = self.driver.connect(thread, Some(quality))?;
        let before = self.clients.last().map_or(0, |(_, id)| *id);
        let [file, ..] = self.files.as_slice() else { return Ok(()) };
        let server = Client { machine: &self.machine, driver: &self.driver, file, about: 0 };
        let told = server.next_client(before)?;
        self.clients.push((client, told.map_or(0, |told| told.id)));
        Ok(())
    }

    /// Brings the thread into the state; returns the ids of its saves.
    fn reach(&self, state: State) -> Result<Vec<u64>, Failure> {
        let [file, ..] = self.files.as_slice() else { return Ok(Vec::new()) };
        let client = Client { machine: &self.machine, driver: &self.driver, file, about: 0 };
        let flagged =
            |tok, flags, level| client.impersonate(tok, flags, flags, level, RulesMode::Documented).map(drop);
        let impersonate = |tok, level| flagged(tok, false, level);
        match state {
            State::Idle => (),
            State::Impersonating => impersonate(ClientToken::A2, 2)?,
            State::Identifying => impersonate(ClientToken::A2, 1)?,
            State::Anonymous => impersonate(ClientToken::A2, 0)?,
            State::CopyOnOpen => flagged(ClientToken::B2, true, 2)?,
            State::Saved | State::SavedAndIdle => {
                impersonate(ClientToken::A2, 2)?;
                let save = client.save()?.save;
                if state == State::Saved {
                    impersonate(ClientToken::B2, 2)?;
                } else {
                    client.revert()?;
                }
                return Ok(vec![save]);
            }
            State::Full => {
                return (0..MAX_SAVES).map(|_| Ok(client.save()?.save)).collect();
            }
            State::Serving => {
                client.serve(self.connection(2), 2, RulesMode::Kernel)?;
            }
        }
        Ok(Vec::new())
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn thread(&self) -> &Arc<Thread> {
        &self.threads[0]
    }

    /// The file that the request goes to.
    pub(crate) fn file(&self) -> Option<&File> {
        self.files.last()
    }

    /// The id of the save with this number, counted from 1; see [`id`].
    pub(crate) fn save(&self, number: u64) -> u64 {
        id(self.saves.iter().copied(), number)
    }

    /// The id of the client with this number, counted from 1; see [`id`].
    pub(crate) fn connection(&self, number: u64) -> u64 {
        id(self.clients.iter().map(|(_, id)| *id), number)
    }

    pub(crate) fn ids(&self) -> Ids {
        self.ids
    }

    /// The slots of the threads that a request can reach.
    pub(crate) fn slots(&self) -> [Option<SlotView>; 2] {
        self.threads.each_ref().map(|thread| thread.slot().map(|slot| self.ids.view(&slot)))
    }

    /// Ends everything; no handle and no reference may leak.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Self { machine, driver, files, clients, threads, .. } = self;
        for file in files.into_iter().chain(clients.into_iter().map(|(client, _)| client)) {
            driver.close(&machine.thread, file).map_err(|failure| failure.to_string())?;
        }
        if let Some(fault) = driver.stop().first() {
            return Err(fault.clone());
        }
        let open = machine.process.handles().count();
        if open != 5 + TOKENS.len() {
            return Err(format!("{open} handles are open"));
        }
        machine.process.close_handles();
        for thread in &threads {
            machine.system.ps_revert_to_self(thread);
        }
        match machine.leftovers().first() {
            Some((tok, left)) => Err(format!("{left:+} references left on {}", tok.name())),
            None => Ok(()),
        }
    }
}

/// The id with this number. Zero stays zero; another number becomes an id that no driver gives: the ids of one
/// that was just loaded are small, those of the service go on from test to test.
fn id(mut ids: impl Iterator<Item = u64>, number: u64) -> u64 {
    let Some(index) = number.checked_sub(1) else { return 0 };
    usize::try_from(index).ok().and_then(|index| ids.nth(index)).unwrap_or(number | 1 << 63)
}
