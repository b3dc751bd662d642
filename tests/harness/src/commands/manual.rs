//! `psimp completions` and `psimp man`: what shells and manuals know of the commands. Commands that
//! the help hides are not listed here either.

use super::output::{Output, unwritable};
use super::{Stop, say};
use crate::cli::{Cli, CompletionsArgs, Exit, ManArgs};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::{fs, io};

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
        Man::new(visible().disable_help_subcommand(true)).render(&mut page)?;
        say(&page)?;
        return Ok(Exit::Passed);
    };
    if folder.exists() && !folder.is_dir() {
        let why = format!("cannot write the pages into {}: it is a file, no folder", folder.display());
        return Err(Stop::new(Exit::Unwritten, why).into());
    }
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut files = Vec::new();
    for (name, page) in pages()? {
        files.push((Output::open(&folder.join(name), &[])?, page));
    }
    for (file, page) in files {
        file.write(&page)?;
    }
    Ok(Exit::Passed)
}

/// The page of each command, with the name of its file.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut all = visible().disable_help_subcommand(true);
    all.build();
    let each = all.get_subcommands().chain([&all]).map(|command| Man::new(command.clone()));
    each.map(|man| {
        let mut page = Vec::new();
        man.render(&mut page)?;
        Ok((man.get_filename(), page))
    })
    .collect()
}
