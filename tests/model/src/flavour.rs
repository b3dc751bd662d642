//! Kernel flavours: which profile a running model follows.

use psimp_rules::{DOC, NT52, Profile, W10};

/// Which kernel the model stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// Windows 10 and 11 as publicly reported.
    Win10,
    /// NT 5.2 as `ReactOS` models it.
    Nt52,
    /// A kernel that does what the documentation of `PsImpersonateClient` says.
    Documented,
}

impl Flavour {
    /// All flavours.
    pub const ALL: [Self; 3] = [Self::Win10, Self::Nt52, Self::Documented];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Win10 => "win10",
            Self::Nt52 => "nt52",
            Self::Documented => "documented",
        }
    }

    /// The decision rule of this kernel.
    pub const fn profile(self) -> &'static Profile {
        match self {
            Self::Win10 => &W10,
            Self::Nt52 => &NT52,
            Self::Documented => &DOC,
        }
    }
}
