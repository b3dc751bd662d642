//! The target architectures of drivers, and each tool's names for them.

use clap::ValueEnum;
use object::pe::{IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64};

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
    /// The folder of its libraries in the WDK, as wdk-build spells it, and its name for `llvm-cvtres`.
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

    /// Its name in an INF, which is also what stampinf takes for `$ARCH$`.
    pub(crate) const fn inf(self) -> &'static str {
        match self {
            Self::X64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The architecture that an image is for, by its header.
    pub(crate) fn of_image(image: &[u8]) -> Option<Self> {
        let offset = image.get(0x3C..)?.first_chunk().copied().map(u32::from_le_bytes)?;
        let header = image.get(usize::try_from(offset).ok()?..)?.strip_prefix(b"PE\0\0")?;
        match u16::from_le_bytes(*header.first_chunk()?) {
            IMAGE_FILE_MACHINE_AMD64 => Some(Self::X64),
            IMAGE_FILE_MACHINE_ARM64 => Some(Self::Arm64),
            _ => None,
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
