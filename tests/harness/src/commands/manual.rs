//! `psimp completions` and `psimp man`: what shells and manuals know of the commands. Commands that
//! the help hides are not listed here either.

use super::say;
use crate::cli::{Cli, CompletionsArgs, Exit, ManArgs};
use anyhow::Context;
use clap::{Command, CommandFactory};
use std::fs;

const NAME: &str = "psimp";

/// The command line without what it hides.
fn visible() -> Command {
    let all = Cli::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let command = Command::new(NAME).version(env!("CARGO_PKG_VERSION")).subcommands(shown);
    let command = match all.get_about() {
        Some(about) => command.about(about.clone()),
        None => command,
    };
    let command = match all.get_long_about() {
        Some(about) => command.long_about(about.clone()),
        None => command,
    };
    match all.get_after_long_help() {
        Some(help) => command.after_long_help(help.clone()),
        None => command,
    }
}

pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(), NAME, &mut script);
    say(&script)?;
    Ok(Exit::Passed)
}

/// The main page, or all pages into a folder.
pub(super) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(visible().disable_help_subcommand(true)).render(&mut page)?;
        say(&page)?;
        return Ok(Exit::Passed);
    };
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(visible(), folder))
        .with_context(|| format!("cannot write the pages into {}", folder.display()))?;
    Ok(Exit::Passed)
}
