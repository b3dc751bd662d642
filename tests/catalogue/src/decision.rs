//! Group D: the decision of each profile, for one call on an idle thread.
//!
//! The call is `PsImpersonateClient(thread, token, FALSE, FALSE, level)`, and
//! succeeds in every row and profile. The three observations are written out for
//! W10; for the other profiles [`Column::observed`] derives them from the column.

use crate::{ClientToken, ServerToken};
use psimp_nt::TokenType;
use psimp_rules::{Kernel, Profile, Rule};

/// The decision of a profile: a column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The token itself is stored at this level.
    K(u8),
    /// A copy is stored at this level, because of this rule.
    C(u8, Rule),
}

/// What can be observed afterwards, in the specification's notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Same or copy, type, user, level of the slot.
    pub slot: String,
    /// Type and own level of the opened token, or a short status.
    pub open: String,
    /// The access that the thread has, or a short status.
    pub access: String,
}

/// Whether the driver passes the call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// It does.
    Passed,
    /// It refuses with `BAD_IMPERSONATION_LEVEL`: the level is above the
    /// impersonation token's own.
    Refused,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// `D01` and so on.
    pub id: &'static str,
    /// The heading above it.
    pub section: &'static str,
    /// The server's primary token.
    pub server: ServerToken,
    /// The token to impersonate.
    pub token: ClientToken,
    /// The requested level.
    pub level: u8,
    /// Whether the driver passes the request on.
    pub driver: Driver,
    /// The decision of the profile DOC.
    pub doc: Column,
    /// Of DOC-ANY.
    pub doc_any: Column,
    /// Of UM.
    pub um: Column,
    /// Of NT52.
    pub nt52: Column,
    /// Of W10.
    pub w10: Column,
    /// Slot, open and access under W10, as in the specification.
    pub w10_observed: [&'static str; 3],
}

impl DecisionRow {
    /// One line on the row.
    pub fn title(&self) -> String {
        let level =
            ["Anonymous", "Identification", "Impersonation", "Delegation"][usize::from(self.level.min(3))];
        format!("{}: {} takes {} at {level}", self.section, self.server.name(), self.token.name())
    }

    /// The decision of a profile; the specification has no column for Peios.
    pub fn column(&self, profile: &Profile) -> Option<Column> {
        Some(match profile.name {
            "DOC" => self.doc,
            "DOC-ANY" => self.doc_any,
            "UM" => self.um,
            "NT52" => self.nt52,
            "W10" => self.w10,
            "W10-recent" => self.w10_recent(),
            _ => return None,
        })
    }

    /// The decision of a kernel, where the row is carried out.
    pub fn of(&self, kernel: Kernel) -> Column {
        self.column(kernel.profile()).unwrap_or(self.w10)
    }

    /// The decision of recent Windows 11 builds, which differs in one row.
    pub fn w10_recent(&self) -> Column {
        if self.id == "D33" { C(1, AnonymousLogon) } else { self.w10 }
    }
}

impl Column {
    /// The level of the slot.
    pub const fn level(self) -> u8 {
        match self {
            Self::K(level) | Self::C(level, _) => level,
        }
    }

    /// What is observed when `token` is stored this way: a kept token is the same
    /// object, a copy is of impersonation type and its own level is the slot's.
    /// The token of a slot at level 0 cannot be opened; with a slot below 2 the
    /// thread opens nothing; with one at 2 or above its access is that of the
    /// token's user, with restricting SIDs if the token has any.
    pub fn observed(self, token: ClientToken) -> Observed {
        let fixture = token.fixture();
        let level = self.level();
        let (same, token_type, own) = match self {
            Self::K(_) => ("same", fixture.token_type, fixture.level as u8),
            Self::C(..) => ("copy", TokenType::Impersonation, level),
        };
        let kind = if token_type == TokenType::Primary { "prim" } else { "imp" };
        let user = fixture.user.name();
        let restricted = if fixture.restriction.is_restricted() { "*" } else { "" };
        Observed {
            slot: format!("{same}, {kind}, {user}, L{level}"),
            open: match (level, token_type) {
                (0, _) => "A6".to_owned(),
                (_, TokenType::Primary) => "prim".to_owned(),
                (_, TokenType::Impersonation) => format!("imp/{own}"),
            },
            access: if level < 2 { "A5".to_owned() } else { format!("as {user}{restricted}") },
        }
    }
}

use ClientToken::{
    A0, A1, A2, A3, AH2, AHm2, AL2, AR2, AW2, AX2, AY2, Ap0, Ap2, As0, B0, B1, B2, BH2, Bo2, BoH2, BoR2,
    Bop2, Bp0, N1, N2, NA, NS, Np,
};
use Column::{C, K};
use Driver::{Passed, Refused};
use Rule::{
    AnonymousLogon, Elevation, FilteredLogon, Integrity, Package, Restricted, TerminalSession, TokenLevel,
    UserSid, WriteRestricted,
};
use ServerToken::{S, S0, SF, SL, SLPlus, SMinus, SPlus, SR, SRPlus, SWR, SX};

#[allow(clippy::too_many_arguments)] // the columns of the table
const fn row(
    id: &'static str,
    section: &'static str,
    server: ServerToken,
    token: ClientToken,
    level: u8,
    driver: Driver,
    [doc, doc_any, um, nt52, w10]: [Column; 5],
    w10_observed: [&'static str; 3],
) -> DecisionRow {
    DecisionRow { id, section, server, token, level, driver, doc, doc_any, um, nt52, w10, w10_observed }
}

/// All rows. Columns: DOC, DOC-ANY, UM, NT52, W10.
#[rustfmt::skip]
pub(crate) static ROWS: &[DecisionRow] = &[
    // same user, levels
    row("D01", "same user, levels", S, A2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    row("D02", "same user, levels", S, A2, 3, Refused, [K(3), K(3), K(3), C(1, TokenLevel), K(3)], ["same, imp, A, L3", "imp/2", "as A"]),
    row("D03", "same user, levels", S, A3, 3, Passed, [K(3), K(3), K(3), K(3), K(3)], ["same, imp, A, L3", "imp/3", "as A"]),
    row("D04", "same user, levels", S, A1, 2, Refused, [K(2), K(2), K(2), C(1, TokenLevel), K(2)], ["same, imp, A, L2", "imp/1", "as A"]),
    row("D05", "same user, levels", S, A0, 2, Refused, [K(2), K(2), K(2), C(1, TokenLevel), K(2)], ["same, imp, A, L2", "imp/0", "as A"]),
    row("D06", "same user, levels", S, A2, 1, Passed, [K(1), K(1), K(1), K(1), K(1)], ["same, imp, A, L1", "imp/2", "A5"]),
    row("D07", "same user, levels", S, A2, 0, Passed, [K(0), K(0), K(0), K(0), K(0)], ["same, imp, A, L0", "A6", "A5"]),
    row("D08", "same user, levels", S, A1, 1, Passed, [K(1), K(1), K(1), K(1), K(1)], ["same, imp, A, L1", "imp/1", "A5"]),
    row("D09", "same user, levels", S, A0, 0, Passed, [K(0), K(0), K(0), K(0), K(0)], ["same, imp, A, L0", "A6", "A5"]),
    row("D10", "same user, levels", S, A0, 1, Refused, [K(1), K(1), K(1), C(1, TokenLevel), K(1)], ["same, imp, A, L1", "imp/0", "A5"]),
    // primary tokens of the same user
    row("D11", "primary tokens of the same user", S, Ap0, 2, Passed, [K(2), K(2), K(2), C(1, TokenLevel), K(2)], ["same, prim, A, L2", "prim", "as A"]),
    row("D12", "primary tokens of the same user", S, Ap2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, prim, A, L2", "prim", "as A"]),
    // other user
    row("D13", "other user", S, B2, 2, Passed, [C(1, UserSid), K(2), C(1, UserSid), C(1, UserSid), C(1, UserSid)], ["copy, imp, B, L1", "imp/1", "A5"]),
    row("D14", "other user", S, B1, 2, Refused, [C(1, UserSid), K(2), C(1, UserSid), C(1, TokenLevel), C(1, UserSid)], ["copy, imp, B, L1", "imp/1", "A5"]),
    row("D15", "other user", S, B0, 2, Refused, [C(0, UserSid), K(2), C(1, UserSid), C(1, TokenLevel), C(0, UserSid)], ["copy, imp, B, L0", "A6", "A5"]),
    row("D16", "other user", S, B2, 1, Passed, [K(1), K(1), K(1), C(1, UserSid), K(1)], ["same, imp, B, L1", "imp/2", "A5"]),
    row("D17", "other user", S, B1, 1, Passed, [K(1), K(1), K(1), C(1, UserSid), K(1)], ["same, imp, B, L1", "imp/1", "A5"]),
    row("D18", "other user", S, B0, 1, Refused, [K(1), K(1), K(1), C(1, TokenLevel), K(1)], ["same, imp, B, L1", "imp/0", "A5"]),
    row("D19", "other user", S, B2, 0, Passed, [K(0), K(0), K(0), K(0), K(0)], ["same, imp, B, L0", "A6", "A5"]),
    row("D20", "other user", S, Bp0, 2, Passed, [C(1, UserSid), K(2), C(1, UserSid), C(1, TokenLevel), C(1, UserSid)], ["copy, imp, B, L1", "imp/1", "A5"]),
    row("D21", "other user", S, Bp0, 1, Passed, [K(1), K(1), K(1), C(1, TokenLevel), K(1)], ["same, prim, B, L1", "prim", "A5"]),
    // privilege
    row("D22", "privilege", SPlus, B2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B"]),
    row("D23", "privilege", SPlus, B1, 2, Refused, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/1", "as B"]),
    row("D24", "privilege", SPlus, B0, 2, Refused, [C(0, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/0", "as B"]),
    row("D25", "privilege", SPlus, Bp0, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, prim, B, L2", "prim", "as B"]),
    row("D26", "privilege", SPlus, B2, 3, Refused, [C(1, UserSid), K(3), K(3), K(3), K(3)], ["same, imp, B, L3", "imp/2", "as B"]),
    row("D27", "privilege", SMinus, B2, 2, Passed, [C(1, UserSid), K(2), C(1, UserSid), C(1, UserSid), C(1, UserSid)], ["copy, imp, B, L1", "imp/1", "A5"]),
    row("D28", "privilege", SPlus, BH2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B"]),
    // anonymous
    row("D29", "anonymous", S, N2, 2, Passed, [C(1, AnonymousLogon), K(2), C(1, UserSid), K(2), K(2)], ["same, imp, AN, L2", "imp/2", "as AN"]),
    row("D30", "anonymous", S, N1, 2, Refused, [C(1, AnonymousLogon), K(2), C(1, UserSid), K(2), K(2)], ["same, imp, AN, L2", "imp/1", "as AN"]),
    row("D31", "anonymous", S, Np, 2, Passed, [C(1, AnonymousLogon), K(2), C(1, UserSid), K(2), K(2)], ["same, prim, AN, L2", "prim", "as AN"]),
    row("D32", "anonymous", S, N2, 1, Passed, [K(1), K(1), K(1), K(1), K(1)], ["same, imp, AN, L1", "imp/2", "A5"]),
    row("D33", "anonymous", SX, N2, 2, Passed, [C(1, AnonymousLogon), K(2), C(1, UserSid), K(2), K(2)], ["same, imp, AN, L2", "imp/2", "as AN"]),
    row("D34", "anonymous", S, NS, 2, Passed, [C(1, UserSid), K(2), C(1, UserSid), C(1, UserSid), C(1, UserSid)], ["copy, imp, AN, L1", "imp/1", "A5"]),
    row("D35", "anonymous", S, NA, 2, Passed, [C(1, AnonymousLogon), K(2), C(1, UserSid), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B"]),
    row("D36", "anonymous", SR, N2, 2, Passed, [C(1, AnonymousLogon), C(1, Restricted), C(1, UserSid), K(2), K(2)], ["same, imp, AN, L2", "imp/2", "as AN"]),
    // origin logon session
    row("D37", "origin logon session", S, Bo2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B"]),
    row("D38", "origin logon session", S, Bop2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, prim, B, L2", "prim", "as B"]),
    row("D39", "origin logon session", S, BoH2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), C(1, Integrity)], ["copy, imp, B, L1", "imp/1", "A5"]),
    row("D40", "origin logon session", SR, Bo2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B"]),
    row("D41", "origin logon session", S, BoR2, 2, Passed, [C(1, UserSid), K(2), K(2), K(2), K(2)], ["same, imp, B, L2", "imp/2", "as B*"]),
    // restricted tokens
    row("D42", "restricted tokens", SR, A2, 2, Passed, [C(1, Restricted), K(2), K(2), C(1, Restricted), C(1, Restricted)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D43", "restricted tokens", S, AR2, 2, Passed, [C(1, Restricted), K(2), K(2), C(1, Restricted), K(2)], ["same, imp, A, L2", "imp/2", "as A*"]),
    row("D44", "restricted tokens", SR, AR2, 2, Passed, [C(1, Restricted), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A*"]),
    row("D45", "restricted tokens", SRPlus, A2, 2, Passed, [C(1, Restricted), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    row("D46", "restricted tokens", SR, AW2, 2, Passed, [C(1, Restricted), K(2), K(2), K(2), C(1, WriteRestricted)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D47", "restricted tokens", SWR, AR2, 2, Passed, [C(1, Restricted), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A*"]),
    row("D48", "restricted tokens", SWR, A2, 2, Passed, [C(1, Restricted), K(2), K(2), C(1, Restricted), C(1, Restricted)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D49", "restricted tokens", SR, A2, 1, Passed, [K(1), K(1), K(1), C(1, Restricted), K(1)], ["same, imp, A, L1", "imp/2", "A5"]),
    // integrity and UAC
    row("D50", "integrity and UAC", S, AH2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Integrity)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D51", "integrity and UAC", SF, AHm2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Elevation)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D52", "integrity and UAC", SF, A2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, FilteredLogon)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D53", "integrity and UAC", SL, A2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Integrity)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D54", "integrity and UAC", SLPlus, A2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    row("D55", "integrity and UAC", S, AL2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    // AppContainer
    row("D56", "AppContainer", SX, A2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Integrity)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D57", "AppContainer", SX, AX2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    row("D58", "AppContainer", SX, AY2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Package)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D59", "AppContainer", S, AX2, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
    row("D60", "AppContainer", SX, AL2, 2, Passed, [K(2), K(2), K(2), K(2), C(1, Package)], ["copy, imp, A, L1", "imp/1", "A5"]),
    // terminal session
    row("D61", "terminal session", S, As0, 2, Passed, [K(2), K(2), K(2), K(2), C(1, TerminalSession)], ["copy, imp, A, L1", "imp/1", "A5"]),
    row("D62", "terminal session", S0, As0, 2, Passed, [K(2), K(2), K(2), K(2), K(2)], ["same, imp, A, L2", "imp/2", "as A"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use psimp_nt::Level;
    use psimp_rules::{DOC, DOC_ANY, Decision, NT52, Profile, UM, Verdict, W10, W10_RECENT, decide, raises};

    fn check(profile: &Profile, row: &DecisionRow, expected: Column) {
        let asked = Level::from_raw(row.level.into()).expect("a level of the table");
        let (server, token) = (row.server.fixture().facts(), row.token.fixture().facts());
        let Decision { verdict, rule } = decide(profile, Some(&server), &token, asked);
        let as_expected = match (verdict, expected) {
            (Verdict::Kept(level), K(expected)) => level as u8 == expected,
            (Verdict::Copied(level), C(expected, because)) => level as u8 == expected && rule == because,
            _ => false,
        };
        assert!(
            as_expected,
            "{} in {}: expected {expected:?}, got {verdict:?} by {rule:?}",
            row.id, profile.name
        );
    }

    #[test]
    fn every_profile_decides_as_printed() {
        for row in ROWS {
            check(&DOC, row, row.doc);
            check(&DOC_ANY, row, row.doc_any);
            check(&UM, row, row.um);
            check(&NT52, row, row.nt52);
            check(&W10, row, row.w10);
            check(&W10_RECENT, row, row.w10_recent());
        }
    }

    /// For W10, [`Column::observed`] gives what the specification has.
    #[test]
    fn observations_follow_from_the_columns() {
        for row in ROWS {
            let observed = row.w10.observed(row.token);
            assert_eq!([observed.slot, observed.open, observed.access], row.w10_observed, "{}", row.id);
        }
    }

    #[test]
    fn the_driver_refuses_just_the_rows_that_would_raise_a_token() {
        for row in ROWS {
            let fixture = row.token.fixture();
            let asked = Level::from_raw(row.level.into()).expect("a level of the table");
            let refused = raises(fixture.token_type, fixture.level, asked);
            assert_eq!(row.driver == Refused, refused, "{}", row.id);
        }
    }
}
