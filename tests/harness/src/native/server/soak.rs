//! Threads that make random requests and system calls, each on its own slot, which only it changes.

use super::env::{READ_WRITE, open_device};
use super::via_driver::DeviceClient;
use crate::client::Contract as _;
use crate::driver::Failure;
use crate::native::system::device::Device;
use crate::native::system::{Token, thread};
use crate::observe::SlotView;
use crate::soak::Figures;
use oorandom::Rand32;
use psimp_catalogue::ClientToken;
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use psimp_protocol::wire::{Outcome, verdict};
use std::time::{Duration, Instant};

/// Requests between two looks at the clock.
const BATCH: u32 = 64;

/// Lets threads make requests for a time.
///
/// # Errors
/// Why they cannot begin.
pub(super) fn soak(
    tokens: &[(ClientToken, Token)],
    duration: Duration,
    threads: usize,
) -> Result<Figures, String> {
    let device = |_| open_device(READ_WRITE).map_err(|status| format!("the device does not open: {status}"));
    let devices = (0..threads).map(device).collect::<Result<Vec<_>, _>>()?;
    let begin = Instant::now();
    let ended = thread::scope(|scope| {
        let start = |(number, device)| {
            thread::spawn_in(scope, move || {
                let mut worker = Worker::new(number, device, tokens);
                while begin.elapsed() < duration {
                    (0..BATCH).for_each(|_| worker.turn());
                }
                worker.end()
            })
        };
        let running: Vec<_> = (1_u64..).zip(&devices).map(start).collect();
        running.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    let mut figures = Figures { duration: begin.elapsed(), threads, ..Figures::default() };
    for worker in ended {
        figures.join(worker.map_err(|_| "a thread panicked".to_owned())?);
    }
    Ok(figures)
}

/// One thread.
struct Worker<'a> {
    number: u64,
    client: DeviceClient<'a>,
    tokens: &'a [(ClientToken, Token)],
    random: Rand32,
    /// What the slot must hold; nothing if that is unknown.
    held: Option<Held>,
    saves: Vec<u64>,
    figures: Figures,
}

/// A slot, as a reply describes it: active, level and token.
type Held = Option<(u32, u64)>;

impl<'a> Worker<'a> {
    fn new(number: u64, device: &'a Device, tokens: &'a [(ClientToken, Token)]) -> Self {
        Self {
            number,
            client: DeviceClient { device, about: 0 },
            tokens,
            random: Rand32::new(number),
            held: None,
            saves: Vec::new(),
            figures: Figures::default(),
        }
    }

    fn turn(&mut self) {
        let rules = if self.below(2) == 0 { RulesMode::Documented } else { RulesMode::Kernel };
        match self.below(100) {
            0..35 => self.impersonate(rules),
            35..37 => self.raise(rules),
            37..65 => self.query(),
            65..73 => self.save(),
            73..80 => self.restore(rules),
            80..86 => self.discard(),
            86..90 => {
                let ended = self.client.end().map(drop);
                self.emptied("END", ended);
            }
            90..93 => {
                let reverted = self.client.revert().map(drop);
                self.emptied("REVERT", reverted);
            }
            93..97 => self.set_thread_token(),
            _ => {
                let reverted = thread::set_token(thread::current(), None);
                self.emptied("RevertToSelf", reverted.map_err(Failure::from));
            }
        }
    }

    fn below(&mut self, count: usize) -> usize {
        self.random.rand_u32() as usize % count.max(1)
    }

    fn token(&mut self) -> Option<(&'a Token, u32)> {
        let number = self.below(self.tokens.len());
        let (tok, token) = self.tokens.get(number)?;
        Some((token, tok.fixture().level as u32))
    }

    fn impersonate(&mut self, rules: RulesMode) {
        let Some((token, own)) = self.token() else { return };
        let level = self.random.rand_u32() % (own + 1);
        let (copy_on_open, effective_only) = (self.below(2) == 0, self.below(2) == 0);
        let outcome = self.client.impersonate_by(token.number(), copy_on_open, effective_only, level, rules);
        self.assigned("IMPERSONATE", outcome);
    }

    fn raise(&mut self, rules: RulesMode) {
        let Some((token, own)) = self.token() else { return };
        if own < 3 {
            let raised = self.client.impersonate_by(token.number(), false, false, own + 1, rules);
            if self.told("IMPERSONATE", raised, &[Status::BAD_IMPERSONATION_LEVEL]).is_some() {
                self.held = None;
                self.figures.unexpected.add(|| format!("IMPERSONATE: level {own} was raised"));
            }
        }
    }

    fn query(&mut self) {
        let slot = self.client.query();
        let Some(slot) = self.told("QUERY", slot, &[]) else { return };
        match SlotView::from_reply(&slot) {
            Ok(slot) => {
                let seen: Held = slot.map(|slot| (slot.level, slot.token_id));
                if let Some(held) = self.held
                    && held != seen
                {
                    let number = self.number;
                    self.figures
                        .torn
                        .add(|| format!("thread {number}: {seen:?} where {held:?} was assigned"));
                }
                self.held = Some(seen);
            }
            Err(why) => self.figures.torn.add(|| format!("QUERY: {why}")),
        }
    }

    fn save(&mut self) {
        let saved = self.client.save();
        // The table of a handle has places for some saves only.
        if let Some(saved) = self.told("SAVE", saved, &[Status::INSUFFICIENT_RESOURCES]) {
            self.saves.push(saved.save);
        }
    }

    fn restore(&mut self, rules: RulesMode) {
        let number = self.below(self.saves.len());
        let Some(save) = self.saves.get(number).copied() else { return };
        let outcome = self.client.restore(save, rules);
        self.assigned("RESTORE", outcome);
    }

    fn discard(&mut self) {
        let number = self.below(self.saves.len());
        if number < self.saves.len() {
            let discarded = self.client.discard(self.saves.swap_remove(number));
            self.told("DISCARD", discarded, &[]);
        }
    }

    fn set_thread_token(&mut self) {
        let Some((token, _)) = self.token() else { return };
        let set = thread::set_token(thread::current(), Some(token));
        if self.told("SetThreadToken", set.map_err(Failure::from), &[]).is_some() {
            // Which object the slot holds is the kernel's decision.
            self.held = None;
        }
    }

    /// A reply that says what the slot holds now. RESTORE of an idle slot ends impersonation.
    fn assigned(&mut self, what: &str, outcome: Result<Outcome, Failure>) {
        if let Some(outcome) = self.told(what, outcome, &[]) {
            let idle = outcome.verdict == verdict::ENDED;
            self.held = Some((!idle).then_some((outcome.level_stored, outcome.token_stored)));
        }
    }

    /// The end of the thread's impersonation.
    fn emptied(&mut self, what: &str, ended: Result<(), Failure>) {
        if self.told(what, ended, &[]).is_some() {
            self.held = Some(None);
        }
    }

    /// Counts a call; nothing if it failed.
    fn told<T>(&mut self, what: &str, told: Result<T, Failure>, possible: &[Status]) -> Option<T> {
        self.figures.ioctls += 1;
        match told {
            Ok(told) => return Some(told),
            Err(Failure::Status(status)) => {
                *self.figures.refused.entry(status.to_string()).or_default() += 1;
                if !possible.contains(&status) {
                    self.figures.unexpected.add(|| format!("{what}: {status}"));
                }
            }
            Err(Failure::Fault(why)) => self.figures.unexpected.add(|| format!("{what}: {why}")),
        }
        None
    }

    /// Reverts, and looks at the slot, which must be empty.
    fn end(mut self) -> Figures {
        let reverted = thread::set_token(thread::current(), None);
        self.told("RevertToSelf", reverted.map_err(Failure::from), &[]);
        if let Some(why) = why_not_idle(&self.client) {
            let number = self.number;
            self.figures.leaks.add(|| format!("thread {number}: {why}"));
        }
        self.figures
    }
}

/// Why the calling thread's slot is not empty, by QUERY.
pub(super) fn why_not_idle(client: &DeviceClient<'_>) -> Option<String> {
    match client.query().map_err(|failure| failure.to_string()).and_then(|r| SlotView::from_reply(&r)) {
        Ok(None) => None,
        Ok(Some(slot)) => Some(format!("it still impersonates at {}", slot.level)),
        Err(why) => Some(format!("its slot cannot be read: {why}")),
    }
}
