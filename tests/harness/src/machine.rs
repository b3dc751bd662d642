//! A machine for one case: a kernel, a server process with one thread, and the
//! tokens of the catalogue.

use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Fixture, Privilege, ServerToken, User, Who};
use psimp_model::{
    Acl, Group, Kernel, MandatoryLabel, Object, Process, SecurityDescriptor, SubjectContext, System, Thread,
    Token, TokenDetails, TokenSource, TokenSpec, privileges, rights, sids,
};
use psimp_nt::{Level, Luid, Sid, Status, TokenType, integrity};
use psimp_rules::Restriction;
use std::collections::HashMap;
use std::sync::Arc;

/// A group that every fixture has disabled, so that effective-only shows.
pub const DISABLED_GROUP: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 2001]);

/// `SeBackupPrivilege`, which some fixtures hold for privilege checks to find.
pub const OTHER_PRIVILEGE: u32 = 17;

/// Reading and writing.
pub const READ_WRITE: u32 = rights::FILE_READ_DATA | rights::FILE_WRITE_DATA;

/// The bytes of a descriptor that grants everything to these SIDs, at any
/// integrity, and nothing to others.
pub fn descriptor(granted: &[Sid]) -> Vec<u8> {
    // A handful of entries always fits.
    unlabelled(Some(Acl::granting(granted))).to_self_relative().unwrap_or_default()
}

/// A descriptor with this DACL, of the system, at any integrity.
pub fn unlabelled(acl: Option<Acl>) -> SecurityDescriptor {
    let label = MandatoryLabel { integrity: integrity::UNTRUSTED, ..MandatoryLabel::default() };
    SecurityDescriptor { label: Some(label), ..SecurityDescriptor::new(sids::LOCAL_SYSTEM, acl) }
}

/// The opened token of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedToken {
    /// `TokenId`.
    pub id: u64,
    /// Type of the object.
    pub token_type: TokenType,
    /// `TokenImpersonationLevel`; an error on a primary token.
    pub level: Result<Level, Status>,
    /// It still contains the disabled group and the disabled privilege.
    pub has_disabled: bool,
}

/// The machine, as one thread uses it: [`Machine::on`] gives it to another.
#[derive(Clone)]
pub struct Machine {
    /// The kernel.
    pub system: Arc<System>,
    /// The process of the thread; initially the server process.
    pub process: Arc<Process>,
    /// The thread that makes the calls.
    pub thread: Arc<Thread>,
    tokens: Arc<Mutex<Tokens>>,
}

/// The tokens of the catalogue.
#[derive(Default)]
struct Tokens {
    /// The test's own references.
    held: HashMap<ClientToken, Arc<Token>>,
    /// Includes tokens whose references the test has dropped.
    names: HashMap<u64, ClientToken>,
}

impl Machine {
    /// A machine whose server process is initially an administrator's, since only
    /// such a process can open the device. [`Machine::become_server`] then gives
    /// it the token of the case.
    pub fn new(kernel: Kernel) -> Self {
        let system = Arc::new(System::new(kernel));
        let process = system.create_process(system.create_token(administrator()));
        let thread = system.create_thread(&process);
        Self { system, process, thread, tokens: Arc::default() }
    }

    /// The same machine, used by another thread.
    #[must_use]
    pub fn on(&self, thread: &Arc<Thread>) -> Self {
        Self { thread: thread.clone(), process: thread.process().clone(), ..self.clone() }
    }

    /// Which kernel runs.
    pub fn kernel(&self) -> Kernel {
        self.system.kernel()
    }

    /// Gives the process the primary token of the case.
    pub fn become_server(&self, server: ServerToken) {
        self.process.set_primary(self.create(server.fixture()));
    }

    /// Another process with this primary token.
    pub fn other_process(&self, server: ServerToken) -> Arc<Process> {
        self.system.create_process(self.create(server.fixture()))
    }

    /// Creates a thread of a script.
    pub fn begin(&self, who: Who) -> Arc<Thread> {
        let of = |process: &Arc<Process>| self.system.create_thread(process);
        let client = |tok| of(&self.system.create_process(self.token(tok)));
        match who {
            Who::T1 | Who::T2 | Who::T3 => of(&self.process),
            Who::Q => of(&self.other_process(ServerToken::SPlus)),
            Who::System => self.system.create_system_thread(&self.process),
            Who::ClientA => client(ClientToken::Ap0),
            Who::ClientB => client(ClientToken::Bp0),
        }
    }

    /// A token of the catalogue; always the same object, unless the test has
    /// dropped its reference.
    pub fn token(&self, tok: ClientToken) -> Arc<Token> {
        let mut tokens = self.tokens.lock();
        if let Some(token) = tokens.held.get(&tok) {
            return token.clone();
        }
        let token = self.create(tok.fixture());
        tokens.names.insert(token.id().0, tok);
        tokens.held.insert(tok, token.clone());
        token
    }

    /// Drops the test's own references on all tokens.
    pub fn forget_tokens(&self) {
        let held = std::mem::take(&mut self.tokens.lock().held);
        drop(held);
    }

    /// The token of the catalogue with this id.
    pub fn token_by_id(&self, id: u64) -> Option<ClientToken> {
        self.tokens.lock().names.get(&id).copied()
    }

    /// References on a token beyond the machine's own.
    pub fn references(&self, tok: ClientToken) -> i64 {
        // The table's own reference and the one just taken do not count.
        i64::try_from(Arc::strong_count(&self.token(tok))).map_or(i64::MAX, |count| count - 2)
    }

    /// Tokens that are still referenced after the thread has reverted.
    pub fn leftovers(&self) -> Vec<(ClientToken, i64)> {
        self.system.ps_revert_to_self(&self.thread);
        let known: Vec<_> = self.tokens.lock().held.keys().copied().collect();
        known.into_iter().map(|tok| (tok, self.references(tok))).filter(|(_, left)| *left != 0).collect()
    }

    /// A handle of the thread's present process.
    pub fn handle(&self, tok: ClientToken, access: u32) -> u64 {
        self.thread.current_process().handles().insert(Object::Token(self.token(tok)), access)
    }

    /// Closes a handle of [`Machine::handle`].
    pub fn close(&self, handle: u64) {
        // It fails if the case has closed the handle itself.
        let _ = self.system.nt_close(&self.thread, handle);
    }

    /// `OpenThreadToken(TOKEN_QUERY)` on the calling thread, and what a query of
    /// the handle returns; the handle is closed again.
    ///
    /// # Errors
    /// The status of the open.
    pub fn open_thread_token(&self, as_self: bool) -> Result<OpenedToken, Status> {
        const CURRENT_THREAD: u64 = u64::MAX - 1;
        self.open_token_of(CURRENT_THREAD, as_self)
    }

    /// The same on the thread of a handle.
    ///
    /// # Errors
    /// The status of the open.
    pub fn open_token_of(&self, thread: u64, as_self: bool) -> Result<OpenedToken, Status> {
        let handle = self.system.nt_open_thread_token(&self.thread, thread, rights::TOKEN_QUERY, as_self)?;
        let information = self.system.nt_query_token(&self.thread, handle);
        self.close(handle);
        let information = information?;
        Ok(OpenedToken {
            id: information.token_id.0,
            token_type: information.token_type,
            level: information.level,
            has_disabled: information.groups.iter().any(|group| !group.enabled)
                && information.privileges.iter().any(|privilege| !privilege.enabled),
        })
    }

    /// Whether the thread, with its present identity, may read and write an object
    /// that grants everything to these SIDs and nothing to others. Write access is
    /// included because write-restricted tokens are restricted only in that.
    ///
    /// # Errors
    /// The status of the access check.
    pub fn access(&self, granted: &[Sid]) -> Result<(), Status> {
        SubjectContext::capture(&self.system, &self.thread).access_check(&Acl::granting(granted), READ_WRITE)
    }

    fn create(&self, fixture: Fixture) -> Arc<Token> {
        // Not the default source of tokens.
        let source = TokenSource { name: *b"Seclogo\0", identifier: Luid(7) };
        let details = TokenDetails { source, ..TokenDetails::default() };
        self.system.create_token_with(spec(&fixture), details)
    }
}

fn spec(fixture: &Fixture) -> TokenSpec {
    let mut privileges = vec![
        psimp_model::Privilege { luid: privileges::CHANGE_NOTIFY, enabled: true },
        psimp_model::Privilege { luid: privileges::TIME_ZONE, enabled: false },
    ];
    if fixture.impersonate != Privilege::Absent {
        let enabled = fixture.impersonate == Privilege::Enabled;
        privileges.push(psimp_model::Privilege { luid: privileges::IMPERSONATE, enabled });
    }
    if fixture.other_privilege {
        for luid in [OTHER_PRIVILEGE, psimp_model::privileges::ASSIGN_PRIMARY_TOKEN] {
            privileges.push(psimp_model::Privilege { luid, enabled: true });
        }
    }
    let mut groups = vec![Group { sid: DISABLED_GROUP, enabled: false }];
    if fixture.administrator {
        groups.push(Group { sid: sids::ADMINISTRATORS, enabled: true });
    }
    if fixture.user != User::Anonymous {
        groups.push(Group { sid: Sid::EVERYONE, enabled: true });
        groups.push(Group { sid: sids::AUTHENTICATED_USERS, enabled: true });
    }
    TokenSpec {
        user: fixture.user.sid(),
        authentication_id: fixture.logon.luid(),
        token_type: fixture.token_type,
        level: fixture.level,
        groups,
        privileges,
        restricting: match fixture.restriction {
            Restriction::None => Vec::new(),
            Restriction::Restricted | Restriction::WriteRestricted => vec![sids::RESTRICTED],
        },
        write_restricted: fixture.restriction == Restriction::WriteRestricted,
        platform: fixture.platform(),
        acl: fixture.private.then(|| Acl::granting(&[fixture.user.sid()])),
    }
}

/// A primary token of user A as an administrator.
fn administrator() -> TokenSpec {
    spec(&Fixture { administrator: true, ..ServerToken::S.fixture() })
}

/// An impersonation token of user A as an administrator, for opening the device
/// while impersonating.
pub fn administrator_client(system: &System) -> Arc<Token> {
    let spec =
        TokenSpec { token_type: TokenType::Impersonation, level: Level::Impersonation, ..administrator() };
    system.create_token(spec)
}
