//! The yes-or-no facts of a token that no rule of impersonation asks for.

use crate::Token;
use crate::information::Class;

/// What is asked, and how it is called when it is so.
const FLAGS: &[(Class, &str)] = &[
    (Class::HasRestrictions, "filtered"),
    (Class::SandboxInert, "sandbox inert"),
    (Class::VirtualizationAllowed, "virtualization allowed"),
    (Class::VirtualizationEnabled, "virtualized"),
    (Class::UiAccess, "UI access"),
    (Class::IsAppContainer, "app container"),
];

impl Token {
    /// The flags that are set, of those that this system reports.
    pub fn flags(&self) -> Vec<&'static str> {
        let set =
            |class| self.query(class).ok().and_then(|answer| answer.u32(0)).is_some_and(|flag| flag != 0);
        FLAGS.iter().filter_map(|&(class, name)| set(class).then_some(name)).collect()
    }
}
