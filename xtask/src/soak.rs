//! `cargo xtask soak`: threads that make random calls on the real driver image for a while.

use std::process::ExitCode;

use anyhow::Result;

use crate::Format;
use crate::harness;
use crate::workspace::Workspace;

/// The arguments of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the threads run
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// How many threads; one per core by default
    #[arg(long, value_name = "N")]
    threads: Option<u32>,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let mut arguments = vec!["--seconds".to_owned(), args.seconds.to_string()];
    if let Some(threads) = args.threads {
        arguments.extend(["--threads".to_owned(), threads.to_string()]);
    }
    arguments.extend(args.format.forwarded().iter().map(ToString::to_string));
    harness::with_image(workspace, harness::Profile::Optimized, &["soak"], &arguments)
}
