//! `cargo xtask faults`: every call of psimp.sys that can fail does, one after the other and in pairs.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::Format;
use crate::harness;
use crate::workspace::Workspace;

/// The arguments of `cargo xtask faults`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    format: Format,
    /// Arguments for `psimp faults`, such as --kernel, --rules, --filter or --replay ID
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    let format = args.format.forwarded().iter().map(OsString::from);
    let arguments: Vec<_> = format.chain(args.args.iter().cloned()).collect();
    harness::with_image(workspace, &["faults"], &arguments)
}
