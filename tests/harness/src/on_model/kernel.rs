//! The model as the kernel below the service, without a driver image.

use super::connections::ServerFile;
use super::token::{ModelClient, ModelToken};
use psimp_model::{
    AccessChecked, AccessRequest, GenericMapping, Object, ObjectType, Process, SecurityDescriptor,
    SubjectContext, System, Thread, reference_by_handle,
};
use psimp_nt::{Level, Status, TokenType};
use psimp_protocol::ConnectionId;
use psimp_service::{Caller, Connection, Kernel, Qos, SaveTable, Slot, TokenRef};
use std::sync::Arc;

/// A thread of the model that is about to send a request.
#[derive(Clone, Copy)]
pub struct ModelKernel<'a> {
    system: &'a Arc<System>,
    thread: &'a Arc<Thread>,
    file: &'a ServerFile,
}

impl<'a> ModelKernel<'a> {
    /// The kernel as used by this thread, for a request on this file object.
    pub fn new(system: &'a Arc<System>, thread: &'a Arc<Thread>, file: &'a ServerFile) -> Self {
        Self { system, thread, file }
    }

    /// The caller of a request on a file object that `opener` opened.
    pub fn caller(&self, opener: &Arc<Process>) -> Caller {
        Caller { from_user_mode: true, opened_file: Arc::ptr_eq(self.thread.process(), opener) }
    }
}

impl Kernel for ModelKernel<'_> {
    type Thread = Arc<Thread>;
    type HandleToken = ModelToken;
    type PrimaryToken = ModelToken;
    type SlotToken = ModelToken;
    type Client = ModelClient;

    fn current_thread(&self) -> Arc<Thread> {
        self.thread.clone()
    }

    fn open_thread(&self, handle: u64, access: u32) -> Result<Arc<Thread>, Status> {
        match reference_by_handle(self.thread, handle, ObjectType::Thread, access)? {
            (Object::Thread(thread), _) => Ok(thread),
            _ => Err(Status::OBJECT_TYPE_MISMATCH),
        }
    }

    fn in_callers_process(&self, thread: &Arc<Thread>) -> bool {
        Arc::ptr_eq(thread.process(), self.thread.process())
    }

    fn is_terminating(&self, thread: &Arc<Thread>) -> bool {
        thread.is_terminating()
    }

    fn open_token(&self, handle: u64, access: u32) -> Result<(ModelToken, u32), Status> {
        match reference_by_handle(self.thread, handle, ObjectType::Token, access)? {
            (Object::Token(token), granted) => {
                Ok((ModelToken { system: self.system.clone(), token }, granted))
            }
            _ => Err(Status::OBJECT_TYPE_MISMATCH),
        }
    }

    fn primary_token(&self, thread: &Arc<Thread>) -> ModelToken {
        ModelToken { system: self.system.clone(), token: thread.process().primary() }
    }

    fn slot(&self, thread: &Arc<Thread>) -> Option<Slot<ModelToken>> {
        thread.slot().map(|slot| Slot {
            token: ModelToken { system: self.system.clone(), token: slot.token },
            copy_on_open: slot.copy_on_open,
            effective_only: slot.effective_only,
            level: slot.level,
        })
    }

    fn is_same(&self, stored: &ModelToken, token: TokenRef<'_, Self>) -> bool {
        Arc::ptr_eq(&stored.token, &of(token).token)
    }

    fn duplicate(&self, token: TokenRef<'_, Self>, level: Level) -> Result<ModelToken, Status> {
        let (thread, kind) = (self.thread, TokenType::Impersonation);
        let disabled = thread.disable_impersonation();
        let copy = self.system.duplicate_token_checked(thread, &of(token).token, kind, level, false);
        if disabled.was_impersonating() {
            thread.restore_impersonation(disabled);
        }
        Ok(ModelToken { system: self.system.clone(), token: copy? })
    }

    fn impersonate(
        &self,
        thread: &Arc<Thread>,
        token: TokenRef<'_, Self>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        self.system.ps_impersonate_client(
            thread,
            Some(&of(token).token),
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

    fn with_saves<R>(&self, work: impl FnOnce(&mut SaveTable<ModelToken>) -> R) -> Result<R, Status> {
        self.file.with_saves(work)
    }

    fn next_client(&self, after: ConnectionId) -> Option<(Connection, bool)> {
        self.file.next_client(after)
    }

    fn accept(&self, id: ConnectionId) -> Result<(Qos, ModelClient), Status> {
        let (qos, context) = self.file.accept(id)?;
        let token = ModelToken { system: self.system.clone(), token: context.token.clone() };
        Ok((qos, ModelClient { token, context }))
    }

    fn finish_accept(&self, id: ConnectionId, served: bool) {
        self.file.finish_accept(id, served);
    }

    fn client_token<'c>(&self, client: &'c ModelClient) -> &'c ModelToken {
        &client.token
    }

    fn impersonate_client(&self, client: &ModelClient, level: Level) -> Result<(), Status> {
        self.system.se_impersonate_client_ex(&client.context.at(level), self.thread)
    }

    fn worker_access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        let worker = self.system.create_system_thread(&self.system.create_system_process());
        access_check(self.system, &worker, descriptor, desired)
    }

    fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        access_check(self.system, self.thread, descriptor, desired)
    }
}

/// `SeAccessCheck` with the thread's present identity; see [`Kernel::access_check`].
///
/// # Errors
/// `INVALID_SECURITY_DESCR`.
pub fn access_check(
    system: &System,
    thread: &Thread,
    descriptor: &[u8],
    desired: u32,
) -> Result<(u32, Status), Status> {
    let descriptor = SecurityDescriptor::parse_owned(descriptor)?;
    let mapping = GenericMapping::FILE;
    let request = AccessRequest::user(mapping.map(desired), mapping);
    let result = SubjectContext::capture(system, thread).se_access_check(Some(&descriptor), &request);
    let AccessChecked { granted, status } = result.into();
    Ok((granted, status))
}

/// Both kinds of references are the same here.
fn of<'t>(token: TokenRef<'t, ModelKernel<'_>>) -> &'t ModelToken {
    let (TokenRef::Handle(token) | TokenRef::Slot(token)) = token;
    token
}
