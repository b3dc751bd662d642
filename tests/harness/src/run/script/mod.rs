//! Cases that are sequences of calls, on one thread or on several.

mod connections;
mod env;
mod judge;
mod memory;
mod program;
mod saving;
mod workers;

use super::connections::broker;
use super::decision::queried;
use super::setup::Way;
use crate::client::{Client, Contract};
use crate::driver::Failure;
use crate::machine::Machine;
use crate::observe::{self, SlotView};
use crate::result::{Comparison, compare};
use env::ScriptEnv;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use judge::expected_access;
use psimp_catalogue::{ClientToken, Script, State, Step, Who};
use psimp_model::{FaultPoint, privileges};
use psimp_nt::{Status, TokenType};
use psimp_protocol::RulesMode;
use psimp_rules::Family;
use std::fmt::Debug;
use std::sync::Arc;
use workers::Workers;

pub(super) fn run(machine: &Machine, way: Way<'_>, script: &Script) -> Comparison {
    // References are counted from the start of the case.
    for tok in ClientToken::ALL {
        machine.token(*tok);
    }
    let env = ScriptEnv::new(machine, way);
    std::thread::scope(|scope| {
        let mut run = Run::new(&env, Who::T1, machine.clone(), Workers::of(scope));
        run.steps(script.steps);
        // A cue that is left would make its thread wait for ever.
        machine.system.faults().clear();
    });
    env.finish()
}

/// One thread's part in a script.
struct Run<'scope, 'env> {
    env: &'env ScriptEnv<'env>,
    who: Who,
    /// The machine as this thread uses it.
    machine: Machine,
    /// The thread that the calls are about.
    about: Who,
    /// The threads that this one controls.
    workers: Workers<'scope, 'env>,
    number: usize,
}

impl<'scope, 'env> Run<'scope, 'env> {
    fn new(env: &'env ScriptEnv<'env>, who: Who, machine: Machine, workers: Workers<'scope, 'env>) -> Self {
        Self { env, who, machine, about: who, workers, number: 0 }
    }

    fn steps(&mut self, steps: &'static [Step]) {
        for step in steps {
            self.number += 1;
            self.step(step);
        }
    }

    fn step(&mut self, step: &'static Step) {
        let kernel = self.machine.kernel();
        match *step {
            Step::OnlyKernel(steps) if !self.env.has_driver() => self.steps(steps),
            Step::OnlyDriver(steps) if self.env.has_driver() => self.steps(steps),
            Step::OnKernels(families, steps) if families.contains(&kernel.family()) => self.steps(steps),
            Step::WhereDocumented(steps) if self.documented() => self.steps(steps),
            Step::WhereNotDocumented(steps) if !self.documented() => self.steps(steps),
            Step::OnlyKernel(_)
            | Step::OnlyDriver(_)
            | Step::OnKernels(..)
            | Step::WhereDocumented(_)
            | Step::WhereNotDocumented(_) => (),
            Step::Repeat(times, steps) => {
                (0..self.env.repetitions(times)).for_each(|_| self.steps(steps));
            }
            Step::On(who, steps) => self.workers.run_on(self.env, who, steps),
            Step::Toward(who, steps) => {
                let before = std::mem::replace(&mut self.about, who);
                self.steps(steps);
                self.about = before;
            }
            Step::Meanwhile(who, steps) => {
                let meanwhile = self.workers.run_later(self.env, who, steps);
                let witness = self.env.witness().cloned();
                self.machine.system.faults().interrupt_next(FaultPoint::DuplicateToken, move || {
                    if let Some(witness) = witness {
                        witness.disturb();
                    }
                    meanwhile();
                });
            }
            Step::Check(ref values) => {
                let rules = if self.has_device() { self.env.rules } else { RulesMode::Kernel };
                self.check(values.expected(kernel, rules == RulesMode::Documented));
            }
            Step::Program(ref program) => self.program(program),
            Step::Judge(ref judge) => self.judge(judge),
            Step::Context(ref context) => self.context(context),
            Step::Broker(ref step) => broker(self, step),
            Step::Memory(memory) => self.memory(memory),
            Step::Object(ref object) => self.object(object),
            ref step => self.act(step),
        }
    }

    /// Whether the documented downgrades apply here.
    fn documented(&self) -> bool {
        self.machine.kernel().family() == Family::Documented
            || self.has_device() && self.env.rules == RulesMode::Documented
    }

    fn act(&mut self, step: &Step) {
        let machine = self.machine.clone();
        let (system, thread) = (&machine.system, self.thread());
        match *step {
            Step::Impersonate { token, copy_on_open, effective_only, level, status } => {
                let result = self.impersonate(token, copy_on_open, effective_only, level);
                if result.is_ok() {
                    self.env.asked.note(self.about, Some(token));
                }
                self.ended("impersonate", status, result);
            }
            Step::End { copy_on_open, effective_only, level } => {
                let result = if self.has_device() {
                    self.slot_before(true)
                } else {
                    let end =
                        system.ps_impersonate_client(&thread, None, copy_on_open, effective_only, level);
                    end.map_err(Failure::from)
                };
                self.succeeded("end", result);
            }
            Step::Revert => {
                let result = if self.has_device() && self.about == self.who {
                    self.slot_before(false)
                } else {
                    system.ps_revert_to_self(&thread);
                    Ok(())
                };
                self.succeeded("revert", result);
            }
            Step::DereferenceNull => system.ps_dereference_impersonation_token(None),
            Step::EffectiveToken { token, token_type, effective_only, level } => {
                let expected = token.map_or_else(|| machine.process.primary(), |tok| machine.token(tok));
                let before = Arc::strong_count(&expected);
                let (seen, seen_type, seen_only, seen_level) = system.ps_reference_effective_token(&thread);
                let after = Arc::strong_count(&expected);
                let wanted = (expected.id(), token_type, effective_only, level, 1);
                let observed = (seen.id(), seen_type, seen_only, seen_level, after - before);
                let kind = if token_type == TokenType::Primary { "primary" } else { "impersonation" };
                let whose = token.map_or("the process's token", ClientToken::name);
                self.env.show(format!("{whose}, of {kind} type"));
                self.same("effective token, type, effective-only, level, references", &wanted, &observed);
            }
            Step::DisablePrivilege => {
                let had = machine.process.primary().adjust_privilege(privileges::IMPERSONATE, false);
                self.same("the privilege was there", &true, &had);
            }
            Step::Attach(server) => thread.attach(Some(machine.other_process(server))),
            Step::Detach => thread.attach(None),
            Step::BecomeServer(server) => machine.become_server(server),
            ref step => self.keep(step),
        }
    }

    /// The thread that the calls are about.
    fn thread(&self) -> Arc<psimp_model::Thread> {
        self.env.thread(self.about)
    }

    /// Whether this thread's calls go through the driver.
    fn has_device(&self) -> bool {
        self.env.has_driver() && matches!(self.who, Who::T1 | Who::T2 | Who::T3)
    }

    /// The driver as this thread uses it, for requests about [`Run::thread`].
    fn through_driver<T>(&self, call: impl FnOnce(&Client<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let (driver, file) = self.env.device()?;
        if !self.has_device() {
            return Err(Failure::Fault("this thread has no handle of the device".to_owned()));
        }
        let about = if self.about == self.who {
            0
        } else {
            self.machine.thread_handle(&self.thread(), psimp_model::rights::THREAD_ALL_ACCESS)
        };
        let result = call(&Client { machine: &self.machine, driver, file, about });
        if about != 0 {
            self.machine.close(about);
        }
        result
    }

    fn impersonate(
        &self,
        token: ClientToken,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
    ) -> Result<(), Failure> {
        if self.has_device() {
            return self.through_driver(|client| {
                client.impersonate(token, copy_on_open, effective_only, level, self.env.rules).map(drop)
            });
        }
        let (machine, thread) = (&self.machine, self.thread());
        let token = machine.token(token);
        let call =
            machine.system.ps_impersonate_client(&thread, Some(&token), copy_on_open, effective_only, level);
        Ok(call?)
    }

    /// END or REVERT, which return the slot as it was.
    fn slot_before(&self, end: bool) -> Result<(), Failure> {
        let before = self.thread().slot().map(|slot| SlotView::from(&slot));
        let told = self.through_driver(|client| if end { client.end() } else { client.revert() })?;
        self.same("slot before", &before, &SlotView::from_reply(&told).map_err(Failure::Fault)?);
        Ok(())
    }

    fn slot(&self) -> Option<SlotView> {
        let thread = self.thread();
        if !self.has_device() {
            return thread.slot().map(|slot| SlotView::from(&slot));
        }
        let mut found = Vec::new();
        let slot = self.through_driver(|client| Ok(queried(client, &thread, &mut found)));
        self.env.differ(found);
        slot.ok().flatten()
    }

    fn check(&self, state: &State) {
        let slot = self.slot();
        let seen =
            |slot: Option<&SlotView>| observe::slot(&self.machine, slot, self.env.asked.by(self.about));
        let shown = seen(slot.as_ref());
        let mut differ = self.compare("slot", state.slot, &shown);
        self.env.show(shown);
        for (tok, expected) in state.references {
            let what = format!("references on {}", tok.name());
            let observed = format!("{:+}", self.machine.references(*tok));
            differ |= self.compare(&what, &format!("{expected:+}"), &observed);
        }
        if self.about == self.who {
            differ |= self.compare("access", state.access, &observe::access(&self.machine));
            // An open may change the slot, so it is made only if the script expects a result of it.
            if !state.open.is_empty() || !state.after_open.is_empty() {
                let opened = self.machine.open_thread_token(true);
                differ |= self.compare("open", state.open, &observe::open(&opened, slot.as_ref()));
            }
        } else {
            self.compare("looks at another thread beyond its slot", "", state.open);
        }
        if !state.after_open.is_empty() {
            differ |= self.compare("slot after the open", state.after_open, &seen(self.slot().as_ref()));
        }
        if differ && state.slot != "idle" {
            self.env.name_rule(&format!("kernel {}", self.machine.kernel().profile().name));
        }
    }

    /// Records a difference, and returns whether there is one; an empty expectation
    /// is not compared.
    fn compare(&self, what: &str, expected: &str, observed: &str) -> bool {
        let mut found = Vec::new();
        let what = format!("{:?} step {}: {what}", self.who, self.number);
        compare(&mut found, &what, expected, observed);
        let differs = !found.is_empty();
        self.env.differ(found);
        differs
    }

    fn same<T: Debug>(&self, what: &str, expected: &T, observed: &T) {
        self.compare(what, &format!("{expected:?}"), &format!("{observed:?}"));
    }

    fn succeeded(&self, what: &str, result: Result<(), impl Into<Failure>>) {
        self.ended(what, Status::SUCCESS, result);
    }

    fn ended(&self, what: &str, expected: Status, result: Result<(), impl Into<Failure>>) {
        let observed =
            result.map_err(Into::into).map_or_else(|f| f.to_string(), |()| Status::SUCCESS.to_string());
        self.compare(what, &expected.to_string(), &observed);
    }
}
