//! `psimp survey`: what a kernel decides, and which profile says the same.

use super::driver::why_no_device;
#[cfg(windows)]
use super::run::clear;
use super::run::why_no_native;
use super::{load_image, say, say_json, unavailable};
use crate::cli::{Exit, SurveyArgs, Target, TextFormat};
use crate::driver::Source;
use crate::native::route::Route;
use crate::progress::Progress;
#[cfg(windows)]
use crate::survey::Windows;
use crate::survey::{About, Beside, Survey, decisions, here};
use anyhow::Context as _;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use std::fs;
use std::path::Path;

pub(super) fn survey(args: &SurveyArgs) -> anyhow::Result<Exit> {
    let target = args.target();
    if args.kernel.is_some() && matches!(target, Target::Native | Target::Device) {
        eprintln!("psimp: --kernel is for the targets model and image; {target} asks the kernel that runs");
        return Ok(Exit::Usage);
    }
    let survey = match made(args, target) {
        Ok(survey) => survey,
        Err(why) => return Ok(unavailable(&why)),
    };
    match args.format {
        TextFormat::Json => say_json(&survey),
        TextFormat::Table => say(survey.to_string()),
    }?;
    if let Some(path) = &args.html {
        write_page(path, &[(target.to_string(), survey)])?;
    }
    Ok(Exit::Passed)
}

/// Makes the survey; the error is a sentence that says why the target cannot be had here.
fn made(args: &SurveyArgs, target: Target) -> Result<Survey, String> {
    let psimp = env!("CARGO_PKG_VERSION").to_owned();
    let kernel = args.kernel.unwrap_or_default();
    let about = About { psimp, target, kernel: Some(kernel.to_string()), image: None, windows: None };
    match target {
        Target::Model => Ok(simulated(about, &Source::Service, kernel)),
        Target::Image => {
            let (source, image) = load_image(&args.image.path)?;
            Ok(simulated(About { image: Some(image.sha256), ..about }, &source, kernel))
        }
        Target::Native => match why_no_native() {
            None => of_windows(About { kernel: None, ..about }, Route::UserMode),
            Some(why) => Err(why),
        },
        Target::Device => match why_no_device() {
            None => of_windows(About { kernel: None, ..about }, Route::Driver(RulesMode::Kernel)),
            Some(why) => Err(why),
        },
    }
}

/// Asks the Windows that runs this program.
#[cfg(windows)]
fn of_windows(about: About, route: Route) -> Result<Survey, String> {
    let progress = Progress::parts(decisions().len());
    let came = crate::native::survey(route, &|| progress.done())?;
    drop(progress);
    clear();
    Ok(Survey::new(About { windows: Some(Windows::this()), ..about }, came))
}

#[cfg(not(windows))]
fn of_windows(_: About, _: Route) -> Result<Survey, String> {
    Err(why_no_native().unwrap_or_default())
}

fn simulated(about: About, source: &Source, kernel: Kernel) -> Survey {
    let rows = decisions();
    let progress = Progress::parts(rows.len());
    let one = |row: &'static _| {
        let observed = here(source, kernel, row);
        progress.done();
        (row, observed)
    };
    Survey::new(about, rows.into_iter().map(one).collect())
}

/// Writes surveys as a page, each with the file that it was read from.
pub(super) fn write_page(path: &Path, surveys: &[(String, Survey)]) -> anyhow::Result<()> {
    fs::write(path, Beside(surveys).to_html()).with_context(|| format!("cannot write {}", path.display()))
}
