//! `psimp survey`: what a kernel decides, and which profile says the same.

use super::driver::why_no_device;
use super::output::Output;
#[cfg(windows)]
use super::run::clear;
use super::run::why_no_native;
use super::{Stop, load_image, say, say_json};
use crate::cli::{Exit, SurveyArgs, Target, TextFormat};
use crate::driver::Source;
use crate::native::route::Route;
use crate::progress::Progress;
use crate::result::Origin;
#[cfg(windows)]
use crate::survey::Windows;
use crate::survey::{About, Beside, Survey, decisions, here};
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;

pub(super) fn survey(args: &SurveyArgs) -> anyhow::Result<Exit> {
    let image = (args.target == Target::Image).then_some(args.image.path.as_path());
    let page = Output::open_any(args.html.as_deref(), image.as_slice())?;
    let survey = made(args)?;
    let written = match args.format {
        TextFormat::Json => say_json(&survey),
        TextFormat::Table => say(survey.to_string()),
    };
    if let Some(page) = page {
        let page_of = [(args.target.to_string(), survey)];
        page.write(Beside(&page_of).to_html().as_bytes())?;
    }
    written?;
    Ok(Exit::Passed)
}

/// Makes the survey; the error says why the target cannot be had here.
fn made(args: &SurveyArgs) -> Result<Survey, Stop> {
    let target = args.target;
    let psimp = Origin::here();
    let kernel = args.kernel.unwrap_or_default();
    let about = About { psimp, target, kernel: Some(kernel.to_string()), image: None, windows: None };
    match target {
        Target::Model => Ok(simulated(about, &Source::Service, kernel)),
        Target::Image => {
            let (source, image) = load_image(&args.image.path)?;
            Ok(simulated(About { image: Some(image.sha256), ..about }, &source, kernel))
        }
        Target::Native => match why_no_native() {
            None => of_windows(About { kernel: None, ..about }, Route::UserMode).map_err(Stop::unavailable),
            Some(why) => Err(Stop::unavailable(why)),
        },
        Target::Device => match why_no_device() {
            None => of_windows(About { kernel: None, ..about }, Route::Driver(RulesMode::Kernel))
                .map_err(Stop::unavailable),
            Some(why) => Err(Stop::unavailable(why)),
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
