//! What the steps of a script need.

#![allow(clippy::match_same_arms)] // one row of a table each

use super::{DISABLE, FROZEN, Plan, is_client};
use crate::native::feature::Feature;
use psimp_catalogue::{ClientToken, Object, State, Step, Who};
use psimp_nt::Status;

impl Plan {
    pub(super) fn steps(&mut self, steps: &[Step]) -> Result<(), &'static str> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), &'static str> {
        let (kernel, documented) = (self.kernel, self.route.documented(self.kernel));
        match *step {
            _ if is_client(self.who) && self.client_step(step)? => Ok(()),
            Step::OnlyDriver(steps) if self.has_driver() => self.steps(steps),
            Step::OnlyKernel(_) if self.has_driver() => Ok(()),
            Step::Impersonate { token, .. } if self.has_driver() => {
                self.token(token);
                self.looks = true;
                Ok(())
            }
            Step::End { .. } if self.has_driver() => Ok(()),
            _ if self.has_driver() && step.is_about_saves() => {
                self.looks = true;
                Ok(())
            }
            Step::Impersonate { token, copy_on_open, effective_only, level, status: Status::SUCCESS } => {
                self.impersonate(token, copy_on_open, effective_only, level)
            }
            Step::Impersonate { .. } => Err("needs the driver: what it refuses"),
            Step::End { copy_on_open: false, effective_only: false, level: 0 } | Step::Revert => Ok(()),
            Step::DisablePrivilege => {
                self.looks = true;
                Ok(())
            }
            Step::Program(ref program) => self.program(program),
            Step::Judge(ref judge) => self.judge(judge),
            Step::Object(Object::Exit(_)) => Ok(()),
            Step::Object(Object::SameToken(..) | Object::SlotHasPrivilege(_)) => {
                self.looks = true;
                Ok(())
            }
            Step::Object(Object::SameOrigin(tok)) => {
                self.token(tok);
                self.looks = true;
                Ok(())
            }
            Step::Object(Object::EnableDisabled(tok)) => {
                self.token(tok);
                Ok(())
            }
            Step::Repeat(_, steps) => self.steps(steps),
            Step::On(Who::System, _) | Step::Toward(Who::System, _) => {
                Err("needs a system thread in a process")
            }
            Step::On(who, steps) => {
                if is_client(who) {
                    self.client(who);
                }
                let before = std::mem::replace(&mut self.who, who);
                let planned = self.steps(steps);
                self.who = before;
                planned
            }
            Step::Toward(who, _) if is_client(who) => {
                Err("needs kernel code: a call about a thread of another process")
            }
            Step::Toward(_, steps) => {
                let before = std::mem::replace(&mut self.toward, true);
                let planned = self.steps(steps);
                self.toward = before;
                planned
            }
            Step::Broker(ref broker) => {
                self.broker(broker);
                Ok(())
            }
            Step::Context(ref context) => self.context(context),
            Step::OnlyDriver(_) => Err("needs the driver: part of it are requests"),
            Step::OnlyKernel(steps) => self.steps(steps),
            Step::OnKernels(families, steps) if families.contains(&kernel.family()) => self.steps(steps),
            Step::WhereDocumented(steps) if documented => self.steps(steps),
            Step::WhereNotDocumented(steps) if !documented => self.steps(steps),
            Step::OnKernels(..) | Step::WhereDocumented(_) | Step::WhereNotDocumented(_) => Ok(()),
            Step::Check(ref values) => self.check(self.route.expected(values, kernel)),
            Step::Memory(_) => Err("needs memory that fails: Driver Verifier, or the model"),
            Step::Meanwhile(..) => Err("needs a stop in the middle of a kernel routine"),
            Step::Attach(_) | Step::Detach => Err("needs kernel code: KeStackAttachProcess"),
            Step::BecomeServer(_) => Err(FROZEN),
            Step::Disable(_) | Step::RestoreDisabled(_) => Err(DISABLE),
            Step::EffectiveToken { .. } => Err("needs kernel code: PsReferenceEffectiveToken"),
            Step::DereferenceNull => Err("needs kernel code: PsDereferenceImpersonationToken"),
            Step::End { .. } => {
                Err("needs the driver: PsImpersonateClient without a token, and what it ignores")
            }
            Step::Object(Object::AssignJob(_)) => {
                Err("needs a job that limits tokens, which Windows has no more since Windows Vista")
            }
            Step::Object(Object::Forget | Object::SessionAlive(..)) => {
                Err("needs kernel code: the end of a logon session")
            }
            Step::Object(Object::AnonymousReferences(_)) => {
                Err("needs a kernel debugger: references on a token")
            }
            _ => Err("needs the driver: part of it are requests"),
        }
    }

    fn check(&mut self, state: &State) -> Result<(), &'static str> {
        if !self.has_driver() && state.slot.contains("eo1") {
            return Err("needs the driver: user mode sees no flags of a slot");
        }
        if !self.has_driver() && !state.after_open.is_empty() {
            return Err("needs the driver: user mode cannot look at a slot without opening it");
        }
        if state.slot == "idle" && state.access.ends_with('*') {
            // The servers made here have their user among the restricting SIDs, without which they could not run.
            return Err("needs a process whose restricting SIDs leave out its user");
        }
        if let Some(tok) = downgraded(state.slot) {
            self.features.insert(Feature::Downgrade);
            self.token(tok);
        }
        if state.open.starts_with("new") && state.open.ends_with("effective") {
            self.features.insert(Feature::EffectiveOnly);
        }
        self.access(state.access);
        self.looks |= !(state.slot.is_empty() && state.open.is_empty() && state.access.is_empty());
        Ok(())
    }

    pub(super) fn access(&mut self, access: &str) {
        match access {
            "A5" => self.features.insert(Feature::LevelOfOpens),
            "as AN" => self.features.insert(Feature::Anonymous),
            access if access.ends_with('*') => self.features.insert(Feature::RestrictingSids),
            _ => false,
        };
    }
}

/// The token of which the kernel stored a copy in a slot.
fn downgraded(slot: &str) -> Option<ClientToken> {
    let name = slot.strip_prefix("copy of ")?.split(' ').next()?;
    let level = slot.rsplit_once(" L")?.1.parse::<u8>().ok()?;
    let tok = ClientToken::ALL.iter().copied().find(|tok| tok.name() == name)?;
    (tok.fixture().level as u8 > level).then_some(tok)
}
