//! `SeFilterToken`: a token with less access.

use super::{Adjustable, Token, privileges};
use crate::Acl;
use psimp_nt::Sid;
use psimp_rules::{Restriction, TokenFacts};

/// What to remove. The default removes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// Groups, or the user, that are to count in deny entries only. SIDs that
    /// the token does not have are ignored.
    pub disable: Vec<Sid>,
    /// Privileges to delete.
    pub delete: Vec<u32>,
    /// `DISABLE_MAX_PRIVILEGE`: delete all but `SeChangeNotifyPrivilege`.
    pub disable_max_privilege: bool,
    /// Restricting SIDs to add. If the token already has some, only the SIDs in
    /// both lists remain, so that filtering never grants access.
    pub restrict: Vec<Sid>,
    /// `WRITE_RESTRICTED`: the restricting SIDs apply to write access only. A
    /// fully restricted token remains fully restricted.
    pub write_restricted: bool,
}

impl Token {
    /// A filtered copy of the same type and level, with this DACL.
    pub(crate) fn filtered(&self, filter: &TokenFilter, acl: Option<Acl>) -> Self {
        let mut adjustable = self.adjustable.read().clone();
        let Adjustable { groups, deny_only, privileges } = &mut adjustable;
        for sid in &filter.disable {
            let mut has = self.user() == *sid;
            for group in groups.iter_mut().filter(|group| group.sid == *sid) {
                group.enabled = false;
                has = true;
            }
            if has && !deny_only.contains(sid) {
                deny_only.push(*sid);
            }
        }
        privileges.retain(|p| {
            !filter.delete.contains(&p.luid)
                && (!filter.disable_max_privilege || p.luid == privileges::CHANGE_NOTIFY)
        });
        let (restricting, restriction) = self.narrowed(filter);
        self.derived(self.id, TokenFacts { restriction, ..self.facts() }, restricting, adjustable, acl)
    }

    /// Restricting SIDs and their kind after the filter.
    ///
    /// A token whose old and new restricting SIDs have nothing in common remains
    /// restricted, with an empty list: it opens nothing.
    fn narrowed(&self, filter: &TokenFilter) -> (Vec<Sid>, Restriction) {
        if filter.restrict.is_empty() {
            return (self.restricting.clone(), self.restriction());
        }
        let restriction = match (self.restriction(), filter.write_restricted) {
            (Restriction::None | Restriction::WriteRestricted, true) => Restriction::WriteRestricted,
            (Restriction::Restricted, _) | (_, false) => Restriction::Restricted,
        };
        let mut restricting = filter.restrict.clone();
        if self.is_restricted() {
            restricting.retain(|sid| self.restricting.contains(sid));
        }
        (restricting, restriction)
    }
}
