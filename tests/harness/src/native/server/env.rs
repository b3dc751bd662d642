//! What the threads of a case share in the server process.

use crate::native::route::Route;
use crate::observe::short;
use crate::result::{Mismatch, compare};
use crate::run::Asked;
use parking_lot::Mutex;
use psimp_catalogue::{ClientToken, Securable, User, Who};
use psimp_model::sids;
use psimp_nt::{Luid, Sid, Status, TokenType};
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use psimp_windows::device::{Device, Waiting};
use psimp_windows::information::Information;
use psimp_windows::object::{Descriptor, Event};
use psimp_windows::token::QUERY;
use psimp_windows::{Error, Token, thread};
use std::collections::BTreeMap;
use std::os::windows::io::OwnedHandle;
use std::sync::mpsc::{Sender, channel};

/// `FILE_READ_DATA` and `FILE_WRITE_DATA`.
const READ_WRITE: u32 = 3;

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
    /// Handles, by the case's numbers.
    pub(super) kept: Mutex<BTreeMap<usize, Kept>>,
    pub(super) asked: Asked,
    /// Ids of threads.
    pub(super) threads: Mutex<BTreeMap<Who, u32>>,
    found: Mutex<Vec<Mismatch>>,
    shown: Mutex<String>,
    object_creator: Mutex<Sender<Order>>,
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

type Order = (Securable, Sender<Result<Event, Error>>);

impl CaseEnv {
    pub(super) fn new(
        kernel: Kernel,
        rules: Option<RulesMode>,
        given: Vec<(ClientToken, Token)>,
        other_user: Option<Sid>,
    ) -> Result<Self, Status> {
        let driver = rules.map(|rules| Ok::<_, Status>((open_device()?, rules))).transpose()?;
        let primary = Token::of_process(thread::current_process(), QUERY)?.information()?;
        let mut ids = BTreeMap::new();
        for (tok, token) in &given {
            ids.insert(token.information()?.token_id, *tok);
        }
        let users = [
            (User::A, Some(primary.user)),
            (User::B, other_user),
            (User::Anonymous, Some(Sid::ANONYMOUS_LOGON)),
        ];
        let users = users.into_iter().filter_map(|(user, sid)| {
            let event = |granted: &[Sid]| Event::create(Some(&Descriptor::granting(granted).ok()?)).ok();
            let sid = sid?;
            Some((user, Opens { with_restricted: event(&[sid, sids::RESTRICTED])?, alone: event(&[sid])? }))
        });
        Ok(Self {
            kernel,
            driver,
            saves: Mutex::default(),
            ids,
            users: users.collect(),
            tokens: given.into_iter().map(|(tok, token)| (tok.name(), token)).collect(),
            object_creator: Mutex::new(object_creator(primary.user, other_user)),
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
    pub(super) fn token(&self, tok: ClientToken) -> Result<&Token, Status> {
        self.tokens.get(tok.name()).ok_or(Status::INVALID_HANDLE)
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
        real(self.primary.user, self.other_user, sid)
    }

    /// Objects that grant a user access, if that user exists here.
    pub(super) fn opens_of(&self, user: User) -> Option<&Opens> {
        self.users.iter().find(|(of, _)| *of == user).map(|(_, opens)| opens)
    }

    /// The descriptor of an object.
    pub(super) fn descriptor(&self, object: Securable) -> Result<Descriptor, Error> {
        described(self.primary.user, self.other_user, object)
    }

    /// An object, created by a thread that never impersonates.
    pub(super) fn object(&self, object: Securable) -> Result<Event, Error> {
        let gone = Error::win32("the thread that creates objects", 0);
        let (reply, answer) = channel();
        if self.object_creator.lock().send((object, reply)).is_err() {
            return Err(gone);
        }
        answer.recv().unwrap_or(Err(gone))
    }

    /// How the calls reach the kernel.
    pub(super) fn route(&self) -> Route {
        self.driver.as_ref().map_or(Route::UserMode, |(_, rules)| Route::Driver(*rules))
    }

    /// A token in the words of the catalogue, without the flags of its slot.
    pub(super) fn name(&self, seen: &Information, asked: Option<ClientToken>) -> String {
        let level = seen.level.map_or_else(|_| String::new(), |level| format!("L{}", level as u8));
        let whose = self.whose(seen.token_id, seen.user, seen.authentication_id, asked);
        let kind = if whose.starts_with("copy") { format!(" {}", kind(seen)) } else { String::new() };
        format!("{whose}{kind} {level}")
    }

    /// The token that it is, or is a copy of.
    pub(super) fn whose(&self, id: u64, user: Sid, logon: u64, asked: Option<ClientToken>) -> String {
        let of_primary = self.primary.user == user && self.primary.authentication_id == logon;
        match (self.ids.get(&id), asked) {
            (Some(tok), _) => tok.name().to_owned(),
            (None, Some(asked)) if self.user_of(asked) == Some(user) => format!("copy of {}", asked.name()),
            (None, Some(_)) => format!("copy of something of {user}"),
            (None, None) if id == self.primary.token_id => "the primary token".to_owned(),
            (None, None) if logon == Luid::ANONYMOUS_LOGON.0 => "copy of the anonymous token".to_owned(),
            (None, None) if of_primary => "copy of the primary token".to_owned(),
            (None, None) => format!("copy of a token of {user}"),
        }
    }

    /// Records the differences that `find` adds.
    pub(super) fn note(&self, find: impl FnOnce(&mut Vec<Mismatch>)) {
        find(&mut self.found.lock());
    }

    fn user_of(&self, tok: ClientToken) -> Option<Sid> {
        self.real(tok.fixture().user.sid())
    }
}

fn real(own: Sid, other: Option<Sid>, sid: Sid) -> Option<Sid> {
    match sid {
        sid if sid == User::A.sid() => Some(own),
        sid if sid == User::B.sid() => other,
        sid => Some(sid),
    }
}

/// Starts a thread that creates objects for the others: a thread that impersonates would create them as its client,
/// or could not create them.
fn object_creator(own: Sid, other: Option<Sid>) -> Sender<Order> {
    let (orders, waiting) = channel::<Order>();
    std::thread::spawn(move || {
        for (object, reply) in waiting {
            let event = described(own, other, object).and_then(|descriptor| Event::create(Some(&descriptor)));
            // The thread that asked may have exited.
            let _ = reply.send(event);
        }
    });
    orders
}

fn described(own: Sid, other: Option<Sid>, object: Securable) -> Result<Descriptor, Error> {
    match object {
        Securable::NoDescriptor => Err(Error::win32("an object without security", 0)),
        Securable::NullDacl => Descriptor::null_dacl(),
        Securable::Granting(granted) => {
            let granted: Vec<_> = granted.iter().filter_map(|sid| real(own, other, *sid)).collect();
            Descriptor::granting(&granted)
        }
    }
}

/// Type and own level.
pub(super) fn kind(token: &Information) -> String {
    match (token.token_type, token.level) {
        (TokenType::Primary, _) => "prim".to_owned(),
        (TokenType::Impersonation, Ok(level)) => format!("imp/{}", level as u8),
        (TokenType::Impersonation, Err(status)) => format!("imp without level: {}", short(status)),
    }
}

/// Opens the device without impersonating, whatever the caller impersonates.
///
/// # Errors
/// The status of the open.
pub(super) fn open_device() -> Result<Device, Status> {
    let opened = std::thread::spawn(|| Device::open(READ_WRITE, Waiting::Kernel)).join();
    opened.unwrap_or(Err(Status::UNSUCCESSFUL))
}
