//! One of the machines that run a program.

use super::{Actor, Call, Callers, Fail, Save, Shown, Slots, Step};
use crate::client::{Client, Contract};
use crate::driver::{Driver, Failure, File, Source};
use crate::machine::{Machine, OpenedToken, READ_WRITE, descriptor};
use crate::normalize::Ids;
use psimp_catalogue::{ClientToken, ServerToken};
use psimp_model::{FaultPoint, Kernel, Object, Token, privileges, rights, sids};
use psimp_nt::Status;
use psimp_protocol::{RulesMode, wire};
use std::sync::Arc;
use zerocopy::IntoBytes;

/// A driver over a machine of its own, and the state of the program on it.
pub(super) struct Side {
    /// The machine, as each of the two threads uses it.
    machines: [Machine; 2],
    callers: Callers,
    driver: Driver,
    /// Open files and their numbers in the order of opening.
    files: Vec<(usize, File)>,
    /// Which of them is in use.
    file: usize,
    /// Files opened so far.
    opened: usize,
    /// In the order of saving; RESTORE may name one that was dropped.
    saves: Vec<Save>,
    /// The token with which the device is opened.
    administrator: Arc<Token>,
    ids: Ids,
}

/// Files that can be open at one time.
const FILES: usize = 4;

impl Save {
    fn token_id(&self) -> Option<u64> {
        self.slot.as_ref().map(|slot| slot.token_id)
    }
}

impl Side {
    /// A machine with this kernel, with the driver started and the device open.
    pub(super) fn start(
        source: &Source,
        callers: Callers,
        kernel: Kernel,
        server: ServerToken,
    ) -> Result<Self, String> {
        let machine = Machine::new(kernel);
        for tok in ClientToken::ALL {
            machine.token(*tok);
        }
        let administrator = machine.process.primary();
        let driver = Driver::start(source, &machine.system).map_err(|failure| failure.to_string())?;
        let file = driver.open(&machine.thread, READ_WRITE).map_err(|failure| failure.to_string())?;
        machine.become_server(server);
        let ids = Ids::since_primary(&machine);
        let other = machine.on(&machine.system.create_thread(&machine.process));
        Ok(Self {
            machines: [machine, other],
            callers,
            driver,
            files: vec![(0, file)],
            file: 0,
            opened: 1,
            saves: Vec::new(),
            administrator,
            ids,
        })
    }

    fn machine(&self, actor: Actor) -> &Machine {
        let [one, two] = &self.machines;
        match actor {
            Actor::One => one,
            Actor::Two => two,
        }
    }

    /// The saves, in the order of saving.
    pub(super) fn saves(&self) -> &[Save] {
        &self.saves
    }

    /// The slots as the kernel holds them.
    pub(super) fn slots(&self) -> Slots {
        self.machines.each_ref().map(|machine| machine.thread.slot().map(|slot| self.ids.view(&slot)))
    }

    /// Checks that only the slots and the saves hold references on the tokens in
    /// the slots.
    pub(super) fn references(&self) -> Result<(), String> {
        let slots = self.machines.each_ref().map(|machine| machine.thread.slot());
        for slot in slots.iter().flatten() {
            let id = slot.token.id().0;
            let in_slots = slots.iter().flatten().filter(|other| other.token.id().0 == id).count();
            let relative = self.ids.id(id);
            let saved = |save: &&Save| !save.discarded && save.token_id() == Some(relative);
            let in_saves = self.saves.iter().filter(saved).count();
            let test = usize::from(self.machine(Actor::One).token_by_id(id).is_some());
            // Each slot is read through a reference of its own.
            let expected = 2 * in_slots + in_saves + test;
            let held = Arc::strong_count(&slot.token);
            if held != expected {
                return Err(format!(
                    "{} references on a token in {in_slots} slots and {in_saves} saves",
                    held - in_slots - test
                ));
            }
        }
        Ok(())
    }

    fn told(&self, slot: wire::Slot) -> Vec<u8> {
        self.ids.slot(slot).as_bytes().to_vec()
    }

    fn outcome(&self, outcome: wire::Outcome) -> Vec<u8> {
        self.ids.outcome(outcome).as_bytes().to_vec()
    }

    /// Carries out one step.
    pub(super) fn run(&mut self, step: &Step) -> Shown {
        const STATUS: Status = Status::INSUFFICIENT_RESOURCES;
        let system = self.machine(Actor::One).system.clone();
        match step.fail {
            None => (),
            Some(Fail::Duplicate) => system.faults().fail_next(FaultPoint::DuplicateToken, STATUS),
            Some(Fail::Query(skip)) => system.faults().fail_nth(FaultPoint::QueryToken, skip, STATUS),
        }
        let about = step.target();
        // A thread that exits makes no calls of its own.
        let can_call = !self.machine(about).thread.is_terminating();
        let by = if self.callers == Callers::TheTarget && can_call { about } else { step.by };
        let reply = self.call(step.call, by, about);
        // A failure that was not reached must not wait for another call.
        system.faults().clear();
        Shown { reply, slots: self.slots() }
    }

    /// Makes a call, through a handle to the thread that it is about if that is another.
    fn call(&mut self, call: Call, by: Actor, about: Actor) -> Result<Vec<u8>, Failure> {
        if by == about {
            return self.call_about(call, by, 0, about);
        }
        let thread = Object::Thread(self.machine(about).thread.clone());
        let handle = self.machine(by).process.handles().insert(thread, rights::THREAD_ALL_ACCESS);
        let result = self.call_about(call, by, handle, about);
        self.machine(by).close(handle);
        result
    }

    fn call_about(&mut self, call: Call, by: Actor, handle: u64, about: Actor) -> Result<Vec<u8>, Failure> {
        let machine = self.machine(by);
        match call {
            Call::OpenDevice => return self.open_device(by),
            Call::CloseDevice => return self.close_device(by),
            Call::UseDevice(number) => {
                self.file = number.checked_rem(self.files.len()).unwrap_or(0);
                return Ok(Vec::new());
            }
            _ => (),
        }
        let (number, file) = self.files.get(self.file).ok_or(Status::INVALID_HANDLE)?;
        let client = Client { machine, driver: &self.driver, file, about: handle };
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
                let [one, two] = self.slots();
                let slot = if about == Actor::One { one } else { two };
                self.saves.push(Save { id: saved.save, slot, file: *number, discarded: false });
                Ok(told)
            }
            Call::Restore(number) => {
                client.restore(self.save(number), RulesMode::Documented).map(|outcome| self.outcome(outcome))
            }
            Call::Discard(number) => {
                client.discard(self.save(number))?;
                if let Some(save) = self.saves.get_mut(number) {
                    save.discarded = true;
                }
                Ok(Vec::new())
            }
            Call::DisableRestore => {
                let thread = &self.machine(about).thread;
                let state = thread.disable_impersonation();
                thread.restore_impersonation(state);
                Ok(Vec::new())
            }
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
            Call::Terminate => {
                self.machine(about).thread.terminate();
                Ok(Vec::new())
            }
            // Handled above.
            Call::OpenDevice | Call::CloseDevice | Call::UseDevice(_) => Ok(Vec::new()),
        }
    }

    fn open_device(&mut self, by: Actor) -> Result<Vec<u8>, Failure> {
        if self.files.len() == FILES {
            return Err(Status::INSUFFICIENT_RESOURCES.into());
        }
        let machine = self.machine(by);
        let server = machine.process.primary();
        machine.process.set_primary(self.administrator.clone());
        let opened = self.driver.open(&machine.thread, READ_WRITE);
        machine.process.set_primary(server);
        self.files.push((self.opened, opened?));
        self.opened += 1;
        self.file = self.files.len() - 1;
        Ok(Vec::new())
    }

    fn close_device(&mut self, by: Actor) -> Result<Vec<u8>, Failure> {
        if self.file >= self.files.len() {
            return Err(Status::INVALID_HANDLE.into());
        }
        let (number, file) = self.files.remove(self.file);
        self.file = 0;
        self.driver.close(&self.machine(by).thread, file)?;
        for save in self.saves.iter_mut().filter(|save| save.file == number) {
            save.discarded = true;
        }
        Ok(Vec::new())
    }

    fn save(&self, number: usize) -> u64 {
        self.saves.get(number).map_or(0, |save| save.id)
    }

    /// Ends everything; no reference may be left.
    pub(super) fn finish(self) -> Result<(), String> {
        let Self { machines: [machine, other], driver, files, .. } = self;
        drop(other);
        for (_, file) in files {
            driver.close(&machine.thread, file).map_err(|failure| failure.to_string())?;
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
