//! Random programs of calls, run call for call on drivers over equal machines;
//! what they show must be the same, and keep the invariants.

use crate::alike::Ids;
use crate::client::Client;
use crate::driver::{Driver, Failure, File, Source};
use crate::machine::{Machine, OpenedToken, READ_WRITE, descriptor};
use crate::observe::SlotView;
use psimp_catalogue::{Server, Tok, User};
use psimp_model::{FaultPoint, Flavour, Thread, Token, privileges, sids};
use psimp_protocol::wire::{self, verdict};
use psimp_protocol::{RulesMode, Status};
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};

/// One call of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// IMPERSONATE.
    Impersonate {
        /// Which token.
        token: Tok,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level, also out of range.
        level: u32,
        /// Who decides.
        rules: RulesMode,
    },
    /// EVALUATE of a token at a level.
    Evaluate(Tok, u32),
    /// QUERY.
    Query,
    /// SAVE.
    Save,
    /// RESTORE of the save with this number in the order of saving.
    Restore(usize),
    /// DISCARD of it.
    Discard(usize),
    /// REVERT.
    Revert,
    /// END.
    End,
    /// `ACCESS_CHECK` on what this user, and restricted code, may use.
    AccessCheck(User),
    /// `OpenThreadToken` on the own thread.
    Open,
    /// `SetThreadToken` with no token.
    SetThreadTokenNull,
    /// The server's privilege is enabled or disabled.
    Privilege(bool),
    /// The server's primary token is replaced.
    Become(Server),
    /// The calls that follow are made on this thread of the process.
    UseThread(usize),
    /// The thread begins to exit.
    Terminate,
    /// The device is opened once more, by an administrator as long as the
    /// thread does not impersonate; the calls that follow use that file.
    OpenDevice,
    /// The calls that follow use this open file, in the order of opening.
    UseDevice(usize),
    /// The file in use is closed, with its saves.
    CloseDevice,
}

/// Threads of the process that the program can use.
const THREADS: usize = 3;
/// Files that can be open at one time.
const FILES: usize = 4;

/// A failure that meets a call, if the call gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// Duplicating a token.
    Duplicate,
    /// Querying a token, after so many queries that succeed.
    Query(u32),
}

/// A call, and what fails in it.
pub type Step = (Call, Option<Fail>);

/// What a call shows: what came back, and the slot afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The reply without what differs from load to load, or the failure.
    pub reply: Result<Vec<u8>, Failure>,
    /// The slot as the kernel holds it.
    pub slot: Option<SlotView>,
}

/// A driver over a machine of its own, in the middle of a program.
struct Side {
    machine: Machine,
    driver: Driver,
    /// The first one makes the calls in the beginning.
    threads: [Arc<Thread>; THREADS],
    /// Open files, and which of them is in use.
    files: Vec<File>,
    file: usize,
    /// Ids of saves, in the order of saving; RESTORE may name one that is gone.
    saves: Vec<u64>,
    /// As whom the device is opened.
    administrator: Arc<Token>,
    ids: Ids,
}

/// Runs a program on every source.
///
/// # Errors
/// The number of the call at which they differ or break an invariant, and how.
pub fn compare(sources: &[Source], flavour: Flavour, server: Server, program: &[Step]) -> Result<(), String> {
    let sides = sources.iter().map(|source| Side::start(source, flavour, server));
    let mut sides = sides.collect::<Result<Vec<_>, _>>()?;
    for (number, &(call, fail)) in program.iter().enumerate() {
        let mut first = None;
        for side in &mut sides {
            let before = side.slot();
            let shown = side.run(call, fail);
            check(call, before.as_ref(), &shown)
                .map_err(|broken| format!("call {number}, {call:?}: {broken}: {shown:?}"))?;
            let first = first.get_or_insert_with(|| shown.clone());
            if *first != shown {
                return Err(format!("call {number}, {call:?}: {first:?} against {shown:?}"));
            }
        }
    }
    sides.into_iter().try_for_each(Side::finish)
}

/// The invariants of the specification that one call can break.
fn check(call: Call, before: Option<&SlotView>, shown: &Shown) -> Result<(), &'static str> {
    let after = shown.slot.as_ref();
    match (call, &shown.reply) {
        (_, Err(Failure::Fault(_))) => Err("a contract was broken"),
        (Call::Restore(_), Err(Failure::Status(Status::NOT_FOUND))) if after != before => {
            Err("a save that is not there changed the slot")
        }
        // A restore that the kernel fails ends the impersonation.
        (Call::Restore(_), Err(_)) if after.is_some() && after != before => {
            Err("a failed restore left another slot")
        }
        // The slot before is another thread's.
        (Call::Restore(_), Err(_)) | (Call::UseThread(_), _) => Ok(()),
        (_, Err(_)) if after != before => Err("a refused call changed the slot"),
        (Call::Revert | Call::End | Call::SetThreadTokenNull, Ok(_)) if after.is_some() => {
            Err("an ended impersonation is still there")
        }
        (Call::Impersonate { level, .. }, Ok(reply)) => outcome(reply, level, after),
        (Call::AccessCheck(_), Ok(reply))
            if after.is_some_and(|slot| slot.level < 2) && reply.starts_with(&[0; 4]) =>
        {
            Ok(())
        }
        (Call::AccessCheck(_), Ok(_)) if after.is_some_and(|slot| slot.level < 2) => {
            Err("a slot below Impersonation opened something")
        }
        (Call::Query | Call::Evaluate(..) | Call::Save | Call::Discard(_), Ok(_)) if after != before => {
            Err("a call that only looks changed the slot")
        }
        _ => Ok(()),
    }
}

/// IMPERSONATE: never above the level asked; a kept token is the one asked, a
/// copy another and no more than Identification.
fn outcome(reply: &[u8], level: u32, after: Option<&SlotView>) -> Result<(), &'static str> {
    let Ok(outcome) = wire::Outcome::read_from_bytes(reply) else {
        return Err("an outcome of another length");
    };
    let Some(slot) = after else { return Err("success without an impersonation") };
    if slot.level > level {
        return Err("a level above the one asked");
    }
    let same = slot.token_id == outcome.token_asked;
    match outcome.verdict {
        verdict::KEPT if same && slot.level == level => Ok(()),
        verdict::COPIED if !same && slot.level <= 1 && slot.own_level == slot.level => Ok(()),
        _ => Err("verdict and slot differ"),
    }
}

impl Side {
    fn start(source: &Source, flavour: Flavour, server: Server) -> Result<Self, String> {
        let machine = Machine::new(flavour);
        for tok in Tok::ALL {
            machine.token(*tok);
        }
        let administrator = machine.process.primary();
        let threads = [
            machine.thread.clone(),
            machine.system.create_thread(&machine.process),
            machine.system.create_thread(&machine.process),
        ];
        let driver = Driver::start(source, &machine.system).map_err(|failure| failure.to_string())?;
        let file = driver.open(&machine.thread, READ_WRITE).map_err(|failure| failure.to_string())?;
        machine.become_server(server);
        let ids = Ids::since_primary(&machine);
        Ok(Self {
            machine,
            driver,
            threads,
            files: vec![file],
            file: 0,
            saves: Vec::new(),
            administrator,
            ids,
        })
    }

    fn slot(&self) -> Option<SlotView> {
        self.machine.thread.slot().map(|slot| self.ids.view(&slot))
    }

    fn told(&self, slot: wire::Slot) -> Vec<u8> {
        self.ids.slot(slot).as_bytes().to_vec()
    }

    fn outcome(&self, outcome: wire::Outcome) -> Vec<u8> {
        self.ids.outcome(outcome).as_bytes().to_vec()
    }

    fn run(&mut self, call: Call, fail: Option<Fail>) -> Shown {
        const STATUS: Status = Status::INSUFFICIENT_RESOURCES;
        match fail {
            None => (),
            Some(Fail::Duplicate) => {
                self.machine.system.faults().fail_next(FaultPoint::DuplicateToken, STATUS);
            }
            Some(Fail::Query(skip)) => {
                self.machine.system.faults().fail_nth(FaultPoint::QueryToken, skip, STATUS);
            }
        }
        let reply = self.call(call);
        // A failure that was not reached must not wait for another call.
        self.machine.system.faults().clear();
        Shown { reply, slot: self.slot() }
    }

    fn call(&mut self, call: Call) -> Result<Vec<u8>, Failure> {
        match call {
            Call::UseThread(number) => {
                self.machine.thread = self.threads[number % THREADS].clone();
                return Ok(Vec::new());
            }
            Call::Terminate => {
                self.machine.thread.terminate();
                return Ok(Vec::new());
            }
            Call::OpenDevice => return self.open_device(),
            Call::UseDevice(number) => {
                self.file = number.checked_rem(self.files.len()).unwrap_or(0);
                return Ok(Vec::new());
            }
            Call::CloseDevice if self.file < self.files.len() => {
                let file = self.files.remove(self.file);
                self.file = 0;
                self.driver.close(&self.machine.thread, file)?;
                return Ok(Vec::new());
            }
            _ => (),
        }
        let machine = &self.machine;
        let file = self.files.get(self.file).ok_or(Status::INVALID_HANDLE)?;
        let client = Client { machine, driver: &self.driver, file };
        let bytes = |reply: &[u8]| reply.to_vec();
        match call {
            Call::Impersonate { token, copy_on_open, effective_only, level, rules } => client
                .impersonate(token, copy_on_open, effective_only, level, rules)
                .map(|outcome| self.outcome(outcome)),
            Call::Evaluate(token, level) => client.evaluate(token, level).map(|e| bytes(e.as_bytes())),
            Call::Query => client.query().map(|slot| self.told(slot)),
            Call::Save => {
                let saved = client.save()?;
                let told = self.told(saved.slot);
                self.saves.push(saved.save);
                Ok(told)
            }
            Call::Restore(number) => client.restore(self.save(number)).map(|outcome| self.outcome(outcome)),
            Call::Discard(number) => client.discard(self.save(number)).map(|()| Vec::new()),
            Call::Revert => client.revert().map(|slot| self.told(slot)),
            Call::End => client.end().map(|slot| self.told(slot)),
            Call::AccessCheck(user) => client
                .access_check(&descriptor(&[user.sid(), sids::RESTRICTED]), READ_WRITE)
                .map(|access| bytes(access.as_bytes())),
            Call::Open => {
                let opened = machine.open_thread_token(true);
                let opened = opened.map(|token| OpenedToken { id: self.ids.id(token.id), ..token });
                Ok(format!("{opened:?}").into_bytes())
            }
            Call::SetThreadTokenNull => {
                machine.system.nt_set_thread_token(&machine.thread, u64::MAX - 1, 0)?;
                Ok(Vec::new())
            }
            Call::Privilege(enabled) => {
                Ok(vec![machine.process.primary().adjust_privilege(privileges::IMPERSONATE, enabled).into()])
            }
            Call::Become(server) => {
                machine.become_server(server);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn open_device(&mut self) -> Result<Vec<u8>, Failure> {
        if self.files.len() == FILES {
            return Err(Status::INSUFFICIENT_RESOURCES.into());
        }
        let server = self.machine.process.primary();
        self.machine.process.set_primary(self.administrator.clone());
        let opened = self.driver.open(&self.machine.thread, READ_WRITE);
        self.machine.process.set_primary(server);
        self.files.push(opened?);
        self.file = self.files.len() - 1;
        Ok(Vec::new())
    }

    fn save(&self, number: usize) -> u64 {
        self.saves.get(number).copied().unwrap_or(0)
    }

    /// Ends everything: every reference must be back.
    fn finish(self) -> Result<(), String> {
        let Self { machine, driver, threads, files, .. } = self;
        for file in files {
            driver.close(&machine.thread, file).map_err(|failure| failure.to_string())?;
        }
        for thread in &threads {
            machine.system.ps_revert_to_self(thread);
        }
        let faults = driver.stop();
        if let Some(fault) = faults.first() {
            return Err(fault.clone());
        }
        if machine.process.handles().count() != 0 {
            return Err("handles left open".to_owned());
        }
        match machine.leftovers().first() {
            Some((tok, left)) => Err(format!("{left:+} references left on {}", tok.name())),
            None => Ok(()),
        }
    }
}
