//! Groups N and T: sequences of calls.

use super::decision::queried;
use super::{Found, Way, compare};
use crate::driver::Failure;
use crate::machine::Machine;
use crate::observe::{self, SlotView};
use crate::result::Mismatch;
use psimp_catalogue::{ByKernel, Script, State, Step, Tok};
use psimp_model::{FaultPoint, Flavour, privileges};
use psimp_protocol::wire;
use psimp_protocol::{RulesMode, Status};
use std::sync::Arc;

/// Which of the three values holds: the kernel's own, but what the
/// documentation downgrades stays downgraded by the driver's documented rules.
pub(crate) fn expected(values: &ByKernel<State>, flavour: Flavour, rules: RulesMode) -> &State {
    if rules == RulesMode::Documented && values.documented.is_downgrade() {
        return &values.documented;
    }
    match flavour {
        Flavour::Win10 => &values.win10,
        Flavour::Nt52 => &values.nt52,
        Flavour::Documented => &values.documented,
    }
}

pub(super) fn run(machine: &Machine, way: Way<'_>, script: &Script) -> Found {
    let rules = match way {
        Way::Kernel => RulesMode::Kernel,
        Way::Driver(_, rules) => rules,
    };
    let mut run = Run { machine, way, asked: None, number: 0, shown: String::new(), differences: Vec::new() };
    // References are counted against the start of the case.
    for tok in Tok::ALL {
        machine.token(*tok);
    }
    for step in script.steps {
        run.number += 1;
        match step {
            Step::Check(values) => run.check(expected(values, machine.flavour(), rules)),
            step => run.act(step),
        }
    }
    machine.thread.attach(None);
    if run.differences.is_empty() { Ok(run.shown) } else { Err(run.differences) }
}

struct Run<'a> {
    machine: &'a Machine,
    way: Way<'a>,
    /// The token of the last IMPERSONATE that succeeded.
    asked: Option<Tok>,
    number: usize,
    /// The slot at the last look.
    shown: String,
    differences: Vec<Mismatch>,
}

impl Run<'_> {
    fn compare(&mut self, what: &str, expected: &str, observed: &str) {
        compare(&mut self.differences, &format!("step {}: {what}", self.number), expected, observed);
    }

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
            Step::Check(_) => (),
        }
    }

    fn succeeded(&mut self, what: &str, result: Result<(), Failure>) {
        let observed = result.map_or_else(|f| f.to_string(), |()| Status::SUCCESS.to_string());
        self.compare(what, &Status::SUCCESS.to_string(), &observed);
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
        let opened = machine.open_thread_token();
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
