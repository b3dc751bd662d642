//! `psimp mutants`: deliberately wrong driver images, each of which must be
//! caught with a message that names its fault: by a case of the catalogue, or by
//! one with failures below the driver.

use super::load_image;
use crate::cli::{Exit, MutantsArgs, TextFormat};
use crate::driver::Source;
use crate::faults::{Setting, explore};
use crate::result::{CaseStatus, Mismatch};
use crate::run::{Target, run_case};
use psimp_model::Flavour;
use psimp_protocol::RulesMode;
use serde_json::json;

/// A mutant and the words that the message about it must contain.
pub(crate) struct Mutant {
    name: &'static str,
    names_the_fault: &'static [&'static str],
}

/// One for each feature `mutant-…` of the driver package.
pub(crate) const MUTANTS: [Mutant; 5] = [
    Mutant {
        name: "leaked-reference",
        names_the_fault: &["PsReferenceImpersonationToken", "was not given back"],
    },
    Mutant { name: "double-completion", names_the_fault: &["completes a request that was completed"] },
    Mutant { name: "output-overrun", names_the_fault: &["wrote at offset"] },
    Mutant {
        name: "error-path-leak",
        names_the_fault: &["the reference that ObfReferenceObject gave", "was not given back"],
    },
    Mutant { name: "sid-rule", names_the_fault: &["copy, imp, B", "user SID"] },
];

pub(super) fn mutants(args: &MutantsArgs) -> anyhow::Result<Exit> {
    let mut caught = 0;
    for mutant in &MUTANTS {
        let path = args.image_dir.join(format!("{}.sys", mutant.name));
        let (source, _) = load_image(&path).map_err(anyhow::Error::msg)?;
        match catch(&source, mutant) {
            Some((case, message)) => {
                caught += 1;
                if args.format == TextFormat::Table {
                    println!("caught  {}  by {case}: {message}", mutant.name);
                }
            }
            None if args.format == TextFormat::Table => println!("MISSED  {}", mutant.name),
            None => (),
        }
    }
    match args.format {
        TextFormat::Json => println!("{}", json!({"caught": caught, "total": MUTANTS.len()})),
        TextFormat::Table => println!("{caught} of {} mutants caught", MUTANTS.len()),
    }
    Ok(if caught == MUTANTS.len() { Exit::Passed } else { Exit::Failed })
}

/// The first case that fails with a message naming the fault; failures below the
/// driver take longer, and come second.
fn catch(source: &Source, mutant: &Mutant) -> Option<(String, String)> {
    let names_it = |text: &String| mutant.names_the_fault.iter().all(|words| text.contains(words));
    let (flavour, rules) = (Flavour::Win10, RulesMode::Documented);
    let target = Target { source: source.clone(), flavour, rules };
    let cases = psimp_catalogue::cases();
    let by_case = cases.iter().find_map(|case| match run_case(&target, case).status {
        CaseStatus::Failed(mismatches) => {
            let found = mismatches.iter().map(sentence).find(names_it);
            found.map(|message| (case.id.to_owned(), message))
        }
        _ => None,
    });
    let Source::Image(image) = source else { return by_case };
    let setting = Setting { image: image.clone(), flavour, rules };
    let by_failure = |case| {
        explore(&setting, case).broken.into_iter().find_map(|run| {
            let found = run.breaches.into_iter().map(|breach| breach.what).find(names_it);
            found.map(|message| (run.id.to_string(), message))
        })
    };
    by_case.or_else(|| cases.iter().find_map(by_failure))
}

fn sentence(mismatch: &Mismatch) -> String {
    let rule = mismatch.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
    format!("{}: expected {}, observed {}{rule}", mismatch.what, mismatch.expected, mismatch.observed)
}

#[cfg(test)]
mod tests {
    use super::MUTANTS;

    /// A mutant that is built but not expected here would go unnoticed.
    #[test]
    fn every_mutant_of_the_driver_is_expected() {
        let manifest = include_str!("../../../../Cargo.toml");
        let features = manifest.lines().filter_map(|line| line.strip_prefix("mutant-")?.split_once(" = "));
        let names: Vec<_> = features.map(|(name, _)| name).collect();
        assert_eq!(names, MUTANTS.map(|mutant| mutant.name));
    }
}
