//! Token objects.

mod filter;
mod known;
mod spec;

pub use filter::TokenFilter;
pub use known::{privileges, sids};
pub use spec::{Group, Privilege, TokenDetails, TokenSource, TokenSpec};

use crate::luids::LuidSource;
use crate::session::LogonSession;
use crate::{Ace, AceKind, Acl, rights};
use parking_lot::RwLock;
use psimp_nt::{Level, Luid, Sid, TokenType};
use psimp_rules::{PlatformFacts, Restriction, TokenFacts};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A token object. Groups, privileges and integrity can be adjusted; everything else is
/// fixed. It holds a reference on its logon session.
#[derive(Debug)]
pub struct Token {
    id: Luid,
    /// `ParentTokenId`: the token that this one was filtered from, and the same for copies; 0 without one.
    parent: Luid,
    luids: LuidSource,
    session: Arc<LogonSession>,
    source: TokenSource,
    facts: TokenFacts,
    restricting: Vec<Sid>,
    acl: Option<Acl>,
    default_dacl: RwLock<Option<Acl>>,
    /// `TOKEN_MANDATORY_POLICY_NO_WRITE_UP`: integrity labels apply to it.
    mandatory: bool,
    /// Whether `SeImpersonatePrivilege` is enabled: the decision reads it
    /// without the lock.
    impersonate: AtomicBool,
    /// The integrity level, which can be lowered.
    integrity: AtomicU32,
    modified_id: AtomicU64,
    adjustable: RwLock<Adjustable>,
}

#[derive(Clone, Debug)]
struct Adjustable {
    groups: Vec<Group>,
    /// Groups, or the user, that count in deny entries only; a group among
    /// them is not enabled.
    deny_only: Vec<Sid>,
    privileges: Vec<Privilege>,
}

impl Adjustable {
    fn has(&self, luid: u32) -> bool {
        self.privileges.iter().any(|p| p.luid == luid && p.enabled)
    }
}

impl Token {
    pub(crate) fn new(
        luids: &LuidSource,
        session: Arc<LogonSession>,
        spec: TokenSpec,
        details: TokenDetails,
        mandatory: bool,
    ) -> Self {
        let restriction = match (spec.restricting.is_empty(), spec.write_restricted) {
            (true, _) => Restriction::None,
            (false, false) => Restriction::Restricted,
            (false, true) => Restriction::WriteRestricted,
        };
        let mut groups = spec.groups;
        for group in groups.iter_mut().filter(|group| details.deny_only.contains(&group.sid)) {
            group.enabled = false;
        }
        let adjustable = Adjustable { groups, deny_only: details.deny_only, privileges: spec.privileges };
        let impersonate = adjustable.has(privileges::IMPERSONATE);
        let facts = TokenFacts {
            user: spec.user,
            authentication_id: spec.authentication_id,
            token_type: spec.token_type,
            level: spec.level,
            restriction,
            platform: PlatformFacts { impersonate_privilege: impersonate, ..spec.platform },
        };
        Self {
            id: luids.next(),
            parent: Luid(0),
            luids: luids.clone(),
            session,
            source: details.source,
            integrity: AtomicU32::new(facts.platform.integrity),
            facts,
            restricting: spec.restricting,
            acl: spec.acl,
            default_dacl: RwLock::new(details.default_dacl),
            mandatory,
            impersonate: AtomicBool::new(impersonate),
            modified_id: AtomicU64::new(luids.next().0),
            adjustable: RwLock::new(adjustable),
        }
    }

    /// A copy with its own id and another reference on the logon session.
    /// `effective_only` leaves out what is disabled, but keeps what counts in
    /// deny entries; otherwise the copy would have more access. The level is not
    /// tested: the caller does that.
    pub(crate) fn copy(
        &self,
        token_type: TokenType,
        level: Level,
        effective_only: bool,
        acl: Option<Acl>,
    ) -> Self {
        let mut adjustable = self.adjustable.read().clone();
        if effective_only {
            let Adjustable { groups, deny_only, privileges } = &mut adjustable;
            groups.retain(|group| group.enabled || deny_only.contains(&group.sid));
            privileges.retain(|privilege| privilege.enabled);
        }
        let facts = TokenFacts { token_type, level, ..self.facts() };
        self.derived(self.parent, facts, self.restricting.clone(), adjustable, acl)
    }

    /// A new object that shares the fields that no copy changes.
    fn derived(
        &self,
        parent: Luid,
        facts: TokenFacts,
        restricting: Vec<Sid>,
        adjustable: Adjustable,
        acl: Option<Acl>,
    ) -> Self {
        Self {
            id: self.luids.next(),
            parent,
            luids: self.luids.clone(),
            session: self.session.clone(),
            source: self.source,
            facts,
            restricting,
            acl,
            default_dacl: RwLock::new(self.default_dacl.read().clone()),
            mandatory: self.mandatory,
            impersonate: AtomicBool::new(adjustable.has(privileges::IMPERSONATE)),
            integrity: AtomicU32::new(facts.platform.integrity),
            modified_id: AtomicU64::new(self.modified_id.load(Ordering::Acquire)),
            adjustable: RwLock::new(adjustable),
        }
    }

    /// `TokenId`: unique to this object.
    pub fn id(&self) -> Luid {
        self.id
    }

    /// `ParentTokenId`: the token that this one, or what it is a copy of, was filtered from; 0 without one.
    pub(crate) fn parent(&self) -> Luid {
        self.parent
    }

    /// `ModifiedId`: changes with each adjustment; a copy starts with that of
    /// its original.
    pub fn modified_id(&self) -> Luid {
        Luid(self.modified_id.load(Ordering::Acquire))
    }

    /// `TokenSource`.
    pub fn source(&self) -> TokenSource {
        self.source
    }

    /// `TokenUser`.
    pub fn user(&self) -> Sid {
        self.facts.user
    }

    /// Logon session.
    pub fn authentication_id(&self) -> Luid {
        self.session.id()
    }

    /// `TokenOrigin`: the logon session that logged the user on.
    pub fn origin(&self) -> Luid {
        self.facts.platform.origin
    }

    /// `SeQuerySessionIdToken`: the terminal services session.
    pub fn session_id(&self) -> u32 {
        self.facts.platform.session
    }

    /// Integrity level, as the RID of its SID.
    pub fn integrity(&self) -> u32 {
        self.integrity.load(Ordering::Acquire)
    }

    /// Sets the integrity level.
    pub(crate) fn set_integrity(&self, integrity: u32) {
        self.integrity.store(integrity, Ordering::Release);
        self.modified_id.store(self.luids.next().0, Ordering::Release);
    }

    /// UAC: whether it is elevated (`TokenElevation`).
    pub fn is_elevated(&self) -> bool {
        self.facts.platform.elevated
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

    /// `SeTokenIsAdmin`: the local administrators are among the groups and do
    /// not count in deny entries only.
    pub fn is_admin(&self) -> bool {
        let adjustable = self.adjustable.read();
        adjustable.groups.iter().any(|group| group.sid == sids::ADMINISTRATORS)
            && !adjustable.deny_only.contains(&sids::ADMINISTRATORS)
    }

    /// The facts that the rules read, with the current privileges.
    pub fn facts(&self) -> TokenFacts {
        let mut facts = self.facts;
        facts.platform.impersonate_privilege = self.impersonate.load(Ordering::Acquire);
        facts.platform.integrity = self.integrity();
        facts
    }

    pub(crate) fn restriction(&self) -> Restriction {
        self.facts.restriction
    }

    pub(crate) fn is_mandatory(&self) -> bool {
        self.mandatory
    }

    /// The restricting SIDs.
    pub fn restricting(&self) -> &[Sid] {
        &self.restricting
    }

    /// Groups as they are now; one that counts in deny entries only is not
    /// enabled.
    pub fn groups(&self) -> Vec<Group> {
        self.adjustable.read().groups.clone()
    }

    /// Groups, or the user, that count in deny entries only.
    pub fn deny_only(&self) -> Vec<Sid> {
        self.adjustable.read().deny_only.clone()
    }

    /// Privileges as they are now.
    pub fn privileges(&self) -> Vec<Privilege> {
        self.adjustable.read().privileges.clone()
    }

    /// Whether the privilege is there and enabled.
    pub fn has_privilege(&self, luid: u32) -> bool {
        self.adjustable.read().has(luid)
    }

    /// Enables or disables a privilege; returns whether the token has it.
    pub fn adjust_privilege(&self, luid: u32, enabled: bool) -> bool {
        let mut adjustable = self.adjustable.write();
        let Some(privilege) = adjustable.privileges.iter_mut().find(|p| p.luid == luid) else {
            return false;
        };
        privilege.enabled = enabled;
        if luid == privileges::IMPERSONATE {
            let held = adjustable.has(luid);
            self.impersonate.store(held, Ordering::Release);
        }
        self.modified_id.store(self.luids.next().0, Ordering::Release);
        true
    }

    /// `TokenDefaultDacl`: what it was made with; else all access for the user, for the system, and for each
    /// restricting SID. A logon sets the first two. The program that makes a restricted token adds the third,
    /// without which the token's processes could not open what they create.
    pub fn default_dacl(&self) -> Acl {
        if let Some(acl) = &*self.default_dacl.read() {
            return acl.clone();
        }
        let who = [self.user(), sids::LOCAL_SYSTEM].into_iter().chain(self.restricting.iter().copied());
        Acl(who.map(|sid| Ace::allow(sid, rights::GENERIC_ALL)).collect())
    }

    /// Sets it.
    pub(crate) fn set_default_dacl(&self, acl: Acl) {
        *self.default_dacl.write() = Some(acl);
    }

    /// The DACL of the token; `None` grants everyone access.
    pub fn acl(&self) -> Option<&Acl> {
        self.acl.as_ref()
    }

    /// Whether an entry of this kind for `sid` applies: the user or an enabled
    /// group, and for deny entries also the SIDs that count there only.
    pub(crate) fn matches(&self, sid: &Sid, kind: AceKind) -> bool {
        let adjustable = self.adjustable.read();
        let denied = adjustable.deny_only.contains(sid);
        match kind {
            AceKind::Deny if denied => true,
            _ => {
                (self.facts.user == *sid && !denied)
                    || adjustable.groups.iter().any(|g| g.enabled && g.sid == *sid)
            }
        }
    }
}
