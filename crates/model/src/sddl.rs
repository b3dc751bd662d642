//! The part of SDDL that a control device's descriptor uses.

use crate::GenericMapping;
use crate::rights;
use crate::token::sids;
use crate::{Ace, AceKind, Acl};
use psimp_nt::Sid;

/// The part of the string that the model does not support. It is an error, so
/// that no part is silently ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSddl(pub String);

/// Reads `D:` or `D:P` followed by entries `(A;;rights;;;who)` or
/// `(D;;rights;;;who)`.
///
/// # Errors
/// The first part that is not supported.
pub fn parse(sddl: &str) -> Result<Acl, UnknownSddl> {
    let unknown = |part: &str| UnknownSddl(part.to_owned());
    let body = sddl.strip_prefix("D:").ok_or_else(|| unknown(sddl))?;
    let mut rest = body.strip_prefix('P').unwrap_or(body);
    let mut acl = Acl::default();
    while !rest.is_empty() {
        let (ace, after) =
            rest.strip_prefix('(').and_then(|r| r.split_once(')')).ok_or_else(|| unknown(rest))?;
        acl.0.push(parse_ace(ace).ok_or_else(|| unknown(ace))?);
        rest = after;
    }
    Ok(acl)
}

fn parse_ace(ace: &str) -> Option<Ace> {
    let [kind, "", mask, "", "", who] = *ace.split(';').collect::<Vec<_>>() else { return None };
    Some(Ace {
        kind: match kind {
            "A" => AceKind::Allow,
            "D" => AceKind::Deny,
            _ => return None,
        },
        mask: match mask {
            "GA" | "FA" => rights::FILE_ALL_ACCESS,
            "GR" | "FR" => GenericMapping::FILE.read,
            _ => return None,
        },
        sid: match who {
            "SY" => sids::LOCAL_SYSTEM,
            "BA" => sids::ADMINISTRATORS,
            "AU" => sids::AUTHENTICATED_USERS,
            "WD" => Sid::EVERYONE,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_drivers_descriptor() {
        let acl = parse("D:P(A;;GA;;;SY)(A;;GA;;;BA)").expect("known SDDL");
        let entry = |sid| Ace { kind: AceKind::Allow, mask: 0x001F_01FF, sid };
        assert_eq!(acl.0, [entry(Sid::new(5, &[18])), entry(Sid::new(5, &[32, 544]))]);
    }

    #[test]
    fn reads_an_entry_for_those_who_may_read() {
        let acl = parse("D:P(A;;GA;;;SY)(A;;GR;;;AU)").expect("known SDDL");
        let entry = |mask, sid| Ace { kind: AceKind::Allow, mask, sid };
        let expected = [entry(0x001F_01FF, Sid::new(5, &[18])), entry(0x0012_0089, Sid::new(5, &[11]))];
        assert_eq!(acl.0, expected);
    }

    #[test]
    fn names_what_it_does_not_know() {
        for (sddl, part) in [
            ("O:BAD:P(A;;GA;;;BA)", "O:BAD:P(A;;GA;;;BA)"),
            ("D:P(A;;GW;;;BA)", "A;;GW;;;BA"),
            ("D:P(A;;GA;;;AC)", "A;;GA;;;AC"),
            ("D:P(A;;GA;;;BA)S:(ML;;NW;;;LW)", "S:(ML;;NW;;;LW)"),
        ] {
            assert_eq!(parse(sddl), Err(UnknownSddl(part.to_owned())));
        }
    }
}
