//! What the threads of a race share.

use super::{Differences, Pace, point};
use crate::driver::{Driver, Failure, File};
use crate::machine::{Machine, READ_WRITE};
use crate::observe::SlotView;
use crate::result::{Mismatch, mismatch};
use crate::run::setup::Setup;
use parking_lot::Mutex;
use psimp_catalogue::{Act, ClientToken, Race, TokenArg, Who};
use psimp_host::Options;
use psimp_model::{ImpersonationState, Thread};
use psimp_protocol::RulesMode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The machine, the driver, and the objects that acts keep. No lock is held while
/// a thread makes a call.
pub(super) struct RaceEnv {
    pub(super) machine: Machine,
    /// The rules mode that IMPERSONATE requests.
    pub(super) rules: RulesMode,
    /// The driver and the open of its device, until it is unloaded.
    pub(super) device: Mutex<Option<Arc<Device>>>,
    pub(super) threads: Mutex<BTreeMap<Who, Arc<Thread>>>,
    ids: BTreeMap<Who, u32>,
    /// Handles of the server process, by the race's numbers.
    pub(super) handles: Mutex<BTreeMap<usize, u64>>,
    /// Ids of saves.
    pub(super) saves: Mutex<BTreeMap<usize, u64>>,
    /// What `PsDisableImpersonation` moved out of slots.
    pub(super) disabled: Mutex<BTreeMap<usize, ImpersonationState>>,
    /// The tokens that the race names.
    tokens: Vec<ClientToken>,
    pub(super) found: Differences,
}

/// A driver and an open of its device.
pub(super) struct Device {
    pub(super) driver: Driver,
    pub(super) file: File,
}

impl RaceEnv {
    /// As for any case, the device is opened by an administrator, and the process
    /// is then given the server's token.
    pub(super) fn start(setup: &Setup, race: &Race, options: Options) -> Result<Self, Failure> {
        let machine = Machine::new(setup.kernel);
        let driver = Driver::start_with(&setup.source, &machine.system, options)?;
        let file = match driver.open(&machine.thread, READ_WRITE) {
            Ok(file) => file,
            Err(failure) => {
                driver.stop();
                return Err(failure);
            }
        };
        machine.become_server(race.server);
        let mut threads = BTreeMap::from([(Who::T1, machine.thread.clone())]);
        for (who, _) in race.parts {
            threads.entry(*who).or_insert_with(|| machine.begin(*who));
        }
        let tokens = tokens(race);
        // References are counted from here.
        for tok in &tokens {
            machine.token(*tok);
        }
        Ok(Self {
            rules: race.rules.unwrap_or(setup.rules),
            device: Mutex::new(Some(Arc::new(Device { driver, file }))),
            ids: threads.iter().map(|(who, thread)| (*who, thread.id())).collect(),
            threads: Mutex::new(threads),
            handles: Mutex::default(),
            saves: Mutex::default(),
            disabled: Mutex::default(),
            found: Mutex::default(),
            tokens,
            machine,
        })
    }

    /// Makes the kernel's fault points points of the schedule from now on.
    pub(super) fn watch_kernel(&self, pace: &Pace) {
        let faults = self.machine.system.faults();
        match pace {
            Pace::Seeded(schedule) => {
                let schedule = schedule.clone();
                faults.watch(move |at| schedule.pause(point(at)));
            }
            Pace::Free => {
                faults.watch(|_| std::thread::yield_now());
            }
        }
    }

    /// A thread of the race; one that is not among its parts is created at its
    /// first use.
    pub(super) fn thread(&self, who: Who) -> Arc<Thread> {
        self.threads.lock().entry(who).or_insert_with(|| self.machine.begin(who)).clone()
    }

    /// The id that a thread has, or had.
    pub(super) fn thread_id(&self, who: Who) -> u32 {
        self.ids.get(&who).copied().unwrap_or_default()
    }

    /// The thread exits: the references to it here are dropped.
    pub(super) fn exit(&self, who: Who) {
        let thread = self.threads.lock().remove(&who);
        if let Some(thread) = thread {
            thread.terminate();
        }
    }

    /// The device, if the driver is loaded.
    pub(super) fn device(&self) -> Result<Arc<Device>, Failure> {
        self.device.lock().clone().ok_or_else(|| Failure::Fault("the driver is unloaded".to_owned()))
    }

    /// Closes the device and unloads the driver.
    pub(super) fn unload(&self, thread: &Arc<Thread>) -> Vec<Mismatch> {
        let Some(device) = self.device.lock().take() else { return Vec::new() };
        let Some(Device { driver, file }) = Arc::into_inner(device) else {
            return vec![mismatch("unload", "no request in flight", "one")];
        };
        let closed = driver.close(thread, file).err();
        let faults = driver.stop().into_iter().map(|fault| mismatch("driver contract", "no fault", fault));
        let closed = closed.map(|failure| mismatch("close of the device", "success", failure.to_string()));
        closed.into_iter().chain(faults).collect()
    }

    pub(super) fn differ(&self, found: Vec<Mismatch>) {
        self.found.lock().extend(found);
    }

    /// A slot in the notation: a copy is one of the race's tokens'.
    pub(super) fn words(&self, slot: Option<&SlotView>) -> String {
        let Some(slot) = slot else { return "idle".to_owned() };
        let mut readings = self.tokens.iter().map(|tok| slot.notation(&self.machine, Some(*tok)));
        let whose = readings.find(|words| !words.starts_with("copy of something"));
        whose.unwrap_or_else(|| slot.notation(&self.machine, None))
    }
}

/// Each token that a race names, once.
pub(crate) fn tokens(race: &Race) -> Vec<ClientToken> {
    fn collect(acts: &[Act], tokens: &mut Vec<ClientToken>) {
        for act in acts {
            match *act {
                Act::Repeat(_, acts) => collect(acts, tokens),
                Act::Impersonate { token: TokenArg::Token(tok), .. }
                | Act::TokenHandle(_, tok)
                | Act::ReuseHandle(_, tok)
                    if !tokens.contains(&tok) =>
                {
                    tokens.push(tok);
                }
                _ => (),
            }
        }
    }
    let mut tokens = Vec::new();
    let parts = race.parts.iter().map(|(_, acts)| *acts);
    for acts in [race.before].into_iter().chain(parts).chain([race.after]) {
        collect(acts, &mut tokens);
    }
    tokens
}
