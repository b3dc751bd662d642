//! `cargo xtask mutants --all`: every mutation that cargo-mutants lists for what is in the image.
//!
//! Each is built into an image of its own. It is caught when a case of the catalogue fails on any kernel in any rules
//! mode, or a test of the image does. Those that are not caught are in `tests/mutants/equivalent.toml` with the reason
//! why they change nothing that can be seen, or are survivors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Args;
use crate::build::linker;
use crate::cargo_tool::CargoTool;
use crate::harness::Profile;
use crate::workspace::Workspace;
use crate::{checkout_copy, exec, lint, setup};

const CARGO_MUTANTS: CargoTool = CargoTool { name: "mutants", version: "27.1.0" };

/// What is in the image.
const PACKAGES: &[&str] = &["psimp-nt", "psimp-rules", "psimp-protocol", "psimp-service", "psimp"];

/// The table of those that cannot be seen.
const EQUIVALENT: &str = "tests/mutants/equivalent.toml";

/// After this time a run is taken for one that does not end. They take seconds.
const TIME: Duration = Duration::from_secs(180);

/// A mutation, as cargo-mutants lists it.
#[derive(Debug, Clone, Deserialize)]
struct Mutation {
    /// File, line and column, and what is changed.
    name: String,
    file: String,
    span: Span,
    replacement: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

/// Both count from one.
#[derive(Debug, Clone, Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

/// What became of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    /// It does not compile.
    Unviable,
    /// The image is the same, so the changed code is not in it.
    SameImage,
    CaughtByCatalogue,
    CaughtByImageTests,
    NotCaught,
}

/// A line of the results, which a later run on the same sources takes over.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// SHA-256 of the code and data of the image without a mutation.
    image: String,
    name: String,
    end: End,
}

#[derive(Debug, Deserialize)]
struct Equivalents {
    #[serde(default)]
    equivalent: Vec<Equivalent>,
}

/// A mutation that cannot be seen.
#[derive(Debug, Deserialize)]
struct Equivalent {
    /// The name without line and column.
    mutation: String,
    reason: String,
}

pub(super) fn main(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    setup::install_missing(setup::Purpose::Build)?;
    let start = Instant::now();
    let mut mutations = list(workspace)?;
    let table = exec::read(&workspace.root.join(EQUIVALENT))?;
    let equivalents = equivalents(&table, &mutations).context(EQUIVALENT)?;
    if let Some(text) = &args.filter {
        mutations.retain(|mutation| mutation.name.contains(text));
    }
    ensure!(!mutations.is_empty(), "no mutation has that in its name");
    let ends = run(workspace, &mutations, args.jobs)?;

    let (mutations, ends) = (&mutations, &ends);
    let of = |wanted: End| mutations.iter().filter(move |mutation| ends.get(&mutation.name) == Some(&wanted));
    let (equivalent, survived): (Vec<_>, Vec<_>) =
        of(End::NotCaught).partition(|mutation| equivalents.contains(&mutation.stable_name()));
    let [unviable, same, by_catalogue, by_tests] =
        [End::Unviable, End::SameImage, End::CaughtByCatalogue, End::CaughtByImageTests]
            .map(|end| of(end).count());
    let survived: Vec<_> = survived.iter().map(|mutation| &mutation.name).collect();
    if args.format.json() {
        println!(
            "{}",
            json!({
                "mutations": mutations.len(),
                "unviable": unviable,
                "same_image": same,
                "caught_by_catalogue": by_catalogue,
                "caught_by_image_tests": by_tests,
                "equivalent": equivalent.len(),
                "survived": survived,
                "seconds": start.elapsed().as_secs(),
            })
        );
    } else {
        for name in &survived {
            println!("SURVIVED  {name}");
        }
        println!("{:>5}  mutations, in {} s", mutations.len(), start.elapsed().as_secs());
        println!("{unviable:>5}  do not compile");
        println!("{same:>5}  change nothing in the image");
        println!("{by_catalogue:>5}  caught by the catalogue");
        println!("{by_tests:>5}  caught by tests of the image");
        println!("{:>5}  equivalent", equivalent.len());
        println!("{:>5}  survived", survived.len());
    }
    Ok(if survived.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(workspace: &Workspace) -> Result<Vec<Mutation>> {
    let path = CARGO_MUTANTS.path(workspace)?;
    let mut mutations = Vec::new();
    for package in PACKAGES {
        let mut cargo = workspace.cargo(&["mutants", "--list", "--json", "--package", package]);
        let listed: Vec<Mutation> = serde_json::from_str(&exec::stdout(cargo.env("PATH", &path))?)?;
        ensure!(!listed.is_empty(), "cargo-mutants finds nothing in {package}");
        mutations.extend(listed);
    }
    Ok(mutations)
}

/// The names of those that cannot be seen. One that is no longer listed is an error.
fn equivalents(table: &str, mutations: &[Mutation]) -> Result<BTreeSet<String>> {
    let names: BTreeSet<_> = mutations.iter().map(Mutation::stable_name).collect();
    let table: Equivalents = toml::from_str(table)?;
    for Equivalent { mutation, reason } in &table.equivalent {
        ensure!(names.contains(mutation), "cargo-mutants does not list «{mutation}»");
        ensure!(!reason.trim().is_empty(), "«{mutation}» has no reason");
    }
    Ok(table.equivalent.into_iter().map(|row| row.mutation).collect())
}

/// Builds and judges all mutations that an earlier run has not, and returns what became of each.
fn run(workspace: &Workspace, mutations: &[Mutation], jobs: Option<usize>) -> Result<BTreeMap<String, End>> {
    Profile::Optimized.build(workspace)?;
    exec::run(&mut workspace.cargo(&["test", "--package", "psimp-driver-tests", "--no-run"]))?;
    let results = workspace.target.join("mutants-all.jsonl");
    let jobs = jobs.map_or_else(|| Ok(thread::available_parallelism()?.get()), Ok::<_, anyhow::Error>)?;
    let todo = Mutex::new(mutations.iter());
    let ends = thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs)
            .map(|number| {
                let (todo, results) = (&todo, &results);
                scope.spawn(move || Worker::make(workspace, number, results)?.work(todo))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(ends.into_iter().flatten().collect())
}

/// A copy of the checkout, in which one mutation after the other is built.
struct Worker<'a> {
    workspace: &'a Workspace,
    number: usize,
    /// SHA-256 of the code and data of the image without a mutation.
    image: String,
    known: BTreeMap<String, End>,
    results: File,
}

impl<'a> Worker<'a> {
    /// Builds the driver without a mutation, which must pass everything.
    fn make(workspace: &'a Workspace, number: usize, results: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(results);
        let results_file = file.with_context(|| format!("cannot write {}", results.display()))?;
        let mut worker =
            Self { workspace, number, image: String::new(), known: BTreeMap::new(), results: results_file };
        let tree = worker.tree()?;
        let (path, image) = build(&tree)?.context("the driver does not compile without a mutation")?;
        let end = worker.judge(&path)?;
        ensure!(end == End::NotCaught, "the driver fails without a mutation: {end:?}");
        let lines = exec::read(results)?;
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        worker.known = lines.filter(|line| line.image == image).map(|line| (line.name, line.end)).collect();
        worker.image = image;
        Ok(worker)
    }

    /// The copy, as the checkout is.
    fn tree(&self) -> Result<Workspace> {
        checkout_copy::make_in(self.workspace, &format!("mutants-{}", self.number))
    }

    fn work<'m>(mut self, todo: &Mutex<impl Iterator<Item = &'m Mutation>>) -> Result<Vec<(String, End)>> {
        let mut ends = Vec::new();
        let next = || todo.lock().ok().and_then(|mut todo| todo.next());
        while let Some(mutation) = next() {
            let end = match self.known.get(&mutation.name) {
                Some(end) => *end,
                None => self.end(mutation).with_context(|| mutation.name.clone())?,
            };
            ends.push((mutation.name.clone(), end));
        }
        Ok(ends)
    }

    fn end(&mut self, mutation: &Mutation) -> Result<End> {
        // This undoes the mutation before.
        let tree = self.tree()?;
        let path = tree.root.join(&mutation.file);
        fs::write(&path, mutation.apply(&exec::read(&path)?)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let end = match build(&tree)? {
            None => End::Unviable,
            Some((_, image)) if image == self.image => End::SameImage,
            Some((path, _)) => self.judge(&path)?,
        };
        eprintln!("{end:?}: {}", mutation.name);
        let line = Line { image: self.image.clone(), name: mutation.name.clone(), end };
        writeln!(self.results, "{}", serde_json::to_string(&line)?)?;
        Ok(end)
    }

    fn judge(&self, image: &Path) -> Result<End> {
        let page = image.with_extension("html");
        let mut psimp = Profile::Optimized.built(self.workspace);
        psimp.args(["run", "--target", "image", "--kernel", "all", "--rules", "all", "--image"]);
        if !passes(psimp.arg(image).arg("--report").arg(page))? {
            return Ok(End::CaughtByCatalogue);
        }
        let mut tests =
            self.workspace.cargo(&["test", "--package", "psimp-driver-tests", "--", "--include-ignored"]);
        let passed = passes(tests.env("PSIMP_SYS", image))?;
        Ok(if passed { End::NotCaught } else { End::CaughtByImageTests })
    }
}

/// Whether a command succeeds, and in time. What it prints is of no interest.
fn passes(command: &mut Command) -> Result<bool> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(exec::status_within(command, TIME)?.is_some_and(|status| status.success()))
}

/// The image of a tree and the SHA-256 of its code and data; none if it does not compile. It is built by this program in another process,
/// whose messages are many.
fn build(tree: &Workspace) -> Result<Option<(PathBuf, String)>> {
    let mut this = Command::new(linker::THIS);
    this.args(["build", "--format", "json"]);
    this.env("CARGO_MANIFEST_DIR", tree.root.join("xtask")).env("CARGO_TARGET_DIR", &tree.target);
    let output = this.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let log = String::from_utf8_lossy(&output.stderr);
        ensure!(log.contains("could not compile"), "{log}");
        return Ok(None);
    }
    let built: Value = serde_json::from_slice(&output.stdout)?;
    let path = PathBuf::from(built["path"].as_str().context("the build names no image")?);
    let mut image = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    lint::clear_symbols(&mut image).with_context(|| path.display().to_string())?;
    Ok(Some((path, crate::build::sha256(&image))))
}

impl Mutation {
    /// Its name without line and column, which change with every edit above it.
    fn stable_name(&self) -> String {
        let what = self.name.splitn(4, ':').nth(3).unwrap_or(&self.name);
        format!("{}:{what}", self.file)
    }

    fn apply(&self, source: &str) -> Result<String> {
        let [start, end] = [&self.span.start, &self.span.end].map(|place| place.offset(source));
        let (Some(start), Some(end)) = (start, end) else {
            bail!("{} is outside of its file", self.name);
        };
        Ok(format!("{}{}{}", &source[..start], self.replacement, &source[end..]))
    }
}

impl Place {
    /// As an offset in bytes.
    fn offset(&self, source: &str) -> Option<usize> {
        let before: usize = source.split_inclusive('\n').take(self.line.checked_sub(1)?).map(str::len).sum();
        let line = source.get(before..)?;
        let (column, _) = line.char_indices().nth(self.column.checked_sub(1)?)?;
        Some(before + column)
    }
}

#[cfg(test)]
mod tests {
    use super::{Mutation, equivalents};

    fn mutation() -> Mutation {
        serde_json::from_str(
            r#"{ "name": "src/a.rs:2:5: replace < with <= in f", "file": "src/a.rs", "replacement": "<=",
                 "span": { "start": { "line": 2, "column": 5 }, "end": { "line": 2, "column": 6 } } }"#,
        )
        .expect("as cargo-mutants writes it")
    }

    #[test]
    fn a_mutation_replaces_its_span() {
        let source = "fn f() {\n  é < b\n}\n";
        assert_eq!(mutation().apply(source).expect("it is inside"), "fn f() {\n  é <= b\n}\n");
        assert!(mutation().apply("fn f() {}\n").is_err());
        assert_eq!(mutation().stable_name(), "src/a.rs: replace < with <= in f");
    }

    #[test]
    fn an_equivalent_is_a_mutation_and_has_a_reason() {
        let row = |reason: &str| {
            format!(
                "[[equivalent]]\nmutation = \"src/a.rs: replace < with <= in f\"\nreason = \"{reason}\"\n"
            )
        };
        let mutations = [mutation()];
        assert_eq!(equivalents(&row("b is never that"), &mutations).expect("it is listed").len(), 1);
        for (reason, mutations, message) in
            [("b is never that", &[][..], "does not list"), ("", &mutations, "has no reason")]
        {
            let error = equivalents(&row(reason), mutations).expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
