//! Where a case can be carried out.

use psimp_rules::Kernel;

/// The kernels that a case is about.
#[derive(Clone, Copy, Debug)]
pub struct AppliesTo {
    kernels: &'static [Kernel],
    why: &'static str,
}

impl AppliesTo {
    /// The NT kernels.
    pub const NT: Self =
        Self::on(Kernel::NT, "needs an NT kernel: the specification names no value for Peios");
    /// Every kernel.
    pub const ANY: Self = Self::on(Kernel::ALL, "");

    /// These kernels; on the others the case is skipped for this reason.
    pub const fn on(kernels: &'static [Kernel], why: &'static str) -> Self {
        Self { kernels, why }
    }

    /// Why the case cannot be carried out on this kernel, if it cannot.
    pub fn reason_against(&self, kernel: Kernel) -> Option<&'static str> {
        (!self.kernels.contains(&kernel)).then_some(self.why)
    }
}
