//! How cases are run.

use super::route::Route;
use crate::result::CaseResult;
use psimp_catalogue::Case;
use psimp_rules::Kernel;
use std::time::Duration;

/// How cases are run.
pub struct Setting<'a> {
    /// The kernel whose values are expected.
    pub kernel: Kernel,
    /// How calls reach the kernel.
    pub route: Route,
    /// How long a server process may take for one case.
    pub patience: Duration,
    /// Told of each case before it begins.
    pub begins: &'a dyn Fn(&Case),
    /// Told of each result at once.
    pub ended: &'a dyn Fn(&CaseResult),
}
