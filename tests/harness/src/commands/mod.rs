//! What the program's commands do.

mod bench;
mod demo;
pub mod driver;
mod explain;
mod faults;
mod list;
mod manual;
mod mutants;
mod output;
mod rehearse;
mod report;
mod report_page;
mod run;
mod show;
mod soak;
mod stop;
mod survey;

use crate::cli::{Command, Exit, FilterArg};
use crate::driver::Source;
use crate::result::ImageInfo;
use psimp_catalogue::Case;
use psimp_host::Image;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use stop::Stop;
pub use stop::exit_for;

/// Carries out a command.
///
/// # Errors
/// What kept it from being carried out, for the person to read.
pub fn execute(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Report(args) => report::report(&args),
        Command::List(args) => list::list(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Demo(args) => demo::demo(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::Bench(args) => bench::bench(&args),
        Command::BenchSteps(args) => bench::steps(&args),
        Command::Mutants(args) => mutants::mutants(&args),
        Command::Faults(args) => faults::faults(&args),
        Command::Soak(args) => soak::soak(&args),
        Command::Survey(args) => survey::survey(&args),
        Command::Show(args) => show::show(&args),
        Command::Driver(args) => driver::driver(&args),
        Command::Impersonate(args) => show::impersonate(&args),
        Command::NativeServer => run::native_server(),
        Command::NativeClient => run::native_client(),
        Command::NativeWait => run::native_wait(),
    }
}

/// Writes an answer.
fn say(text: impl AsRef<[u8]>) -> Result<(), Stop> {
    printed(io::stdout().lock().write_all(text.as_ref()))
}

/// Writes an answer as one JSON object.
fn say_json(answer: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string(answer).map_err(io::Error::from);
    text.map_or_else(|error| printed(Err(error)), |text| say(text + "\n"))
}

/// Commands, each with the schema of what it writes with `--format json`.
pub fn schemas() -> [(&'static str, Schema); 7] {
    fn of<T: JsonSchema>(command: &'static str) -> (&'static str, Schema) {
        let mut schema =
            SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
        schema.insert("title".to_owned(), format!("psimp {command}").into());
        let about = format!(
            "What `psimp {command} --format json` writes. Members may be added; what is here keeps its meaning."
        );
        schema.insert("description".to_owned(), about.into());
        (command, schema)
    }
    [
        of::<crate::report::Run>("run"),
        of::<list::List>("list"),
        of::<explain::Explanation>("explain"),
        of::<faults::Figures>("faults"),
        of::<mutants::Figures>("mutants"),
        of::<soak::Found>("soak"),
        of::<crate::survey::Survey>("survey"),
    ]
}

/// What comes of writing an answer. A reader such as `head` may close the pipe early; that is no failure.
fn printed(written: io::Result<()>) -> Result<(), Stop> {
    let written = written.and_then(|()| io::stdout().flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::new(Exit::Unwritten, format!("cannot write standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The cases that the filters take. Each filter must take one.
fn selected(filter: &FilterArg) -> Result<Vec<Case>, Stop> {
    let mut cases = psimp_catalogue::cases();
    let names: Vec<_> = cases.iter().map(|case| (case.id, case.title.as_str())).collect();
    let mistakes = filter.mistakes(&names);
    if !mistakes.is_empty() {
        return Err(Stop::usage(mistakes.join("\npsimp: ")));
    }
    cases.retain(|case| filter.matches(case.id, &case.title));
    Ok(cases)
}

/// A driver image as a driver to run.
fn load_image(path: &Path) -> Result<(Source, ImageInfo), Stop> {
    load_bytes(path).map(|(image, info)| (Source::Image(image), info))
}

/// Reads a driver image; the error says how to get one.
fn load_bytes(path: &Path) -> Result<(Arc<Image>, ImageInfo), Stop> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let instead = "; --target device uses the driver that Windows has loaded";
        let instead = if cfg!(windows) { instead } else { "" };
        let why = format!("no driver image can be loaded here, which takes x86-64 Linux{instead}");
        return Err(Stop::unavailable(why));
    }
    let image = Image::open(path).map_err(|error| {
        let advice = if path.exists() { "" } else { "; `cargo xtask build` makes it" };
        Stop::unavailable(format!("cannot load {}: {error}{advice}", path.display()))
    })?;
    output::require_other_standard_output(&[path])?;
    let sha256 = Sha256::digest(image.bytes()).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((Arc::new(image), ImageInfo { path: path.display().to_string(), sha256 }))
}
