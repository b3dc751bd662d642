//! `psimp faults`: every failure below the driver, and pairs of them.

use super::{load_image, printed, say, say_json, selected};
use crate::cli::{Exit, FaultsArgs, TextFormat};
use crate::driver::Source;
use crate::faults::{Explored, Run, RunId, Setting, StackId, Violation, explore_all, run};
use crate::progress::Progress;
use psimp_host::Image;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::io::{self, Write};
use std::sync::Arc;

/// How many broken runs are printed in full.
const PRINTED: usize = 20;

pub(super) fn faults(args: &FaultsArgs) -> anyhow::Result<Exit> {
    let cases = selected(&args.cases.filter)?;
    let (Source::Image(image), _) = load_image(&args.cases.image.path)? else {
        anyhow::bail!("{} is no image", args.cases.image.path.display());
    };
    if let Some(id) = &args.replay {
        return replay(image, id);
    }
    let setting = Setting { image, kernel: args.cases.kernel, rules: args.cases.rules.mode() };
    let progress = Progress::parts(cases.len());
    let explored = explore_all(&setting, &cases, || progress.done());
    drop(progress);
    let broken: Vec<_> = explored.iter().flat_map(|case| &case.broken).collect();
    let figures = Figures::of(&explored, &broken);
    if figures.runs == 0 {
        eprintln!("psimp: none of these cases runs on the kernel {}", args.cases.kernel);
        return Ok(Exit::Usage);
    }
    print_broken(&broken);
    match args.format {
        TextFormat::Json => say_json(&figures),
        TextFormat::Table => say(figures.to_string()),
    }?;
    Ok(if broken.is_empty() { Exit::Passed } else { Exit::Failed })
}

/// What came of all cases.
#[derive(Serialize, JsonSchema)]
pub(super) struct Figures {
    /// Call stacks on which a call can fail.
    sites: usize,
    /// Runs, each with one or two failures.
    runs: usize,
    /// Runs that broke the promise.
    failures: usize,
    /// Runs that lost something.
    leaks: usize,
}

impl Figures {
    fn of(explored: &[Explored], broken: &[&Run]) -> Self {
        let sites: BTreeSet<&StackId> = explored.iter().flat_map(|case| case.stacks.keys()).collect();
        Self {
            sites: sites.len(),
            runs: explored.iter().map(|case| case.runs).sum(),
            failures: broken.len(),
            leaks: broken.iter().filter(|run| run.violations.iter().any(|violation| violation.leak)).count(),
        }
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { sites, runs, failures, leaks } = self;
        writeln!(
            f,
            "call stacks on which a call can fail   {sites:>8}\n\
             runs, each with one or two failures    {runs:>8}\n\
             runs that broke the promise            {failures:>8}\n\
             runs that lost something               {leaks:>8}"
        )
    }
}

fn print_broken(broken: &[&Run]) {
    for run in broken.iter().take(PRINTED) {
        for Violation { what, .. } in &run.violations {
            eprintln!("{}  {what}", run.id);
        }
    }
    if let Some(more) = broken.len().checked_sub(PRINTED).filter(|more| *more != 0) {
        eprintln!("… and {more} runs more");
    }
}

/// Repeats one run, and prints each request.
fn replay(image: Arc<Image>, id: &RunId) -> anyhow::Result<Exit> {
    let cases = psimp_catalogue::cases();
    let Some(case) = cases.iter().find(|case| case.id.eq_ignore_ascii_case(&id.case)) else {
        eprintln!("psimp: there is no case {}; `psimp list` names them all", id.case);
        return Ok(Exit::Usage);
    };
    let setting = Setting { image, kernel: id.kernel, rules: id.rules };
    let Some(run) = run(&setting, case, &id.failing, true) else {
        eprintln!("psimp: {} does not run on the kernel {}", case.id, id.kernel.name());
        return Ok(Exit::Usage);
    };
    printed(log_line(&mut io::stdout().lock(), &run, &case.title))?;
    Ok(if run.violations.is_empty() { Exit::Passed } else { Exit::Failed })
}

fn log_line(out: &mut impl Write, run: &Run, title: &str) -> io::Result<()> {
    writeln!(out, "{}  {title}", run.id)?;
    for line in &run.log {
        writeln!(out, "  {line}")?;
    }
    for Violation { leak, what } in &run.violations {
        writeln!(out, "{}: {what}", if *leak { "LOST" } else { "BROKEN" })?;
    }
    if run.violations.is_empty() {
        writeln!(out, "nothing is broken, nothing is lost")?;
    }
    Ok(())
}
