//! `psimp survey`: what a kernel decides, and which profile says the same.

use super::driver::why_no_device;
use super::output::Output;
#[cfg(windows)]
use super::run::clear;
use super::run::why_no_native;
use super::{Stop, load_bytes, load_image, rehearse, say, say_json};
use crate::cli::{Exit, SurveyArgs, Target, TextFormat};
use crate::driver::Source;
use crate::native::route::Route;
use crate::progress::Progress;
use crate::result::Origin;
#[cfg(windows)]
use crate::survey::Windows;
use crate::survey::{About, Beside, Survey, decisions, here};
use psimp_host::Image;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;

pub(super) fn survey(args: &SurveyArgs) -> anyhow::Result<Exit> {
    let loads = args.target == Target::Image || (args.rehearse && args.target == Target::Device);
    let image = loads.then_some(args.image.path.as_path());
    let page = Output::open_any(args.html.as_deref(), image.as_slice())?;
    let (survey, left) = made(args)?;
    let written = match args.format {
        TextFormat::Json => say_json(&survey),
        TextFormat::Table => say(survey.to_string()),
    };
    if let Some(page) = page {
        let page_of = [(args.target.to_string(), survey)];
        page.write(Beside(&page_of).to_html().as_bytes())?;
    }
    written?;
    Ok(if rehearse::tidy(&left) { Exit::Passed } else { Exit::Failed })
}

/// Makes the survey; the error says why the target cannot be had here. The second part is what a rehearsal leaves.
fn made(args: &SurveyArgs) -> Result<(Survey, Vec<String>), Stop> {
    let (target, rehearsed) = (args.target, args.rehearse);
    let kernel = args.kernel.unwrap_or_default();
    let psimp = Origin::here();
    let about =
        About { psimp, target, rehearsed, kernel: Some(kernel.to_string()), image: None, windows: None };
    let of_here = About { kernel: None, ..about.clone() };
    match target {
        Target::Model => Ok((simulated(about, &Source::Service, kernel), Vec::new())),
        Target::Image => {
            let (source, image) = load_image(&args.image.path)?;
            Ok((simulated(About { image: Some(image.sha256), ..about }, &source, kernel), Vec::new()))
        }
        Target::Device if rehearsed => {
            let (image, info) = load_bytes(&args.image.path)?;
            rehearse(About { image: Some(info.sha256), ..about }, DEVICE, kernel, Some(&image))
        }
        Target::Native if rehearsed => rehearse(about, Route::UserMode, kernel, None),
        Target::Device => of_windows(of_here, DEVICE, why_no_device()),
        Target::Native => of_windows(of_here, Route::UserMode, why_no_native()),
    }
}

/// The driver adds nothing to what the kernel decides.
const DEVICE: Route = Route::Driver(RulesMode::Kernel);

/// Asks the kernel of the model as that of Windows would be asked.
fn rehearse(
    about: About,
    route: Route,
    kernel: Kernel,
    image: Option<&Image>,
) -> Result<(Survey, Vec<String>), Stop> {
    let progress = Progress::parts(decisions().len());
    let (came, left) =
        rehearse::survey(kernel, route, image, &|| progress.done()).map_err(Stop::unavailable)?;
    Ok((Survey::new(about, came), left))
}

/// Asks the Windows that runs this program.
#[cfg(windows)]
fn of_windows(about: About, route: Route, why_not: Option<String>) -> Result<(Survey, Vec<String>), Stop> {
    why_not.map_or(Ok(()), |why| Err(Stop::unavailable(why)))?;
    let progress = Progress::parts(decisions().len());
    let came = crate::native::survey(route, &|| progress.done()).map_err(Stop::unavailable)?;
    drop(progress);
    clear();
    Ok((Survey::new(About { windows: Some(Windows::this()), ..about }, came), Vec::new()))
}

#[cfg(not(windows))]
fn of_windows(_: About, _: Route, why_not: Option<String>) -> Result<(Survey, Vec<String>), Stop> {
    Err(Stop::unavailable(why_not.unwrap_or_default()))
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
