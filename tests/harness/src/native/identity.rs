//! Which token a thread holds, in the words of the catalogue.

use psimp_catalogue::ClientToken;
use psimp_nt::{Luid, Sid, TokenType};
use psimp_windows::information::Information;

/// What tells tokens apart.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// `TokenId`.
    pub id: u64,
    /// Its user.
    pub user: Sid,
    /// Its logon session.
    pub logon: u64,
    /// It is a primary token.
    pub primary: bool,
}

impl From<&Information> for Identity {
    fn from(seen: &Information) -> Self {
        let primary = seen.token_type == TokenType::Primary;
        Self { id: seen.token_id, user: seen.user, logon: seen.authentication_id, primary }
    }
}

/// The token that it is, or is a copy of: `known` if that has its id; else compared with the token that was asked for
/// and its user here, or with the process's own.
pub fn whose(
    seen: &Identity,
    known: Option<ClientToken>,
    asked: Option<(ClientToken, Option<Sid>)>,
    own: &Identity,
) -> String {
    let of_own = own.user == seen.user && own.logon == seen.logon;
    let anonymous = seen.logon == Luid::ANONYMOUS_LOGON.0;
    match (known, asked) {
        (Some(tok), _) => tok.name().to_owned(),
        (None, Some((asked, user))) if user == Some(seen.user) => format!("copy of {}", asked.name()),
        (None, Some(_)) => format!("copy of something of {}", seen.user),
        (None, None) if own.id == seen.id => "the primary token".to_owned(),
        // User mode cannot learn its id. It is a primary token, and what the kernel copies for a slot or an open is none.
        (None, None) if anonymous && seen.primary => "the anonymous token".to_owned(),
        (None, None) if anonymous => "copy of the anonymous token".to_owned(),
        (None, None) if of_own => "copy of the primary token".to_owned(),
        (None, None) => format!("copy of a token of {}", seen.user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Identity = Identity { id: 1, user: Sid::new(5, &[21, 1]), logon: 0xA1, primary: true };
    const ANONYMOUS: Identity = Identity { id: 2, user: Sid::ANONYMOUS_LOGON, logon: 0x3E6, primary: true };

    #[test]
    fn the_anonymous_token_and_its_copies_are_told_apart() {
        assert_eq!(whose(&ANONYMOUS, None, None, &OWN), "the anonymous token");
        let copy = Identity { id: 3, primary: false, ..ANONYMOUS };
        assert_eq!(whose(&copy, None, None, &OWN), "copy of the anonymous token");
    }

    #[test]
    fn a_token_is_named_by_its_id_then_by_its_user() {
        let other = Identity { id: 4, user: Sid::new(5, &[21, 2]), logon: 0xB1, primary: false };
        let asked = Some((ClientToken::B2, Some(other.user)));
        assert_eq!(whose(&other, Some(ClientToken::B2), asked, &OWN), "B2");
        assert_eq!(whose(&other, None, asked, &OWN), "copy of B2");
        assert_eq!(whose(&OWN, None, asked, &OWN), "copy of something of S-1-5-21-1");
        assert_eq!(whose(&OWN, None, None, &OWN), "the primary token");
        assert_eq!(whose(&Identity { id: 5, ..OWN }, None, None, &OWN), "copy of the primary token");
        assert_eq!(whose(&other, None, None, &OWN), "copy of a token of S-1-5-21-2");
    }
}
