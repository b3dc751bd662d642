//! A question that somebody asks of the rules: what two tokens are, in words.

use std::str::FromStr;

use super::fact::{
    INTEGRITIES, INTEGRITY, LEVELS, LOGONS, NUMBER, ORIGINS, PRIVILEGES, Session, TYPES, WrongFact, alone,
    level, needed, number, one_of, session, user, wrong,
};
use psimp_catalogue::{ClientToken, Logon, ServerToken, User};
use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::{Package, Restriction, TokenFacts};

/// What a token may be said to be, for the help and for mistakes.
pub(super) const FACTS: &str = "\
FACTS says what a token is, in any order and upper or lower case, such as
  user=B,level=identification,restricted
  user=A|B|anonymous|SID            SID as in S-1-5-21-1-2-3-1001
  logon=own|system|anonymous|N      the logon session (authentication id)
  type=primary|impersonation
  level=anonymous|identification|impersonation|delegation|N
                                    the level recorded in the token
  restricted, write-restricted      restricting SIDs, for all access or for writing
  privilege=SeImpersonate|disabled|none
  origin=server|system|anonymous|N  the logon session that logged the user on
  integrity=untrusted|low|medium|high|system|N
  elevated                          by UAC
  filtered                          the logon session is the filtered one of two
  package=N, parent=N               AppContainer package, and the one it is a child of
  session=N                         terminal services session
N is decimal, or hexadecimal after 0x. What is not said is as in the cases: user A in a
logon session of its own, origin system, medium integrity, low in a package, session 1.
A process has a primary token, a token to impersonate is one at Impersonation; a primary
token records Anonymous.";

/// The names alone.
const NAMES: &str = "user, logon, type, level, restricted, write-restricted, privilege, origin, \
                     integrity, elevated, filtered, package, parent and session";

/// What is said of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSpec {
    user: Option<Sid>,
    logon: Option<Session>,
    token_type: Option<TokenType>,
    level: Option<Level>,
    restriction: Option<Restriction>,
    privilege: Option<bool>,
    origin: Option<Session>,
    integrity: Option<u32>,
    elevated: bool,
    filtered: bool,
    package: Option<u32>,
    parent: Option<u32>,
    session: Option<u32>,
}

impl FromStr for TokenSpec {
    type Err = WrongFact;

    fn from_str(text: &str) -> Result<Self, WrongFact> {
        let mut spec = Self::default();
        let mut said: Vec<String> = Vec::new();
        for fact in text.split(',') {
            let (key, value) = match fact.split_once('=') {
                Some((key, value)) => (key, Some(value.trim())),
                None => (fact, None),
            };
            let key = key.trim().to_ascii_lowercase();
            spec.say(&key, value)?;
            if said.contains(&key) {
                return wrong(format!("{key} is said twice"));
            }
            said.push(key);
        }
        if spec.parent.is_some() && spec.package.is_none() {
            return wrong("parent is the parent of a package; add package=N");
        }
        Ok(spec)
    }
}

impl TokenSpec {
    fn say(&mut self, key: &str, value: Option<&str>) -> Result<(), WrongFact> {
        match key {
            "user" => self.user = Some(user(needed(key, value, "A, B, anonymous or a SID")?)?),
            "logon" => self.logon = Some(session(key, needed(key, value, LOGONS)?, Session::Own, LOGONS)?),
            "origin" => {
                self.origin = Some(session(key, needed(key, value, ORIGINS)?, Session::Server, ORIGINS)?);
            }
            "type" => self.token_type = Some(one_of(key, value, TYPES)?),
            "privilege" => self.privilege = Some(one_of(key, value, PRIVILEGES)?),
            "level" => {
                let text = needed(key, value, LEVELS)?;
                self.level = Some(level(text).map_err(|why| WrongFact(format!("level: {why}")))?);
            }
            "integrity" => {
                let text = needed(key, value, INTEGRITIES)?;
                let known = INTEGRITY.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
                self.integrity = Some(known.map_or_else(|| number(key, text, INTEGRITIES), |one| Ok(one.1))?);
            }
            "restricted" => self.restrict(key, value, Restriction::Restricted)?,
            "write-restricted" => self.restrict(key, value, Restriction::WriteRestricted)?,
            "elevated" => self.elevated = alone(key, value)?,
            "filtered" => self.filtered = alone(key, value)?,
            "package" => self.package = Some(number(key, needed(key, value, NUMBER)?, NUMBER)?),
            "parent" => self.parent = Some(number(key, needed(key, value, NUMBER)?, NUMBER)?),
            "session" => self.session = Some(number(key, needed(key, value, NUMBER)?, NUMBER)?),
            "" => return wrong(format!("a fact is empty; the facts are {NAMES}")),
            _ => return wrong(format!("there is no fact {key}; the facts are {NAMES}")),
        }
        Ok(())
    }

    fn restrict(&mut self, key: &str, value: Option<&str>, kind: Restriction) -> Result<(), WrongFact> {
        alone(key, value)?;
        match self.restriction.replace(kind) {
            Some(other) if other != kind => wrong("a token is restricted or write-restricted, not both"),
            _ => Ok(()),
        }
    }

    /// The facts of a process's primary token.
    pub fn server(&self) -> TokenFacts {
        self.over(ServerToken::S.fixture().facts(), None)
    }

    /// The facts of a token that a thread of `server` impersonates.
    pub fn client(&self, server: &TokenFacts) -> TokenFacts {
        let base =
            if self.token_type == Some(TokenType::Primary) { ClientToken::Ap0 } else { ClientToken::A2 };
        self.over(base.fixture().facts(), Some(server.authentication_id))
    }

    /// The facts given, over the defaults.
    fn over(&self, base: TokenFacts, server: Option<Luid>) -> TokenFacts {
        let user = self.user.unwrap_or(base.user);
        let own = match self.logon {
            Some(Session::Is(luid)) => luid,
            _ => own_logon(&user, self.filtered),
        };
        let mut facts = TokenFacts {
            user,
            authentication_id: own,
            token_type: self.token_type.unwrap_or(base.token_type),
            level: self.level.unwrap_or(base.level),
            restriction: self.restriction.unwrap_or(base.restriction),
            ..base
        };
        let platform = &mut facts.platform;
        platform.origin = match self.origin {
            Some(Session::Is(luid)) => luid,
            // Of a server, its own.
            Some(_) => server.unwrap_or(own),
            None => platform.origin,
        };
        platform.impersonate_privilege = self.privilege.unwrap_or(platform.impersonate_privilege);
        // As the servers and tokens of the cases that are in a package.
        let usual = if self.package.is_some() { integrity::LOW } else { platform.integrity };
        platform.integrity = self.integrity.unwrap_or(usual);
        platform.elevated = self.elevated;
        platform.filtered_logon = self.filtered;
        platform.package = self.package.map(|id| Package { id, parent: self.parent });
        platform.session = self.session.unwrap_or(platform.session);
        facts
    }
}

/// The facts of a process, whose token cannot be of any type.
pub(super) fn process(text: &str) -> Result<TokenSpec, WrongFact> {
    let spec: TokenSpec = text.parse()?;
    if spec.token_type == Some(TokenType::Impersonation) {
        return wrong("type: the token of a process is primary");
    }
    Ok(spec)
}

/// The session that a user is logged on in. Users that the catalogue has not share one that is
/// neither A's nor B's.
fn own_logon(user: &Sid, filtered: bool) -> Luid {
    let pair = |plain: Luid, filtered_one: Luid| if filtered { filtered_one } else { plain };
    if *user == Sid::ANONYMOUS_LOGON {
        Logon::Anonymous.luid()
    } else if *user == Sid::new(5, &[18]) {
        Logon::System.luid()
    } else if *user == User::A.sid() {
        pair(Logon::A1.luid(), Logon::A1Filtered.luid())
    } else if *user == User::B.sid() {
        pair(Logon::B1.luid(), Luid(0xB1F))
    } else {
        pair(Luid(0xC1), Luid(0xC1F))
    }
}
