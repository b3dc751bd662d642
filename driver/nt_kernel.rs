//! The kernel for the service, for one request: [`Kernel`] over the wrappers of `kernel`,
//! the saves of the request's file object, the connected clients and the workers.

use crate::kernel::{self, HandleToken, PrimaryToken, ServedClient, SlotToken, Thread, TokenPtr};
use crate::wdf::{Device, File};
use crate::{file, worker};
use psimp_nt::{Level, Status};
use psimp_protocol::ConnectionId;
use psimp_service::{Connection, Kernel, Qos, SaveTable, Slot, TokenRef};

/// The kernel that the driver is loaded into, for one request.
pub(crate) struct NtKernel<'r> {
    /// The device of the request.
    device: Device,
    /// The file object of the request, which the request keeps open. `dispatch` refuses a
    /// request without one, as its opener is unknown.
    file: Option<File<'r>>,
}

impl<'r> NtKernel<'r> {
    /// For a request on this file object of the device.
    pub(crate) fn new(device: Device, file: Option<File<'r>>) -> Self {
        Self { device, file }
    }
}

impl Kernel for NtKernel<'_> {
    type Thread = Thread;
    type HandleToken = HandleToken;
    type PrimaryToken = PrimaryToken;
    type SlotToken = SlotToken;
    type Client = ServedClient;

    fn current_thread(&self) -> Thread {
        Thread::current()
    }

    fn open_thread(&self, handle: u64, access: u32) -> Result<Thread, Status> {
        Thread::open(handle, access)
    }

    fn in_callers_process(&self, thread: &Thread) -> bool {
        thread.in_callers_process()
    }

    fn is_terminating(&self, thread: &Thread) -> bool {
        thread.is_terminating()
    }

    fn open_token(&self, handle: u64, access: u32) -> Result<(HandleToken, u32), Status> {
        HandleToken::open(handle, access)
    }

    fn primary_token(&self, thread: &Thread) -> PrimaryToken {
        thread.primary_token()
    }

    fn slot(&self, thread: &Thread) -> Option<Slot<SlotToken>> {
        thread.slot()
    }

    fn is_same(&self, stored: &SlotToken, token: TokenRef<'_, Self>) -> bool {
        stored.borrow() == borrow(token)
    }

    fn duplicate(&self, token: TokenRef<'_, Self>, level: Level) -> Result<HandleToken, Status> {
        borrow(token).duplicate(level)
    }

    fn impersonate(
        &self,
        thread: &Thread,
        token: TokenRef<'_, Self>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        thread.impersonate(borrow(token), copy_on_open, effective_only, level)
    }

    fn end_impersonation(&self, thread: &Thread) -> Result<(), Status> {
        thread.end_impersonation()
    }

    fn revert_to_self(&self) {
        kernel::revert_to_self();
    }

    fn with_saves<R>(&self, work: impl FnOnce(&mut SaveTable<SlotToken>) -> R) -> Result<R, Status> {
        file::with_saves(self.file.ok_or(Status::FILE_CLOSED)?, work)
    }

    fn next_client(&self, after: ConnectionId) -> Option<(Connection, bool)> {
        file::next_client(self.device, self.file?, after)
    }

    fn accept(&self, id: ConnectionId) -> Result<(Qos, ServedClient), Status> {
        file::accept(self.device, self.file.ok_or(Status::FILE_CLOSED)?, id)
    }

    fn finish_accept(&self, id: ConnectionId, served: bool) {
        if let Some(file) = self.file {
            file::finish_accept(self.device, file, id, served);
        }
    }

    fn client_token<'c>(&self, client: &'c ServedClient) -> &'c HandleToken {
        client.token()
    }

    fn impersonate_client(&self, client: &ServedClient, level: Level) -> Result<(), Status> {
        client.impersonate(level)
    }

    fn worker_access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        worker::access_check(self.device, descriptor, desired)
    }

    fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<(u32, Status), Status> {
        kernel::access_check(descriptor, desired)
    }
}

/// The token of either kind of reference.
fn borrow<'t>(token: TokenRef<'t, NtKernel<'_>>) -> TokenPtr<'t> {
    match token {
        TokenRef::Handle(token) => token.borrow(),
        TokenRef::Slot(token) => token.borrow(),
    }
}
