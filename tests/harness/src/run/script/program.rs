//! Steps that a program carries out with system calls.

use super::Run;
use super::env::{Handle, Names};
use crate::machine::{DISABLED_GROUP, READ_WRITE, unlabelled};
use crate::observe::{self, SlotView};
use psimp_catalogue::{ClientToken, Logon, Program, Securable, Who};
use psimp_model::{
    Acl, GenericMapping, Object, Privilege, SecurityDescriptor, SecurityQos, TokenFilter, privileges, rights,
    sids,
};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

/// The calling thread's pseudo-handle.
const CURRENT_THREAD: u64 = u64::MAX - 1;
/// The calling process's pseudo-handle.
const CURRENT_PROCESS: u64 = u64::MAX;
/// The drive letter that a step maps.
const DRIVE: &str = "X:";

impl Run<'_, '_> {
    pub(super) fn program(&self, program: &Program) {
        let (machine, system, thread) = (&self.machine, &self.machine.system, &self.machine.thread);
        match *program {
            Program::ThreadHandle(number, who, access) => {
                let value = machine.thread_handle(&self.env.thread(who), access);
                self.hold(number, value, Names::Thread(who));
            }
            Program::TokenHandle(number, tok, access) => {
                self.hold(number, machine.handle(tok, access), Names::Token(Some(tok)));
            }
            Program::Open(number, object, desired) => {
                let descriptor = security(object);
                let mapping = &GenericMapping::FILE;
                match system.ob_open_object(thread, descriptor.as_ref(), desired, mapping) {
                    Ok(granted) => {
                        let object = Object::Event(Arc::new(()));
                        self.hold(number, machine.process.handles().insert(object, granted), Names::Other);
                    }
                    Err(status) => self.succeeded("open", Err(status)),
                }
            }
            Program::Grants(number, access) => {
                let granted = machine.process.handles().get(self.handle(number).value).map(|(_, g)| g);
                self.same("access that the handle grants", &Some(access), &granted);
            }
            Program::Close(number) => {
                let handle = self.env.kept.lock().handles.remove(&number);
                self.same("the script has this handle", &true, &handle.is_some());
                if let Some(handle) = handle {
                    machine.close(handle.value);
                }
            }
            ref call => self.on_threads(call),
        }
    }

    /// Calls on the tokens of threads.
    fn on_threads(&self, program: &Program) {
        let (machine, system, thread) = (&self.machine, &self.machine.system, &self.machine.thread);
        match *program {
            Program::OpenOwn { as_self, ref expected } => {
                let slot = thread.slot().map(|slot| SlotView::from(&slot));
                let opened = machine.open_thread_token(as_self);
                let expected = expected.of(machine.kernel());
                self.compare("open", expected, &observe::open(&opened, slot.as_ref()));
            }
            Program::OpenProcess { desired, keep, status } => {
                let opened = system.nt_open_process_token(thread, CURRENT_PROCESS, desired);
                if let Ok(value) = opened {
                    self.hold(keep, value, Names::Token(None));
                }
                self.ended("OpenProcessToken", status, opened.map(drop));
            }
            Program::OpenToken { thread: number, desired, as_self, keep, status } => {
                let target = self.handle(number);
                let opened = system.nt_open_thread_token(thread, target.value, desired, as_self);
                if let Ok(value) = opened {
                    self.hold(keep, value, Names::Token(self.env.asked.by(self.behind(target))));
                }
                self.ended("OpenThreadToken", status, opened.map(drop));
            }
            Program::SetThreadTokenNull => {
                self.succeeded("SetThreadToken", system.nt_set_thread_token(thread, CURRENT_THREAD, 0));
            }
            Program::SetThreadToken { thread: target, token, status } => {
                let (target, token) = (self.handle(target), self.handle(token));
                let set = system.nt_set_thread_token(thread, target.value, token.value);
                if let (Ok(()), Names::Token(tok)) = (set, token.names) {
                    self.env.asked.note(self.behind(target), tok);
                }
                self.ended("SetThreadToken", status, set);
            }
            Program::SetInformation { token, length, status } => {
                const THREAD_IMPERSONATION_TOKEN: u32 = 5;
                let bytes = self.handle(token).value.to_le_bytes();
                let bytes = bytes.get(..length).unwrap_or_default();
                let set = system.nt_set_information_thread(
                    thread,
                    CURRENT_THREAD,
                    THREAD_IMPERSONATION_TOKEN,
                    bytes,
                );
                self.ended("NtSetInformationThread", status, set);
            }
            Program::ImpersonateThread { server, client, level, status } => {
                let (server, client) = (self.handle(server), self.handle(client));
                let qos = SecurityQos { level, tracking: SecurityQos::DYNAMIC, effective_only: false };
                let done = system.nt_impersonate_thread(thread, server.value, client.value, &qos);
                if done.is_ok() {
                    self.env.asked.note(self.behind(server), self.env.asked.by(self.behind(client)));
                }
                self.ended("NtImpersonateThread", status, done);
            }
            Program::ImpersonateSelf(level) => {
                let level = Level::from_raw(level).unwrap_or(Level::Anonymous);
                self.env.asked.note(self.who, None);
                self.succeeded("ImpersonateSelf", system.rtl_impersonate_self(thread, level));
            }
            Program::ImpersonateAnonymous(status) => {
                self.env.asked.note(self.who, None);
                let done = system.nt_impersonate_anonymous_token(thread, CURRENT_THREAD);
                self.ended("ImpersonateAnonymousToken", status, done);
            }
            ref call => self.on_others(call),
        }
    }

    /// Calls on tokens, and on what does not, or should not, depend on the slot.
    fn on_others(&self, program: &Program) {
        let (machine, system, thread) = (&self.machine, &self.machine.system, &self.machine.thread);
        match *program {
            Program::Duplicate { token, level, status } => {
                let qos = SecurityQos { level, ..SecurityQos::at(Level::Anonymous) };
                let token = self.handle(token).value;
                let kind = TokenType::Impersonation;
                let copy = system.nt_duplicate_token(thread, token, 0, kind, Some(&qos), false);
                self.ended("DuplicateTokenEx", status, copy.map(|copy| machine.close(copy)));
            }
            Program::MakePrimary { token, status } => {
                let token = self.handle(token).value;
                let copy = system.nt_duplicate_token(thread, token, 0, TokenType::Primary, None, false);
                self.ended("DuplicateTokenEx", status, copy.map(|copy| machine.close(copy)));
            }
            Program::CreateProcessAsUser { token, runs_as } => {
                let child = system.nt_create_process_as_user(thread, self.handle(token).value);
                let seen = child.map(|child| (child.primary().user(), child.primary().token_type()));
                let expected = runs_as.map(|user| (user.sid(), TokenType::Primary));
                self.same("user and type of the child's token", &expected, &seen);
            }
            Program::Restrict { token, keep } => {
                let filter = TokenFilter { restrict: vec![sids::RESTRICTED], ..TokenFilter::default() };
                let handle = self.handle(token);
                match system.nt_filter_token(thread, handle.value, &filter) {
                    Ok(value) => self.hold(keep, value, handle.names),
                    Err(status) => self.succeeded("CreateRestrictedToken", Err(status)),
                }
            }
            Program::Tells { token, user, integrity } => {
                let told = system.nt_query_token(thread, self.handle(token).value).map(|told| {
                    let group = told.groups.iter().any(|group| group.sid == DISABLED_GROUP);
                    let privilege = told.privileges.iter().any(|held| held.luid == privileges::TIME_ZONE);
                    (told.user, told.integrity, group, privilege)
                });
                self.same(
                    "user, integrity, group, privilege",
                    &Ok((user.sid(), integrity, true, true)),
                    &told,
                );
            }
            Program::EnableDisabled(token) => {
                let change = Privilege { luid: privileges::TIME_ZONE, enabled: true };
                let adjusted = system.nt_adjust_privileges_token(thread, self.handle(token).value, &[change]);
                self.ended("AdjustTokenPrivileges", Status::SUCCESS, adjusted.and_then(Status::ok));
            }
            Program::ChildRunsAs(user) => {
                let child = system.create_child_process(thread);
                let runs_as = child.map(|child| (child.primary().user(), child.primary().token_type()));
                self.same(
                    "user and type of the child's token",
                    &Ok((user.sid(), TokenType::Primary)),
                    &runs_as,
                );
            }
            Program::NewThreadIsIdle => {
                let new = system.create_thread(&machine.process);
                self.same("the new thread impersonates", &false, &new.is_impersonating());
            }
            Program::DefineDrive(logon) => define_drive(system, logon),
            Program::ResolveDrive(status) => {
                let found = system.resolve_dos_device(thread, DRIVE).map(drop);
                self.ended("lookup of the drive letter", status, found);
            }
            Program::TebImpersonating(expected) => {
                self.same("Teb.IsImpersonating", &expected, &self.thread().teb_is_impersonating());
            }
            // Handled elsewhere.
            _ => (),
        }
    }

    fn hold(&self, number: usize, value: u64, names: Names) {
        let before = self.env.kept.lock().handles.insert(number, Handle { value, names });
        if let Some(before) = before {
            self.machine.close(before.value);
        }
    }

    /// A handle of the script. A number without a handle gives one that does not
    /// exist, and thereby a difference.
    pub(super) fn handle(&self, number: usize) -> Handle {
        if number == Program::SELF {
            return Handle { value: CURRENT_THREAD, names: Names::Thread(self.who) };
        }
        let kept = self.env.kept.lock().handles.get(&number).copied();
        kept.unwrap_or(Handle { value: 0xDEAD_BEEC, names: Names::Other })
    }

    /// The thread that a handle refers to.
    fn behind(&self, handle: Handle) -> Who {
        if let Names::Thread(who) = handle.names { who } else { self.who }
    }

    /// Sets the token of the catalogue from which the thread's slot derives, after
    /// a call other than the harness's own.
    pub(super) fn asked_with(&self, tok: Option<ClientToken>) {
        self.env.asked.note(self.about, tok);
    }
}

fn define_drive(system: &psimp_model::System, logon: Logon) {
    system.devices().define(logon.luid(), DRIVE, r"\Device\Mup\share");
}

/// The descriptor of an object that a script opens.
pub(super) fn security(object: Securable) -> Option<SecurityDescriptor> {
    match object {
        Securable::Granting(granted) => Some(unlabelled(Some(Acl::granting(granted)))),
        Securable::NullDacl => Some(unlabelled(None)),
        Securable::NoDescriptor => None,
    }
}

/// The access that a script requests by default.
pub(super) const DESIRED: u32 = READ_WRITE & rights::FILE_READ_DATA;
