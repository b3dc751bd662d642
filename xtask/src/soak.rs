//! `cargo xtask soak`: threads that make random calls on the real driver image for a while.

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::Format;
use crate::build::Image;
use crate::harness;
use crate::workspace::Workspace;

/// How long the soak takes that is a step of `cargo xtask test`.
const STEP_SECONDS: &str = "3";

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
    harness::with_image(workspace, &["soak"], &arguments)
}

/// A short soak of an image, with more threads than most machines have cores.
pub(crate) fn step(workspace: &Workspace, image: &Image) -> Result<()> {
    let mut harness = harness::command(workspace);
    harness.args(["soak", "--seconds", STEP_SECONDS, "--threads", "4", "--image"]).arg(&image.path);
    // What it prints is no result of the tests'.
    let status = harness.stdout(std::io::stderr()).status()?;
    ensure!(status.success(), "the soak ended with {status}");
    Ok(())
}
