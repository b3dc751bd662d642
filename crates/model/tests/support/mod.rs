//! The specification's fixtures: servers, tokens, and a machine with one thread.
#![allow(dead_code)] // each test file uses a part

use psimp_model::{
    Acl, GenericMapping, Group, Kernel, Object, Privilege, Process, SecurityDescriptor, System, Thread,
    Token, TokenSpec, privileges, rights, sids,
};
use psimp_nt::{Level, Luid, Sid, Status, TokenType, integrity};
use psimp_rules::Profile;
use std::sync::Arc;

pub(crate) const A: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 1001]);
pub(crate) const B: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 1002]);
const LOGON_A: Luid = Luid(0xA1);
pub(crate) const LOGON_B: Luid = Luid(0xB1);
/// A group that every fixture has disabled.
const DISABLED_GROUP: Sid = Sid::new(5, &[21, 1000, 2000, 3000, 2001]);
/// A privilege that some tokens have.
pub(crate) const X: u32 = 17;

pub(crate) const A5: Status = Status(0xC000_00A5);
pub(crate) const A6: Status = Status(0xC000_00A6);
pub(crate) const DENIED: Status = Status(0xC000_0022);

pub(crate) const CURRENT_THREAD: u64 = u64::MAX - 1;

/// A token of the specification: `A2`, `BH2`, `S+` …
pub(crate) fn spec(name: &str) -> TokenSpec {
    let mut spec = TokenSpec {
        groups: vec![
            Group { sid: Sid::EVERYONE, enabled: true },
            Group { sid: DISABLED_GROUP, enabled: false },
        ],
        privileges: vec![
            Privilege { luid: privileges::CHANGE_NOTIFY, enabled: true },
            Privilege { luid: privileges::TIME_ZONE, enabled: false },
        ],
        ..TokenSpec::new(A, LOGON_A, TokenType::Impersonation, Level::Impersonation)
    };
    let mut rest = name.chars();
    match rest.next() {
        Some('S') => (spec.token_type, spec.level) = (TokenType::Primary, Level::Anonymous),
        Some('B') => (spec.user, spec.authentication_id) = (B, LOGON_B),
        _ => (),
    }
    for letter in rest {
        match letter {
            'R' => spec.restricting = vec![sids::RESTRICTED],
            'W' => (spec.restricting, spec.write_restricted) = (vec![sids::RESTRICTED], true),
            'H' => spec.platform.integrity = integrity::HIGH,
            'L' => spec.platform.integrity = integrity::LOW,
            '+' => spec.privileges.push(Privilege { luid: privileges::IMPERSONATE, enabled: true }),
            'X' => spec.privileges.push(Privilege { luid: X, enabled: true }),
            digit => {
                let level = digit.to_digit(10).and_then(Level::from_raw);
                spec.level = level.expect("a letter of the notation");
            }
        }
    }
    spec
}

pub(crate) struct Machine {
    pub(crate) system: Arc<System>,
    pub(crate) process: Arc<Process>,
    pub(crate) thread: Arc<Thread>,
}

impl Machine {
    pub(crate) fn new(kernel: Kernel, server: &str) -> Self {
        Self::with_profile(kernel, kernel.profile(), server)
    }

    pub(crate) fn with_profile(kernel: Kernel, profile: &'static Profile, server: &str) -> Self {
        let system = Arc::new(System::with_profile(kernel, profile));
        let process = system.create_process(system.create_token(spec(server)));
        let thread = system.create_thread(&process);
        Self { system, process, thread }
    }

    pub(crate) fn token(&self, name: &str) -> Arc<Token> {
        self.system.create_token(spec(name))
    }

    /// `Imp(T,co,eo,L)` on the own thread.
    pub(crate) fn imp(&self, token: &Arc<Token>, co: bool, eo: bool, level: u32) -> Result<(), Status> {
        self.system.ps_impersonate_client(&self.thread, Some(token), co, eo, level)
    }

    pub(crate) fn handle(&self, token: &Arc<Token>, access: u32) -> u64 {
        self.process.handles().insert(Object::Token(token.clone()), access)
    }

    pub(crate) fn thread_handle(&self, thread: &Arc<Thread>, access: u32) -> u64 {
        self.process.handles().insert(Object::Thread(thread.clone()), access)
    }

    /// `OpenThreadToken(TOKEN_QUERY)` on the own thread.
    pub(crate) fn open(&self, as_self: bool) -> Result<Arc<Token>, Status> {
        let desired = rights::TOKEN_QUERY;
        let handle = self.system.nt_open_thread_token(&self.thread, CURRENT_THREAD, desired, as_self)?;
        Ok(self.taken(handle))
    }

    /// The token behind a handle, which is closed.
    pub(crate) fn taken(&self, handle: u64) -> Arc<Token> {
        let object = self.process.handles().get(handle).map(|(object, _)| object);
        self.system.nt_close(&self.thread, handle).expect("an open handle");
        match object {
            Some(Object::Token(token)) => token,
            other => panic!("{other:?} is no token"),
        }
    }

    /// User mode opens a file.
    pub(crate) fn open_file(&self, descriptor: &SecurityDescriptor, desired: u32) -> Result<u32, Status> {
        self.system.ob_open_object(&self.thread, Some(descriptor), desired, &GenericMapping::FILE)
    }

    /// It opens one whose DACL grants all to these.
    pub(crate) fn access(&self, granted: &[Sid]) -> Result<u32, Status> {
        self.open_file(&granting(granted), rights::FILE_READ_DATA)
    }

    /// The slot as (token id, co, eo, level).
    pub(crate) fn slot(&self) -> Option<(Luid, bool, bool, u32)> {
        slot_of(&self.thread)
    }
}

/// The descriptor of a file of the system that grants all to these.
pub(crate) fn granting(granted: &[Sid]) -> SecurityDescriptor {
    SecurityDescriptor::new(sids::LOCAL_SYSTEM, Some(Acl::granting(granted)))
}

pub(crate) fn slot_of(thread: &Thread) -> Option<(Luid, bool, bool, u32)> {
    thread.slot().map(|s| (s.token.id(), s.copy_on_open, s.effective_only, s.level))
}

/// References on a token beyond the test's one.
pub(crate) fn refs(token: &Arc<Token>) -> usize {
    Arc::strong_count(token) - 1
}
