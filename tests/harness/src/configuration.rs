//! The configuration of a run, as arguments and reports name it.

use clap::ValueEnum;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the cases run against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The driver's service code over the model of the kernel; needs nothing else
    #[default]
    Model,
    /// The bytes of psimp.sys, loaded into this process over the same model (x86-64 Linux)
    Image,
    /// The driver that Windows has loaded
    Device,
    /// The user-mode API of Windows, without the driver
    Native,
}

/// Which rules the driver applies before it calls the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// The documented downgrade rules, then the kernel's own
    #[default]
    Documented,
    /// The kernel's own rules alone; the driver only refuses to raise a level
    Kernel,
}

impl Rules {
    /// The rules mode that IMPERSONATE requests.
    pub fn mode(self) -> RulesMode {
        match self {
            Self::Documented => RulesMode::Documented,
            Self::Kernel => RulesMode::Kernel,
        }
    }
}

/// The names of all kernels.
pub(crate) fn kernel_names() -> Vec<&'static str> {
    Kernel::ALL.iter().map(|kernel| kernel.name()).collect()
}

/// The value as the command line spells it, which is how reports name it too.
macro_rules! display_as_argument {
    ($($values:ty),*) => {$(
        impl std::fmt::Display for $values {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                clap::ValueEnum::to_possible_value(self).map_or(Ok(()), |value| f.pad(value.get_name()))
            }
        }
    )*};
}
pub(crate) use display_as_argument;

display_as_argument!(Target, Rules);
