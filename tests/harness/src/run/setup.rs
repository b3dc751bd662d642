//! What a case runs against, and how its calls reach the kernel routine.

use crate::client::Client;
use crate::driver::Source;
use psimp_model::Kernel;
use psimp_protocol::RulesMode;

/// What to run against.
#[derive(Clone)]
pub struct Setup {
    /// Where the driver's code comes from.
    pub source: Source,
    /// The kernel below.
    pub kernel: Kernel,
    /// The rules mode that IMPERSONATE requests.
    pub rules: RulesMode,
}

/// How a call reaches the kernel routine.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// Called directly, as kernel code does.
    Kernel,
    /// Through the driver's control codes.
    Driver(&'a Client<'a>, RulesMode),
}
