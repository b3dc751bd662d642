//! By which means a case reaches the kernel, and which of its values then hold.

use psimp_catalogue::{ByKernel, Kernel, State};
use psimp_protocol::RulesMode;

/// What reaches the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// System calls alone.
    UserMode,
    /// The driver too, asked for these rules.
    Driver(RulesMode),
}

impl Means {
    /// Where the documentation's downgrades hold.
    pub fn documented(self, kernel: Kernel) -> bool {
        kernel == Kernel::Documented || self == Self::Driver(RulesMode::Documented)
    }

    /// The value that holds for what a thread shows: what the documentation
    /// downgrades stays downgraded by the driver's documented rules.
    pub fn expected(self, values: &ByKernel<State>, kernel: Kernel) -> &State {
        if self == Self::Driver(RulesMode::Documented) && values.documented.is_downgrade() {
            return &values.documented;
        }
        of(values, kernel)
    }
}

/// The value for a kernel.
pub fn of<T>(values: &ByKernel<T>, kernel: Kernel) -> &T {
    match kernel {
        Kernel::Documented => &values.documented,
        Kernel::Nt52 => &values.nt52,
        Kernel::Win10 | Kernel::Peios => &values.win10,
    }
}
