//! Groups N, T, C, O, S and R: sequences of calls.

use super::decision::queried;
use super::{Found, Way, compare};
use crate::driver::Failure;
use crate::machine::Machine;
use crate::observe::{self, SlotView};
use crate::result::Mismatch;
use psimp_catalogue::{ByKernel, Script, State, Step, Tok};
use psimp_model::{FaultPoint, Flavour, ImpersonationState, SlotState, Token, privileges};
use psimp_protocol::wire;
use psimp_protocol::{RulesMode, Status};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which of the three values holds: the kernel's own, but what the
/// documentation downgrades stays downgraded by the driver's documented rules.
pub(crate) fn expected(values: &ByKernel<State>, flavour: Flavour, rules: RulesMode) -> &State {
    if rules == RulesMode::Documented && values.documented.is_downgrade() {
        return &values.documented;
    }
    match flavour {
        // There are no values for Peios; its runs skip every case.
        Flavour::Win10 | Flavour::Peios => &values.win10,
        Flavour::Nt52 => &values.nt52,
        Flavour::Documented => &values.documented,
    }
}

pub(super) fn run(machine: &Machine, way: Way<'_>, script: &Script) -> Found {
    let rules = match way {
        Way::Kernel => RulesMode::Kernel,
        Way::Driver(_, rules) => rules,
    };
    let mut run = Run {
        machine,
        way,
        asked: None,
        saves: BTreeMap::new(),
        disabled: BTreeMap::new(),
        number: 0,
        shown: String::new(),
        differences: Vec::new(),
    };
    // References are counted against the start of the case.
    for tok in Tok::ALL {
        machine.token(*tok);
    }
    run.steps(script.steps, rules);
    machine.thread.attach(None);
    if run.differences.is_empty() { Ok(run.shown) } else { Err(run.differences) }
}

pub(super) struct Run<'a> {
    pub(super) machine: &'a Machine,
    pub(super) way: Way<'a>,
    /// The token of the last IMPERSONATE that succeeded.
    pub(super) asked: Option<Tok>,
    /// What SAVE and its raw counterpart kept, by the script's number.
    pub(super) saves: BTreeMap<usize, (Kept, Option<Tok>)>,
    /// What was disabled, by the script's number.
    disabled: BTreeMap<usize, ImpersonationState>,
    number: usize,
    /// The slot at the last look.
    shown: String,
    differences: Vec<Mismatch>,
}

/// A save: the slot itself, or the driver's id of one.
pub(super) enum Kept {
    Slot(Option<SlotState>),
    Id(u64),
}

impl Run<'_> {
    fn steps(&mut self, steps: &[Step], rules: RulesMode) {
        for step in steps {
            self.number += 1;
            match (step, self.way) {
                (Step::Check(values), _) => self.check(expected(values, self.machine.flavour(), rules)),
                (Step::OnlyKernel(steps), Way::Kernel) | (Step::OnlyDriver(steps), Way::Driver(..)) => {
                    self.steps(steps, rules);
                }
                (Step::Repeat(times, steps), _) => {
                    for _ in 0..*times {
                        self.steps(steps, rules);
                    }
                }
                (Step::OpenAs { as_self, expected }, _) => self.open_as(*as_self, expected),
                (step, _) => self.act(step),
            }
        }
    }

    fn compare(&mut self, what: &str, expected: &str, observed: &str) {
        compare(&mut self.differences, &format!("step {}: {what}", self.number), expected, observed);
    }

    #[allow(clippy::too_many_lines)] // one short arm a step
    fn act(&mut self, step: &Step) {
        let machine = self.machine;
        let before = machine.thread.slot().map(|slot| SlotView::from(&slot));
        match *step {
            Step::Impersonate { token, copy_on_open, effective_only, level, status } => {
                let result = self.impersonate(token, copy_on_open, effective_only, level);
                if result.is_ok() {
                    self.asked = Some(token);
                }
                let observed = result.map_or_else(|f| f.to_string(), |()| Status::SUCCESS.to_string());
                self.compare("impersonate", &status.to_string(), &observed);
            }
            Step::End { copy_on_open, effective_only, level } => {
                let result = match self.way {
                    Way::Kernel => machine
                        .system
                        .ps_impersonate_client(&machine.thread, None, copy_on_open, effective_only, level)
                        .map_err(Failure::from),
                    Way::Driver(client, _) => self.slot_before(before.as_ref(), client.end()),
                };
                self.succeeded("end", result);
            }
            Step::Revert => {
                let result = match self.way {
                    Way::Kernel => {
                        machine.system.ps_revert_to_self(&machine.thread);
                        Ok(())
                    }
                    Way::Driver(client, _) => self.slot_before(before.as_ref(), client.revert()),
                };
                self.succeeded("revert", result);
            }
            Step::DereferenceNull => machine.system.ps_dereference_impersonation_token(None),
            Step::SetThreadTokenNull => {
                let result = machine.system.nt_set_thread_token(&machine.thread, u64::MAX - 1, 0);
                self.succeeded("NtSetInformationThread", result.map_err(Failure::from));
            }
            Step::EffectiveToken { token, token_type, effective_only, level } => {
                let expected = token.map_or_else(|| machine.process.primary(), |tok| machine.token(tok));
                let before = Arc::strong_count(&expected);
                let (seen, seen_type, seen_only, seen_level) =
                    machine.system.ps_reference_effective_token(&machine.thread);
                let after = Arc::strong_count(&expected);
                let wanted = (expected.id(), token_type, effective_only, level, 1);
                let observed = (seen.id(), seen_type, seen_only, seen_level, after - before);
                self.shown = format!("{token_type:?} {}", token.map_or("of the process", Tok::name));
                self.compare(
                    "effective token, type, effective-only, level, references",
                    &format!("{wanted:?}"),
                    &format!("{observed:?}"),
                );
            }
            Step::FailDuplicate(status) => {
                machine.system.faults().fail_next(FaultPoint::DuplicateToken, status);
            }
            Step::DisablePrivilege => {
                let primary = machine.process.primary();
                let had = primary.adjust_privilege(privileges::IMPERSONATE, false);
                self.compare("the privilege was there", "true", &had.to_string());
            }
            Step::Attach(server) => machine.thread.attach(Some(machine.other_process(server))),
            Step::Detach => machine.thread.attach(None),
            Step::BecomeServer(server) => machine.become_server(server),
            Step::Save(number) => match self.save() {
                Ok(kept) => {
                    self.saves.insert(number, (kept, self.asked));
                }
                Err(failure) => self.succeeded("save", Err(failure)),
            },
            Step::SaveMany(count) => {
                for _ in 0..count {
                    let saved = self.save();
                    self.succeeded("save", saved.map(drop));
                }
            }
            Step::SaveRefused(status) => {
                let saved = self.save().map(drop);
                self.ended("save", status, saved);
            }
            Step::Restore(number, status) => {
                let restored = self.restore(number);
                self.ended("restore", status, restored);
            }
            Step::RestoreId(id, status) => {
                let restored = self.client().and_then(|client| client.restore(id)).map(drop);
                self.ended("restore", status, restored);
            }
            Step::RestoreOnOtherFile(number, status) => {
                let restored = self.restore_elsewhere(number);
                self.ended("restore on another file object", status, restored);
            }
            Step::Discard(number, status) => {
                let discarded = self.discard(number);
                self.ended("discard", status, discarded);
            }
            Step::Disable(number) => {
                self.disabled.insert(number, machine.thread.disable_impersonation());
            }
            Step::RestoreDisabled(number) => {
                machine.thread.restore_impersonation(self.disabled.remove(&number).unwrap_or_default());
            }
            Step::SameOrigin(tok) => {
                let origin = |token: &Token| {
                    format!("{} {:?} {:?}", token.session_id(), token.source(), token.authentication_id())
                };
                let expected = origin(&machine.token(tok));
                let observed = machine.thread.slot().map(|slot| origin(&slot.token)).unwrap_or_default();
                self.compare("session, source and logon", &expected, &observed);
            }
            Step::EnableDisabled(tok) => {
                let had = machine.token(tok).adjust_privilege(privileges::TIME_ZONE, true);
                self.compare("the privilege was there", "true", &had.to_string());
            }
            Step::TebImpersonating(expected) => {
                let observed = machine.thread.teb_is_impersonating();
                self.compare("Teb.IsImpersonating", &expected.to_string(), &observed.to_string());
            }
            // `steps` has seen to these, or they are another way's.
            Step::OnlyKernel(_)
            | Step::OnlyDriver(_)
            | Step::Check(_)
            | Step::Repeat(..)
            | Step::OpenAs { .. } => (),
        }
    }

    fn succeeded(&mut self, what: &str, result: Result<(), Failure>) {
        self.ended(what, Status::SUCCESS, result);
    }

    fn ended(&mut self, what: &str, expected: Status, result: Result<(), Failure>) {
        let observed = result.map_or_else(|f| f.to_string(), |()| Status::SUCCESS.to_string());
        self.compare(what, &expected.to_string(), &observed);
    }

    /// REVERT and END tell the slot as it was.
    fn slot_before(
        &mut self,
        before: Option<&SlotView>,
        reply: Result<wire::Slot, Failure>,
    ) -> Result<(), Failure> {
        let told = SlotView::from_reply(&reply?).map_err(Failure::Fault)?;
        self.compare("slot before", &format!("{before:?}"), &format!("{told:?}"));
        Ok(())
    }

    fn impersonate(
        &self,
        token: Tok,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
    ) -> Result<(), Failure> {
        let machine = self.machine;
        match self.way {
            Way::Kernel => {
                let token = machine.token(token);
                let thread = &machine.thread;
                let call = machine.system.ps_impersonate_client(
                    thread,
                    Some(&token),
                    copy_on_open,
                    effective_only,
                    level,
                );
                Ok(call?)
            }
            Way::Driver(client, rules) => {
                client.impersonate(token, copy_on_open, effective_only, level, rules).map(drop)
            }
        }
    }

    fn slot(&mut self) -> Option<SlotView> {
        match self.way {
            Way::Kernel => self.machine.thread.slot().map(|slot| SlotView::from(&slot)),
            Way::Driver(client, _) => queried(client, &mut self.differences),
        }
    }

    fn open_as(&mut self, as_self: bool, expected: &ByKernel<&str>) {
        let expected = match self.machine.flavour() {
            Flavour::Win10 | Flavour::Peios => expected.win10,
            Flavour::Nt52 => expected.nt52,
            Flavour::Documented => expected.documented,
        };
        let slot = self.machine.thread.slot().map(|slot| SlotView::from(&slot));
        let opened = self.machine.open_thread_token(as_self);
        self.compare("open", expected, &observe::open(&opened, slot.as_ref()));
    }

    fn check(&mut self, state: &State) {
        let machine = self.machine;
        let slot = self.slot();
        self.shown = observe::slot(machine, slot.as_ref(), self.asked);
        let shown = self.shown.clone();
        self.compare("slot", state.slot, &shown);
        self.compare("access", state.access, &observe::access(machine));
        for (tok, expected) in state.references {
            let what = format!("references on {}", tok.name());
            self.compare(&what, &format!("{expected:+}"), &format!("{:+}", machine.references(*tok)));
        }
        let opened = machine.open_thread_token(true);
        self.compare("open", state.open, &observe::open(&opened, slot.as_ref()));
        if !state.after_open.is_empty() {
            let after = self.slot();
            let after = observe::slot(machine, after.as_ref(), self.asked);
            self.compare("slot after the open", state.after_open, &after);
        }
        if state.slot != "idle" && self.differences.iter().any(|difference| difference.rule.is_none()) {
            let rule = format!("kernel {}", machine.flavour().profile().name);
            for difference in &mut self.differences {
                difference.rule.get_or_insert_with(|| rule.clone());
            }
        }
    }
}
