//! How a case reaches the kernel, and which of its expected values apply.

use psimp_catalogue::{ByKernel, State};
use psimp_protocol::RulesMode;
use psimp_rules::{Family, Kernel};

/// How calls reach the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// System calls alone.
    UserMode,
    /// System calls and the driver, in this rules mode.
    Driver(RulesMode),
}

impl Route {
    /// Whether the documented downgrades apply.
    pub fn documented(self, kernel: Kernel) -> bool {
        kernel.family() == Family::Documented || self == Self::Driver(RulesMode::Documented)
    }

    /// The expected state of a thread: where the documented rules downgrade a
    /// token, so does the driver in the documented rules mode.
    pub fn expected(self, values: &ByKernel<State>, kernel: Kernel) -> &State {
        values.expected(kernel, self == Self::Driver(RulesMode::Documented))
    }
}
