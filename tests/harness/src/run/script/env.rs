//! What the threads of a script share.

use super::super::Asked;
use super::super::connections::Connections;
use super::super::setup::Way;
use super::connections::ClientFile;
use crate::driver::{Driver, Failure, File, Witness};
use crate::machine::Machine;
use crate::result::{Comparison, Mismatch, compare, mismatch};
use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Who};
use psimp_model::{ClientContext, ImpersonationState, SlotState, Thread, rights};
use psimp_protocol::RulesMode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The machine, the driver, the threads, and the script's kept objects.
pub(super) struct ScriptEnv<'env> {
    machine: &'env Machine,
    /// The driver and the open of its device, if calls go through it.
    device: Option<(&'env Driver, &'env File)>,
    /// The rules mode that IMPERSONATE requests.
    pub(super) rules: RulesMode,
    threads: Mutex<BTreeMap<Who, Arc<Thread>>>,
    pub(super) asked: Asked,
    /// By the script's numbers.
    pub(super) kept: Mutex<Kept>,
    /// Clients that are connected, or have left.
    pub(super) clients: Connections<ClientFile>,
    found: Mutex<Vec<Mismatch>>,
    shown: Mutex<String>,
    /// How many handles the server process had at the start.
    handles: usize,
}

/// The objects that the script keeps, by its own numbers.
#[derive(Default)]
pub(super) struct Kept {
    /// Saves, by SAVE or its raw counterpart, and the token requested before.
    pub(super) saves: BTreeMap<usize, (Save, Option<ClientToken>)>,
    /// What `PsDisableImpersonation` moved out of slots.
    pub(super) disabled: BTreeMap<usize, ImpersonationState>,
    /// Handles of the server process.
    pub(super) handles: BTreeMap<usize, Handle>,
    /// Client security contexts, and the token of each client.
    pub(super) contexts: BTreeMap<usize, (ClientContext, Option<ClientToken>)>,
    /// Further servers.
    pub(super) servers: BTreeMap<usize, Arc<File>>,
}

/// A save: the slot itself, or the driver's id of one.
#[derive(Clone)]
pub(super) enum Save {
    Slot(Option<SlotState>),
    Id(u64),
}

/// A handle, and the catalogue's name of its object.
#[derive(Clone, Copy)]
pub(super) struct Handle {
    pub(super) value: u64,
    pub(super) names: Names,
}

/// The object of a handle, as far as the notation needs it.
#[derive(Clone, Copy)]
pub(super) enum Names {
    Thread(Who),
    /// This token of the catalogue, or one derived from it.
    Token(Option<ClientToken>),
    Other,
}

impl<'env> ScriptEnv<'env> {
    pub(super) fn new(machine: &'env Machine, way: Way<'env>) -> Self {
        let (device, rules) = match way {
            Way::Kernel => (None, RulesMode::Kernel),
            Way::Driver(client, rules) => (Some((client.driver, client.file)), rules),
        };
        Self {
            machine,
            device,
            rules,
            threads: Mutex::new(BTreeMap::from([(Who::T1, machine.thread.clone())])),
            asked: Asked::default(),
            kept: Mutex::default(),
            clients: Mutex::default(),
            found: Mutex::default(),
            shown: Mutex::default(),
            handles: machine.process.handles().count(),
        }
    }

    pub(super) fn has_driver(&self) -> bool {
        self.device.is_some()
    }

    /// The driver, and the open of its device that the script starts with.
    pub(super) fn device(&self) -> Result<(&'env Driver, &'env File), Failure> {
        self.device.ok_or_else(|| Failure::Fault("this step is for the driver alone".to_owned()))
    }

    /// What injects failures below the driver, if anything does.
    pub(super) fn witness(&self) -> Option<&'env Arc<dyn Witness>> {
        self.device.and_then(|(driver, _)| driver.witness())
    }

    /// How often to repeat a step. Under injected failures two repetitions are
    /// enough, since each failure affects one call.
    pub(super) fn repetitions(&self, times: u32) -> u32 {
        if self.witness().is_some() { times.min(2) } else { times }
    }

    /// A thread of the script, created at its first use.
    pub(super) fn thread(&self, who: Who) -> Arc<Thread> {
        let begin = || self.machine.begin(who);
        let thread = self.threads.lock().entry(who).or_insert_with(begin).clone();
        if let Some(witness) = self.witness() {
            witness.notice(&thread);
        }
        thread
    }

    /// The machine as a thread of the script uses it.
    pub(super) fn machine(&self, who: Who) -> Machine {
        self.machine.on(&self.thread(who))
    }

    /// The thread exits: the references to it here are dropped.
    pub(super) fn exit(&self, who: Who) {
        let thread = self.threads.lock().remove(&who);
        if let Some(thread) = thread {
            thread.terminate();
        }
    }

    pub(super) fn show(&self, shown: String) {
        *self.shown.lock() = shown;
    }

    pub(super) fn differ(&self, found: Vec<Mismatch>) {
        self.found.lock().extend(found);
    }

    /// Adds the deciding rule to the differences recorded so far.
    pub(super) fn name_rule(&self, rule: &str) {
        for difference in self.found.lock().iter_mut() {
            difference.rule.get_or_insert_with(|| rule.to_owned());
        }
    }

    /// Ends what the script left open, and returns the result.
    pub(super) fn finish(self) -> Comparison {
        self.machine.thread.attach(None);
        let kept = self.kept.into_inner();
        for handle in kept.handles.into_values() {
            self.machine.close(handle.value);
        }
        if let Some((driver, _)) = self.device {
            let servers = kept.servers.into_values().map(|file| (self.machine.thread.clone(), file));
            let clients = self.clients.into_inner().into_values().filter_map(|client| client.file);
            let clients = clients.map(|client| (client.thread, client.file));
            for (thread, file) in servers.chain(clients) {
                // It has no other reference by now.
                let closed = Arc::into_inner(file).map(|file| driver.close(&thread, file));
                if let Some(Err(failure)) = closed {
                    self.found.lock().push(mismatch("close", "success", failure.to_string()));
                }
            }
        }
        let handles = self.machine.process.handles().count();
        compare(
            &mut self.found.lock(),
            "handles of the server",
            &self.handles.to_string(),
            &handles.to_string(),
        );
        let found = self.found.into_inner();
        if found.is_empty() { Ok(self.shown.into_inner()) } else { Err(found) }
    }
}

impl Machine {
    /// A handle, in the process of the script's thread, to a thread.
    pub(super) fn thread_handle(&self, thread: &Arc<Thread>, access: u32) -> u64 {
        debug_assert_eq!(access & !rights::THREAD_ALL_ACCESS, 0);
        self.process.handles().insert(psimp_model::Object::Thread(thread.clone()), access)
    }
}
