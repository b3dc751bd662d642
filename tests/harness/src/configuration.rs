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
    pub const fn mode(self) -> RulesMode {
        match self {
            Self::Documented => RulesMode::Documented,
            Self::Kernel => RulesMode::Kernel,
        }
    }
}

/// What fails in a rehearsal, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Injected {
    /// The server process ends in the middle of the case
    Dies,
    /// A thread of the server process hangs in the middle of the case
    Hangs,
    /// The server process answers nonsense
    Nonsense,
    /// The server process ends without an answer
    NoAnswer,
    /// A token of the case cannot be made
    NoToken,
    /// A token of the case keeps privileges that it was to lose
    WrongToken,
    /// The server process cannot be started
    NoProcess,
    /// The pipe to the server process breaks
    BrokenPipe,
}

/// What fails, and in which case: without one, in the first that gets so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// What fails.
    pub kind: Injected,
    /// The case's id.
    pub case: Option<String>,
}

impl std::str::FromStr for Injection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, case) = match text.split_once('@') {
            Some((kind, case)) => (kind, Some(case.to_uppercase())),
            None => (text, None),
        };
        let kind = Injected::from_str(kind, true).map_err(|_| {
            let kinds: Vec<_> = Injected::value_variants().iter().map(ToString::to_string).collect();
            format!("it is none of {}", kinds.join(", "))
        })?;
        if let Some(id) = &case
            && !psimp_catalogue::cases().iter().any(|case| case.id == id)
        {
            return Err(format!("there is no case {id}"));
        }
        Ok(Self { kind, case })
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

display_as_argument!(Target, Rules, Injected);
