//! `psimp mutants`: deliberately wrong driver images, each of which must be
//! caught with a message that names its fault: by a case of the catalogue, or by
//! one with failures below the driver.

use super::{load_image, say, say_json};
use crate::cli::{Exit, MutantsArgs, TextFormat};
use crate::driver::Source;
use crate::faults::{Setting, explore};
use crate::progress::Progress;
use crate::result::{CaseStatus, Mismatch};
use crate::run::{Setup, run_case};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The table of all mutants, of which this needs only some columns.
const TABLE: &str = include_str!("../../../mutants/mutants.toml");

#[derive(Deserialize)]
struct Table {
    mutant: Vec<Mutant>,
}

/// A mutant and the words that the message about it must contain.
#[derive(Deserialize)]
struct Mutant {
    name: String,
    words: Vec<String>,
}

/// What came of all mutants, as JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct Figures {
    /// Wrong images that a case noticed, by a message that names the fault.
    caught: usize,
    /// Wrong images.
    total: usize,
}

pub(super) fn mutants(args: &MutantsArgs) -> anyhow::Result<Exit> {
    let mut mutants = toml::from_str::<Table>(TABLE)?.mutant;
    if args.sample {
        mutants.retain(|mutant| args.image(mutant).exists());
        anyhow::ensure!(!mutants.is_empty(), "no image of a mutant is in {}", args.image_dir.display());
    }
    let progress = Progress::parts(mutants.len());
    let mut caught = 0;
    for mutant in &mutants {
        progress.now(mutant.name.clone());
        let (source, _) = load_image(&args.image(mutant))?;
        let words = match catch(&source, mutant) {
            End::Caught(message) => {
                caught += 1;
                format!("caught  {}  by {message}", mutant.name)
            }
            End::Missed(Some(message)) => format!("MISSED  {}  without its words: {message}", mutant.name),
            End::Missed(None) => format!("MISSED  {}", mutant.name),
        };
        if args.format == TextFormat::Table {
            progress.beside(|| say(format!("{words}\n")))?;
        }
        progress.done();
    }
    drop(progress);
    let total = mutants.len();
    match args.format {
        TextFormat::Json => say_json(&Figures { caught, total }),
        TextFormat::Table => say(format!("{caught} of {total} mutants caught\n")),
    }?;
    Ok(if caught == total { Exit::Passed } else { Exit::Failed })
}

impl MutantsArgs {
    fn image(&self, mutant: &Mutant) -> PathBuf {
        self.image_dir.join(format!("{}.sys", mutant.name))
    }
}

/// What became of a mutant.
enum End {
    /// A case failed with this message, which names the fault.
    Caught(String),
    /// No message did. The first one that came, if any.
    Missed(Option<String>),
}

/// Runs case after case until one fails with a message that names the fault.
/// Failures below the driver take longer, and come last.
fn catch(source: &Source, mutant: &Mutant) -> End {
    let cases = psimp_catalogue::cases();
    let mut first = None;
    for rules in [RulesMode::Documented, RulesMode::Kernel] {
        let setup = Setup { source: source.clone(), kernel: Kernel::Win10, rules };
        for case in &cases {
            let CaseStatus::Failed(mismatches) = run_case(&setup, case).status else { continue };
            for mismatch in &mismatches {
                let message = format!("{}: {}", case.id, sentence(mismatch));
                if mutant.words.iter().all(|words| message.contains(words)) {
                    return End::Caught(message);
                }
                first.get_or_insert(message);
            }
        }
    }
    let Source::Image(image) = source else { return End::Missed(first) };
    let (kernel, rules) = (Kernel::Win10, RulesMode::Documented);
    let setting = Setting { image: image.clone(), kernel, rules };
    for run in cases.iter().flat_map(|case| explore(&setting, case).broken) {
        for violation in &run.violations {
            let message = format!("{}: {}", run.id, violation.what);
            if mutant.words.iter().all(|words| message.contains(words)) {
                return End::Caught(message);
            }
            first.get_or_insert(message);
        }
    }
    End::Missed(first)
}

fn sentence(mismatch: &Mismatch) -> String {
    let rule = mismatch.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    format!("{}: expected {}, observed {}{rule}", mismatch.what, mismatch.expected, mismatch.observed)
}
