//! Features of the kernel that cases need and that a system other than Windows may lack.
//!
//! On Windows every feature is expected, and a case that misses one fails. Wine
//! has real tokens and threads but not every security check: there each feature
//! is tried once, and cases that need a missing one are skipped.

use std::fmt::{self, Display, Formatter};

/// Behaviour of the kernel that user mode can observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Feature {
    /// A restricted process gets a copy of an unrestricted token.
    Downgrade,
    /// A thread that impersonates below Impersonation opens nothing.
    LevelOfOpens,
    /// An effective-only copy lacks disabled groups and privileges.
    EffectiveOnly,
    /// `NtImpersonateAnonymousToken`.
    Anonymous,
    /// Restricting SIDs.
    RestrictingSids,
    /// `NtImpersonateThread`.
    ImpersonateThread,
    /// Integrity levels of tokens.
    Integrity,
    /// A token that opens its own process's token at Identification is refused.
    OpenAsSelf,
    /// `NtAccessCheck` refuses every token but an impersonation token above Anonymous.
    AccessCheckOfTokens,
    /// No primary token is made of one below Impersonation.
    WeakPrimary,
    /// A thread handle without the right sets no token.
    ThreadRights,
    /// A length other than a handle's has its own status.
    HandleLength,
    /// A pipe's server gets its client's token, at the client's level.
    PipeClients,
}

impl Display for Feature {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Downgrade => "a kernel that downgrades",
            Self::LevelOfOpens => "a kernel that opens nothing below Impersonation",
            Self::EffectiveOnly => "effective-only copies of tokens",
            Self::Anonymous => "the anonymous token",
            Self::RestrictingSids => "restricting SIDs",
            Self::ImpersonateThread => "NtImpersonateThread",
            Self::Integrity => "integrity levels of tokens",
            Self::OpenAsSelf => "opens of tokens as the thread is",
            Self::AccessCheckOfTokens => "access checks that look at the token's level",
            Self::WeakPrimary => "duplications that look at the token's level",
            Self::ThreadRights => "rights of thread handles",
            Self::PipeClients => "pipes that keep their client's level",
            Self::HandleLength => "STATUS_INFO_LENGTH_MISMATCH for a handle of another length",
        })
    }
}
