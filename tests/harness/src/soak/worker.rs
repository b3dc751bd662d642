//! One thread of a soak.

use super::Figures;
use super::decode::SlotReply;
use super::world::{FILES, World};
use crate::client::{Client, Contract};
use crate::driver::{Failure, File};
use crate::machine::{Machine, READ_WRITE, descriptor};
use oorandom::Rand32;
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_host::Requestor;
use psimp_nt::Status;
use psimp_protocol::{Ioctl, Operation, RulesMode};

/// A thread that makes random calls.
pub(super) struct Worker<'a> {
    world: &'a World,
    random: Rand32,
    /// The machine as its thread uses it.
    machine: Machine,
    /// As used by a thread that never impersonates, for opens of the device.
    opener: Machine,
    /// As used by a thread of another process.
    stranger: Machine,
    /// The descriptor of an object that user A and restricted code may use.
    object: Vec<u8>,
    figures: Figures,
    broken: bool,
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Impersonate,
    ImpersonateNothing,
    Raise,
    Query,
    End,
    Revert,
    Save,
    Restore,
    Discard,
    Evaluate,
    AccessCheck,
    Malformed,
    Unknown,
    FromOtherProcess,
}

/// The relative frequency of each.
const WEIGHTS: &[(Act, u32)] = &[
    (Act::Impersonate, 30),
    (Act::ImpersonateNothing, 1),
    (Act::Raise, 1),
    (Act::Query, 25),
    (Act::End, 6),
    (Act::Revert, 4),
    (Act::Save, 12),
    (Act::Restore, 10),
    (Act::Discard, 8),
    (Act::Evaluate, 3),
    (Act::AccessCheck, 2),
    (Act::Malformed, 1),
    (Act::Unknown, 1),
    (Act::FromOtherProcess, 1),
];

impl<'a> Worker<'a> {
    pub(super) fn new(world: &'a World, number: usize) -> Self {
        let system = &world.machine.system;
        let stranger = system.create_thread(&world.machine.other_process(ServerToken::SPlus));
        Self {
            world,
            random: Rand32::new(number as u64 + 1),
            machine: world.machine.on(&world.thread(number)),
            opener: world.machine.on(&system.create_thread(&world.machine.process)),
            stranger: world.machine.on(&stranger),
            object: descriptor(&[User::A.sid()]),
            figures: Figures::default(),
            broken: false,
        }
    }

    pub(super) fn figures(self) -> Figures {
        self.figures
    }

    /// Makes this many calls; returns whether the driver still runs.
    pub(super) fn turns(&mut self, count: u32) -> bool {
        for _ in 0..count {
            match self.random.rand_range(0..512) {
                0 => self.world.replace_thread(self.pick(usize::MAX)),
                1 => self.reopen(false),
                2 => self.reopen(true),
                _ => self.request(),
            }
        }
        !self.broken
    }

    fn pick(&mut self, below: usize) -> usize {
        self.random.rand_u32() as usize % below.max(1)
    }

    fn draw(&mut self) -> Act {
        let all = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.rand_range(0..all);
        for &(act, weight) in WEIGHTS {
            if left < weight {
                return act;
            }
            left -= weight;
        }
        Act::Query
    }

    fn request(&mut self) {
        let act = self.draw();
        let number = self.pick(FILES);
        // Half of the calls are about the calling thread.
        let about = if self.pick(2) == 0 { 0 } else { self.world.target(self.pick(usize::MAX)) };
        let Some(file) = self.world.files.get(number) else { return };
        let answer = {
            let file = file.read();
            let Some(file) = file.as_ref() else { return };
            self.send(act, number, file, about)
        };
        self.figures.ioctls += 1;
        self.judge(act, answer);
    }

    fn send(&mut self, act: Act, number: usize, file: &File, about: u64) -> Result<SlotReply, Failure> {
        let token = self.pick(self.world.tokens.len());
        let save = self.some_save(number);
        let rules = if self.pick(2) == 0 { RulesMode::Documented } else { RulesMode::Kernel };
        let machine = if act == Act::FromOtherProcess { &self.stranger } else { &self.machine };
        let client = Client { machine, driver: &self.world.driver, file, about };
        let raw = |code, input: &[u8]| {
            let thread = &machine.thread;
            client
                .driver
                .send(thread, file, code, input, &mut [0; 128], Requestor::User)
                .map(|_| SlotReply::Nothing)
        };
        match act {
            Act::Impersonate => {
                let Some(token) = self.world.tokens.get(token) else { return Ok(SlotReply::Nothing) };
                let (handle, values) = (token.handle, token.values);
                let (co, eo) = (values.copy_on_open, values.effective_only);
                client.impersonate_by(handle, co, eo, values.level, rules).map(SlotReply::Outcome)
            }
            Act::ImpersonateNothing => {
                client.impersonate_by(0x0FFF_FFF0, false, false, 2, rules).map(SlotReply::Outcome)
            }
            Act::Raise => client.impersonate(ClientToken::A1, false, false, 2, rules).map(SlotReply::Outcome),
            Act::Query | Act::FromOtherProcess => client.query().map(SlotReply::Slot),
            Act::End => client.end().map(SlotReply::Slot),
            Act::Revert => client.revert().map(SlotReply::Slot),
            Act::Save => client.save().map(|saved| {
                self.world.remember_save(number, saved.save);
                SlotReply::Slot(saved.slot)
            }),
            Act::Restore => client.restore(save, rules).map(SlotReply::Outcome),
            Act::Discard => client.discard(save).map(|()| SlotReply::Nothing),
            Act::Evaluate => client.evaluate(ClientToken::A2, 2).map(|_| SlotReply::Nothing),
            Act::AccessCheck => client.access_check(&self.object, READ_WRITE).map(|_| SlotReply::Nothing),
            Act::Malformed => raw(Ioctl::of(Operation::Save).code(), &[0; 7]),
            Act::Unknown => raw(Ioctl::of(Operation::Save).code() ^ 0x1000, &[0; 16]),
        }
    }

    /// The number of a save of this file, most of the time; it may have been discarded.
    fn some_save(&mut self, file: usize) -> u64 {
        let file = if self.pick(16) == 0 { self.pick(FILES) } else { file };
        let place = self.pick(usize::MAX);
        self.world.saves.get(file).map_or(0, |saves| {
            let saves = saves.lock();
            saves.get(place % saves.len().max(1)).copied().unwrap_or_default()
        })
    }

    /// Closes a file, with `cleanup` its last handle first while requests are in
    /// flight, and opens another.
    fn reopen(&mut self, cleanup: bool) {
        let (world, thread) = (self.world, &self.opener.thread);
        let number = self.random.rand_u32() as usize % FILES;
        let Some(place) = world.files.get(number) else { return };
        let done = (|| {
            if cleanup && let Some(file) = place.read().as_ref() {
                world.driver.cleanup(thread, file)?;
            }
            let mut place = place.write();
            if let Some(file) = place.take() {
                world.driver.close(thread, file)?;
            }
            *place = Some(world.driver.open(thread, READ_WRITE)?);
            Ok::<(), Failure>(())
        })();
        if let Err(failure) = done {
            self.figures.unexpected.add(|| format!("close and open: {failure}"));
            self.broken |= matches!(failure, Failure::Fault(_));
        }
    }

    fn judge(&mut self, act: Act, answer: Result<SlotReply, Failure>) {
        match answer {
            Ok(told) => {
                if let Some(why) = told.is_torn(self.world) {
                    self.figures.torn.add(|| format!("{act:?}: {why}"));
                }
            }
            Err(Failure::Status(status)) => {
                *self.figures.refused.entry(status.to_string()).or_default() += 1;
                if !possible(act).contains(&status) {
                    self.figures.unexpected.add(|| format!("{act:?}: {status}"));
                }
            }
            Err(Failure::Fault(fault)) => {
                self.broken = true;
                self.figures.unexpected.add(|| format!("{act:?}: {fault}"));
            }
        }
    }
}

/// The statuses with which an operation may be refused here.
fn possible(act: Act) -> &'static [Status] {
    // The thread of a handle may be exiting or gone, and the handle may belong to
    // another object by now.
    match act {
        Act::Impersonate | Act::ImpersonateNothing | Act::Query | Act::End | Act::Evaluate => {
            &[Status::INVALID_HANDLE, Status::THREAD_IS_TERMINATING, Status::OBJECT_TYPE_MISMATCH]
        }
        Act::Raise => &[
            Status::BAD_IMPERSONATION_LEVEL,
            Status::INVALID_HANDLE,
            Status::THREAD_IS_TERMINATING,
            Status::OBJECT_TYPE_MISMATCH,
        ],
        Act::Save => &[
            Status::INSUFFICIENT_RESOURCES,
            Status::FILE_CLOSED,
            Status::INVALID_HANDLE,
            Status::THREAD_IS_TERMINATING,
            Status::OBJECT_TYPE_MISMATCH,
        ],
        Act::Restore => &[
            Status::NOT_FOUND,
            Status::FILE_CLOSED,
            Status::INVALID_HANDLE,
            Status::THREAD_IS_TERMINATING,
            Status::OBJECT_TYPE_MISMATCH,
        ],
        Act::Discard => &[Status::NOT_FOUND, Status::FILE_CLOSED],
        Act::Revert | Act::AccessCheck => &[],
        Act::Malformed => &[Status::INFO_LENGTH_MISMATCH],
        Act::Unknown => &[Status::INVALID_DEVICE_REQUEST],
        Act::FromOtherProcess => &[Status::ACCESS_DENIED],
    }
}
