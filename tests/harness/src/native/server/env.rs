//! What the threads of a case share in the server process.

use super::clerk::Clerk;
use super::connections::ClientFile;
use super::remote::Remote;
use crate::driver::Failure;
use crate::native::fixture::{self, Wanted};
use crate::native::identity::{self, Identity};
use crate::native::route::Route;
use crate::native::system::device::{Device, Waiting};
use crate::native::system::handle::OwnedHandle;
use crate::native::system::information::Information;
use crate::native::system::object::{Descriptor, Event};
use crate::native::system::pipe::{File, Pipe};
use crate::native::system::token::{ADJUST_DEFAULT, QUERY};
use crate::native::system::{Error, Token, thread};
use crate::observe::short;
use crate::result::{Mismatch, compare};
use crate::run::Asked;
use crate::run::connections::Connections;
use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Fixture, Securable, ServerToken, User, Who};
use psimp_model::sids;
use psimp_nt::{Sid, Status, TokenType};
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `FILE_READ_DATA` and `FILE_WRITE_DATA`.
pub(super) const READ_WRITE: u32 = 3;

/// The process, the tokens of the case, and its kept objects.
pub(super) struct CaseEnv {
    /// The kernel whose values are expected.
    pub(super) kernel: Kernel,
    tokens: BTreeMap<&'static str, Token>,
    ids: BTreeMap<u64, ClientToken>,
    primary: Information,
    other_user: Option<Sid>,
    users: Vec<(User, Opens)>,
    /// The driver and the rules mode, if calls go through it.
    pub(super) driver: Option<(Device, RulesMode)>,
    /// Ids of saves and the tokens requested before them, by the case's numbers.
    pub(super) saves: Mutex<BTreeMap<usize, (u64, Option<ClientToken>)>>,
    /// Client processes, by their threads.
    pub(super) remotes: BTreeMap<Who, Arc<Remote>>,
    /// Clients of the driver that are connected, or have left.
    pub(super) clients: Connections<ClientFile>,
    /// Further servers, by the case's numbers.
    pub(super) servers: Mutex<BTreeMap<usize, ClientFile>>,
    /// A pipe whose client another thread of this process is.
    pub(super) pipe: Mutex<Option<Pipe>>,
    /// The client's end of a pipe.
    pub(super) pipe_client: Mutex<Option<File>>,
    /// Handles, by the case's numbers.
    pub(super) kept: Mutex<BTreeMap<usize, Kept>>,
    pub(super) asked: Asked,
    /// Ids of threads.
    pub(super) threads: Mutex<BTreeMap<Who, u32>>,
    found: Mutex<Vec<Mismatch>>,
    shown: Mutex<String>,
    pub(super) clerk: Clerk,
}

/// A handle, and the catalogue's name of its object.
pub(super) enum Kept {
    Thread(OwnedHandle, Who),
    Token(Token, Option<ClientToken>),
    Other(#[allow(dead_code)] OwnedHandle), // held for as long as the case holds it
}

/// Objects that show whose access a thread has.
pub(super) struct Opens {
    /// Grants the user and the restricting SID.
    pub(super) with_restricted: Event,
    /// Grants the user alone.
    pub(super) alone: Event,
}

/// Why a case cannot begin.
pub(super) enum Unready {
    /// The device does not open.
    Device(Status),
    /// The server's token is another than its fixture; a sentence.
    Fixture(String),
    /// Something of the harness's own fails; a sentence that names it.
    Harness(String),
}

impl CaseEnv {
    pub(super) fn new(
        kernel: Kernel,
        rules: Option<RulesMode>,
        server: ServerToken,
        given: Vec<(ClientToken, Token)>,
        other_user: Option<Sid>,
        remotes: BTreeMap<Who, Arc<Remote>>,
    ) -> Result<Self, Unready> {
        let driver =
            rules.map(|rules| Ok((open_device(READ_WRITE)?, rules))).transpose().map_err(Unready::Device)?;
        let harness = |what: String| move |status: Status| Unready::Harness(format!("{what}: {status}"));
        let own = Token::of_process(thread::current_process(), QUERY | ADJUST_DEFAULT)
            .map_err(harness("NtOpenProcessToken of the server's own token".to_owned()))?;
        let query = |token: &Token, of: &str| {
            token.information().map_err(harness(format!("NtQueryInformationToken of {of}")))
        };
        let mut primary = query(&own, "the server's own token")?;
        let level = server.fixture().integrity;
        if driver.is_some() && primary.integrity.is_some_and(|own| own > level) {
            // It had to be higher to open the device.
            own.set_integrity(level)
                .map_err(harness("NtSetInformationToken of the server's own integrity".to_owned()))?;
            primary = query(&own, "the server's own token")?;
            lowered(server, &primary).map_err(Unready::Fixture)?;
        }
        let mut ids = BTreeMap::new();
        for (tok, token) in &given {
            ids.insert(query(token, tok.name())?.token_id, *tok);
        }
        let clerk = Clerk::start();
        let mut users = Vec::new();
        for (user, sid) in [
            (User::A, Some(primary.user)),
            (User::B, other_user),
            (User::Anonymous, Some(Sid::ANONYMOUS_LOGON)),
        ] {
            // There may be no other user.
            let Some(sid) = sid else { continue };
            let event = |granted: &[Sid]| {
                Descriptor::granting(&primary.user, granted)
                    .and_then(|descriptor| clerk.event(primary.user, descriptor))
                    .map_err(|error| Unready::Harness(format!("cannot make objects: {error}")))
            };
            let opens = Opens { with_restricted: event(&[sid, sids::RESTRICTED])?, alone: event(&[sid])? };
            users.push((user, opens));
        }
        Ok(Self {
            kernel,
            driver,
            saves: Mutex::default(),
            remotes,
            clients: Mutex::default(),
            servers: Mutex::default(),
            pipe: Mutex::default(),
            pipe_client: Mutex::default(),
            ids,
            users,
            tokens: given.into_iter().map(|(tok, token)| (tok.name(), token)).collect(),
            clerk,
            primary,
            other_user,
            kept: Mutex::default(),
            asked: Asked::default(),
            threads: Mutex::new(BTreeMap::from([(Who::T1, thread::current_id())])),
            found: Mutex::default(),
            shown: Mutex::default(),
        })
    }

    /// Ends the case; returns its result.
    pub(super) fn finish(&self) -> Result<String, Vec<Mismatch>> {
        let found = std::mem::take(&mut *self.found.lock());
        if found.is_empty() { Ok(std::mem::take(&mut *self.shown.lock())) } else { Err(found) }
    }

    /// A token of the case.
    pub(super) fn token(&self, tok: ClientToken) -> Result<&Token, Failure> {
        let missing = || Failure::Fault(format!("the harness gave no token {}", tok.name()));
        self.tokens.get(tok.name()).ok_or_else(missing)
    }

    /// Records a difference; an empty expectation is not compared.
    pub(super) fn compare(&self, what: &str, expected: &str, observed: &str) {
        compare(&mut self.found.lock(), what, expected, observed);
    }

    /// Sets the words for a case that passes.
    pub(super) fn show(&self, words: String) {
        *self.shown.lock() = words;
    }

    /// The SID used here for one of the catalogue's.
    pub(super) fn real(&self, sid: Sid) -> Option<Sid> {
        match sid {
            sid if sid == User::A.sid() => Some(self.primary.user),
            sid if sid == User::B.sid() => self.other_user,
            sid => Some(sid),
        }
    }

    /// Whether tokens have integrity levels here.
    pub(super) const fn has_integrity_levels(&self) -> bool {
        self.primary.integrity.is_some()
    }

    /// Objects that grant a user access, if that user exists here.
    pub(super) fn opens_of(&self, user: User) -> Option<&Opens> {
        self.users.iter().find(|(of, _)| *of == user).map(|(_, opens)| opens)
    }

    /// The descriptor of an object.
    pub(super) fn descriptor(&self, object: Securable) -> Result<Descriptor, Error> {
        let owner = &self.primary.user;
        match object {
            Securable::NoDescriptor => Err(Error::win32("an object without security", 0)),
            Securable::NullDacl => Descriptor::null_dacl(owner),
            Securable::Granting(granted) => {
                // A user who is not there has no entry.
                let granted: Vec<_> = granted.iter().filter_map(|sid| self.real(*sid)).collect();
                Descriptor::granting(owner, &granted)
            }
        }
    }

    /// An object, created as the process whatever the calling thread impersonates.
    pub(super) fn object(&self, object: Securable) -> Result<Event, Error> {
        self.clerk.event(self.primary.user, self.descriptor(object)?)
    }

    /// An object in a directory that grants nothing, created as the process.
    pub(super) fn nested(&self, descriptor: Descriptor) -> Result<Event, Error> {
        self.clerk.nested_event(self.primary.user, descriptor)
    }

    /// How the calls reach the kernel.
    pub(super) fn route(&self) -> Route {
        self.driver.as_ref().map_or(Route::UserMode, |(_, rules)| Route::Driver(*rules))
    }

    /// A token in the words of the catalogue, without the flags of its slot.
    pub(super) fn name(&self, seen: &Information, asked: Option<ClientToken>) -> String {
        let level = match (seen.token_type, seen.level) {
            (_, Ok(level)) => format!("L{}", level as u8),
            // A primary token has none.
            (TokenType::Primary, Err(_)) => String::new(),
            (TokenType::Impersonation, Err(status)) => format!("without level: {}", short(status)),
        };
        let whose = self.whose(&seen.into(), asked);
        let kind = if whose.starts_with("copy") { format!(" {}", kind(seen)) } else { String::new() };
        format!("{whose}{kind} {level}")
    }

    /// Whether the token with this id is one of the case.
    pub(super) fn is(&self, id: u64, tok: ClientToken) -> bool {
        self.ids.get(&id) == Some(&tok)
    }

    /// The token that it is, or is a copy of.
    pub(super) fn whose(&self, seen: &Identity, asked: Option<ClientToken>) -> String {
        let known = self.ids.get(&seen.id).copied();
        let asked = asked.map(|asked| (asked, self.real(asked.fixture().user.sid())));
        identity::whose(seen, known, asked, &(&self.primary).into())
    }

    /// Records the differences that `find` adds.
    pub(super) fn note(&self, find: impl FnOnce(&mut Vec<Mismatch>)) {
        find(&mut self.found.lock());
    }
}

/// Whether a server that lowered its own integrity is what its fixture says.
fn lowered(server: ServerToken, seen: &Information) -> Result<(), String> {
    // It opened the device as an administrator, and is one still.
    let fixture = Fixture { administrator: true, ..server.fixture() };
    let wanted = Wanted {
        fixture: &fixture,
        user: seen.user,
        restricting: &seen.restricting,
        integrity_levels: true,
        probed: false,
    };
    fixture::check(server.name(), &wanted, seen)
}

/// Type and own level.
pub(super) fn kind(token: &Information) -> String {
    match (token.token_type, token.level) {
        (TokenType::Primary, _) => "prim".to_owned(),
        (TokenType::Impersonation, Ok(level)) => format!("imp/{}", level as u8),
        (TokenType::Impersonation, Err(status)) => format!("imp without level: {}", short(status)),
    }
}

/// Opens the device with this access without impersonating, whatever the caller impersonates.
///
/// # Errors
/// The status of the open.
pub(super) fn open_device(access: u32) -> Result<Device, Status> {
    let opened = thread::spawn(move || Device::open(access, Waiting::Kernel)).join();
    // The thread does not panic.
    opened.unwrap_or(Err(Status::UNSUCCESSFUL))
}
