//! What the threads of a soak share.

use crate::driver::{Driver, Failure, File, Source};
use crate::machine::{Machine, READ_WRITE};
use crate::observe::SlotView;
use parking_lot::{Mutex, RwLock};
use psimp_catalogue::{ClientToken, Logon, User};
use psimp_model::{Kernel, Object, Thread, Token, rights};
use psimp_nt::{Level, TokenType};
use std::collections::HashMap;
use std::sync::Arc;

/// Open files of the device.
pub(super) const FILES: usize = 4;
/// Threads that make no calls, and are replaced during the soak.
const PASSIVE: usize = 4;
/// How many numbers of saves are remembered for each file.
const SAVES: usize = 24;

/// Flags and level of an impersonation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) copy_on_open: bool,
    pub(super) effective_only: bool,
    pub(super) level: u32,
}

/// A handle to a token, and the values that only this token is impersonated with.
pub(super) struct Assigned {
    token: Arc<Token>,
    /// References on it that are not the driver's, apart from the handle's.
    own: usize,
    pub(super) handle: u64,
    pub(super) values: Values,
}

/// Another user's token, which every kernel copies at Identification: the requested
/// values.
const FOREIGN: Values = Values { copy_on_open: true, effective_only: false, level: 2 };
const FOREIGN_STORED: Values = Values { level: 1, ..FOREIGN };

/// The machine, the driver, and the objects of the calls.
pub(super) struct World {
    /// The process stays an administrator's, so that it can open the device; the
    /// rules only read its user.
    pub(super) machine: Machine,
    pub(super) driver: Driver,
    pub(super) files: Vec<RwLock<Option<File>>>,
    pub(super) saves: Vec<Mutex<Vec<u64>>>,
    /// Threads that calls are about, with a handle to each; the workers' own come
    /// first.
    targets: Vec<RwLock<(Arc<Thread>, u64)>>,
    pub(super) tokens: Vec<Assigned>,
    by_id: HashMap<u64, Values>,
    /// Tokens of the other user's logon session before the soak.
    foreign: usize,
}

impl World {
    pub(super) fn start(source: &Source, workers: usize) -> Result<Self, Failure> {
        let machine = Machine::new(Kernel::Win10);
        let driver = Driver::start(source, &machine.system)?;
        let open = |_| Ok(RwLock::new(Some(driver.open(&machine.thread, READ_WRITE)?)));
        let files = (0..FILES).map(open).collect::<Result<_, Failure>>()?;
        let mut tokens = assigned(&machine)?;
        let by_id = tokens.iter().map(|assigned| (assigned.token.id().0, assigned.values)).collect();
        tokens.push(Assigned {
            token: machine.token(ClientToken::B2),
            own: 2,
            handle: machine.handle(ClientToken::B2, rights::TOKEN_ALL_ACCESS),
            values: FOREIGN,
        });
        let targets = (0..workers + PASSIVE).map(|_| RwLock::new(begin(&machine))).collect();
        let saves = (0..FILES).map(|_| Mutex::default()).collect();
        let foreign = machine.system.logon_session_references(Logon::B1.luid());
        Ok(Self { machine, driver, files, saves, targets, tokens, by_id, foreign })
    }

    /// The thread of a worker.
    pub(super) fn thread(&self, worker: usize) -> Arc<Thread> {
        let target = self.targets.get(worker).map(|target| target.read().0.clone());
        target.unwrap_or_else(|| self.machine.thread.clone())
    }

    /// A handle to one of the threads; by the time it is used it may be another thread's.
    pub(super) fn target(&self, number: usize) -> u64 {
        self.targets.get(number % self.targets.len()).map_or(0, |target| target.read().1)
    }

    /// One of the threads that make no calls exits; another replaces it.
    pub(super) fn replace_thread(&self, number: usize) {
        let first = self.targets.len() - PASSIVE;
        if let Some(target) = self.targets.get(first + number % PASSIVE) {
            let mut target = target.write();
            target.0.terminate();
            self.machine.close(target.1);
            *target = begin(&self.machine);
        }
    }

    pub(super) fn remember_save(&self, file: usize, save: u64) {
        if let Some(saves) = self.saves.get(file) {
            let mut saves = saves.lock();
            if saves.len() == SAVES {
                saves.remove(0);
            }
            saves.push(save);
        }
    }

    /// Whether a thread assigned this slot as a whole.
    pub(super) fn is_assigned(&self, slot: &SlotView) -> bool {
        let values = Values {
            copy_on_open: slot.copy_on_open,
            effective_only: slot.effective_only,
            level: slot.level,
        };
        match self.by_id.get(&slot.token_id) {
            Some(assigned) => *assigned == values && slot.user == User::A.sid(),
            None => {
                values == FOREIGN_STORED
                    && slot.user == User::B.sid()
                    && slot.own_level == FOREIGN_STORED.level
            }
        }
    }

    /// The same for the identity in the reply of IMPERSONATE and RESTORE.
    pub(super) fn is_assigned_id(&self, token_id: u64, session: u64, values: Values) -> bool {
        match self.by_id.get(&token_id) {
            Some(assigned) => *assigned == values,
            None => values == FOREIGN_STORED && session == Logon::B1.luid().0,
        }
    }

    /// Closes and unloads everything; returns what is left.
    pub(super) fn finish(self) -> Vec<String> {
        let Self { machine, driver, files, targets, tokens, foreign, .. } = self;
        let mut left = Vec::new();
        for file in files.into_iter().filter_map(RwLock::into_inner) {
            left.extend(driver.close(&machine.thread, file).err().map(|failure| failure.to_string()));
        }
        left.extend(driver.stop());
        drop(targets);
        machine.process.close_handles();
        for Assigned { token, own, values, .. } in &tokens {
            let count = Arc::strong_count(token);
            if count != *own {
                left.push(format!("{count} references for {own} on the token that goes with {values:?}"));
            }
        }
        let copies = machine.system.logon_session_references(Logon::B1.luid()) - foreign;
        if copies != 0 {
            left.push(format!("{copies} copies of the other user's token"));
        }
        left
    }
}

/// A thread of the process, with a handle.
fn begin(machine: &Machine) -> (Arc<Thread>, u64) {
    let thread = machine.system.create_thread(&machine.process);
    let object = Object::Thread(thread.clone());
    (thread, machine.process.handles().insert(object, rights::THREAD_ALL_ACCESS))
}

/// Sixteen tokens, one for each combination of flags and level.
fn assigned(machine: &Machine) -> Result<Vec<Assigned>, Failure> {
    let original = machine.token(ClientToken::A3);
    let mut tokens = Vec::new();
    for level in 0..4 {
        for (copy_on_open, effective_only) in [(false, false), (false, true), (true, false), (true, true)] {
            let (kind, own) = (TokenType::Impersonation, Level::Delegation);
            let token = machine.system.duplicate_token(&original, kind, own, false)?;
            let object = Object::Token(token.clone());
            let handle = machine.process.handles().insert(object, rights::TOKEN_ALL_ACCESS);
            let values = Values { copy_on_open, effective_only, level };
            tokens.push(Assigned { token, own: 1, handle, values });
        }
    }
    Ok(tokens)
}
