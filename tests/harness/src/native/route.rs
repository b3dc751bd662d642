//! How a case reaches the kernel, and which of its values then hold.

use psimp_catalogue::{ByKernel, State};
use psimp_protocol::RulesMode;
use psimp_rules::{Family, Kernel};

/// What reaches the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// System calls alone.
    UserMode,
    /// The driver too, asked for these rules.
    Driver(RulesMode),
}

impl Route {
    /// Where the documentation's downgrades hold.
    pub fn documented(self, kernel: Kernel) -> bool {
        kernel.family() == Family::Documented || self == Self::Driver(RulesMode::Documented)
    }

    /// The value that holds for what a thread shows: what the documentation
    /// downgrades stays downgraded by the driver's documented rules.
    pub fn expected(self, values: &ByKernel<State>, kernel: Kernel) -> &State {
        values.expected(kernel, self == Self::Driver(RulesMode::Documented))
    }
}
