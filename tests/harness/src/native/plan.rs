//! Which cases user mode can carry out without a driver, and what they need.
//!
//! `SetThreadToken` stores the token itself at its own level, without flags. A
//! case can be carried out if its calls are equivalent to that, or are system
//! calls. Flags and reference counts cannot be observed and are not compared.

#![allow(clippy::match_same_arms)] // one row of a table each

use super::feature::Feature;
use super::route::Route;
use crate::run::races::tokens;
use psimp_catalogue::{
    Act, Body, Broker, Caller, Case, ClientToken, Context, Device, Edit, Handle, Judge, Object, Program,
    Race, Requests, Securable, ServerToken, State, Step, User, Who,
};
use psimp_nt::{Status, TokenType, integrity};
use psimp_protocol::CLIENTS_SETTING;
use psimp_rules::Kernel;
use std::collections::{BTreeMap, BTreeSet};

/// What a case needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The primary token of the process that it runs in.
    pub server: ServerToken,
    /// The names of tokens that it impersonates or has handles to.
    tokens: BTreeSet<&'static str>,
    /// Its client processes, by their threads, each with the tokens that it impersonates itself.
    clients: BTreeMap<Who, BTreeSet<&'static str>>,
    /// The value that the driver's setting `Clients` must have.
    pub setting: Device,
    /// What the kernel must have.
    pub features: BTreeSet<Feature>,
    route: Route,
    kernel: Kernel,
    /// The value that the case gives the setting `Clients`.
    script_setting: Device,
    /// The thread whose steps are looked at.
    who: Who,
    /// The steps are about another thread.
    toward: bool,
    /// The case observes something.
    looks: bool,
}

const FROZEN: &str =
    "needs another primary token for a process that runs, which Windows refuses once it has begun";
const DISABLE: &str = "needs kernel code: PsDisableImpersonation";
const NO_DRIVER: &str = "needs the driver: its requests go to the device";

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
                let mut plan = Self::with(script.server, kernel, route);
                if script.device != Device::Any && !plan.has_driver() {
                    return Err(NO_DRIVER);
                }
                plan.script_setting = script.device;
                plan.steps(script.steps)?;
                plan
            }
            Body::Requests(row) => {
                let mut plan = Self::with(ServerToken::S, kernel, route);
                plan.requests(row)?;
                plan
            }
            Body::Race(race) => {
                let mut plan = Self::with(race.server, kernel, route);
                plan.race(race)?;
                plan
            }
            Body::Pipe(_) if route != Route::UserMode => {
                return Err("needs no driver: --target native carries it out");
            }
            Body::Pipe(pipe) => {
                let mut plan = Self::with(ServerToken::S, kernel, route);
                plan.features.insert(Feature::PipeClients);
                plan.access(pipe.access);
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

    /// Its client processes, by their threads, each with the tokens that it impersonates itself.
    pub fn clients(&self) -> impl Iterator<Item = (Who, Vec<ClientToken>)> + '_ {
        let named = |names: &BTreeSet<&str>| {
            ClientToken::ALL.iter().copied().filter(|tok| names.contains(tok.name())).collect()
        };
        self.clients.iter().map(move |(who, names)| (*who, named(names)))
    }

    fn with(server: ServerToken, kernel: Kernel, route: Route) -> Self {
        Self {
            server,
            tokens: BTreeSet::new(),
            clients: BTreeMap::new(),
            setting: Device::Any,
            features: BTreeSet::new(),
            route,
            kernel,
            script_setting: Device::Any,
            who: Who::T1,
            toward: false,
            looks: false,
        }
    }

    /// A thread of a client process.
    fn client(&mut self, who: Who) -> &mut BTreeSet<&'static str> {
        match who {
            Who::ClientA => self.token(ClientToken::Ap0),
            Who::ClientB => self.token(ClientToken::Bp0),
            _ => (),
        }
        self.clients.entry(who).or_default()
    }

    fn server(&mut self) -> Result<(), &'static str> {
        let fixture = self.server.fixture();
        if self.has_driver() && fixture.package.is_some() {
            return Err("needs to open the device, which a process in an AppContainer cannot");
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

    fn requests(&mut self, row: &Requests) -> Result<(), &'static str> {
        if !self.has_driver() {
            return Err(NO_DRIVER);
        }
        self.looks = true;
        self.token(ClientToken::A2);
        for attempt in row.attempts {
            match attempt.caller {
                Caller::Kernel => return Err("needs kernel code: a requestor in kernel mode"),
                Caller::OtherProcess => drop(self.client(Who::Q)),
                Caller::Opener | Caller::Reader | Caller::Writer => (),
            }
            match attempt.edit {
                Edit::Token(Handle::Token(tok, _))
                | Edit::Thread(Handle::Token(tok, _))
                | Edit::TokenAt(tok, _) => self.token(tok),
                Edit::Thread(Handle::ForeignThread) => drop(self.client(Who::Q)),
                _ => (),
            }
        }
        if row.openings.iter().any(|opening| !opening.administrator) {
            self.client(Who::Q);
        }
        Ok(())
    }

    fn race(&mut self, race: &Race) -> Result<(), &'static str> {
        if !self.has_driver() {
            return Err(NO_DRIVER);
        }
        self.looks = true;
        let parts = race.parts.iter().map(|(_, acts)| *acts);
        for list in [race.before].into_iter().chain(parts).chain([race.after]) {
            acts(list)?;
        }
        for tok in tokens(race) {
            self.token(tok);
        }
        if race.parts.iter().any(|(who, _)| *who == Who::Q) {
            self.client(Who::Q);
        }
        Ok(())
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), &'static str> {
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

    /// A step of a client process's thread; whether it is one.
    fn client_step(&mut self, step: &Step) -> Result<bool, &'static str> {
        match *step {
            Step::Impersonate { token, copy_on_open: false, effective_only: false, .. } => {
                let who = self.who;
                self.token(token);
                self.client(who).insert(token.name());
            }
            Step::Impersonate { .. } => return Err("needs kernel code: flags of another process's slot"),
            Step::Revert | Step::Context(Context::Impersonate(_)) => (),
            Step::Check(ref values) => {
                let state = self.route.expected(values, self.kernel);
                if !state.slot.contains("co1") || !state.open.is_empty() || !state.access.is_empty() {
                    return Err("needs the slot of another process's thread");
                }
                self.looks = true;
            }
            Step::Judge(ref judge @ Judge::Open(..)) => self.judge(judge)?,
            Step::Program(Program::ThreadHandle(_, Who::T1 | Who::T2 | Who::T3, _)) => (),
            Step::Program(Program::OpenToken { .. }) => self.looks = true,
            Step::Program(_) => return Err("needs a call of another process's thread"),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn broker(&mut self, broker: &Broker) {
        self.looks = true;
        let connects = match *broker {
            Broker::Connect { .. } => true,
            Broker::OpenName(name, ..) => !name.is_empty(),
            _ => false,
        };
        if connects {
            self.setting = self.script_setting;
        }
    }

    /// A client of another service: of a pipe that process Q makes.
    fn context(&mut self, context: &Context) -> Result<(), &'static str> {
        match *context {
            Context::Create { remote: true, .. } => Err("needs a service on another machine"),
            Context::Create { client, dynamic, level, status, .. } => {
                // The I/O manager refuses a level that is none; a pipe looks at a dynamic client only as that writes.
                if dynamic && !status.is_success() && level <= 3 {
                    return Err("needs kernel code: a pipe looks at a dynamic client as that writes");
                }
                if client == Who::T1 {
                    self.client(Who::Q);
                }
                self.looks = true;
                self.features.insert(Feature::PipeClients);
                if status == Status::BAD_IMPERSONATION_LEVEL {
                    self.features.insert(Feature::LevelOfOpens);
                }
                Ok(())
            }
            Context::Impersonate(_) if self.toward => {
                Err("needs kernel code: SeImpersonateClientEx for another thread")
            }
            Context::Impersonate(_) | Context::Delete(_) => Ok(()),
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
            Program::Grants(..) => {
                self.looks = true;
                Ok(())
            }
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
            Judge::OpenNested(object, status) => {
                if status == Status::BAD_IMPERSONATION_LEVEL {
                    self.features.insert(Feature::LevelOfOpens);
                }
                object_of(object)
            }
            Judge::Worker(object, ..) if self.has_driver() => object_of(object),
            Judge::Worker(..) => Err("needs the driver: a worker of the system"),
            Judge::KernelMode(..) | Judge::Privilege(_) => Err("needs kernel code: a check for it"),
        }
    }
}

/// Whether user mode has these acts of a race.
fn acts(list: &[Act]) -> Result<(), &'static str> {
    list.iter().try_for_each(|act| match *act {
        Act::Repeat(_, list) => acts(list),
        Act::BecomeServer(_) => Err(FROZEN),
        Act::Disable(_) | Act::RestoreDisabled(_) => Err(DISABLE),
        Act::Cleanup => Err("needs requests on a handle that is closed, which the I/O manager refuses"),
        Act::Unload => Err("needs the driver unloaded, which others may use"),
        _ => Ok(()),
    })
}

/// What a case needs that another value of the driver's setting `Clients` keeps from it.
pub fn needs_setting(wanted: Option<u32>) -> String {
    match wanted {
        Some(value) => format!("needs the driver started with its setting {CLIENTS_SETTING} = {value}"),
        None => format!("needs the driver started without its setting {CLIENTS_SETTING}"),
    }
}

/// Whether a thread is one of a client process.
pub(super) const fn is_client(who: Who) -> bool {
    matches!(who, Who::Q | Who::ClientA | Who::ClientB)
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
