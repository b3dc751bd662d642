//! Boolean token properties that no impersonation rule reads.

use crate::Token;
use crate::answer::Class;
use psimp_nt::Status;

/// The information class, and the name of the flag when it is set.
const FLAGS: &[(Class, &str)] = &[
    (Class::HasRestrictions, "filtered"),
    (Class::SandboxInert, "sandbox inert"),
    (Class::VirtualizationAllowed, "virtualization allowed"),
    (Class::VirtualizationEnabled, "virtualized"),
    (Class::UiAccess, "UI access"),
    (Class::IsAppContainer, "app container"),
];

impl Token {
    /// The flags that are set; those that this system does not have are omitted.
    ///
    /// # Errors
    /// The error that Windows returns for one that it has.
    pub fn flags(&self) -> Result<Vec<&'static str>, Status> {
        let mut set = Vec::new();
        for &(class, name) in FLAGS {
            if self.if_known(class, |answer| answer.u32(0))?.is_some_and(|flag| flag != 0) {
                set.push(name);
            }
        }
        Ok(set)
    }
}
