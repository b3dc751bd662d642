//! Cases that are a sequence of calls.

use crate::{Server, Tok};
use psimp_protocol::Status;
use psimp_rules::TokenType;

/// A sequence of calls on one thread, and looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: &'static str,
    /// The server's primary token.
    pub server: Server,
    /// What to do, in order.
    pub steps: &'static [Step],
}

/// A value for each kernel flavour.
///
/// Through the driver with documented rules, what the documentation downgrades
/// stays downgraded whatever the kernel would do: then the value for
/// `documented` holds on every flavour. [`Script`]s therefore name all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByKernel<T> {
    /// A kernel that does what the documentation says.
    pub documented: T,
    /// NT 5.2 as `ReactOS` models it.
    pub nt52: T,
    /// Windows 10 and 11 as publicly reported.
    pub win10: T,
}

/// The same on every kernel.
pub(crate) const fn all<T: Copy>(value: T) -> ByKernel<T> {
    ByKernel { documented: value, nt52: value, win10: value }
}

/// What a thread shows; empty strings are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The slot.
    pub slot: &'static str,
    /// An open of its token. It comes last, since it may change the slot.
    pub open: &'static str,
    /// An access check.
    pub access: &'static str,
    /// References on tokens, against the start of the case, the test's own
    /// left out.
    pub references: &'static [(Tok, i64)],
    /// The slot after the open, where that changes it.
    pub after_open: &'static str,
}

impl State {
    /// Whether the slot holds a downgrade copy: one above Identification is the
    /// copy of an open.
    pub fn is_downgrade(&self) -> bool {
        self.slot.starts_with("copy of ") && (self.slot.ends_with("L0") || self.slot.ends_with("L1"))
    }
}

/// A thread that does not impersonate: it has its process's access.
pub(crate) const IDLE: State =
    State { slot: "idle", open: "7C", access: "as A", references: &[], after_open: "" };

/// A call or a look. Lives in statics only, so its size does not matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// `PsImpersonateClient` with a token; the driver's IMPERSONATE.
    Impersonate {
        /// The token.
        token: Tok,
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level, as the caller passes it.
        level: u32,
        /// What comes back.
        status: Status,
    },
    /// `PsImpersonateClient` without a token and with these other parameters,
    /// which are ignored; the driver's END.
    End {
        /// Copy-on-open.
        copy_on_open: bool,
        /// Effective-only.
        effective_only: bool,
        /// Level.
        level: u32,
    },
    /// `PsRevertToSelf`; the driver's REVERT.
    Revert,
    /// `PsDereferenceImpersonationToken(NULL)`.
    DereferenceNull,
    /// `NtSetInformationThread(ThreadImpersonationToken)` with handle 0.
    SetThreadTokenNull,
    /// `PsReferenceEffectiveToken`, which only the model offers: what it returns.
    EffectiveToken {
        /// The token, `None` for the process's primary token.
        token: Option<Tok>,
        /// The type it reports.
        token_type: TokenType,
        /// Effective-only.
        effective_only: bool,
        /// The level; `None` when the out parameter is left unwritten.
        level: Option<u32>,
    },
    /// The next duplication of a token fails.
    FailDuplicate(Status),
    /// The privilege `SeImpersonate` of the server's primary token is disabled.
    DisablePrivilege,
    /// The server's primary token is replaced.
    BecomeServer(Server),
    /// The thread attaches to another process, whose primary token is this.
    Attach(Server),
    /// It detaches.
    Detach,
    /// The slot is kept under this number: a reference and the slot's values;
    /// the driver's SAVE.
    Save(usize),
    /// As many SAVEs as this, kept under no number.
    SaveMany(usize),
    /// A SAVE that the driver refuses.
    SaveRefused(Status),
    /// What was kept is assigned again; the driver's RESTORE. What comes back.
    Restore(usize, Status),
    /// RESTORE of an id that no save has.
    RestoreId(u64, Status),
    /// RESTORE through another open of the device.
    RestoreOnOtherFile(usize, Status),
    /// What was kept is dropped; the driver's DISCARD. What comes back.
    Discard(usize, Status),
    /// `PsDisableImpersonation`, kept under this number.
    Disable(usize),
    /// `PsRestoreImpersonation` of it.
    RestoreDisabled(usize),
    /// `OpenThreadToken` on the own thread, and what it shows.
    OpenAs {
        /// `OpenAsSelf`.
        as_self: bool,
        /// As in [`State::open`].
        expected: ByKernel<&'static str>,
    },
    /// The slot's token has session, source and logon of this one.
    SameOrigin(Tok),
    /// What the fixture has disabled is enabled in this token.
    EnableDisabled(Tok),
    /// `Teb.IsImpersonating`.
    TebImpersonating(bool),
    /// These steps, so many times.
    Repeat(u32, &'static [Step]),
    /// Steps for the raw routines alone.
    OnlyKernel(&'static [Step]),
    /// Steps for the driver alone.
    OnlyDriver(&'static [Step]),
    /// What the thread shows now.
    Check(ByKernel<State>),
}

/// `Imp(token, co, eo, level)` of the specification, which succeeds.
pub(crate) const fn imp(token: Tok, copy_on_open: bool, effective_only: bool, level: u32) -> Step {
    Step::Impersonate { token, copy_on_open, effective_only, level, status: Status::SUCCESS }
}

/// The same, failing.
pub(crate) const fn imp_fails(token: Tok, level: u32, status: Status) -> Step {
    Step::Impersonate { token, copy_on_open: false, effective_only: false, level, status }
}

/// A look that is the same on every kernel.
pub(crate) const fn check(
    slot: &'static str,
    open: &'static str,
    access: &'static str,
    references: &'static [(Tok, i64)],
) -> Step {
    Step::Check(all(State { slot, open, access, references, after_open: "" }))
}

/// The thread does not impersonate, and nothing is left of these tokens.
pub(crate) const fn idle(references: &'static [(Tok, i64)]) -> Step {
    Step::Check(all(State { references, ..IDLE }))
}
