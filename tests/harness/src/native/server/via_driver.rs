//! Steps that go through the driver that Windows has loaded.

use super::actor::{Actor, THREAD_ALL_ACCESS};
use super::observe::Seen;
use super::stage::{Stage, open_device};
use crate::client::Contract;
use crate::driver::Failure;
use crate::observe::SlotView;
use crate::run::{compare_evaluation, compare_outcome, expected_through_driver};
use psimp_catalogue::{DecisionRow, Driver, State, Step, Tok};
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use psimp_protocol::wire::Outcome;
use psimp_windows::device::Device;
use psimp_windows::thread;
use std::os::windows::io::{AsHandle as _, AsRawHandle as _};

/// The device as one thread uses it.
struct Door<'a> {
    device: &'a Device,
    about: u64,
}

impl Contract for Door<'_> {
    fn about(&self) -> u64 {
        self.about
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        Ok(self.device.control(code, input, output)?)
    }
}

impl Actor<'_, '_> {
    /// Group D: what EVALUATE says, the outcome, and the looks at what came of it.
    pub(super) fn decide_through_driver(&self, row: &DecisionRow) {
        let Some((_, rules)) = &self.stage.driver else { return };
        let number = match self.stage.token(row.token) {
            Ok(token) => token.number(),
            Err(status) => return self.compare("token of the case", "success", &status.to_string()),
        };
        let evaluated = self.request(|door| door.evaluate_by(number, row.level.into()));
        self.stage.note(|found| compare_evaluation(found, row, &evaluated));
        let outcome =
            self.request(|door| door.impersonate_by(number, false, false, row.level.into(), *rules));
        match (row.driver, outcome) {
            (Driver::Refused, outcome) => {
                self.ended("IMPERSONATE", Status::BAD_IMPERSONATION_LEVEL, outcome.map(drop));
                self.compare("slot after the refusal", "idle", &self.slot_words(Some(row.token)));
            }
            (Driver::Passed, Ok(outcome)) => {
                let (column, by_driver) = expected_through_driver(row, self.stage.kernel, *rules);
                self.stage.note(|found| compare_outcome(found, row, column, by_driver, &outcome));
                self.compare("slot", &slot_of(row.token, column), &self.slot_words(Some(row.token)));
                self.decided(row, column);
            }
            (Driver::Passed, outcome @ Err(_)) => {
                self.ended("IMPERSONATE", Status::SUCCESS, outcome.map(drop));
            }
        }
    }

    /// A step that is a request.
    pub(super) fn through_driver(&self, step: &Step) {
        let Some((_, rules)) = &self.stage.driver else { return };
        match *step {
            Step::Impersonate { token, copy_on_open, effective_only, level, status } => {
                let outcome = self.impersonate(token, copy_on_open, effective_only, level, *rules);
                if outcome.is_ok() {
                    self.stage.asked.note(self.about, Some(token));
                }
                self.ended("IMPERSONATE", status, outcome.map(drop));
            }
            Step::End { .. } => self.ended("END", Status::SUCCESS, self.request(|door| door.end()).map(drop)),
            Step::Revert => {
                self.ended("REVERT", Status::SUCCESS, self.request(|door| door.revert()).map(drop));
            }
            Step::Save(number) => match self.request(|door| door.save()) {
                Ok(saved) => {
                    let asked = self.stage.asked.by(self.about);
                    self.stage.saves.lock().insert(number, (saved.save, asked));
                }
                saved => self.ended("SAVE", Status::SUCCESS, saved.map(drop)),
            },
            Step::SaveMany(count) => {
                for _ in 0..count {
                    self.ended("SAVE", Status::SUCCESS, self.request(|door| door.save()).map(drop));
                }
            }
            Step::SaveRefused(status) => {
                self.ended("SAVE", status, self.request(|door| door.save()).map(drop));
            }
            Step::Restore(number, status) => {
                let (id, asked) = self.saved(number);
                let restored = self.request(|door| door.restore(id));
                if restored.is_ok() {
                    self.stage.asked.note(self.about, asked);
                }
                self.ended("RESTORE", status, restored.map(drop));
            }
            Step::RestoreId(id, status) => {
                self.ended("RESTORE", status, self.request(|door| door.restore(id)).map(drop));
            }
            Step::RestoreOnOtherFile(number, status) => {
                let (id, _) = self.saved(number);
                let restored = open_device()
                    .map_err(Failure::from)
                    .and_then(|device| Door { device: &device, about: 0 }.restore(id));
                self.ended("RESTORE on another file object", status, restored.map(drop));
            }
            Step::Discard(number, status) => {
                let (id, _) = self.saved(number);
                self.ended("DISCARD", status, self.request(|door| door.discard(id)));
            }
            ref other => self.compare("a step", "a request", &format!("{other:?}")),
        }
    }

    /// What a thread shows, by QUERY and by what a program sees.
    pub(super) fn check_through_driver(&self, state: &State) {
        let asked = self.stage.asked.by(self.about);
        let slot = self.queried();
        let words = slot.as_ref().map_or_else(Clone::clone, |slot| words(self.stage, slot.as_ref(), asked));
        self.compare("slot", state.slot, &words);
        self.stage.show(words);
        if self.about == self.who {
            self.look_at_access(state);
            // An open may change the slot, so there is none unless it is asked for.
            if !state.open.is_empty() || !state.after_open.is_empty() {
                let in_slot = slot.ok().flatten().map(|slot| slot.token_id);
                self.compare("open", state.open, &Seen::of(thread::current(), true).open(in_slot));
            }
        }
        if !state.after_open.is_empty() {
            self.compare("slot after the open", state.after_open, &self.slot_words(asked));
        }
    }

    fn slot_words(&self, asked: Option<Tok>) -> String {
        self.queried().map_or_else(|problem| problem, |slot| words(self.stage, slot.as_ref(), asked))
    }

    fn queried(&self) -> Result<Option<SlotView>, String> {
        let reply = self.request(|door| door.query()).map_err(|failure| failure.to_string())?;
        SlotView::from_reply(&reply)
    }

    fn impersonate(
        &self,
        tok: Tok,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
        rules: RulesMode,
    ) -> Result<Outcome, Failure> {
        let token = self.stage.token(tok)?.number();
        self.request(|door| door.impersonate_by(token, copy_on_open, effective_only, level, rules))
    }

    /// A save of the case. A number that names none gives an id that nobody has,
    /// and so a difference.
    fn saved(&self, number: usize) -> (u64, Option<Tok>) {
        self.stage.saves.lock().get(&number).copied().unwrap_or((u64::MAX, None))
    }

    /// A request about the thread that the calls are about.
    fn request<T>(&self, call: impl FnOnce(&Door<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let Some((device, _)) = &self.stage.driver else {
            return Err(Failure::Fault("this step is for the driver alone".to_owned()));
        };
        if self.about == self.who {
            return call(&Door { device, about: 0 });
        }
        let id = self.stage.threads.lock().get(&self.about).copied().unwrap_or(0);
        let thread =
            thread::open(id, THREAD_ALL_ACCESS).map_err(|error| Failure::Fault(error.to_string()))?;
        let about = thread.as_handle().as_raw_handle().addr() as u64;
        call(&Door { device, about })
    }
}

/// A slot in the words of the catalogue, or `idle`.
fn words(stage: &Stage, slot: Option<&SlotView>, asked: Option<Tok>) -> String {
    let Some(slot) = slot else { return "idle".to_owned() };
    let flags = format!("co{} eo{}", u8::from(slot.copy_on_open), u8::from(slot.effective_only));
    let whose = stage.whose(slot.token_id, slot.user, slot.authentication_id, asked);
    let kind = if whose.starts_with("copy") { format!(" {}", slot.kind()) } else { String::new() };
    format!("{whose}{kind} {flags} L{}", slot.level)
}

/// The slot after a decision of group D.
fn slot_of(tok: Tok, column: psimp_catalogue::Column) -> String {
    match column {
        psimp_catalogue::Column::K(level) => format!("{} co0 eo0 L{level}", tok.name()),
        psimp_catalogue::Column::C(level, _) => {
            format!("copy of {} imp/{level} co0 eo0 L{level}", tok.name())
        }
    }
}
