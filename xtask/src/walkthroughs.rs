//! The walk-throughs of CONTRIBUTING.md, done in the [copy of the checkout](checkout_copy): their commands, the
//! first of which apply patches, are run, and their output must contain the lines that the page shows.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag, TagEnd};

use crate::workspace::Workspace;
use crate::{build, checkout_copy, exec};

/// The patches that the page applies, and how many files each may touch at most, without generated ones. A change of
/// that kind that needs another file points to a fact that is in two places.
const PATCHES: &[(&str, usize)] = &[
    ("docs/patches/add-case.patch", 2),
    ("docs/patches/add-operation.patch", 4),
    ("docs/patches/add-export.patch", 3),
    ("docs/patches/add-routine.patch", 4),
    ("docs/patches/add-kernel.patch", 2),
];

/// A section of the page that applies a patch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Walk {
    title: String,
    patch: String,
    /// The words in backquotes in the prose, including the paths of the files that the patch touches.
    named: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A `sh` block: commands, one a line.
    Run(String),
    /// A `text` block: lines that the commands before print, among others.
    Expect(String),
}

/// Follows every walk-through, each from an unchanged copy.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let walks = checked(&workspace.root)?;
    let outcome = walks.iter().try_for_each(|walk| {
        let copy = checkout_copy::make(workspace)?;
        // Where the commands look for images.
        build::link(&copy.target, &copy.root.join("target"))?;
        eprintln!("«{}»", walk.title);
        walk.follow(&copy.root, &copy.target).with_context(|| format!("«{}»", walk.title))
    });
    // The next step that uses the copy has to find it unchanged.
    checkout_copy::make(workspace)?;
    outcome
}

/// The sections that apply a patch, which all apply and touch no more files than they may.
fn checked(root: &Path) -> Result<Vec<Walk>> {
    let walks = parse(&exec::read(&root.join("CONTRIBUTING.md"))?);
    let applied: Vec<_> = walks.iter().map(|walk| walk.patch.as_str()).collect();
    let patches: Vec<_> = PATCHES.iter().map(|(patch, _)| *patch).collect();
    ensure!(applied == patches, "CONTRIBUTING.md applies {applied:?}, not {patches:?}");
    for (walk, (_, at_most)) in walks.iter().zip(PATCHES) {
        walk.check_files(root, *at_most)?;
    }
    Ok(walks)
}

/// The sections that apply a patch.
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
            Event::Text(text) | Event::Code(text) if block.is_some() || title => {
                match (&mut block, walks.last_mut()) {
                    (Some((_, content)), _) => content.push_str(&text),
                    (None, Some(walk)) => walk.title.push_str(&text),
                    (None, None) => (),
                }
            }
            Event::Code(text) => {
                if let Some(walk) = walks.last_mut() {
                    walk.named.push(text.to_string());
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                let Some(((language, content), walk)) = block.take().zip(walks.last_mut()) else { continue };
                match &*language {
                    "sh" => {
                        let patch = content.lines().find_map(|line| line.strip_prefix("git apply "));
                        walk.patch.push_str(patch.unwrap_or_default());
                        walk.steps.push(Step::Run(content));
                    }
                    "text" => walk.steps.push(Step::Expect(content)),
                    _ => (),
                }
            }
            _ => (),
        }
    }
    walks.retain(|walk| !walk.patch.is_empty());
    walks
}

impl Walk {
    /// Fails if the patch does not apply, or touches more files than that or one that the page does not name.
    fn check_files(&self, root: &Path, at_most: usize) -> Result<()> {
        let mut git = Command::new("git");
        git.args(["apply", "--check", "--numstat", &self.patch]).current_dir(root);
        let printed = exec::stdout(&mut git)?;
        let files = printed.lines().filter_map(|line| line.split('\t').nth(2));
        let files: Vec<_> = files.filter(|file| !is_generated(file)).collect();
        ensure!(files.len() <= at_most, "{} touches more than {at_most} files: {files:?}", self.patch);
        let unnamed: Vec<_> =
            files.iter().filter(|file| !self.named.iter().any(|name| name == *file)).collect();
        ensure!(unnamed.is_empty(), "«{}» in CONTRIBUTING.md does not name {unnamed:?}", self.title);
        Ok(())
    }

    fn follow(&self, root: &Path, target: &Path) -> Result<()> {
        let mut printed = String::new();
        for step in &self.steps {
            match step {
                Step::Run(commands) => {
                    printed.clear();
                    for command in commands.lines() {
                        printed.push_str(&run(root, target, command)?);
                    }
                }
                Step::Expect(lines) => {
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

/// Pages and golden files are written by tests with `SNAPSHOTS=overwrite`.
fn is_generated(file: &str) -> bool {
    file.starts_with("docs/") || file.starts_with("include/") || file.contains("/golden/")
}

/// The words of a line, independent of the width of its columns.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a command and returns what it prints.
fn run(root: &Path, target: &Path, command: &str) -> Result<String> {
    eprintln!("$ {command}");
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(root).env("CARGO_TARGET_DIR", target);
    // One build for `cargo test` and `cargo run`.
    shell.env("CARGO_PROFILE_DEV_PANIC", "unwind");
    // The copy is below the checkout: git would take the paths of a patch for the checkout's, and change nothing.
    shell.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(root));
    for image in ["PSIMP_SYS", "PSIMP_MUTANTS", "PSIMP_MALICIOUS"] {
        shell.env_remove(image);
    }
    exec::stdout(&mut shell)
}

#[cfg(test)]
mod tests {
    use super::{Walk, checked, parse};
    use crate::workspace::Workspace;
    use std::fs;
    use std::path::PathBuf;

    const PAGE: &str = "# Page\n\n## Style\n\n```sh\nls\n```\n\n## Adding `a` thing\n\nIn `file`:\n\n\
        ```sh\ngit apply a.patch\necho before\ncat file\n```\n\n```text\ntwo\n```\n";
    const PATCH: &str = "--- a/file\n+++ b/file\n@@ -7,2 +7,3 @@\n one\n+two\n three\n";

    /// A folder with the file and its patch.
    fn folder(name: &str, patch: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("psimp-walk-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("file"), "zero\none\nthree\n").expect("a file");
        fs::write(folder.join("a.patch"), patch).expect("a patch");
        folder
    }

    fn followed(page: &str, patch: &str) -> Result<String, String> {
        let folder = folder("followed", patch);
        let walks = parse(page);
        let ended = walks.iter().try_for_each(|walk| walk.follow(&folder, &folder.join("target")));
        let file = fs::read_to_string(folder.join("file")).expect("the file");
        fs::remove_dir_all(&folder).expect("the folder");
        ended.map(|()| file).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn sections_that_apply_a_patch_are_followed() {
        let walks: Vec<_> = parse(PAGE).into_iter().map(|Walk { title, patch, .. }| (title, patch)).collect();
        assert_eq!(walks, [("Adding a thing".to_owned(), "a.patch".to_owned())]);
        assert_eq!(followed(PAGE, PATCH), Ok("zero\none\ntwo\nthree\n".to_owned()));
        let error = followed(PAGE, &PATCH.replace(" three", " four")).expect_err("it does not fit");
        assert!(error.contains("patch does not apply"), "{error}");
        for (from, to, word) in [
            ("cat file", "cat nothing", "cat nothing"),
            ("```text\ntwo", "```text\nno", "no command prints «no»"),
            ("```text\ntwo", "```text\nzero\none two", "no command prints «one two»"),
        ] {
            let error = followed(&PAGE.replacen(from, to, 1), PATCH).expect_err(to);
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn the_files_of_a_patch_are_named_and_limited() {
        let folder = folder("files", PATCH);
        let error = |page: &str, at_most| {
            parse(page)[0].check_files(&folder, at_most).err().map(|error| error.to_string())
        };
        assert_eq!(error(PAGE, 1), None);
        assert_eq!(error(PAGE, 0).as_deref(), Some("a.patch touches more than 0 files: [\"file\"]"));
        assert_eq!(
            error(&PAGE.replace("In `file`", "There"), 1).as_deref(),
            Some("«Adding a thing» in CONTRIBUTING.md does not name [\"file\"]")
        );
        fs::remove_dir_all(&folder).expect("the folder");
    }

    #[test]
    fn the_patches_of_the_page_apply() {
        checked(&Workspace::find().expect("the tests run in the workspace").root).expect("they apply");
    }
}
