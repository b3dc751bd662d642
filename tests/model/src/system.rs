//! A running kernel: its flavour, its counters, and the `Ps` routines.

use crate::fault::FaultPoint;
use crate::{Faults, Flavour, Process, SlotState, Thread, Token, TokenSpec};
use psimp_protocol::Status;
use psimp_rules::{Decision, Level, Luid, Refusal, TokenType, Verdict, decide};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// One running kernel.
#[derive(Debug)]
pub struct System {
    flavour: Flavour,
    next_luid: AtomicU64,
    next_id: AtomicU32,
    faults: Faults,
}

impl System {
    /// A kernel of this flavour, with no process yet.
    pub fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            next_luid: AtomicU64::new(0x1_0000),
            next_id: AtomicU32::new(4),
            faults: Faults::default(),
        }
    }

    /// Its flavour.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Failures on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn luid(&self) -> Luid {
        Luid(self.next_luid.fetch_add(1, Ordering::Relaxed))
    }

    /// A new token.
    pub fn create_token(&self, spec: TokenSpec) -> Arc<Token> {
        Arc::new(Token::new(self.luid(), spec))
    }

    /// A new process.
    pub fn create_process(&self, primary: Arc<Token>) -> Arc<Process> {
        Process::new(self.next_id.fetch_add(4, Ordering::Relaxed), primary)
    }

    /// A new thread of a process. It never inherits an impersonation.
    pub fn create_thread(&self, process: &Arc<Process>) -> Arc<Thread> {
        Thread::new(self.next_id.fetch_add(4, Ordering::Relaxed), process.clone())
    }

    /// `SepDuplicateToken`: no level test.
    ///
    /// # Errors
    /// An injected failure.
    pub fn duplicate_token(
        &self,
        token: &Token,
        token_type: TokenType,
        level: Level,
        effective_only: bool,
    ) -> Result<Arc<Token>, Status> {
        self.faults.check(FaultPoint::DuplicateToken)?;
        Ok(Arc::new(token.copy(self.luid(), token_type, level, effective_only)))
    }

    /// `NtDuplicateToken`'s tests, then the duplication.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` for raising an impersonation token, or for
    /// making a primary token of one below Impersonation; else as
    /// [`System::duplicate_token`].
    pub fn duplicate_token_checked(
        &self,
        token: &Token,
        token_type: TokenType,
        level: Level,
        effective_only: bool,
    ) -> Result<Arc<Token>, Status> {
        if token.token_type() == TokenType::Impersonation {
            let raises = token_type == TokenType::Impersonation && level > token.level();
            let too_weak = token_type == TokenType::Primary && token.level() < Level::Impersonation;
            if raises || too_weak {
                return Err(Status::BAD_IMPERSONATION_LEVEL);
            }
        }
        self.duplicate_token(token, token_type, level, effective_only)
    }

    /// What this kernel decides for a thread and a token.
    pub fn decide(&self, thread: &Thread, token: &Token, level: Level) -> Decision {
        decide(self.flavour.profile(), Some(&thread.process().primary_facts()), &token.facts(), level)
    }

    /// `PsImpersonateClient`. `level` is as the caller passed it; unlike real
    /// kernels the model refuses values above 3. The slot takes its own
    /// reference.
    ///
    /// # Errors
    /// The slot and all references are as before.
    pub fn ps_impersonate_client(
        &self,
        thread: &Thread,
        token: Option<&Arc<Token>>,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
    ) -> Result<(), Status> {
        let Some(token) = token else {
            thread.set_slot(None);
            return Ok(());
        };
        let level = Level::from_raw(level).ok_or(Status::INVALID_PARAMETER)?;
        let (token, level) = match self.decide(thread, token, level).verdict {
            Verdict::Kept(level) => (token.clone(), level),
            Verdict::Copied(level) => {
                (self.duplicate_token(token, TokenType::Impersonation, level, false)?, level)
            }
            Verdict::Refused(Refusal::NoPrimaryToken) => return Err(Status::UNSUCCESSFUL),
            Verdict::Refused(Refusal::Denied) => return Err(Status::PRIVILEGE_NOT_HELD),
        };
        thread.set_slot(Some(SlotState { token, copy_on_open, effective_only, level: level as u32 }));
        Ok(())
    }

    /// `PsRevertToSelf` for the thread that is current.
    pub fn ps_revert_to_self(&self, thread: &Thread) {
        thread.set_slot(None);
    }

    /// `PsDereferenceImpersonationToken`: drops one reference; nothing without
    /// a token.
    pub fn ps_dereference_impersonation_token(&self, token: Option<Arc<Token>>) {
        drop(token);
    }

    /// `PsReferenceEffectiveToken` (not exported by any kernel): token, type,
    /// effective-only, and the level only while impersonating. The type is the
    /// slot's view: impersonation even for a token object of primary type.
    pub fn ps_reference_effective_token(
        &self,
        thread: &Thread,
    ) -> (Arc<Token>, TokenType, bool, Option<u32>) {
        match thread.slot() {
            Some(slot) => (slot.token, TokenType::Impersonation, slot.effective_only, Some(slot.level)),
            None => (thread.process().primary(), TokenType::Primary, false, None),
        }
    }
}
