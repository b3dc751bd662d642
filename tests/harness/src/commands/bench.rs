//! `psimp bench`: the cost of each call, compared with the committed baseline.

use super::driver::why_no_device;
use super::output::Output;
use super::{Stop, load_bytes, load_image, printed, rehearse, say, say_json};
use crate::bench::{Baseline, Call, GOALS, Goal, OnDevice, Pace, Report, measure};
use crate::cli::{BenchArgs, BenchStepsArgs, Exit, LoadTarget, TextFormat};
use crate::driver::Source;
use crate::progress::Progress;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

pub(super) fn bench(args: &BenchArgs) -> anyhow::Result<Exit> {
    if args.target == LoadTarget::Device {
        return of_device(args);
    }
    let (Source::Image(image), _) = load_image(&args.image.path)? else {
        anyhow::bail!("{} is no image", args.image.path.display());
    };
    let then = before(&args.baseline)?;
    let saved = if args.save { Some(Output::open(&args.baseline, &[&args.image.path])?) } else { None };
    let pace = if args.short { Pace::SHORT } else { Pace::FULL };
    let report = measure(&image, &args.image.path, &pace)?;
    if let Some(saved) = saved {
        saved.write(Baseline::of(&report).to_text()?.as_bytes())?;
        eprintln!("psimp: {} is what later versions are compared with", args.baseline.display());
    }
    let mut out = io::stdout().lock();
    printed(match args.format {
        TextFormat::Json => writeln!(out, "{}", as_json(&report, then.as_ref())),
        TextFormat::Table => print(&mut out, &report, then.as_ref()),
    })?;
    Ok(Exit::Passed)
}

/// Measures the driver that Windows has loaded. No figure of it is compared with the baseline.
fn of_device(args: &BenchArgs) -> anyhow::Result<Exit> {
    let progress = Progress::busy(format!("of {} s: calls and system calls are measured", args.seconds));
    let duration = Duration::from_secs(args.seconds.into());
    let (found, left) = if args.rehearse {
        let (image, _) = load_bytes(&args.image.path)?;
        rehearse::bench(&image, duration).map_err(anyhow::Error::msg)?
    } else {
        (on_device(duration)?, Vec::new())
    };
    drop(progress);
    match args.format {
        TextFormat::Json => say_json(&found.as_json()),
        TextFormat::Table => say(found.to_string()),
    }?;
    Ok(if rehearse::tidy(&left) && found.is_clean() { Exit::Passed } else { Exit::Failed })
}

/// Measures the calls of a server process.
#[cfg(windows)]
fn on_device(duration: Duration) -> anyhow::Result<OnDevice> {
    why_no_device().map_or(Ok(()), |why| Err(Stop::unavailable(why)))?;
    crate::native::bench(duration).map_err(anyhow::Error::msg)
}

#[cfg(not(windows))]
fn on_device(_: Duration) -> anyhow::Result<OnDevice> {
    Err(Stop::unavailable(why_no_device().unwrap_or_default()).into())
}

/// The calls of an image, or of the model, for another psimp to count.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) fn steps(args: &BenchStepsArgs) -> anyhow::Result<Exit> {
    let source = if args.model { Source::Service } else { load_image(&args.image.path)?.0 };
    crate::bench::make_steps(&source, args.repetitions).map(|()| Exit::Passed)
}

/// The calls of an image, or of the model, for another psimp to count.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn steps(_args: &BenchStepsArgs) -> anyhow::Result<Exit> {
    Err(Stop::unavailable("bench-steps needs x86-64 Linux").into())
}

/// What is compared with; nothing where there is no such file.
fn before(path: &Path) -> anyhow::Result<Option<Baseline>> {
    if path.exists() { Baseline::read(path).map(Some) } else { Ok(None) }
}

/// By how much a figure has changed: 0.1 is a tenth more.
fn change(now: f64, then: f64) -> Option<f64> {
    let change = now / then - 1.0;
    change.is_finite().then_some(change)
}

fn as_json(report: &Report, then: Option<&Baseline>) -> Value {
    let absolute = report.absolute();
    let compared = report.compared();
    let beside = |(name, now): (&String, &f64)| {
        let then = then.and_then(|then| then.compared.get(name)).copied();
        let change = then.and_then(|then| change(*now, then));
        (name.clone(), json!({ "now": now, "then": then, "change": change }))
    };
    let goal = |goal: &Goal| {
        let now = figure(&absolute, &compared, goal.figure);
        json!({
            "figure": goal.figure,
            "goal": goal.bound.value(),
            "now": now,
            "reached": goal.reached(now),
        })
    };
    json!({
        "absolute": absolute,
        "compared": compared.iter().map(beside).collect::<serde_json::Map<_, _>>(),
        "compared_with": then.map(|then| &then.version),
        "goals": GOALS.iter().map(goal).collect::<Vec<_>>(),
        "instructions_unavailable": report.instructions.as_ref().err(),
    })
}

fn figure(absolute: &BTreeMap<String, f64>, compared: &BTreeMap<String, f64>, name: &str) -> f64 {
    absolute.get(name).or_else(|| compared.get(name)).copied().unwrap_or(f64::NAN)
}

fn print(out: &mut impl Write, report: &Report, then: Option<&Baseline>) -> io::Result<()> {
    let beside = Beside { now: report.compared(), then };
    print_speeds(out, report)?;
    print_instructions(out, report, &beside)?;
    print_ratios(out, &beside)?;
    print_sizes(out, report, &beside)?;
    print_times(out, report, &beside)?;
    print_goals(out, report)?;
    writeln!(out)?;
    match then {
        Some(then) => writeln!(out, "In brackets: the change since {}.", then.version),
        None => writeln!(out, "There is no earlier release to compare with."),
    }
}

/// Figures with their changes.
struct Beside<'a> {
    now: BTreeMap<String, f64>,
    then: Option<&'a Baseline>,
}

impl Beside<'_> {
    /// A figure with so many decimals, and its change in brackets.
    fn show(&self, name: &str, decimals: usize) -> String {
        let Some(now) = self.now.get(name) else { return "-".to_owned() };
        let then = self.then.and_then(|then| then.compared.get(name));
        let change = match then.and_then(|then| change(*now, *then)) {
            Some(change) => format!("({:+.0} %)", (change * 100.0).round() + 0.0),
            None => "(new)".to_owned(),
        };
        let change = if self.then.is_some() { format!(" {change:>8}") } else { String::new() };
        format!("{now:.decimals$}{change}")
    }
}

fn print_speeds(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "Round trips a second, each the best of several turns")?;
    writeln!(
        out,
        "  {:<24}{:>12}{:>14}{:>14}{:>13}{:>14}",
        "", "one thread", "two, a file", "two, on one", "service", "service,"
    )?;
    writeln!(out, "  {:<24}{:>12}{:>14}{:>14}{:>13}{:>14}", "", "", "each", "file", "alone", "two threads")?;
    for (call, speed) in &report.speeds {
        writeln!(
            out,
            "  {:<24}{:>12.0}{:>14.0}{:>14.0}{:>13.0}{:>14.0}",
            call.title(),
            speed.one,
            speed.two,
            speed.two_on_one_file,
            speed.model,
            speed.model_two
        )?;
    }
    Ok(())
}

fn print_ratios(out: &mut impl Write, beside: &Beside<'_>) -> io::Result<()> {
    writeln!(out, "\nRatios of these: what one costs of the service alone; two threads to one")?;
    writeln!(
        out,
        "  {:<24}{:>18}{:>18}{:>18}{:>18}",
        "", "image/service", "a file each", "one file", "service"
    )?;
    for call in Call::ALL {
        let show = |what: &str| beside.show(&format!("{}_{what}", call.name()), 2);
        writeln!(
            out,
            "  {:<24}{:>18}{:>18}{:>18}{:>18}",
            call.title(),
            show("cost_to_model"),
            show("two_threads_factor"),
            show("two_threads_one_file_factor"),
            show("model_two_threads_factor"),
        )?;
    }
    Ok(())
}

fn print_instructions(out: &mut impl Write, report: &Report, beside: &Beside<'_>) -> io::Result<()> {
    writeln!(out, "\nInstructions of a round trip, on the thread that makes it")?;
    if let Err(why) = &report.instructions {
        writeln!(out, "  cannot be counted here: {why}")?;
        return Ok(());
    }
    writeln!(out, "  {:<24}{:>18}{:>18}{:>18}", "", "in the image", "with the host", "service alone")?;
    for call in Call::ALL {
        let show = |what: &str| beside.show(&format!("{}_{what}_instructions", call.name()), 0);
        writeln!(
            out,
            "  {:<24}{:>18}{:>18}{:>18}",
            call.title(),
            show("driver"),
            show("image"),
            show("model")
        )?;
    }
    Ok(())
}

fn print_sizes(out: &mut impl Write, report: &Report, beside: &Beside<'_>) -> io::Result<()> {
    writeln!(out, "\nThe image in bytes")?;
    for section in &report.sections {
        let name = format!("section_{}_bytes", section.name);
        writeln!(out, "  {:<24}{:>18}", section.name, beside.show(&name, 0))?;
    }
    writeln!(out, "  {:<24}{:>18}", "the file", beside.show("image_file_bytes", 0))
}

fn print_times(out: &mut impl Write, report: &Report, beside: &Beside<'_>) -> io::Result<()> {
    let (starts, wholes) = (&report.starts, &report.wholes);
    writeln!(out, "\nTimes")?;
    let mut line = |what: &str, time: Duration, ratio: String| {
        writeln!(out, "  {what:<46}{:>12}  {ratio}", readable(time))
    };
    line("read and check the file", starts.read, String::new())?;
    line(
        "map, bind, DriverEntry",
        starts.start,
        format!("{} QUERYs", beside.show("load_and_start_in_queries", 0)),
    )?;
    line("that, open, close, unload and its checks", starts.life, String::new())?;
    line(
        "catalogue on the image",
        wholes.image,
        format!("{} × on the model", beside.show("catalogue_image_to_model", 2)),
    )?;
    line("catalogue on the model", wholes.model, String::new())?;
    line(
        &format!("sweep of failures, {} runs", wholes.runs),
        wholes.sweep,
        format!("{} catalogues", beside.show("faults_to_catalogue", 1)),
    )
}

fn print_goals(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let (absolute, compared) = (report.absolute(), report.compared());
    writeln!(out, "\nGoals")?;
    for goal in GOALS {
        let now = figure(&absolute, &compared, goal.figure);
        let word = if goal.reached(now) { "reached" } else { "NOT reached" };
        let decimals = if now < 100.0 { 2 } else { 0 };
        writeln!(out, "  {:<40}{:>12}{now:>14.decimals$}  {word}", goal.title, goal.bound.to_string())?;
    }
    Ok(())
}

fn readable(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1e-3 {
        format!("{:.1} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.2} s")
    }
}
