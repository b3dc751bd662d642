//! Token objects.

use crate::Acl;
use parking_lot::RwLock;
use psimp_rules::{Level, Luid, PlatformFacts, Restriction, Sid, TokenFacts, TokenType};

/// Privileges by their LUID.
pub mod privileges {
    /// `SeChangeNotifyPrivilege`, which every user has.
    pub const CHANGE_NOTIFY: u32 = 23;
    /// `SeImpersonatePrivilege`.
    pub const IMPERSONATE: u32 = 29;
    /// `SeTimeZonePrivilege`: harmless, and disabled by default.
    pub const TIME_ZONE: u32 = 34;
}

/// Well-known SIDs beyond those of the rules.
pub mod sids {
    use psimp_rules::Sid;
    /// S-1-5-18, the operating system itself.
    pub const LOCAL_SYSTEM: Sid = Sid::new(5, &[18]);
    /// S-1-5-32-544, the local administrators.
    pub const ADMINISTRATORS: Sid = Sid::new(5, &[32, 544]);
    /// S-1-5-12, restricted code.
    pub const RESTRICTED: Sid = Sid::new(5, &[12]);
    /// S-1-5-33, write-restricted code.
    pub const WRITE_RESTRICTED: Sid = Sid::new(5, &[33]);
}

/// A group of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Whose membership it is.
    pub sid: Sid,
    /// `SE_GROUP_ENABLED`.
    pub enabled: bool,
}

/// A privilege of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// One of [`privileges`].
    pub luid: u32,
    /// `SE_PRIVILEGE_ENABLED`.
    pub enabled: bool,
}

/// What a new token shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// `TokenUser`.
    pub user: Sid,
    /// Logon session.
    pub authentication_id: Luid,
    /// Type.
    pub token_type: TokenType,
    /// Recorded level, on a primary token too.
    pub level: Level,
    /// Groups.
    pub groups: Vec<Group>,
    /// Privileges.
    pub privileges: Vec<Privilege>,
    /// Restricting SIDs; their presence makes the token restricted.
    pub restricting: Vec<Sid>,
    /// The restricting SIDs apply to write access only.
    pub write_restricted: bool,
    /// The rest. `impersonate_privilege` is taken from `privileges` instead.
    pub platform: PlatformFacts,
    /// Who may open the token; `None` lets everyone.
    pub acl: Option<Acl>,
}

/// A token object. Groups and privileges can be adjusted; all else is fixed.
#[derive(Debug)]
pub struct Token {
    id: Luid,
    facts: TokenFacts,
    restricting: Vec<Sid>,
    acl: Option<Acl>,
    adjustable: RwLock<Adjustable>,
}

#[derive(Clone, Debug)]
struct Adjustable {
    groups: Vec<Group>,
    privileges: Vec<Privilege>,
}

impl Adjustable {
    fn has(&self, luid: u32) -> bool {
        self.privileges.iter().any(|p| p.luid == luid && p.enabled)
    }
}

impl Token {
    pub(crate) fn new(id: Luid, spec: TokenSpec) -> Self {
        let restriction = match (spec.restricting.is_empty(), spec.write_restricted) {
            (true, _) => Restriction::None,
            (false, false) => Restriction::Restricted,
            (false, true) => Restriction::WriteRestricted,
        };
        let adjustable = Adjustable { groups: spec.groups, privileges: spec.privileges };
        let facts = TokenFacts {
            user: spec.user,
            authentication_id: spec.authentication_id,
            token_type: spec.token_type,
            level: spec.level,
            restriction,
            platform: PlatformFacts {
                impersonate_privilege: adjustable.has(privileges::IMPERSONATE),
                ..spec.platform
            },
        };
        Self { id, facts, restricting: spec.restricting, acl: spec.acl, adjustable: RwLock::new(adjustable) }
    }

    /// A copy with an id of its own. `effective_only` leaves out what is
    /// disabled. No level test: that is the caller's.
    pub(crate) fn copy(&self, id: Luid, token_type: TokenType, level: Level, effective_only: bool) -> Self {
        let mut adjustable = self.adjustable.read().clone();
        if effective_only {
            adjustable.groups.retain(|group| group.enabled);
            adjustable.privileges.retain(|privilege| privilege.enabled);
        }
        Self {
            id,
            facts: TokenFacts { token_type, level, ..self.facts },
            restricting: self.restricting.clone(),
            acl: None,
            adjustable: RwLock::new(adjustable),
        }
    }

    /// `TokenId`: unique to this object.
    pub fn id(&self) -> Luid {
        self.id
    }

    /// `TokenUser`.
    pub fn user(&self) -> Sid {
        self.facts.user
    }

    /// Logon session.
    pub fn authentication_id(&self) -> Luid {
        self.facts.authentication_id
    }

    /// Primary or impersonation.
    pub fn token_type(&self) -> TokenType {
        self.facts.token_type
    }

    /// Recorded level, of a primary token too.
    pub fn level(&self) -> Level {
        self.facts.level
    }

    /// `SeTokenIsRestricted`.
    pub fn is_restricted(&self) -> bool {
        self.facts.restriction.is_restricted()
    }

    /// What the rules read, privileges as they are now.
    pub fn facts(&self) -> TokenFacts {
        let mut facts = self.facts;
        facts.platform.impersonate_privilege = self.adjustable.read().has(privileges::IMPERSONATE);
        facts
    }

    /// The restricting SIDs.
    pub fn restricting(&self) -> &[Sid] {
        &self.restricting
    }

    /// Groups as they are now.
    pub fn groups(&self) -> Vec<Group> {
        self.adjustable.read().groups.clone()
    }

    /// Privileges as they are now.
    pub fn privileges(&self) -> Vec<Privilege> {
        self.adjustable.read().privileges.clone()
    }

    /// Enables or disables a privilege the token has; says whether it has it.
    pub fn adjust_privilege(&self, luid: u32, enabled: bool) -> bool {
        let mut adjustable = self.adjustable.write();
        let found = adjustable.privileges.iter_mut().find(|p| p.luid == luid);
        found.map(|privilege| privilege.enabled = enabled).is_some()
    }

    /// Who may open the token; `None` lets everyone.
    pub fn acl(&self) -> Option<&Acl> {
        self.acl.as_ref()
    }

    /// Whether the user or an enabled group is `sid`.
    pub(crate) fn is_member(&self, sid: &Sid) -> bool {
        self.facts.user == *sid || self.adjustable.read().groups.iter().any(|g| g.enabled && g.sid == *sid)
    }
}
