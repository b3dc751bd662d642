//! The Linux distributions whose packages are known, and how each installs them.

use std::path::Path;

/// A family of distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Debian and Ubuntu.
    Debian,
    Fedora,
    Arch,
}

impl System {
    const ALL: [Self; 3] = [Self::Debian, Self::Fedora, Self::Arch];

    /// This machine's, by the program that installs packages.
    pub(crate) fn find() -> Option<Self> {
        Self::ALL.into_iter().find(|system| Path::new("/usr/bin").join(system.install()[0]).exists())
    }

    /// The words before the names of packages.
    fn install(self) -> &'static [&'static str] {
        match self {
            Self::Debian => &["apt-get", "install", "-q", "-y", "--no-install-recommends"],
            Self::Fedora => &["dnf", "install", "-y"],
            Self::Arch => &["pacman", "-S", "--noconfirm", "--needed"],
        }
    }

    /// The words that bring the list of packages up to date, where `install` does not.
    pub(crate) fn update(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Debian => Some(&["apt-get", "update", "-q"]),
            Self::Fedora | Self::Arch => None,
        }
    }

    /// The command that installs packages, as its words.
    pub(crate) fn words(self, packages: &[&'static str]) -> Vec<&'static str> {
        [self.install(), packages].concat()
    }

    /// The same as a user types it.
    pub(crate) fn command(self, packages: &[&'static str]) -> String {
        format!("sudo {}", self.words(packages).join(" "))
    }
}
