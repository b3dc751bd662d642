//! `psimp show`: the tokens of a process and its threads.

#[cfg(windows)]
mod subject;

use crate::cli::{Exit, ImpersonateArgs, ShowArgs};

#[cfg(windows)]
pub(super) fn show(args: &ShowArgs) -> anyhow::Result<Exit> {
    use crate::cli::TextFormat;
    use crate::show::{collect, table};
    let view = collect::view(args).map_err(anyhow::Error::msg)?;
    match args.format {
        TextFormat::Table => super::say(table::table(&view)),
        TextFormat::Json => super::say_json(&view),
    }?;
    Ok(Exit::Passed)
}

/// Impersonates on a thread until standard input ends.
#[cfg(windows)]
pub(super) fn impersonate(args: &ImpersonateArgs) -> anyhow::Result<Exit> {
    subject::impersonate(args.level).map_err(anyhow::Error::msg)?;
    Ok(Exit::Passed)
}

#[cfg(not(windows))]
pub(super) fn show(_: &ShowArgs) -> anyhow::Result<Exit> {
    Err(super::Stop::unavailable("psimp show reads the threads of a running Windows; here is none").into())
}

#[cfg(not(windows))]
pub(super) fn impersonate(_: &ImpersonateArgs) -> anyhow::Result<Exit> {
    Err(super::Stop::unavailable("psimp impersonate acts on a thread of a running Windows; here is none")
        .into())
}
