//! Token properties with integer values.

/// `SECURITY_IMPERSONATION_LEVEL`: how far a server may act as its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// The server may not even identify the client.
    Anonymous = 0,
    /// The server may read who the client is, but opens nothing as the client.
    Identification = 1,
    /// The server acts as the client on this machine.
    Impersonation = 2,
    /// The server acts as the client also towards other machines.
    Delegation = 3,
}

impl Level {
    /// All levels, weakest first.
    pub const ALL: [Self; 4] = [Self::Anonymous, Self::Identification, Self::Impersonation, Self::Delegation];

    /// The level a caller asked for. The comparison is unsigned: kernels that
    /// compare signed let −1 pass as "below Impersonation" and store Delegation.
    pub const fn from_raw(raw: u32) -> Option<Self> {
        match raw {
            0 => Some(Self::Anonymous),
            1 => Some(Self::Identification),
            2 => Some(Self::Impersonation),
            3 => Some(Self::Delegation),
            _ => None,
        }
    }

    /// The field's own word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::Identification => "Identification",
            Self::Impersonation => "Impersonation",
            Self::Delegation => "Delegation",
        }
    }
}

/// `TOKEN_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenType {
    /// The token of a process.
    Primary = 1,
    /// A token made for a thread.
    Impersonation = 2,
}

/// A locally unique identifier, high part above low part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Luid(pub u64);

impl Luid {
    /// `ANONYMOUS_LOGON_LUID`: the logon session of the anonymous token.
    pub const ANONYMOUS_LOGON: Self = Self(0x3E6);
    /// `SYSTEM_LUID`.
    pub const SYSTEM: Self = Self(0x3E7);
}

/// Mandatory integrity levels, as the RID of S-1-16-x.
pub mod integrity {
    /// Untrusted.
    pub const UNTRUSTED: u32 = 0x0000;
    /// Low.
    pub const LOW: u32 = 0x1000;
    /// Medium.
    pub const MEDIUM: u32 = 0x2000;
    /// High.
    pub const HIGH: u32 = 0x3000;
    /// System.
    pub const SYSTEM: u32 = 0x4000;
}
