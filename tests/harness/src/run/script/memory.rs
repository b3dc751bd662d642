//! Injected failures, client contexts, and the lifetimes of objects.

use super::Run;
use crate::machine::OTHER_PRIVILEGE;
use psimp_catalogue::{Context, Memory, Object};
use psimp_model::{FaultPoint, Job, SecurityQos, Token, TokenFilter, privileges};
use psimp_nt::Status;
use std::sync::Arc;

impl Run<'_, '_> {
    pub(super) fn memory(&self, memory: Memory) {
        const NONE: Status = Status::INSUFFICIENT_RESOURCES;
        let faults = self.machine.system.faults();
        match memory {
            Memory::FailDuplicate(status) => faults.fail_next(FaultPoint::DuplicateToken, status),
            Memory::FailBlock => faults.fail_next(FaultPoint::ThreadBlock, NONE),
            Memory::FailFilter => faults.fail_next(FaultPoint::FilterToken, NONE),
            Memory::FailCopyDescriptor(status) => faults.fail_next(FaultPoint::CopyDescriptor, status),
            Memory::Recover => faults.clear(),
        }
    }

    pub(super) fn context(&self, context: &Context) {
        let (system, kept) = (&self.machine.system, &self.env.kept);
        match *context {
            Context::Create { keep, client, level, dynamic, remote, status } => {
                let tracking = if dynamic { SecurityQos::DYNAMIC } else { SecurityQos::STATIC };
                let qos = SecurityQos { level, tracking, effective_only: false };
                let created = system.se_create_client_security(&self.env.thread(client), &qos, remote);
                let asked = self.env.asked.by(client);
                let created = created.map(|context| kept.lock().contexts.insert(keep, (context, asked)));
                self.ended("SeCreateClientSecurity", status, created.map(drop));
            }
            Context::Impersonate(number) => {
                let kept = kept.lock();
                let Some((context, asked)) = kept.contexts.get(&number) else {
                    return self.same("the script has this context", &true, &false);
                };
                let done = system.se_impersonate_client_ex(context, &self.thread());
                self.asked_with(*asked);
                self.succeeded("SeImpersonateClientEx", done);
            }
            Context::Delete(number) => {
                let context = kept.lock().contexts.remove(&number);
                self.same("the script has this context", &true, &context.is_some());
                if let Some((context, _)) = context {
                    system.se_delete_client_security(context);
                }
            }
        }
    }

    pub(super) fn object(&mut self, object: &Object) {
        let (machine, system) = (self.machine.clone(), &self.machine.system);
        match *object {
            Object::Forget => machine.forget_tokens(),
            Object::SessionAlive(logon, expected) => {
                self.same("the logon session lives", &expected, &system.logon_session_alive(logon.luid()));
            }
            Object::Exit(who) => {
                self.workers.dismiss(who);
                self.env.exit(who);
            }
            Object::SameToken(one, other, expected) => {
                let token = |who| self.env.thread(who).slot().map(|slot| slot.token.id());
                let (one, other) = (token(one), token(other));
                self.same("both hold the same token", &expected, &(one.is_some() && one == other));
            }
            Object::SameOrigin(tok) => {
                let origin = |token: &Token| {
                    let logon = (token.authentication_id(), token.origin());
                    (token.session_id(), token.source(), logon, token.modified_id())
                };
                let observed = self.thread().slot().map(|slot| origin(&slot.token));
                self.same(
                    "session, source, logon and origin, modified id",
                    &Some(origin(&machine.token(tok))),
                    &observed,
                );
            }
            Object::EnableDisabled(tok) => {
                let had = machine.token(tok).adjust_privilege(privileges::TIME_ZONE, true);
                self.same("the privilege was there", &true, &had);
            }
            Object::AssignJob(flags) => {
                let filter = TokenFilter { delete: vec![OTHER_PRIVILEGE], ..TokenFilter::default() };
                let assigned = machine.process.assign_job(Job::with_filter(flags, filter));
                self.succeeded("AssignProcessToJobObject", assigned);
            }
            Object::SlotHasPrivilege(expected) => {
                let has = self.thread().slot().map(|slot| slot.token.has_privilege(OTHER_PRIVILEGE));
                self.same("the slot's token has the privilege", &Some(expected), &has);
            }
            Object::AnonymousReferences(expected) => {
                // The system's own reference does not count.
                let count = Arc::strong_count(system.anonymous_token());
                let observed = i64::try_from(count).map_or(i64::MAX, |count| count - 1);
                self.same("references on the anonymous token", &expected, &observed);
            }
        }
    }
}
