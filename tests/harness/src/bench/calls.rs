//! The calls that are measured, and their callers.

use crate::driver::{Driver, Failure, File, Source};
use crate::machine::{Machine, READ_WRITE, descriptor};
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_host::{Options, Requestor};
use psimp_model::{Kernel, Object, SecurityQos, rights};
use psimp_nt::{Level, Status, TokenType};
use psimp_protocol::wire::{self, slot_flags, verdict};
use psimp_protocol::{Ioctl, MAX_REPLY, Operation};
use zerocopy::{FromBytes, IntoBytes};

/// A round trip that is measured. The calling thread impersonates its own user at Impersonation
/// level when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// QUERY of the own thread.
    Query,
    /// IMPERSONATE of a token of the server's own user, which is kept.
    Kept,
    /// IMPERSONATE of another user's token, of which a copy is assigned.
    Copied,
    /// SAVE, RESTORE and DISCARD of the own thread: three requests.
    SaveRestore,
    /// SERVE of a client that has connected.
    Serve,
    /// `WORKER_CHECK` of a descriptor with one entry.
    WorkerCheck,
}

impl Call {
    /// All calls.
    pub const ALL: [Self; 6] =
        [Self::Query, Self::Kept, Self::Copied, Self::SaveRestore, Self::Serve, Self::WorkerCheck];

    /// Its name in figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Kept => "impersonate_kept",
            Self::Copied => "impersonate_copied",
            Self::SaveRestore => "save_restore_discard",
            Self::Serve => "serve",
            Self::WorkerCheck => "worker_check",
        }
    }

    /// Its name in tables.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Query => "QUERY",
            Self::Kept => "IMPERSONATE, kept",
            Self::Copied => "IMPERSONATE, copied",
            Self::SaveRestore => "SAVE, RESTORE, DISCARD",
            Self::Serve => "SERVE",
            Self::WorkerCheck => "WORKER_CHECK",
        }
    }
}

/// A driver that runs, two servers' files and three clients.
pub(super) struct World {
    machine: Machine,
    driver: Driver,
    files: [File; 2],
    /// Each with its number.
    clients: Vec<(File, u64)>,
}

impl World {
    pub(super) fn start(source: &Source) -> Result<Self, Failure> {
        let machine = Machine::new(Kernel::Win10);
        let driver = Driver::start_with(source, &machine.system, Options::default())?;
        let open = || driver.open(&machine.thread, READ_WRITE);
        let files = [open()?, open()?];
        let mut clients: Vec<(File, u64)> = Vec::new();
        let quality = SecurityQos { level: 2, tracking: SecurityQos::STATIC, effective_only: false };
        while clients.len() < CLIENTS {
            let client = driver.connect(&machine.thread, Some(quality))?;
            let after = clients.last().map_or(0, |(_, id)| *id);
            let request = wire::NextClient { after, ..wire::NextClient::EXAMPLE };
            let sender = Sender { machine: &machine, driver: &driver, file: &files[0] };
            let told: wire::Connection = sender.send(Operation::NextClient, request.as_bytes())?;
            clients.push((client, told.id));
        }
        machine.become_server(ServerToken::S);
        Ok(Self { machine, driver, files, clients })
    }

    /// A caller with a file of its own.
    pub(super) fn first(&self) -> Result<Caller<'_>, Failure> {
        self.caller(&self.files[0], 0)
    }

    /// Another, with another file.
    pub(super) fn second(&self) -> Result<Caller<'_>, Failure> {
        self.caller(&self.files[1], 1)
    }

    /// Another, on the first one's file.
    pub(super) fn second_on_the_same_file(&self) -> Result<Caller<'_>, Failure> {
        self.caller(&self.files[0], 2)
    }

    /// The address range of the image, if there is one.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub(super) fn image(&self) -> Option<std::ops::Range<u64>> {
        match &self.driver {
            Driver::Image { host, .. } => Some(host.addresses()),
            Driver::Service { .. } => None,
        }
    }

    fn caller<'a>(&'a self, file: &'a File, client: usize) -> Result<Caller<'a>, Failure> {
        let machine = self.machine.on(&self.machine.system.create_thread(&self.machine.process));
        // Separate tokens, as two servers rarely share one.
        let own = |tok| {
            let (kind, level) = (TokenType::Impersonation, Level::Impersonation);
            let token = machine.system.duplicate_token(&machine.token(tok), kind, level, false)?;
            let handles = machine.process.handles();
            let token = handles.insert(Object::Token(token), rights::TOKEN_ALL_ACCESS);
            Ok::<_, Failure>(wire::Impersonate { token, ..wire::Impersonate::EXAMPLE })
        };
        let (kept, copied) = (own(ClientToken::A2)?, own(ClientToken::B2)?);
        let object = descriptor(&[User::A.sid()]);
        let length = u32::try_from(object.len()).unwrap_or(u32::MAX);
        let head = wire::AccessCheck { length, ..wire::AccessCheck::EXAMPLE };
        let connection = self.clients.get(client).map_or(0, |(_, id)| *id);
        let serve = wire::Serve { connection, ..wire::Serve::EXAMPLE };
        let check = [head.as_bytes(), &object].concat();
        let caller = Caller { machine, driver: &self.driver, file, kept, copied, serve, check };
        for call in Call::ALL {
            caller.verify(call)?;
        }
        Ok(caller)
    }

    /// Stops the driver; a leak is an error.
    pub(super) fn stop(self) -> Result<(), Failure> {
        let Self { machine, driver, files, clients } = self;
        for file in clients.into_iter().map(|(file, _)| file).chain(files) {
            driver.close(&machine.thread, file)?;
        }
        driver.stop().into_iter().next().map_or(Ok(()), |fault| Err(Failure::Fault(fault)))
    }
}

/// One for each kind of caller: a client that a server serves is not shared with another.
const CLIENTS: usize = 3;

/// A thread that has the device open, with its requests prepared.
pub(super) struct Caller<'a> {
    machine: Machine,
    driver: &'a Driver,
    file: &'a File,
    kept: wire::Impersonate,
    copied: wire::Impersonate,
    serve: wire::Serve,
    check: Vec<u8>,
}

impl Caller<'_> {
    /// Makes a call once.
    pub(super) fn make(&self, call: Call) -> Result<(), Failure> {
        match call {
            Call::Query => {
                self.send::<wire::Slot>(Operation::Query, wire::Thread::EXAMPLE.as_bytes()).map(drop)
            }
            Call::Kept => self.impersonate(&self.kept).map(drop),
            Call::Copied => self.impersonate(&self.copied).map(drop),
            Call::SaveRestore => {
                let saved: wire::Saved = self.send(Operation::Save, wire::Thread::EXAMPLE.as_bytes())?;
                self.restore(saved.save)?;
                let discard = wire::Discard { save: saved.save, ..wire::Discard::EXAMPLE };
                self.send::<[u8; 0]>(Operation::Discard, discard.as_bytes()).map(drop)
            }
            Call::Serve => self.served().map(drop),
            Call::WorkerCheck => self.checked().map(drop),
        }
    }

    /// Sets the thread's slot as the calls expect it.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        self.impersonate(&self.kept).map(drop)
    }

    /// Ends the thread's impersonation.
    pub(super) fn end(&self) -> Result<(), Failure> {
        self.send::<wire::Slot>(Operation::Revert, &[]).map(drop)
    }

    /// Checks that a call has its effect: a refused call would be measured as a fast one.
    fn verify(&self, call: Call) -> Result<(), Failure> {
        self.prepare()?;
        let right = match call {
            Call::Query => {
                let slot: wire::Slot = self.send(Operation::Query, wire::Thread::EXAMPLE.as_bytes())?;
                slot.flags & slot_flags::ACTIVE != 0 && slot.level == 2
            }
            Call::Kept => self.impersonate(&self.kept)?.verdict == verdict::KEPT,
            Call::Copied => self.impersonate(&self.copied)?.verdict == verdict::COPIED,
            Call::SaveRestore => {
                let saved: wire::Saved = self.send(Operation::Save, wire::Thread::EXAMPLE.as_bytes())?;
                let restored = self.restore(saved.save)?;
                let discard = wire::Discard { save: saved.save, ..wire::Discard::EXAMPLE };
                self.send::<[u8; 0]>(Operation::Discard, discard.as_bytes())?;
                restored.token_stored == saved.slot.token_id && restored.verdict == verdict::KEPT
            }
            Call::Serve => self.served()?.level_stored == 2,
            Call::WorkerCheck => {
                let checked = self.checked()?;
                checked.caller == wire::Access { granted: READ_WRITE, status: Status::SUCCESS.0 }
                    && checked.worker.status == Status::ACCESS_DENIED.0
            }
        };
        self.end()?;
        if right { Ok(()) } else { Err(Failure::Fault(format!("{} did something else", call.title()))) }
    }

    fn impersonate(&self, request: &wire::Impersonate) -> Result<wire::Outcome, Failure> {
        self.send(Operation::Impersonate, request.as_bytes())
    }

    fn restore(&self, save: u64) -> Result<wire::Outcome, Failure> {
        let request = wire::Restore { save, ..wire::Restore::EXAMPLE };
        self.send(Operation::Restore, request.as_bytes())
    }

    fn served(&self) -> Result<wire::Outcome, Failure> {
        self.send(Operation::Serve, self.serve.as_bytes())
    }

    fn checked(&self) -> Result<wire::WorkerAccess, Failure> {
        self.send(Operation::WorkerCheck, &self.check)
    }

    fn send<O: FromBytes>(&self, operation: Operation, input: &[u8]) -> Result<O, Failure> {
        let Self { machine, driver, file, .. } = self;
        Sender { machine, driver, file }.send(operation, input)
    }
}

/// Sends a thread's requests.
struct Sender<'a> {
    machine: &'a Machine,
    driver: &'a Driver,
    file: &'a File,
}

impl Sender<'_> {
    fn send<O: FromBytes>(&self, operation: Operation, input: &[u8]) -> Result<O, Failure> {
        let code = Ioctl::of(operation).code();
        let mut reply = [0; MAX_REPLY];
        let length =
            self.driver.send(&self.machine.thread, self.file, code, input, &mut reply, Requestor::User)?;
        let reply = reply.get(..length).unwrap_or_default();
        O::read_from_bytes(reply)
            .map_err(|_| Failure::Fault(format!("{operation:?} returned {length} bytes")))
    }
}
