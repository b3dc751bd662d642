//! The commands on the documentation pages, and the cases and files that they name.

use clap::error::ErrorKind;
use psimp_catalogue::cases;
use psimp_harness::cli::{self, Cli, Target};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The pages that contain commands.
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

/// The candidates for commands: the lines of indented blocks, and what is between backquotes.
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

/// The arguments of psimp, if a command runs it. Placeholders are replaced by values.
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
            let command = match Cli::read(words.iter().map(OsString::from)) {
                Ok((parsed, _)) if first || takes_a_moment(&parsed) => {
                    carried_out += 1;
                    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
                    let status =
                        psimp.args(&arguments).current_dir(&folder).output().expect("psimp runs").status;
                    // A command that starts with `psimp` is for Windows, and exits with 3 elsewhere.
                    let unavailable = first && command.starts_with("psimp") && status.code() == Some(3);
                    if status.success() || unavailable {
                        continue;
                    }
                    format!("{command}: {status}")
                }
                Ok(_) => continue,
                // The name of a command in a sentence.
                Err(error) if arguments.len() == 1 && error.kind() == ErrorKind::MissingRequiredArgument => {
                    continue;
                }
                Err(error) => format!("{command}: {error}"),
            };
            wrong.push(format!("{}: {command}", page.display()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    // Commands in a different notation would be missed.
    assert!(seen >= 20 && carried_out >= 5, "{seen} commands, {carried_out} carried out");
}

/// The folder in which commands are carried out, with their input files.
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

/// Whether the command is quick, needs neither an image nor Windows, and writes no file. Every
/// command of README.md is carried out.
fn takes_a_moment(command: &cli::Command) -> bool {
    match command {
        cli::Command::Run(args) => matches!(args.target, Target::Model) && args.report.is_none(),
        cli::Command::List(_) => true,
        // Running tokens need Windows.
        cli::Command::Explain(args) => {
            [&args.process, &args.token].into_iter().flatten().all(|token| token.running.is_none())
        }
        _ => false,
    }
}

/// The lines after a command with a `$` are its output, except for the spaces between the
/// columns.
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
fn every_path_case_and_link_on_the_pages_exists() {
    let names = Names::new();
    let mut wrong = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("the page can be read");
        let missing = names.missing(&text, page.parent().expect("a folder"));
        wrong.extend(missing.into_iter().map(|name| format!("{}: {name}", page.display())));
    }
    assert_eq!(wrong, Vec::<String>::new());

    let text = "D99, D13 and W10 in `crates/none/`, `docs/faq.md`, `docs/p*.none`, `none.rs`, `lib.rs` and \
                [one](none.md), [two](faq.md#none), [three](faq.md)\n    driver/none  a folder\n";
    let missing = names.missing(text, &names.root.join("docs"));
    let expected = ["crates/none", "docs/p*.none", "none.rs", "driver/none", "D99", "none.md", "faq.md#none"];
    assert_eq!(missing, expected);
}

/// The names that a page may refer to.
struct Names {
    root: PathBuf,
    /// Files and folders, relative to the root.
    paths: Vec<String>,
    cases: Vec<&'static str>,
}

impl Names {
    fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut paths = Vec::new();
        visit(&root, "", &mut paths);
        // CONTRIBUTING.md adds a case by a patch.
        let added = include_str!("../../../docs/patches/add-case.patch").lines();
        let added = added.filter_map(|line| line.strip_prefix("+        \"")?.strip_suffix("\","));
        Self { root, paths, cases: cases().iter().map(|case| case.id).chain(added).collect() }
    }

    /// The names in a text that refer to nothing.
    fn missing(&self, text: &str, folder: &Path) -> Vec<String> {
        // Between fences are patches and output.
        let text = text.split("```").step_by(2).collect::<String>();
        let words = typed(&text);
        let words = words.iter().filter_map(|typed| typed.split_whitespace().next());
        let paths = words.map(|word| word.trim_end_matches('/')).filter(|path| !self.has_path(path));
        let prose = text.lines().filter(|line| !line.starts_with("    ")).collect::<Vec<_>>().join("\n");
        let ids = prose.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !self.has_case(word));
        let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let links = links.filter(|link| !link.contains("://") && !leads_somewhere(link, &text, folder));
        paths.chain(ids).chain(links).map(str::to_owned).collect()
    }

    /// Whether a word is not a path of this repository, or is one that exists. A name in capitals stands for any.
    fn has_path(&self, word: &str) -> bool {
        let top = word.split_once('/').is_some_and(|(top, _)| self.paths.iter().any(|path| path == top));
        if !top {
            let named = word.strip_suffix(".rs").is_some_and(|stem| !stem.is_empty());
            return !named || self.paths.iter().any(|path| format!("/{path}").ends_with(&format!("/{word}")));
        }
        if word.rsplit('/').next().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return true;
        }
        let (before, after) = word.split_once('*').unwrap_or((word, ""));
        self.paths.iter().any(|path| path == word || word != before && fits(path, before, after))
    }

    /// Whether a word is not an id of a known group, or is the id of a case.
    fn has_case(&self, word: &str) -> bool {
        let (group, number) = word.split_at_checked(1).unwrap_or_default();
        let id = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
        !id || !self.cases.iter().any(|case| case.starts_with(group)) || self.cases.contains(&word)
    }
}

fn fits(path: &str, before: &str, after: &str) -> bool {
    path.strip_prefix(before).is_some_and(|rest| rest.ends_with(after))
}

fn visit(folder: &Path, prefix: &str, paths: &mut Vec<String>) {
    for entry in folder.read_dir().expect("the folder can be read") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            visit(&entry.path(), &format!("{path}/"), paths);
        }
        paths.push(path);
    }
}

/// Whether the file of a link exists, and has the heading.
fn leads_somewhere(link: &str, text: &str, folder: &Path) -> bool {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let read = std::fs::read_to_string(folder.join(file));
    let target = if file.is_empty() { text } else { read.as_deref().unwrap_or_default() };
    let headings = target.lines().filter(|line| line.starts_with('#'));
    let mut anchors = headings.map(|line| {
        let kept = line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
    });
    !target.is_empty() && (heading.is_empty() || anchors.any(|anchor| anchor == heading))
}
