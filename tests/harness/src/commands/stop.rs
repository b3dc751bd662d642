//! Why a command ends early.

use crate::cli::Exit;
use std::fmt::{self, Display, Formatter};

/// A command cannot go on: the exit code, and why.
#[derive(Debug)]
pub(super) struct Stop {
    exit: Exit,
    why: String,
}

impl Stop {
    pub(super) fn new(exit: Exit, why: impl Into<String>) -> Self {
        Self { exit, why: why.into() }
    }

    /// The command line is wrong.
    pub(super) fn usage(why: impl Into<String>) -> Self {
        Self::new(Exit::Usage, why)
    }

    /// The target cannot be had here.
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, why)
    }
}

impl Display for Stop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Stop {}

/// The exit code for an error: the one that it has, or that of a failure.
pub fn exit_for(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<Stop>().map_or(Exit::Failed, |stop| stop.exit)
}
