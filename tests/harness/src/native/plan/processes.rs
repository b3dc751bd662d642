//! What the requests of group B, races, client processes and connections need.

use super::{DISABLE, FROZEN, NO_DRIVER, Plan};
use crate::native::feature::Feature;
use crate::run::races::tokens;
use psimp_catalogue::{
    Act, Broker, Caller, ClientToken, Context, Edit, Handle, Judge, Program, Race, Requests, Step, Who,
};
use psimp_nt::Status;
use psimp_rules::Family;
use psimp_windows::rights;

impl Plan {
    pub(super) fn requests(&mut self, row: &Requests) -> Result<(), &'static str> {
        if !self.has_driver() {
            return Err(NO_DRIVER);
        }
        self.looks = true;
        self.token(ClientToken::A2);
        for attempt in row.attempts {
            if let Edit::Thread(Handle::OwnThread(access) | Handle::EndedThread(access)) = attempt.edit
                && self.kernel.family() == Family::Nt52
                && access != 0
                && access & rights::ALL_OF_A_THREAD == 0
            {
                return Err("needs a right to threads that the kernel does not have");
            }
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

    pub(super) fn race(&mut self, race: &Race) -> Result<(), &'static str> {
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

    /// A step of a client process's thread; whether it is one.
    pub(super) fn client_step(&mut self, step: &Step) -> Result<bool, &'static str> {
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

    pub(super) fn broker(&mut self, broker: &Broker) {
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
    pub(super) fn context(&mut self, context: &Context) -> Result<(), &'static str> {
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
