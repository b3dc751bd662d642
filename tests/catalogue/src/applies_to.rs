//! Where a case can be carried out.

/// Kernel flavours, as far as the cases distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// A kernel that does what the documentation says.
    Documented,
    /// NT 5.2 as `ReactOS` models it.
    Nt52,
    /// Windows 10 and 11 as publicly reported.
    Win10,
    /// Peios.
    Peios,
}

/// The kernels that a case is about.
#[derive(Clone, Copy, Debug)]
pub struct Only {
    kernels: &'static [Kernel],
    why: &'static str,
}

impl Only {
    /// The three NT kernels.
    pub const NT: Self = Self::on(
        &[Kernel::Documented, Kernel::Nt52, Kernel::Win10],
        "needs an NT kernel: the specification names no value for Peios",
    );
    /// Every kernel.
    pub const ANY: Self = Self::on(&[Kernel::Documented, Kernel::Nt52, Kernel::Win10, Kernel::Peios], "");

    /// These kernels; on the others the case is skipped for this reason.
    pub const fn on(kernels: &'static [Kernel], why: &'static str) -> Self {
        Self { kernels, why }
    }

    /// Why the case cannot be carried out on this kernel, if it cannot.
    pub fn reason_against(&self, kernel: Kernel) -> Option<&'static str> {
        (!self.kernels.contains(&kernel)).then_some(self.why)
    }
}
