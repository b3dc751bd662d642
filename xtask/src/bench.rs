//! `cargo xtask bench`: how fast the real driver image is.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::Format;
use crate::workspace::Workspace;
use crate::{harness, speakeasy};

/// The arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the figures to tests/harness/bench/baseline.json, for later versions to be compared with
    #[arg(long)]
    save: bool,
    /// Load the image into the emulator speakeasy instead, as far as that goes, and compare the time
    #[arg(long, conflicts_with = "save")]
    speakeasy: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    if args.speakeasy {
        return speakeasy::main(workspace, &args.format);
    }
    let baseline = workspace.root.join("tests/harness/bench/baseline.json");
    let mut arguments = vec![OsString::from("--baseline"), baseline.into()];
    if args.save {
        arguments.push("--save".into());
    }
    arguments.extend(args.format.forwarded().iter().map(OsString::from));
    harness::with_image(workspace, harness::Profile::Release, &["bench"], &arguments)
}
