//! Kernel flavours: which profile a running model follows.

use psimp_rules::{DOC, NT52, PEIOS, Profile, W10};

/// Which kernel the model stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Windows 10 and 11 as publicly reported.
    Win10,
    /// NT 5.2 as `ReactOS` models it.
    Nt52,
    /// A kernel that does what the documentation of `PsImpersonateClient` says.
    Documented,
    /// Peios' KACS as publicly documented, judged through NT's routine names.
    ///
    /// Its rule is [`PEIOS`], and a client at Anonymous level is judged as the
    /// anonymous logon ([`AnonymousClient::Judged`]). Whether Everyone includes
    /// that logon, Peios' own pages disagree about: it is the system's setting,
    /// off at first, as on NT. Peios' anonymous token is of impersonation type,
    /// since it takes no other.
    ///
    /// All else is as on [`Flavour::Win10`], also where Peios has no such thing:
    /// a level that the caller chooses, `OpenThreadToken` (which at Anonymous
    /// level opens nothing), tokens set on other threads, `NtImpersonateThread`,
    /// copy-on-open, drive letters. `SeCreateClientSecurity` refuses a client
    /// below Impersonation; Peios would pass on the anonymous logon, or the
    /// server's own identity.
    Peios,
}

/// What a kernel makes of a client at Anonymous level in access and privilege
/// checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousClient {
    /// It is too weak for any check, as one at Identification is.
    Refused,
    /// It is judged, as the system's anonymous logon: S-1-5-7, Untrusted, without
    /// privileges.
    Judged,
}

impl Flavour {
    /// All flavours.
    pub const ALL: [Self; 4] = [Self::Win10, Self::Nt52, Self::Documented, Self::Peios];

    /// The kernels that are NT, or as its documentation says.
    pub const NT: [Self; 3] = [Self::Win10, Self::Nt52, Self::Documented];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Win10 => "win10",
            Self::Nt52 => "nt52",
            Self::Documented => "documented",
            Self::Peios => "peios",
        }
    }

    /// The decision rule of this kernel.
    pub const fn profile(self) -> &'static Profile {
        match self {
            Self::Win10 => &W10,
            Self::Nt52 => &NT52,
            Self::Documented => &DOC,
            Self::Peios => &PEIOS,
        }
    }

    /// What a check makes of a client at Anonymous level.
    pub const fn anonymous_client(self) -> AnonymousClient {
        match self {
            Self::Win10 | Self::Nt52 | Self::Documented => AnonymousClient::Refused,
            Self::Peios => AnonymousClient::Judged,
        }
    }
}
