//! `cargo xtask bench`: how fast the real driver image is.

use std::process::ExitCode;

use anyhow::Result;

use crate::Format;
use crate::harness;
use crate::workspace::Workspace;

/// The arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    harness::with_image(workspace, &["bench"], args.format.forwarded())
}
