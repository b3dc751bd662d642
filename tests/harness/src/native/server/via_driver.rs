//! Steps that go through the driver that Windows has loaded.

use super::actor::Actor;
use super::env::{CaseEnv, READ_WRITE, open_device};
use super::observe::OpenedToken;
use crate::client::Contract;
use crate::driver::Failure;
use crate::native::identity::Identity;
use crate::native::system::device::Device;
use crate::native::system::{handle, thread};
use crate::observe::SlotView;
use crate::run::{REFUSED, compare_evaluation, compare_outcome, expected_through_driver, in_words};
use psimp_catalogue::{ClientToken, DecisionRow, Driver, State, Step, Who};
use psimp_nt::{Status, TokenType};
use psimp_protocol::RulesMode;
use psimp_protocol::wire::Outcome;

/// The device as one thread uses it.
pub(super) struct DeviceClient<'a> {
    pub(super) device: &'a Device,
    pub(super) about: u64,
}

impl Contract for DeviceClient<'_> {
    fn about(&self) -> u64 {
        self.about
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        Ok(self.device.control(code, input, output)?)
    }
}

impl Actor<'_, '_> {
    /// Group D: the reply of EVALUATE, the outcome, and the observations of the result.
    pub(super) fn decide_through_driver(&self, row: &DecisionRow) {
        let Some((_, rules)) = &self.env.driver else { return };
        let number = match self.env.token(row.token) {
            Ok(token) => token.number(),
            Err(status) => return self.compare("token of the case", "success", &status.to_string()),
        };
        let evaluated = self.request(|client| client.evaluate_by(number, row.level.into()));
        self.env.note(|found| compare_evaluation(found, row, &evaluated));
        let outcome =
            self.request(|client| client.impersonate_by(number, false, false, row.level.into(), *rules));
        match (row.driver, outcome) {
            (Driver::Refused, outcome) => {
                self.ended("IMPERSONATE", Status::BAD_IMPERSONATION_LEVEL, outcome.map(drop));
                self.compare("slot after the refusal", "idle", &self.slot_words(Some(row.token)));
                self.env.show(REFUSED.to_owned());
            }
            (Driver::Passed, Ok(outcome)) => {
                let (column, by_driver) = expected_through_driver(row, self.env.kernel, *rules);
                self.env.note(|found| compare_outcome(found, row, column, by_driver, &outcome));
                self.compare("slot", &slot_of(row.token, column), &self.slot_words(Some(row.token)));
                self.decided(row, column);
                self.env.show(in_words(column));
            }
            (Driver::Passed, outcome @ Err(_)) => {
                self.ended("IMPERSONATE", Status::SUCCESS, outcome.map(drop));
            }
        }
    }

    /// A step that is a request.
    pub(super) fn through_driver(&self, step: &Step) {
        let Some((_, rules)) = &self.env.driver else { return };
        match *step {
            Step::Impersonate { token, copy_on_open, effective_only, level, status } => {
                let outcome = self.impersonate(token, copy_on_open, effective_only, level, *rules);
                if outcome.is_ok() {
                    self.env.asked.note(self.about, Some(token));
                }
                self.ended("IMPERSONATE", status, outcome.map(drop));
            }
            Step::End { .. } => {
                self.ended("END", Status::SUCCESS, self.request(|client| client.end()).map(drop));
            }
            Step::Revert => {
                self.ended("REVERT", Status::SUCCESS, self.request(|client| client.revert()).map(drop));
            }
            Step::Save(number) => match self.request(|client| client.save()) {
                Ok(saved) => {
                    let asked = self.env.asked.by(self.about);
                    self.env.saves.lock().insert(number, (saved.save, asked));
                }
                saved => self.ended("SAVE", Status::SUCCESS, saved.map(drop)),
            },
            Step::SaveMany(count) => {
                for _ in 0..count {
                    self.ended("SAVE", Status::SUCCESS, self.request(|client| client.save()).map(drop));
                }
            }
            Step::SaveRefused(status) => {
                self.ended("SAVE", status, self.request(|client| client.save()).map(drop));
            }
            Step::Restore(number, status) => {
                let (id, asked) = self.saved(number);
                let restored = self.request(|client| client.restore(id, self.rules()));
                if restored.is_ok() {
                    self.env.asked.note(self.about, asked);
                }
                self.ended("RESTORE", status, restored.map(drop));
            }
            Step::RestoreId(id, status) => {
                self.ended(
                    "RESTORE",
                    status,
                    self.request(|client| client.restore(id, self.rules())).map(drop),
                );
            }
            Step::RestoreOnOtherFile(number, status) => {
                let (id, _) = self.saved(number);
                let restored = open_device(READ_WRITE)
                    .map_err(Failure::from)
                    .and_then(|device| DeviceClient { device: &device, about: 0 }.restore(id, self.rules()));
                self.ended("RESTORE on another file object", status, restored.map(drop));
            }
            Step::Discard(number, status) => {
                let (id, _) = self.saved(number);
                self.ended("DISCARD", status, self.request(|client| client.discard(id)));
            }
            ref other => self.compare("a step", "a request", &format!("{other:?}")),
        }
    }

    /// Checks the state of a thread, by QUERY and by what a program can observe.
    pub(super) fn check_through_driver(&self, state: &State) {
        let asked = self.env.asked.by(self.about);
        let slot = self.queried(self.about);
        let words = slot.as_ref().map_or_else(Clone::clone, |slot| words(self.env, slot.as_ref(), asked));
        self.compare("slot", state.slot, &words);
        self.env.show(words);
        if self.about == self.who {
            self.look_at_access(state);
            // An open may change the slot, so it is made only if the case expects a result of it.
            if !state.open.is_empty() || !state.after_open.is_empty() {
                match slot {
                    Ok(slot) => {
                        let opened = OpenedToken::of(thread::current(), true);
                        self.compare("open", state.open, &opened.open(slot.map(|slot| slot.token_id)));
                    }
                    Err(why) => self.compare("slot before the open", "readable", &why),
                }
            }
        }
        if !state.after_open.is_empty() {
            self.compare("slot after the open", state.after_open, &self.slot_words(asked));
        }
    }

    fn slot_words(&self, asked: Option<ClientToken>) -> String {
        self.queried(self.about).map_or_else(|problem| problem, |slot| words(self.env, slot.as_ref(), asked))
    }

    /// The slot of a thread, which the driver reads without opening its token.
    pub(super) fn queried(&self, who: Who) -> Result<Option<SlotView>, String> {
        let reply =
            self.request_about(who, |client| client.query()).map_err(|failure| failure.to_string())?;
        SlotView::from_reply(&reply)
    }

    fn impersonate(
        &self,
        tok: ClientToken,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
        rules: RulesMode,
    ) -> Result<Outcome, Failure> {
        let token = self.env.token(tok)?.number();
        self.request(|client| client.impersonate_by(token, copy_on_open, effective_only, level, rules))
    }

    /// A save of the case. A number without a save gives an id that does not exist,
    /// and thereby a difference.
    fn saved(&self, number: usize) -> (u64, Option<ClientToken>) {
        self.env.saves.lock().get(&number).copied().unwrap_or((u64::MAX, None))
    }

    /// The rules mode of the run.
    pub(super) fn rules(&self) -> RulesMode {
        self.env.driver.as_ref().map_or(RulesMode::Documented, |(_, rules)| *rules)
    }

    /// The device, if calls go through it.
    pub(super) fn device(&self) -> Result<&Device, Failure> {
        let device = self.env.driver.as_ref().map(|(device, _)| device);
        device.ok_or_else(|| Failure::Fault("this step is for the driver alone".to_owned()))
    }

    /// A request about the thread that the calls are about.
    pub(super) fn request<T>(
        &self,
        call: impl FnOnce(&DeviceClient<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.request_about(self.about, call)
    }

    fn request_about<T>(
        &self,
        who: Who,
        call: impl FnOnce(&DeviceClient<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let device = self.device()?;
        if who == self.who {
            return call(&DeviceClient { device, about: 0 });
        }
        self.with(who, |thread| call(&DeviceClient { device, about: handle::number(thread) }))?
    }
}

/// A slot in the words of the catalogue, or `idle`.
pub(super) fn words(env: &CaseEnv, slot: Option<&SlotView>, asked: Option<ClientToken>) -> String {
    let Some(slot) = slot else { return "idle".to_owned() };
    let flags = format!("co{} eo{}", u8::from(slot.copy_on_open), u8::from(slot.effective_only));
    let seen = Identity {
        id: slot.token_id,
        user: slot.user,
        logon: slot.authentication_id,
        primary: slot.token_type == TokenType::Primary as u32,
    };
    let whose = env.whose(&seen, asked);
    let kind = if whose.starts_with("copy") { format!(" {}", slot.kind()) } else { String::new() };
    format!("{whose}{kind} {flags} L{}", slot.level)
}

/// The slot after a decision of group D.
fn slot_of(tok: ClientToken, column: psimp_catalogue::Column) -> String {
    match column {
        psimp_catalogue::Column::K(level) => format!("{} co0 eo0 L{level}", tok.name()),
        psimp_catalogue::Column::C(level, _) => {
            format!("copy of {} imp/{level} co0 eo0 L{level}", tok.name())
        }
    }
}
