//! What the pages tell people to type, and the cases that they name.

use clap::Parser as _;
use clap::error::ErrorKind;
use psimp_catalogue::cases;
use psimp_harness::cli::{self, Cli, Target};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pages that tell of commands.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = root.join("docs");
    let below = |folder: &Path| -> Vec<_> {
        let entries = folder.read_dir().expect("the folder can be read");
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "md"))
            .collect()
    };
    [below(&root), below(&docs), below(&docs.join("semantics"))].concat()
}

/// What is typed at a prompt: the lines of indented blocks, and what is between backquotes.
fn typed(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("    ") {
            commands.push(command.to_owned());
        } else {
            commands.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    commands
}

/// The arguments of psimp, when a command runs it. What stands for something is given a value.
fn psimp(command: &str) -> Option<Vec<String>> {
    let command = command.strip_prefix("$ ").unwrap_or(command).replace(r"x64\psimp.exe", "psimp");
    let command = command.split(['#', '>']).next().unwrap_or_default().split("  ").next().unwrap_or_default();
    let words = shlex::split(command)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let arguments = match words.as_slice() {
        ["psimp", arguments @ ..]
        | ["cargo", "run", "--", arguments @ ..]
        | ["cargo", "run", "--release", "--", arguments @ ..] => arguments,
        ["cargo", "run"] => &[],
        _ => return None,
    };
    let filled = arguments.iter().map(|argument| match *argument {
        "ID" => "D42",
        other => other,
    });
    Some(filled.map(str::to_owned).collect())
}

#[test]
fn every_command_is_one() {
    let (mut seen, mut wrong, mut carried_out) = (0, Vec::new(), 0);
    let folder = folder();
    for page in pages() {
        let first = page.ends_with("README.md");
        let text = std::fs::read_to_string(&page).expect("the page can be read");
        for command in typed(&text) {
            let Some(arguments) = psimp(&command) else { continue };
            seen += 1;
            let words = [&["psimp".to_owned()], arguments.as_slice()].concat();
            let command = match Cli::try_parse_from(words).map(Cli::into_command) {
                Ok(parsed) if first || takes_a_moment(&parsed) => {
                    carried_out += 1;
                    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
                    let status =
                        psimp.args(&arguments).current_dir(&folder).output().expect("psimp runs").status;
                    // What is typed as `psimp` is for Windows, and says so elsewhere.
                    let unavailable = first && command.starts_with("psimp") && status.code() == Some(3);
                    if status.success() || unavailable {
                        continue;
                    }
                    format!("{command}: {status}")
                }
                Ok(_) => continue,
                // A command by its name, in a sentence.
                Err(error) if arguments.len() == 1 && error.kind() == ErrorKind::MissingRequiredArgument => {
                    continue;
                }
                Err(error) => format!("{command}: {error}"),
            };
            wrong.push(format!("{}: {command}", page.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // A page that is written otherwise would be overlooked.
    assert!(seen >= 20 && carried_out >= 5, "{seen} commands, {carried_out} carried out");
}

/// Where commands are carried out: what they take is there.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    let result = psimp.args(["run", "--filter", "N", "--format", "json"]).output().expect("psimp runs");
    for name in ["a.json", "b.json"] {
        std::fs::write(folder.join(name), &result.stdout).expect("a result");
    }
    folder
}

/// Without an image and without Windows, and without writing a file. Of README.md everything is
/// carried out.
fn takes_a_moment(command: &cli::Command) -> bool {
    match command {
        cli::Command::Run(args) => matches!(args.target, Target::Model) && args.report.is_none(),
        cli::Command::List(_) | cli::Command::Explain(_) => true,
        _ => false,
    }
}

/// What stands behind a command that begins with a `$` is what it prints, but for the spaces
/// between the columns.
#[test]
fn what_a_command_prints_is_what_it_prints() {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut printed, mut seen) = (Vec::new(), 0);
    for line in include_str!("../../../README.md").lines() {
        match line.strip_prefix("    ") {
            Some(line) if line.starts_with("$ ") => {
                let arguments = psimp(line).expect("a command of psimp");
                let output = Command::new(env!("CARGO_BIN_EXE_psimp")).args(arguments).output();
                let text = String::from_utf8(output.expect("psimp runs").stdout).expect("text");
                printed = text.lines().map(words).collect();
            }
            Some(line) if !printed.is_empty() => {
                assert!(printed.contains(&words(line)), "{line}");
                seen += 1;
            }
            Some(_) => (),
            None if line.is_empty() => (),
            None => printed.clear(),
        }
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn the_questions_name_cases_that_are_there() {
    let page = include_str!("../../../docs/faq.md");
    let ids: Vec<_> = cases().iter().map(|case| case.id).collect();
    let named = page.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
        word.len() == 3
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().skip(1).all(|c| c.is_ascii_digit())
    });
    let named: Vec<_> = named.collect();
    let missing: Vec<_> = named.iter().filter(|id| !ids.contains(id)).collect();
    assert_eq!(missing, Vec::<&&str>::new());
    assert!(named.len() >= 25, "{}", named.len());
}
