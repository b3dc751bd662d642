//! Which cases user mode can carry out without a driver, and what they need.
//!
//! `SetThreadToken` stores the token itself at its own level, without flags. A
//! case can be carried out if its calls are equivalent to that, or are system
//! calls. Flags and reference counts cannot be observed and are not compared.

#![allow(clippy::match_same_arms)] // one row of a table each

use super::feature::Feature;
use super::route::Route;
use psimp_catalogue::{
    Body, Case, ClientToken, Device, Judge, Object, Program, Securable, ServerToken, State, Step, User, Who,
};
use psimp_nt::{Status, TokenType, integrity};
use psimp_rules::Kernel;
use std::collections::BTreeSet;

/// What a case needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The primary token of the process that it runs in.
    pub server: ServerToken,
    /// The names of tokens that it impersonates or has handles to.
    tokens: BTreeSet<&'static str>,
    /// What the kernel must have.
    pub features: BTreeSet<Feature>,
    route: Route,
    kernel: Kernel,
    /// The case observes something.
    looks: bool,
}

impl Plan {
    /// What a case needs on a kernel; else why user mode cannot carry it out.
    ///
    /// # Errors
    /// What the case needs, in words.
    pub fn of(case: &Case, kernel: Kernel, route: Route) -> Result<Self, &'static str> {
        if let Some(why) = case.only.reason_against(kernel) {
            return Err(why);
        }
        let mut plan = match case.body {
            Body::Decision(row) => {
                let mut plan = Self::with(row.server, kernel, route);
                plan.impersonate(row.token, false, false, row.level.into())?;
                let observed = row.of(kernel).observed(row.token);
                if observed.slot.starts_with("copy") {
                    plan.features.insert(Feature::Downgrade);
                }
                plan.access(&observed.access);
                plan.looks = true;
                plan
            }
            Body::Script(script) => {
                if script.device != Device::Any {
                    return Err("needs clients that are made to connect, as the model's are");
                }
                let mut plan = Self::with(script.server, kernel, route);
                plan.steps(script.steps)?;
                plan
            }
            Body::Requests(_) => {
                return Err("needs processes that are made for its requests, as the model's are");
            }
            Body::Race(_) => return Err("needs schedules: a race of requests to the image"),
            Body::Pipe(_) if route != Route::UserMode => {
                return Err("needs no driver: --target native carries it out");
            }
            Body::Pipe(pipe) => {
                let mut plan = Self::with(ServerToken::S, kernel, route);
                plan.features.insert(Feature::PipeClients);
                plan.access(pipe.access.of(kernel));
                plan.looks = true;
                plan
            }
            Body::Needs(what) => return Err(what),
        };
        plan.server()?;
        if plan.looks {
            Ok(plan)
        } else {
            Err("needs the driver: user mode sees nothing of what is expected")
        }
    }

    /// Tokens that it impersonates or has handles to.
    pub fn tokens(&self) -> impl Iterator<Item = ClientToken> + '_ {
        ClientToken::ALL.iter().copied().filter(|tok| self.tokens.contains(tok.name()))
    }

    fn with(server: ServerToken, kernel: Kernel, route: Route) -> Self {
        Self { server, tokens: BTreeSet::new(), features: BTreeSet::new(), route, kernel, looks: false }
    }

    fn server(&mut self) -> Result<(), &'static str> {
        let fixture = self.server.fixture();
        if self.has_driver() && fixture.integrity < integrity::MEDIUM {
            return Err("needs to open the device, which a process of low integrity cannot");
        }
        if fixture.restriction.is_restricted() {
            self.features.insert(Feature::RestrictingSids);
        }
        if fixture.integrity != integrity::MEDIUM {
            self.features.insert(Feature::Integrity);
        }
        Ok(())
    }

    fn token(&mut self, tok: ClientToken) {
        let fixture = tok.fixture();
        self.tokens.insert(tok.name());
        if fixture.restriction.is_restricted() {
            self.features.insert(Feature::RestrictingSids);
        }
        if fixture.integrity != integrity::MEDIUM {
            self.features.insert(Feature::Integrity);
        }
        if fixture.user == User::Anonymous {
            self.features.insert(Feature::Anonymous);
        }
    }

    fn impersonate(
        &mut self,
        tok: ClientToken,
        copy: bool,
        effective: bool,
        level: u32,
    ) -> Result<(), &'static str> {
        let fixture = tok.fixture();
        if self.has_driver() {
            self.token(tok);
            return Ok(());
        }
        if copy || effective {
            return Err("needs the driver: user mode sets no flags of a slot");
        }
        if fixture.token_type == TokenType::Primary {
            return Err("needs the driver: user mode cannot put a primary token into a slot");
        }
        if level != u32::from(fixture.level as u8) {
            return Err("needs the driver: user mode cannot name a level other than the token's own");
        }
        self.token(tok);
        Ok(())
    }

    fn has_driver(&self) -> bool {
        self.route != Route::UserMode
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), &'static str> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn step(&mut self, step: &Step) -> Result<(), &'static str> {
        let (kernel, documented) = (self.kernel, self.route.documented(self.kernel));
        match *step {
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
            Step::Object(Object::EnableDisabled(tok)) => {
                self.token(tok);
                Ok(())
            }
            Step::Repeat(_, steps) => self.steps(steps),
            Step::On(who, steps) | Step::Toward(who, steps) => {
                if matches!(who, Who::Q | Who::System) {
                    return Err("needs the driver, and threads that no program has");
                }
                self.steps(steps)
            }
            Step::OnlyDriver(_) => Err("needs the driver: part of it are requests"),
            Step::OnlyKernel(steps) => self.steps(steps),
            Step::OnKernels(families, steps) if families.contains(&kernel.family()) => self.steps(steps),
            Step::WhereDocumented(steps) if documented => self.steps(steps),
            Step::WhereNotDocumented(steps) if !documented => self.steps(steps),
            Step::OnKernels(..) | Step::WhereDocumented(_) | Step::WhereNotDocumented(_) => Ok(()),
            Step::Check(ref values) => self.check(self.route.expected(values, kernel)),
            Step::Memory(_) => Err("needs memory that fails: Driver Verifier, or the model"),
            Step::Context(_) => Err("needs kernel code: client security contexts"),
            _ => Err("needs kernel code: a routine that user mode has not"),
        }
    }

    fn check(&mut self, state: &State) -> Result<(), &'static str> {
        if !self.has_driver() && state.slot.contains("eo1") {
            return Err("needs the driver: user mode sees no flags of a slot");
        }
        if !self.has_driver() && !state.after_open.is_empty() {
            return Err("needs the driver: user mode cannot look at a slot without opening it");
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

    fn access(&mut self, access: &str) {
        match access {
            "A5" => self.features.insert(Feature::LevelOfOpens),
            "as AN" => self.features.insert(Feature::Anonymous),
            access if access.ends_with('*') => self.features.insert(Feature::RestrictingSids),
            _ => false,
        };
    }

    fn program(&mut self, program: &Program) -> Result<(), &'static str> {
        let kernel = self.kernel;
        match *program {
            Program::ThreadHandle(_, Who::Q | Who::System, _) => Err("needs threads that no program has"),
            Program::ThreadHandle(..) | Program::Close(_) | Program::SetThreadTokenNull => Ok(()),
            Program::TokenHandle(_, tok, _) => {
                self.token(tok);
                Ok(())
            }
            Program::OpenOwn { as_self, ref expected } => {
                self.looks = true;
                let expected = expected.of(kernel);
                if expected.starts_with("new") && expected.ends_with("effective") {
                    self.features.insert(Feature::EffectiveOnly);
                }
                if !as_self && *expected == "A5" {
                    self.features.insert(Feature::OpenAsSelf);
                }
                Ok(())
            }
            Program::OpenToken { as_self, status, .. } => {
                self.looks = true;
                if !as_self && status == Status::BAD_IMPERSONATION_LEVEL {
                    self.features.insert(Feature::OpenAsSelf);
                }
                Ok(())
            }
            Program::Open(_, object, _) => object_of(object),
            Program::SetThreadToken { thread, status: Status::ACCESS_DENIED, .. }
                if thread != Program::SELF =>
            {
                self.looks = true;
                self.features.insert(Feature::ThreadRights);
                Ok(())
            }
            Program::SetInformation { status, .. } => {
                self.looks = true;
                if status == Status::INFO_LENGTH_MISMATCH {
                    self.features.insert(Feature::HandleLength);
                }
                Ok(())
            }
            Program::SetThreadToken { .. }
            | Program::Duplicate { .. }
            | Program::EnableDisabled(_)
            | Program::ImpersonateSelf(_)
            | Program::NewThreadIsIdle => {
                self.looks = true;
                Ok(())
            }
            Program::Tells { .. } => {
                self.looks = true;
                self.features.insert(Feature::Integrity);
                Ok(())
            }
            Program::Restrict { .. } => {
                self.features.insert(Feature::RestrictingSids);
                Ok(())
            }
            Program::ImpersonateThread { .. } => {
                self.looks = true;
                self.features.insert(Feature::ImpersonateThread);
                Ok(())
            }
            Program::ImpersonateAnonymous => {
                self.features.insert(Feature::Anonymous);
                Ok(())
            }
            Program::ChildRunsAs(_) if self.route.documented(kernel) => {
                Err("needs to start a process at Identification, where its image does not open")
            }
            Program::ChildRunsAs(_) => {
                self.looks = true;
                Ok(())
            }
            Program::Grants(..) => Err("needs the driver's side of a handle: what it grants"),
            Program::DefineDrive(_) | Program::ResolveDrive(_) => {
                Err("needs drive letters of two logon sessions")
            }
            Program::TebImpersonating(_) => Err("needs the block of another thread"),
        }
    }

    fn judge(&mut self, judge: &Judge) -> Result<(), &'static str> {
        self.looks = true;
        match *judge {
            Judge::Open(object, _, status) => {
                if status == Status::BAD_IMPERSONATION_LEVEL {
                    self.features.insert(Feature::LevelOfOpens);
                }
                object_of(object)
            }
            Judge::Token(_, object, status) => {
                if !status.is_success() {
                    self.features.insert(Feature::AccessCheckOfTokens);
                }
                object_of(object)
            }
            Judge::TokenPrivilege(..) => Ok(()),
            Judge::OpenNested(..) => Err("needs a directory that grants nothing, and a way past it"),
            Judge::Worker(..) => Err("needs the driver: a worker of the system"),
            Judge::KernelMode(..) | Judge::Privilege(_) => Err("needs kernel code: a check for it"),
        }
    }
}

fn object_of(object: Securable) -> Result<(), &'static str> {
    match object {
        Securable::NoDescriptor => Err("needs kernel code: an object without security"),
        Securable::NullDacl | Securable::Granting(_) => Ok(()),
    }
}

/// The token of which the kernel stored a copy in a slot.
fn downgraded(slot: &str) -> Option<ClientToken> {
    let name = slot.strip_prefix("copy of ")?.split(' ').next()?;
    let level = slot.rsplit_once(" L")?.1.parse::<u8>().ok()?;
    let tok = ClientToken::ALL.iter().copied().find(|tok| tok.name() == name)?;
    (tok.fixture().level as u8 > level).then_some(tok)
}
