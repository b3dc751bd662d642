//! The tokens that the cases name.

use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::{Package, PlatformFacts, Restriction, TokenFacts};

/// The user of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The user of the server processes.
    A,
    /// Another user.
    B,
    /// S-1-5-7.
    Anonymous,
}

impl User {
    /// The SID on the model.
    pub const fn sid(self) -> Sid {
        match self {
            Self::A => Sid::new(5, &[21, 1000, 2000, 3000, 1001]),
            Self::B => Sid::new(5, &[21, 1000, 2000, 3000, 1002]),
            Self::Anonymous => Sid::ANONYMOUS_LOGON,
        }
    }

    /// The name in the notation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::Anonymous => "AN",
        }
    }
}

/// Logon sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logon {
    /// A's.
    A1,
    /// A's with other credentials for the network, by `LOGON32_LOGON_NEW_CREDENTIALS`.
    A1Credentials,
    /// A's filtered one, linked to `A1`.
    A1Filtered,
    /// B's.
    B1,
    /// The anonymous one, 0x3E6.
    Anonymous,
    /// The operating system's, 0x3E7.
    System,
}

impl Logon {
    /// The LUID on the model.
    pub const fn luid(self) -> Luid {
        match self {
            Self::A1 => Luid(0xA1),
            Self::A1Credentials => Luid(0xA1C),
            Self::A1Filtered => Luid(0xA1F),
            Self::B1 => Luid(0xB1),
            Self::Anonymous => Luid::ANONYMOUS_LOGON,
            Self::System => Luid::SYSTEM,
        }
    }
}

/// A privilege of a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Not in the token.
    Absent,
    /// Present, but not enabled.
    Disabled,
    /// Present and enabled.
    Enabled,
}

/// A token of the catalogue. Every fixture also has one disabled group and one
/// disabled privilege, which effective-only copies lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// Its user.
    pub user: User,
    /// Its logon session.
    pub logon: Logon,
    /// Its type.
    pub token_type: TokenType,
    /// Its recorded level, on a primary token too.
    pub level: Level,
    /// Its restricting SIDs.
    pub restriction: Restriction,
    /// `SeImpersonatePrivilege`.
    pub impersonate: Privilege,
    /// The logon session that logged it on.
    pub origin: Logon,
    /// Integrity level.
    pub integrity: u32,
    /// UAC: elevated.
    pub elevated: bool,
    /// `AppContainer` package.
    pub package: Option<Package>,
    /// Terminal services session.
    pub session: u32,
    /// It has privileges that S does not have, enabled: `SeBackupPrivilege` and `SeAssignPrimaryTokenPrivilege`.
    pub other_privilege: bool,
    /// The local administrators are among its groups.
    pub administrator: bool,
    /// Its DACL grants all access to its own user and nothing to others.
    pub private: bool,
}

impl Fixture {
    /// The facts that rules read.
    pub fn facts(&self) -> TokenFacts {
        TokenFacts {
            user: self.user.sid(),
            authentication_id: self.logon.luid(),
            token_type: self.token_type,
            level: self.level,
            restriction: self.restriction,
            platform: self.platform(),
        }
    }

    /// The facts that only the profiles of kernels read.
    pub fn platform(&self) -> PlatformFacts {
        PlatformFacts {
            origin: self.origin.luid(),
            impersonate_privilege: self.impersonate == Privilege::Enabled,
            integrity: self.integrity,
            elevated: self.elevated,
            filtered_logon: self.logon == Logon::A1Filtered,
            package: self.package,
            session: self.session,
        }
    }
}

const P1: Option<Package> = Some(Package { id: 1, parent: None });
const P2: Option<Package> = Some(Package { id: 2, parent: None });

/// An impersonation token of A at Impersonation level, medium, session 1.
const A: Fixture = Fixture {
    user: User::A,
    logon: Logon::A1,
    token_type: TokenType::Impersonation,
    level: Level::Impersonation,
    restriction: Restriction::None,
    impersonate: Privilege::Absent,
    origin: Logon::System,
    integrity: integrity::MEDIUM,
    elevated: false,
    package: None,
    session: 1,
    other_privilege: false,
    administrator: false,
    private: false,
};

const B: Fixture = Fixture { user: User::B, logon: Logon::B1, ..A };
const ANONYMOUS: Fixture = Fixture { user: User::Anonymous, logon: Logon::Anonymous, ..A };
const PRIMARY: Fixture = Fixture { token_type: TokenType::Primary, level: Level::Anonymous, ..A };

macro_rules! fixtures {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal: $value:expr;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(non_camel_case_types)] // names of the specification
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in the specification.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Its fixture.
            pub const fn fixture(self) -> Fixture {
                match self { $(Self::$variant => $value,)* }
            }
        }
    };
}

fixtures! {
    /// Primary tokens of the server process.
    ServerToken {
        /// User A, medium, session 1, no privilege.
        S = "S": PRIMARY;
        /// With `SeImpersonatePrivilege` enabled.
        SPlus = "S+": Fixture { impersonate: Privilege::Enabled, ..PRIMARY };
        /// With the privilege present but disabled.
        SMinus = "S-": Fixture { impersonate: Privilege::Disabled, ..PRIMARY };
        /// Restricted.
        SR = "SR": Fixture { restriction: Restriction::Restricted, ..PRIMARY };
        /// Restricted, with the privilege.
        SRPlus = "SR+": Fixture {
            restriction: Restriction::Restricted,
            impersonate: Privilege::Enabled,
            ..PRIMARY
        };
        /// Write-restricted.
        SWR = "SWR": Fixture { restriction: Restriction::WriteRestricted, ..PRIMARY };
        /// Low integrity.
        SL = "SL": Fixture { integrity: integrity::LOW, ..PRIMARY };
        /// Low integrity, with the privilege.
        SLPlus = "SL+": Fixture { integrity: integrity::LOW, impersonate: Privilege::Enabled, ..PRIMARY };
        /// `AppContainer` of package P1; low integrity, as those are.
        SX = "SX": Fixture { integrity: integrity::LOW, package: P1, ..PRIMARY };
        /// Of the UAC-filtered logon session.
        SF = "SF": Fixture { logon: Logon::A1Filtered, ..PRIMARY };
        /// Session 0.
        S0 = "S0": Fixture { session: 0, ..PRIMARY };
        /// With a privilege that privilege checks ask for.
        Sx = "Sx": Fixture { other_privilege: true, ..PRIMARY };
        /// The same, with `SeImpersonatePrivilege`.
        SPlusx = "S+x": Fixture { other_privilege: true, impersonate: Privilege::Enabled, ..PRIMARY };
        /// With `SeImpersonatePrivilege`, and a DACL that grants access to A alone.
        SPlusd = "S+d": Fixture { impersonate: Privilege::Enabled, private: true, ..PRIMARY };
    }
}

fixtures! {
    /// Tokens that are impersonated.
    ClientToken {
        /// A at Anonymous level.
        A0 = "A0": Fixture { level: Level::Anonymous, ..A };
        /// A at Identification level.
        A1 = "A1": Fixture { level: Level::Identification, ..A };
        /// A at Impersonation level.
        A2 = "A2": A;
        /// A at Delegation level.
        A3 = "A3": Fixture { level: Level::Delegation, ..A };
        /// A, with `SeImpersonatePrivilege` enabled: a privileged copy of the
        /// server's own user.
        APlus2 = "A+2": Fixture { impersonate: Privilege::Enabled, ..A };
        /// Primary of A with recorded level 0.
        Ap0 = "Ap0": PRIMARY;
        /// Primary of A with recorded level 2.
        Ap2 = "Ap2": Fixture { level: Level::Impersonation, ..PRIMARY };
        /// B at Anonymous level.
        B0 = "B0": Fixture { level: Level::Anonymous, ..B };
        /// B at Identification level.
        B1 = "B1": Fixture { level: Level::Identification, ..B };
        /// B at Impersonation level.
        B2 = "B2": B;
        /// Primary of B with recorded level 0.
        Bp0 = "Bp0": Fixture { token_type: TokenType::Primary, level: Level::Anonymous, ..B };
        /// B logged on from the server's session.
        Bo2 = "Bo2": Fixture { origin: Logon::A1, ..B };
        /// Primary of B logged on from the server's session; `LogonUser`
        /// records level 2.
        Bop2 = "Bop2": Fixture { token_type: TokenType::Primary, origin: Logon::A1, ..B };
        /// As `Bo2`, high integrity.
        BoH2 = "BoH2": Fixture { origin: Logon::A1, integrity: integrity::HIGH, ..B };
        /// As `Bo2`, restricted.
        BoR2 = "BoR2": Fixture { origin: Logon::A1, restriction: Restriction::Restricted, ..B };
        /// B, high integrity.
        BH2 = "BH2": Fixture { integrity: integrity::HIGH, ..B };
        /// The anonymous logon at Impersonation level.
        N2 = "N2": ANONYMOUS;
        /// The anonymous logon at Identification level.
        N1 = "N1": Fixture { level: Level::Identification, ..ANONYMOUS };
        /// Primary of the anonymous logon.
        Np = "Np": Fixture { token_type: TokenType::Primary, level: Level::Anonymous, ..ANONYMOUS };
        /// S-1-5-7 as the user of an ordinary logon session.
        NS = "NS": Fixture { logon: Logon::B1, ..ANONYMOUS };
        /// B in the anonymous logon session.
        NA = "NA": Fixture { logon: Logon::Anonymous, ..B };
        /// A, restricted.
        AR2 = "AR2": Fixture { restriction: Restriction::Restricted, ..A };
        /// A, write-restricted.
        AW2 = "AW2": Fixture { restriction: Restriction::WriteRestricted, ..A };
        /// A, elevated and high.
        AH2 = "AH2": Fixture { integrity: integrity::HIGH, elevated: true, ..A };
        /// A, elevated but medium.
        AHm2 = "AHm2": Fixture { elevated: true, ..A };
        /// A, low integrity.
        AL2 = "AL2": Fixture { integrity: integrity::LOW, ..A };
        /// A in package P1.
        AX2 = "AX2": Fixture { integrity: integrity::LOW, package: P1, ..A };
        /// A in package P2.
        AY2 = "AY2": Fixture { integrity: integrity::LOW, package: P2, ..A };
        /// A in session 0.
        As0 = "As0": Fixture { session: 0, ..A };
        /// A with a privilege that privilege checks ask for.
        Ax2 = "Ax2": Fixture { other_privilege: true, ..A };
        /// B with that privilege.
        Bx2 = "Bx2": Fixture { other_privilege: true, ..B };
        /// A as an administrator.
        Aa2 = "Aa2": Fixture { administrator: true, ..A };
        /// B as an administrator.
        Ba2 = "Ba2": Fixture { administrator: true, ..B };
        /// B, with a DACL that grants access to B alone.
        Bd2 = "Bd2": Fixture { private: true, ..B };
        /// A with other credentials for the network, logged on from the server's session.
        Ac2 = "Ac2": Fixture { logon: Logon::A1Credentials, origin: Logon::A1, ..A };
        /// The same, logged on from the filtered session.
        Acf2 = "Acf2": Fixture { logon: Logon::A1Credentials, origin: Logon::A1Filtered, ..A };
    }
}
