//! `psimp faults`: every failure below the driver, and pairs of them.

use super::{load_image, say, unavailable, unless_enough};
use crate::cli::{Exit, FaultsArgs, TextFormat};
use crate::driver::Source;
use crate::faults::{Explored, Run, RunId, Setting, StackId, Violation, explore_all, run};
use crate::progress::Progress;
use psimp_host::Image;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

/// How many broken runs are printed in full.
const PRINTED: usize = 20;

pub(super) fn faults(args: &FaultsArgs) -> anyhow::Result<Exit> {
    let image = match load_image(&args.cases.image.path) {
        Ok((Source::Image(image), _)) => image,
        Ok(_) => anyhow::bail!("{} is no image", args.cases.image.path.display()),
        Err(why) => return Ok(unavailable(&why)),
    };
    if let Some(id) = &args.replay {
        return replay(image, id);
    }
    let setting = Setting { image, kernel: args.cases.kernel, rules: args.cases.rules.mode() };
    let mut cases = psimp_catalogue::cases();
    cases.retain(|case| args.cases.filter.matches(case.id, &case.title));
    if cases.is_empty() {
        eprintln!("psimp: no case matches the filter; `psimp list` names them all");
        return Ok(Exit::Usage);
    }
    let progress = Progress::parts(cases.len());
    let explored = explore_all(&setting, &cases, || progress.done());
    drop(progress);
    let figures = Figures::of(&explored);
    if figures.runs == 0 {
        eprintln!("psimp: none of these cases runs on the kernel {}", args.cases.kernel);
        return Ok(Exit::Usage);
    }
    figures.print(args.format)?;
    Ok(if figures.broken.is_empty() { Exit::Passed } else { Exit::Failed })
}

/// What came of all cases.
struct Figures<'a> {
    sites: usize,
    runs: usize,
    broken: Vec<&'a Run>,
}

impl<'a> Figures<'a> {
    fn of(explored: &'a [Explored]) -> Self {
        let sites: BTreeSet<&StackId> = explored.iter().flat_map(|case| case.stacks.keys()).collect();
        Self {
            sites: sites.len(),
            runs: explored.iter().map(|case| case.runs).sum(),
            broken: explored.iter().flat_map(|case| &case.broken).collect(),
        }
    }

    fn leaks(&self) -> usize {
        self.broken.iter().filter(|run| run.violations.iter().any(|violation| violation.leak)).count()
    }

    fn print(&self, format: TextFormat) -> io::Result<()> {
        for run in self.broken.iter().take(PRINTED) {
            for Violation { what, .. } in &run.violations {
                eprintln!("{}  {what}", run.id);
            }
        }
        if let Some(more) = self.broken.len().checked_sub(PRINTED).filter(|more| *more != 0) {
            eprintln!("… and {more} runs more");
        }
        let Self { sites, runs, broken } = self;
        let (failures, leaks) = (broken.len(), self.leaks());
        say(match format {
            TextFormat::Json => {
                format!("{}\n", json!({"sites": sites, "runs": runs, "failures": failures, "leaks": leaks}))
            }
            TextFormat::Table => format!(
                "call stacks on which a call can fail   {sites:>8}\n\
                 runs, each with one or two failures    {runs:>8}\n\
                 runs that broke the promise            {failures:>8}\n\
                 runs that lost something               {leaks:>8}\n"
            ),
        })
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
    unless_enough(log_line(&mut io::stdout().lock(), &run, &case.title))?;
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
