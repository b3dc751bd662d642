//! What CONTRIBUTING.md tells people to do, done in the [copy of the checkout](checkout_copy): its changes are made, its
//! commands are typed, and what it shows is looked for in what they print.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::workspace::Workspace;
use crate::{build, checkout_copy, exec};

/// How many walk-throughs there are. One that the parser no longer sees would not be missed.
const WALKS: usize = 3;

/// A section of the page that changes something.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walk {
    title: String,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A `diff` block.
    Change(String),
    /// A `sh` block: commands, one a line.
    Type(String),
    /// A `text` block: lines that the commands before print, among others.
    See(String),
}

/// Follows every walk-through, each from an unchanged tree.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let walks = parse(&exec::read(&workspace.root.join("CONTRIBUTING.md"))?);
    ensure!(walks.len() == WALKS, "CONTRIBUTING.md has {} walk-throughs, not {WALKS}", walks.len());
    let mut outcome = Ok(());
    for walk in &walks {
        let tree = checkout_copy::make(workspace)?;
        // Where the commands look for images.
        build::link(&tree.target, &tree.root.join("target"))?;
        eprintln!("«{}»", walk.title);
        outcome = walk.follow(&tree.root, &tree.target).with_context(|| format!("«{}»", walk.title));
        if outcome.is_err() {
            break;
        }
    }
    // Nobody else may find the changes there.
    checkout_copy::make(workspace)?;
    outcome
}

/// The sections that change something.
fn parse(page: &str) -> Vec<Walk> {
    let mut walks: Vec<Walk> = Vec::new();
    let mut title = false;
    let mut block = None;
    for event in Parser::new(page) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                walks.push(Walk::default());
                title = true;
            }
            Event::End(TagEnd::Heading(_)) => title = false,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                block = Some((language, String::new()));
            }
            Event::Text(text) | Event::Code(text) => match (&mut block, walks.last_mut()) {
                (Some((_, content)), _) => content.push_str(&text),
                (None, Some(walk)) if title => walk.title.push_str(&text),
                _ => (),
            },
            Event::End(TagEnd::CodeBlock) => {
                let step = block.take().and_then(|(language, content)| match &*language {
                    "diff" => Some(Step::Change(content)),
                    "sh" => Some(Step::Type(content)),
                    "text" => Some(Step::See(content)),
                    _ => None,
                });
                if let Some(walk) = walks.last_mut() {
                    walk.steps.extend(step);
                }
            }
            _ => (),
        }
    }
    walks.retain(|walk| walk.steps.iter().any(|step| matches!(step, Step::Change(_))));
    walks
}

impl Walk {
    fn follow(&self, root: &Path, target: &Path) -> Result<()> {
        let mut printed = String::new();
        for step in &self.steps {
            match step {
                Step::Change(change) => apply(root, change)?,
                Step::Type(commands) => {
                    printed.clear();
                    for command in commands.lines() {
                        printed.push_str(&typed(root, target, command)?);
                    }
                }
                Step::See(lines) => {
                    for line in lines.lines() {
                        let seen = printed.lines().any(|printed| words(printed) == words(line));
                        ensure!(seen, "no command prints «{line}», but\n{printed}");
                    }
                }
            }
        }
        Ok(())
    }
}

/// A line but for the width of its columns.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Makes a change. Its line numbers need not be right.
fn apply(root: &Path, change: &str) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["apply", "--recount", "-"]).current_dir(root).stdin(Stdio::piped());
    // Below another repository it would take the paths for that one's, and change nothing.
    git.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(root));
    let mut running = git.spawn().context("git does not start")?;
    running.stdin.take().context("git has no input")?.write_all(change.as_bytes())?;
    ensure!(running.wait()?.success(), "this does not fit:\n{change}");
    Ok(())
}

/// What a command prints.
fn typed(root: &Path, target: &Path, command: &str) -> Result<String> {
    eprintln!("$ {command}");
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(root).env("CARGO_TARGET_DIR", target);
    // One build for `cargo test` and `cargo run`.
    shell.env("CARGO_PROFILE_DEV_PANIC", "unwind");
    for image in ["PSIMP_SYS", "PSIMP_MUTANTS", "PSIMP_MALICIOUS"] {
        shell.env_remove(image);
    }
    exec::stdout(&mut shell)
}

#[cfg(test)]
mod tests {
    use super::{Step, Walk, check, parse};
    use crate::workspace::Workspace;
    use std::fs;

    const PAGE: &str = "# Page\n\n## Style\n\n```sh\nls\n```\n\n## Adding `a` thing\n\nDo it:\n\n\
        ```diff\n--- a/file\n+++ b/file\n@@ -7,2 +7,3 @@\n one\n+two\n three\n```\n\nand see\n\n\
        ```sh\necho before\ncat file\n```\n\n```text\ntwo\n```\n";

    fn followed(page: &str) -> Result<String, String> {
        let folder = std::env::temp_dir().join(format!("psimp-walk-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("file"), "zero\none\nthree\n").expect("a file");
        let walks = parse(page);
        let ended = walks.iter().try_for_each(|walk| walk.follow(&folder, &folder.join("target")));
        let file = fs::read_to_string(folder.join("file")).expect("the file");
        fs::remove_dir_all(&folder).expect("the folder");
        ended.map(|()| file).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn sections_that_change_something_are_followed() {
        let steps = |walk: &Walk| walk.steps.iter().map(|step| matches!(step, Step::Change(_))).collect();
        let walks: Vec<(_, Vec<_>)> =
            parse(PAGE).iter().map(|walk| (walk.title.clone(), steps(walk))).collect();
        assert_eq!(walks, [("Adding a thing".to_owned(), vec![true, false, false])]);
        assert_eq!(followed(PAGE), Ok("zero\none\ntwo\nthree\n".to_owned()));
        // What is not as the page says is noticed.
        for (from, to, word) in [
            ("\n three", "\n four", "this does not fit"),
            ("cat file", "cat nothing", "cat nothing"),
            ("```text\ntwo", "```text\nno", "no command prints «no»"),
            ("```text\ntwo", "```text\nzero\none two", "no command prints «one two»"),
        ] {
            let error = followed(&PAGE.replacen(from, to, 1)).expect_err(to);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    #[ignore = "takes minutes; a step of cargo xtask test"]
    fn contributing_can_be_followed() {
        check(&Workspace::find().expect("the tests run in the workspace")).expect("it can be followed");
    }
}
