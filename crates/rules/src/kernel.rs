//! The kernels that are simulated, and all that differs by kernel: one row each.

use core::fmt::{self, Display, Formatter};

use crate::{DOC, NT52, PEIOS, Profile, W10};

/// What is known of one kernel.
#[derive(Clone, Copy, Debug)]
pub struct KernelFacts {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// One line for help.
    pub title: &'static str,
    /// Its decision rule.
    pub profile: &'static Profile,
    /// Whose calls it has besides that rule.
    pub family: Family,
    /// What checks do with a client at Anonymous level.
    pub anonymous_client: AnonymousClient,
    /// Administrators may query copies of tokens (*reported*). `SeCopyClientToken`, which makes the copy of a
    /// downgrade, adds the entry `TOKEN_QUERY` for Administrators to the copy's descriptor, which takes memory.
    /// `NtDuplicateToken` adds the same entry if it was given no descriptor.
    pub extends_copy_descriptor: bool,
}

/// The groups of kernels that differ in more than the rule. The catalogue has the expected
/// results of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Follows the documentation.
    Documented,
    /// NT 5.2 as `ReactOS` models it.
    Nt52,
    /// Windows 10 and 11 as publicly reported.
    Win10,
}

/// The handling of a client at Anonymous level in access and privilege checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousClient {
    /// It is too weak for any check, like a client at Identification.
    Refused,
    /// It is checked as the system's anonymous logon: S-1-5-7, Untrusted, without privileges.
    Checked,
}

/// Defines [`Kernel`] and its lists from the rows.
macro_rules! kernels {
    (
        nt { $($(#[$nt_doc:meta])* $nt:ident = $nt_facts:expr;)* }
        others { $($(#[$doc:meta])* $other:ident = $facts:expr;)* }
    ) => {
        /// The kernel that is simulated.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Kernel {
            #[default]
            $($(#[$nt_doc])* $nt,)*
            $($(#[$doc])* $other,)*
        }

        impl Kernel {
            /// All kernels.
            pub const ALL: &'static [Self] = &[$(Self::$nt,)* $(Self::$other,)*];

            /// NT kernels, and the one that follows NT's documentation.
            pub const NT: &'static [Self] = &[$(Self::$nt,)*];

            /// The properties of this kernel.
            pub const fn facts(self) -> &'static KernelFacts {
                match self {
                    $(Self::$nt => &const { $nt_facts },)*
                    $(Self::$other => &const { $facts },)*
                }
            }
        }
    };
}

kernels! {
    nt {
        /// Windows 10 and 11 as publicly reported.
        Win10 = KernelFacts {
            name: "win10",
            title: "Windows 10 and 11 as publicly reported",
            profile: &W10,
            family: Family::Win10,
            anonymous_client: AnonymousClient::Refused,
            extends_copy_descriptor: true,
        };
        /// NT 5.2 as `ReactOS` models it.
        Nt52 = KernelFacts {
            name: "nt52",
            title: "NT 5.2 as ReactOS has it",
            profile: &NT52,
            family: Family::Nt52,
            anonymous_client: AnonymousClient::Refused,
            extends_copy_descriptor: false,
        };
        /// A kernel that does what the documentation of `PsImpersonateClient` says.
        Documented = KernelFacts {
            name: "documented",
            title: "A kernel that does what its documentation says",
            profile: &DOC,
            family: Family::Documented,
            anonymous_client: AnonymousClient::Refused,
            extends_copy_descriptor: false,
        };
    }
    others {
        /// Peios' KACS as publicly documented, judged through NT's routine names.
        ///
        /// Its rule is [`PEIOS`], and a client at Anonymous level is checked as the anonymous
        /// logon ([`AnonymousClient::Checked`]). Peios' own pages disagree on whether Everyone
        /// includes that logon: it is the system's setting, off at first, as on NT. Peios'
        /// anonymous token is of impersonation type, since it takes no other.
        ///
        /// All else is as on [`Kernel::Win10`], also where Peios has no such thing: a level that
        /// the caller chooses, `OpenThreadToken` (which at Anonymous level opens nothing), tokens
        /// set on other threads, `NtImpersonateThread`, copy-on-open, drive letters.
        /// `SeCreateClientSecurity` refuses a client below Impersonation; Peios would pass on the
        /// anonymous logon, or the server's own identity.
        Peios = KernelFacts {
            name: "peios",
            title: "Peios' KACS as publicly documented",
            profile: &PEIOS,
            family: Family::Win10,
            anonymous_client: AnonymousClient::Checked,
            extends_copy_descriptor: false,
        };
    }
}

impl Kernel {
    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The kernel of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kernel| kernel.name() == name)
    }

    /// The decision rule of this kernel.
    pub const fn profile(self) -> &'static Profile {
        self.facts().profile
    }

    /// Whose calls it has besides that rule, and whose values the catalogue expects of it.
    pub const fn family(self) -> Family {
        self.facts().family
    }

    /// Whether it is an NT kernel, or follows NT's documentation.
    pub fn is_nt(self) -> bool {
        Self::NT.contains(&self)
    }
}

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Kernel;

    #[test]
    fn kernels_are_found_by_their_names() {
        for &kernel in Kernel::ALL {
            assert_eq!(Kernel::from_name(kernel.name()), Some(kernel));
        }
        assert_eq!(Kernel::from_name("nt4"), None);
        assert!(!Kernel::Peios.is_nt() && Kernel::NT.iter().all(|kernel| kernel.is_nt()));
    }
}
