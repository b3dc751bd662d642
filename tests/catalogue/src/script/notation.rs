//! Short forms, so that scripts resemble the specification.

use super::{Context, Device, IDLE, Judge, Object, Program, Script, Securable, State, Step, Who, all};
use crate::{AppliesTo, ClientToken, ServerToken};
use psimp_nt::Status;

/// `Imp(token, co, eo, level)` of the specification, which succeeds.
pub(crate) const fn imp(token: ClientToken, copy_on_open: bool, effective_only: bool, level: u32) -> Step {
    Step::Impersonate { token, copy_on_open, effective_only, level, status: Status::SUCCESS }
}

/// The same without flags, failing.
pub(crate) const fn imp_fails(token: ClientToken, level: u32, status: Status) -> Step {
    Step::Impersonate { token, copy_on_open: false, effective_only: false, level, status }
}

/// A check that is the same on every kernel.
pub(crate) const fn check(
    slot: &'static str,
    open: &'static str,
    access: &'static str,
    references: &'static [(ClientToken, i64)],
) -> Step {
    Step::Check(all(State { slot, open, access, references, after_open: "" }))
}

/// A check of the slot alone.
pub(crate) const fn slot(slot: &'static str) -> Step {
    check(slot, "", "", &[])
}

/// The thread does not impersonate, and the tokens have these references.
pub(crate) const fn idle(references: &'static [(ClientToken, i64)]) -> Step {
    Step::Check(all(State { references, ..IDLE }))
}

/// Calls of another thread.
pub(crate) const fn on(who: Who, steps: &'static [Step]) -> Step {
    Step::On(who, steps)
}

/// `OpenThreadToken(TOKEN_QUERY)` on the calling thread.
pub(crate) const fn open_own(as_self: bool, expected: &'static str) -> Step {
    Step::Program(Program::OpenOwn { as_self, expected: all(expected) })
}

/// `OpenProcessToken` of the own process; what is opened is kept under number 8.
pub(crate) const fn open_process(desired: u32, status: Status) -> Step {
    Step::Program(Program::OpenProcess { desired, keep: 8, status })
}

/// `DuplicateTokenEx` to a primary token.
pub(crate) const fn make_primary(token: usize, status: Status) -> Step {
    Step::Program(Program::MakePrimary { token, status })
}

/// `OpenThreadToken` through a handle; what is opened is kept under number 9.
pub(crate) const fn opened(thread: usize, desired: u32, as_self: bool, status: Status) -> Step {
    Step::Program(Program::OpenToken { thread, desired, as_self, keep: 9, status })
}

/// `SeCreateClientSecurity`, kept under number 0.
pub(crate) const fn create(client: Who, level: u32, dynamic: bool, remote: bool, status: Status) -> Step {
    Step::Context(Context::Create { keep: 0, client, level, dynamic, remote, status })
}

/// `SeImpersonateClientEx` with context 0.
pub(crate) const USE: Step = Step::Context(Context::Impersonate(0));

/// `SeDeleteClientSecurity` of it.
pub(crate) const DELETE: Step = Step::Context(Context::Delete(0));

/// A script for the NT kernels.
pub(crate) const fn script(
    id: &'static str,
    title: &'static str,
    server: ServerToken,
    steps: &'static [Step],
) -> Script {
    Script { id, title, server, only: AppliesTo::NT, device: Device::Any, steps }
}

impl Script {
    /// The same script for some kernels only.
    pub(crate) const fn only(self, only: AppliesTo) -> Self {
        Self { only, ..self }
    }

    /// The same script through the driver only, with this value of its setting `Clients`.
    pub(crate) const fn through_driver(self, clients: Option<u32>) -> Self {
        Self { device: Device::Needed(clients), ..self }
    }
}

/// END with the parameters that the driver passes.
pub(crate) const fn end() -> Step {
    Step::End { copy_on_open: false, effective_only: false, level: 0 }
}

/// Opening an object for reading.
pub(crate) const fn open(object: Securable, status: Status) -> Step {
    Step::Judge(Judge::Open(object, crate::rights::FILE_READ_DATA, status))
}

/// A handle to a token.
pub(crate) const fn token(number: usize, tok: ClientToken, access: u32) -> Step {
    Step::Program(Program::TokenHandle(number, tok, access))
}

/// A handle to a thread.
pub(crate) const fn thread(number: usize, who: Who, access: u32) -> Step {
    Step::Program(Program::ThreadHandle(number, who, access))
}

/// `SetThreadToken` on the calling thread.
pub(crate) const fn set_own(token: usize, status: Status) -> Step {
    Step::Program(Program::SetThreadToken { thread: Program::SELF, token, status })
}

/// The thread exits.
pub(crate) const fn exit(who: Who) -> Step {
    Step::Object(Object::Exit(who))
}
