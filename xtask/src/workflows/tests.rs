//! What the workflows run, compared with the programs and with the files of a bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Parser as _;
use serde::Deserialize;

use super::files;
use crate::{Cli, bundle, exec};

/// What is read of a workflow. The schema has checked the rest.
#[derive(Deserialize)]
struct Workflow {
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    uses: String,
    #[serde(default)]
    run: String,
    #[serde(default)]
    with: With,
}

#[derive(Default, Deserialize)]
struct With {
    #[serde(default)]
    name: String,
    #[serde(default)]
    path: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

fn workflows() -> BTreeMap<String, Workflow> {
    let read = |path: &Path| {
        let text = exec::read(path).expect("the file can be read");
        let workflow = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        (path.file_name().expect("a name").to_string_lossy().into_owned(), workflow)
    };
    files(root(), ".github/workflows").expect("the folder").iter().map(|path| read(path)).collect()
}

fn steps(workflow: &Workflow) -> impl Iterator<Item = &Step> {
    workflow.jobs.values().flat_map(|job| &job.steps)
}

/// The words of each command, as far as its output goes elsewhere.
fn commands(run: &str) -> impl Iterator<Item = Vec<String>> {
    let words = |line: &str| {
        let line = line.replace('\\', "/");
        line.split_whitespace().take_while(|word| !word.starts_with(['>', '|'])).map(str::to_owned).collect()
    };
    run.lines().map(words)
}

/// Why a command is none, if it is one of this repository's programs.
fn mistake(words: &[String]) -> Option<String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let parsed = match words.as_slice() {
        ["cargo", "xtask", arguments @ ..] => {
            Cli::try_parse_from(["cargo xtask"].iter().chain(arguments)).map(drop)
        }
        [program, ..] if program.rsplit('/').next() == Some("psimp.exe") => {
            psimp_harness::cli::Cli::try_parse_from(&words).map(drop)
        }
        _ => {
            let known = words.iter().any(|word| *word == "xtask" || word.ends_with("psimp.exe"));
            return known.then(|| "in a notation that this test cannot read".to_owned());
        }
    };
    parsed.err().map(|error| error.to_string())
}

#[test]
fn every_command_is_one() {
    let wrong = |run: &str| -> Vec<_> { commands(run).filter_map(|words| mistake(&words)).collect() };
    for (file, workflow) in workflows() {
        for step in steps(&workflow) {
            assert_eq!(wrong(&step.run), Vec::<String>::new(), "{file}: {}", step.run);
        }
    }
    assert_eq!(
        wrong("cargo xtask bundle --output a.zip\nx64\\psimp.exe run --target native > a.json").len(),
        0
    );
    assert_eq!(wrong("cargo xtask pack\nx64\\psimp.exe run --target mars\ncall x64\\psimp.exe run").len(), 3);
}

/// The ends of the names of files in a bundle; results end in others.
const ENDS: &[&str] = &[".cer", ".exe", ".inf", ".ps1", ".sys", ".txt"];

#[test]
fn the_files_of_the_bundle_are_those_it_has() {
    let workflow = &workflows()["device.yml"];
    let job = &workflow.jobs["device"];
    let words: BTreeSet<_> = job.steps.iter().flat_map(|step| commands(&step.run)).flatten().collect();
    let named: BTreeSet<_> =
        words.iter().filter(|word| ENDS.iter().any(|end| word.ends_with(end))).cloned().collect();
    assert!(named.is_subset(&bundle::files()), "{named:?}");
    assert!(named.contains("install.ps1") && named.contains("x64/psimp.exe"), "{named:?}");
}

/// What is uploaded is of the bundle or written by a command before, and what is downloaded was uploaded.
#[test]
fn artifacts_are_made_before_they_are_used() {
    let (mut uploads, mut downloads) = (0, 0);
    for (file, workflow) in workflows() {
        let of = |action: &str| {
            let prefix = format!("actions/{action}@");
            steps(&workflow).filter(move |step| step.uses.starts_with(&prefix))
        };
        let kept: BTreeSet<_> = of("upload-artifact").map(|step| step.with.name.as_str()).collect();
        for step in of("download-artifact") {
            downloads += 1;
            assert!(kept.contains(step.with.name.as_str()), "{file} uploads no {}", step.with.name);
        }
        let words: BTreeSet<_> = steps(&workflow).flat_map(|step| step.run.split_whitespace()).collect();
        for path in of("upload-artifact").flat_map(|step| step.with.path.lines()) {
            uploads += 1;
            let name = path.rsplit('/').next().unwrap_or(path);
            assert!(words.contains(name) || bundle::files().contains(name), "{file}: nothing writes {path}");
        }
    }
    assert!(uploads > 5 && downloads > 0, "{uploads} uploads, {downloads} downloads");
}

#[test]
fn the_script_takes_its_arguments() {
    let script = include_str!("../../bundle/install.ps1");
    let workflow = &workflows()["device.yml"];
    let mut seen = 0;
    for words in steps(workflow).flat_map(|step| commands(&step.run).collect::<Vec<_>>()) {
        let Some(at) = words.iter().position(|word| word == "install.ps1") else { continue };
        seen += 1;
        for argument in &words[at + 1..] {
            let parameter = format!("[switch] ${})", argument.trim_start_matches('-'));
            assert!(script.contains(&parameter), "install.ps1 has no {argument}");
        }
    }
    assert_eq!(seen, 2);
}
