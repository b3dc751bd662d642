//! Which cases user mode can carry out without a driver, and what they need.
//!
//! `SetThreadToken` stores the token itself at its own level, without flags. A
//! case can be carried out if its calls are equivalent to that, or are system
//! calls. Flags and reference counts cannot be observed and are not compared.

#![allow(clippy::match_same_arms)] // one row of a table each

mod calls;
mod processes;
mod steps;

use super::feature::Feature;
use super::route::Route;
use psimp_catalogue::{Body, Case, ClientToken, Device, Logon, ServerToken, User, Who};
use psimp_nt::{TokenType, integrity};
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
                plan.access(pipe.access.of(kernel));
                plan.looks = true;
                plan
            }
            Body::Needs(what) => return Err(what),
        };
        plan.server()?;
        if plan.tokens().any(|tok| tok.fixture().logon == Logon::A1Credentials) {
            return Err("needs a logon with LOGON32_LOGON_NEW_CREDENTIALS");
        }
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
