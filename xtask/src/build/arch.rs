//! The target architectures of drivers, and each tool's names for them.

use clap::ValueEnum;

/// A processor architecture of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Arch {
    /// x86-64, on which the image also runs here.
    #[default]
    X64,
    /// 64-bit ARM, for which the image is built and read, and has run nowhere.
    Arm64,
}

impl Arch {
    /// The folder of its libraries in the WDK, as wdk-build spells it.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
        }
    }

    /// The target of Rust and of clang.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-pc-windows-msvc",
            Self::Arm64 => "aarch64-pc-windows-msvc",
        }
    }

    /// The target as it is written in names of environment variables.
    pub(super) fn variable(self) -> String {
        self.target().replace('-', "_")
    }

    /// Its name for `llvm-dlltool`.
    pub(super) fn dlltool(self) -> &'static str {
        match self {
            Self::X64 => "i386:x86-64",
            Self::Arm64 => "arm64",
        }
    }

    /// The macros that wdk-build defines for it.
    pub(super) fn macros(self) -> &'static [&'static str] {
        match self {
            Self::X64 => &["-D_WIN64", "-D_AMD64_", "-DAMD64"],
            Self::Arm64 => &["-D_ARM64_", "-DARM64", "-D_USE_DECLSPECS_FOR_SAL=1", "-DSTD_CALL"],
        }
    }

    /// The file that holds the driver, beside the other's.
    pub(crate) fn image(self) -> &'static str {
        match self {
            Self::X64 => "psimp.sys",
            Self::Arm64 => "psimp-arm64.sys",
        }
    }
}
