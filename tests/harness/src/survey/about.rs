//! What a survey was made of.

use crate::configuration::{Target, kernel_names};
use crate::result::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};

/// What was asked, without a name of user or machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// The psimp that asked.
    pub psimp: Origin,
    /// What was asked.
    pub target: Target,
    /// Whether that was a rehearsal of the target, over the model of the kernel.
    #[serde(default)]
    pub rehearsed: bool,
    /// The simulated kernel, if one was asked.
    #[schemars(extend("enum" = kernel_names_or_null()))]
    pub kernel: Option<String>,
    /// SHA-256 of the image, if one was loaded here.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub image: Option<String>,
    /// The Windows that was asked, if one was.
    pub windows: Option<Windows>,
}

fn kernel_names_or_null() -> Vec<Option<&'static str>> {
    kernel_names().into_iter().map(Some).chain([None]).collect()
}

/// A Windows. What cannot be read is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Windows {
    /// Build number, such as 19045.
    pub build: Option<u32>,
    /// Patch level of the build: the update build revision.
    pub revision: Option<u32>,
    /// Edition, such as Professional.
    pub edition: Option<String>,
    /// Version as its users know it, such as 22H2.
    pub version: Option<String>,
    /// Whether the hypervisor enforces the integrity of kernel code (memory integrity).
    pub hypervisor_enforced_integrity: Option<bool>,
    /// Wine's version, if it is Wine.
    pub wine: Option<String>,
}

#[cfg(windows)]
impl Windows {
    /// The one that runs this program.
    pub fn this() -> Self {
        use psimp_windows::{machine, ntdll};
        let text = |name| machine::version_text(name).ok();
        Self {
            build: text("CurrentBuildNumber").and_then(|build| build.parse().ok()),
            revision: machine::version_number("UBR").ok(),
            edition: text("EditionID"),
            version: text("DisplayVersion"),
            hypervisor_enforced_integrity: machine::hypervisor_enforced_integrity().ok(),
            wine: ntdll::wine_version(),
        }
    }
}

impl Display for About {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.target, if self.rehearsed { " (rehearsed)" } else { "" })?;
        if let Some(kernel) = &self.kernel {
            write!(f, ", kernel {kernel}")?;
        }
        self.windows.as_ref().map_or(Ok(()), |windows| write!(f, ", {windows}"))
    }
}

impl Display for Windows {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        write!(f, "Windows build {}", number(self.build))?;
        self.revision.map_or(Ok(()), |revision| write!(f, ".{revision}"))?;
        for word in [&self.version, &self.edition].into_iter().flatten() {
            write!(f, " {word}")?;
        }
        f.write_str(match self.hypervisor_enforced_integrity {
            Some(true) => ", memory integrity on",
            Some(false) => ", memory integrity off",
            None => ", memory integrity unknown",
        })?;
        self.wine.as_ref().map_or(Ok(()), |wine| write!(f, ", which is Wine {wine}"))
    }
}
