//! What the system calls and the checks of a script need.

#![allow(clippy::match_same_arms)] // one row of a table each

use super::Plan;
use crate::native::feature::Feature;
use psimp_catalogue::{ClientToken, Judge, Program, Securable, User, Who};
use psimp_nt::Status;

impl Plan {
    pub(super) fn program(&mut self, program: &Program) -> Result<(), &'static str> {
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
            Program::OpenProcess { status, .. } => self.open_process(status),
            Program::MakePrimary { status, .. } => {
                self.looks = true;
                if status == Status::BAD_IMPERSONATION_LEVEL {
                    self.features.insert(Feature::WeakPrimary);
                }
                Ok(())
            }
            Program::CreateProcessAsUser { .. } => {
                Err("needs SeAssignPrimaryTokenPrivilege, which services of the system have")
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
            Program::ImpersonateAnonymous(_) => {
                self.looks = true;
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

    /// An open of the own process's token, whose DACL is the machine's.
    fn open_process(&mut self, status: Status) -> Result<(), &'static str> {
        self.looks = true;
        let of_a = |tok: ClientToken| tok.fixture().user == User::A;
        if status == Status::ACCESS_DENIED || !self.tokens().all(of_a) {
            return Err("needs a process whose token has the DACL of the case");
        }
        if status == Status::BAD_IMPERSONATION_LEVEL {
            self.features.insert(Feature::LevelOfOpens);
        }
        Ok(())
    }

    pub(super) fn judge(&mut self, judge: &Judge) -> Result<(), &'static str> {
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

fn object_of(object: Securable) -> Result<(), &'static str> {
    match object {
        Securable::NoDescriptor => Err("needs kernel code: an object without security"),
        Securable::NullDacl | Securable::Granting(_) => Ok(()),
    }
}
