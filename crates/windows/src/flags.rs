//! Boolean token properties that no impersonation rule reads.

use crate::Token;
use crate::information::Class;

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
    /// The flags that are set; those that this system does not report are
    /// omitted.
    pub fn flags(&self) -> Vec<&'static str> {
        let set =
            |class| self.query(class).ok().and_then(|answer| answer.u32(0)).is_some_and(|flag| flag != 0);
        FLAGS.iter().filter_map(|&(class, name)| set(class).then_some(name)).collect()
    }
}
