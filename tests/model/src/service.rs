//! The model as the kernel below the service, without a driver image between.

use crate::fault::FaultPoint;
use crate::object::reference_by_handle;
use crate::{Object, ObjectType, Process, System, Thread, Token};
use psimp_protocol::Status;
use psimp_rules::{Level, Sid, TokenType};
use psimp_service::{Caller, Kernel, Slot, Statistics};
use std::sync::Arc;

/// A thread of the model that is about to send a request.
#[derive(Clone, Copy, Debug)]
pub struct ModelKernel<'a> {
    system: &'a System,
    thread: &'a Arc<Thread>,
}

impl<'a> ModelKernel<'a> {
    /// The kernel as this thread enters it.
    pub fn new(system: &'a System, thread: &'a Arc<Thread>) -> Self {
        Self { system, thread }
    }

    /// The caller of a request on a file object that `opener` opened.
    pub fn caller(&self, opener: &Arc<Process>) -> Caller {
        Caller { from_user_mode: true, opened_file: Arc::ptr_eq(self.thread.process(), opener) }
    }
}

/// A referenced token, with the system that its queries may fail in.
#[derive(Clone, Debug)]
pub struct ModelToken<'a> {
    system: &'a System,
    token: Arc<Token>,
}

impl psimp_service::Token for ModelToken<'_> {
    fn statistics(&self) -> Result<Statistics, Status> {
        self.system.faults().check(FaultPoint::QueryToken)?;
        Ok(Statistics {
            token_id: self.token.id(),
            authentication_id: self.token.authentication_id(),
            token_type: self.token.token_type(),
            level: self.token.level(),
        })
    }

    fn user(&self) -> Result<Sid, Status> {
        self.system.faults().check(FaultPoint::QueryToken)?;
        Ok(self.token.user())
    }

    fn is_restricted(&self) -> bool {
        self.token.is_restricted()
    }
}

impl<'a> Kernel for ModelKernel<'a> {
    type Thread = Arc<Thread>;
    type HandleToken = ModelToken<'a>;
    type PrimaryToken = ModelToken<'a>;
    type SlotToken = ModelToken<'a>;

    fn current_thread(&self) -> Arc<Thread> {
        self.thread.clone()
    }

    fn open_thread(&self, handle: u64, access: u32) -> Result<Arc<Thread>, Status> {
        match reference_by_handle(self.thread, handle, ObjectType::Thread, access)? {
            (Object::Thread(thread), _) => Ok(thread),
            _ => Err(Status::OBJECT_TYPE_MISMATCH),
        }
    }

    fn is_callers(&self, thread: &Arc<Thread>) -> bool {
        Arc::ptr_eq(thread.process(), self.thread.process())
    }

    fn is_terminating(&self, thread: &Arc<Thread>) -> bool {
        thread.is_terminating()
    }

    fn open_token(&self, handle: u64, access: u32) -> Result<(ModelToken<'a>, u32), Status> {
        match reference_by_handle(self.thread, handle, ObjectType::Token, access)? {
            (Object::Token(token), granted) => Ok((ModelToken { system: self.system, token }, granted)),
            _ => Err(Status::OBJECT_TYPE_MISMATCH),
        }
    }

    fn primary_token(&self, thread: &Arc<Thread>) -> ModelToken<'a> {
        ModelToken { system: self.system, token: thread.process().primary() }
    }

    fn slot(&self, thread: &Arc<Thread>) -> Option<Slot<ModelToken<'a>>> {
        thread.slot().map(|slot| Slot {
            token: ModelToken { system: self.system, token: slot.token },
            copy_on_open: slot.copy_on_open,
            effective_only: slot.effective_only,
            level: slot.level,
        })
    }

    fn is_same(&self, stored: &ModelToken<'a>, token: &ModelToken<'a>) -> bool {
        Arc::ptr_eq(&stored.token, &token.token)
    }

    fn duplicate(&self, token: &ModelToken<'a>, level: Level) -> Result<ModelToken<'a>, Status> {
        let copy =
            self.system.duplicate_token_checked(&token.token, TokenType::Impersonation, level, false)?;
        Ok(ModelToken { system: self.system, token: copy })
    }

    fn impersonate(
        &self,
        thread: &Arc<Thread>,
        token: &ModelToken<'a>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        self.system.ps_impersonate_client(
            thread,
            Some(&token.token),
            copy_on_open,
            effective_only,
            level as u32,
        )
    }

    fn end_impersonation(&self, thread: &Arc<Thread>) -> Result<(), Status> {
        self.system.ps_impersonate_client(thread, None, false, false, 0)
    }

    fn revert_to_self(&self) {
        self.system.ps_revert_to_self(self.thread);
    }
}
