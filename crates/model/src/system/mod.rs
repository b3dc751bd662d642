//! A running kernel: which one it is, its counters, and what it creates.

mod anonymous;
mod devices;
mod job;

pub use devices::DosDevices;

use self::anonymous::AnonymousTokens;
use crate::fault::FaultPoint;
use crate::luids::LuidSource;
use crate::session::LogonSessions;
use crate::{Ace, Acl, Faults, Group, Kernel, Process, Thread, Token, TokenDetails, TokenSpec, rights, sids};
use psimp_nt::{Level, Luid, Sid, Status, TokenType, integrity};
use psimp_rules::{Family, PlatformFacts, Profile};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// One running kernel.
#[derive(Debug)]
pub struct System {
    kernel: Kernel,
    profile: &'static Profile,
    luids: LuidSource,
    next_id: AtomicU32,
    faults: Faults,
    sessions: LogonSessions,
    anonymous: AnonymousTokens,
    devices: DosDevices,
}

impl System {
    /// A system that runs this kernel, with no process yet.
    pub fn new(kernel: Kernel) -> Self {
        Self::with_profile(kernel, kernel.profile())
    }

    /// The same with another profile for its rule: for readings of the rule that
    /// no kernel follows.
    pub fn with_profile(kernel: Kernel, profile: &'static Profile) -> Self {
        Self {
            kernel,
            profile,
            luids: LuidSource::new(),
            next_id: AtomicU32::new(4),
            faults: Faults::default(),
            sessions: LogonSessions::default(),
            anonymous: AnonymousTokens::default(),
            devices: DosDevices::default(),
        }
    }

    /// Which kernel it runs.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Whether the calls other than the rule are those of NT 5.2.
    pub(crate) fn is_nt52(&self) -> bool {
        self.kernel.family() == Family::Nt52
    }

    /// The decision rule.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// Failures on demand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn anonymous(&self) -> &AnonymousTokens {
        &self.anonymous
    }

    /// Drive letters by logon session.
    pub fn devices(&self) -> &DosDevices {
        &self.devices
    }

    /// A new token. Its logon session is created if it does not exist.
    pub fn create_token(&self, spec: TokenSpec) -> Arc<Token> {
        self.create_token_with(spec, TokenDetails::default())
    }

    /// A new token with all properties specified.
    pub fn create_token_with(&self, spec: TokenSpec, details: TokenDetails) -> Arc<Token> {
        let session = self.sessions.reference(spec.authentication_id);
        // Integrity labels came after NT 5.2.
        let mandatory = !self.is_nt52();
        Arc::new(Token::new(&self.luids, session, spec, details, mandatory))
    }

    /// Whether any token of the logon session exists: the leak oracle. On Windows a routine
    /// registered for the end of the session reports the same.
    pub fn logon_session_alive(&self, id: Luid) -> bool {
        self.logon_session_references(id) > 0
    }

    /// Tokens of the logon session, copies included.
    pub fn logon_session_references(&self, id: Luid) -> usize {
        self.sessions.references(id)
    }

    /// A new process.
    pub fn create_process(&self, primary: Arc<Token>) -> Arc<Process> {
        Process::new(self.next_id.fetch_add(4, Ordering::Relaxed), primary)
    }

    /// A process of the operating system, such as the one of the worker threads.
    pub fn create_system_process(&self) -> Arc<Process> {
        let enabled = |sid| Group { sid, enabled: true };
        self.create_process(self.create_token(TokenSpec {
            groups: [sids::ADMINISTRATORS, Sid::EVERYONE, sids::AUTHENTICATED_USERS].map(enabled).to_vec(),
            platform: PlatformFacts { integrity: integrity::SYSTEM, ..PlatformFacts::default() },
            ..TokenSpec::new(sids::LOCAL_SYSTEM, Luid::SYSTEM, TokenType::Primary, Level::Anonymous)
        }))
    }

    /// `NtCreateProcess` without a token of its own: the child's primary token
    /// is a copy of that of the creator's process. What the creating thread
    /// impersonates does not matter.
    ///
    /// # Errors
    /// Those of [`System::duplicate_token`].
    pub fn create_child_process(&self, creator: &Thread) -> Result<Arc<Process>, Status> {
        let parent = creator.process().primary();
        let primary = self.duplicate_token(&parent, TokenType::Primary, parent.level(), false)?;
        Ok(self.create_process(primary))
    }

    /// A new thread of a process. It never inherits an impersonation.
    pub fn create_thread(&self, process: &Arc<Process>) -> Arc<Thread> {
        Thread::new(self.next_id.fetch_add(4, Ordering::Relaxed), process.clone(), true)
    }

    /// A new system thread: it has no TEB.
    pub fn create_system_thread(&self, process: &Arc<Process>) -> Arc<Thread> {
        Thread::new(self.next_id.fetch_add(4, Ordering::Relaxed), process.clone(), false)
    }

    /// `SepDuplicateToken`: no level test. Everyone may open the copy.
    ///
    /// # Errors
    /// The status of a failure that was asked for at [`FaultPoint::DuplicateToken`]; nothing else
    /// fails.
    pub fn duplicate_token(
        &self,
        token: &Token,
        token_type: TokenType,
        level: Level,
        effective_only: bool,
    ) -> Result<Arc<Token>, Status> {
        self.duplicate_token_for(token, token_type, level, effective_only, None)
    }

    /// [`System::duplicate_token`] with a DACL for the copy.
    pub(crate) fn duplicate_token_for(
        &self,
        token: &Token,
        token_type: TokenType,
        level: Level,
        effective_only: bool,
        acl: Option<Acl>,
    ) -> Result<Arc<Token>, Status> {
        self.faults.check(FaultPoint::DuplicateToken)?;
        Ok(Arc::new(token.copy(token_type, level, effective_only, acl)))
    }

    /// `NtDuplicateToken`'s tests, then the duplication by this thread, without a security descriptor
    /// of its own: the copy gets the default DACL of the thread's effective token, and on Windows 10
    /// administrators may query it.
    ///
    /// # Errors
    /// `BAD_IMPERSONATION_LEVEL` for raising an impersonation token, or for
    /// making a primary token of one below Impersonation; else as
    /// [`System::duplicate_token`].
    pub fn duplicate_token_checked(
        &self,
        creator: &Thread,
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
        let (effective, ..) = self.ps_reference_effective_token(creator);
        let mut acl = effective.default_dacl();
        if self.kernel().facts().extends_copy_descriptor {
            acl.0.push(Ace::allow(sids::ADMINISTRATORS, rights::TOKEN_QUERY));
        }
        self.duplicate_token_for(token, token_type, level, effective_only, Some(acl))
    }
}
