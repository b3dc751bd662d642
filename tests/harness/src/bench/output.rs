//! A report as text and as JSON, compared with a baseline.

use super::{Baseline, Call, GOALS, Goal, Report};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

impl Report {
    /// The report as tables, with the changes since a baseline.
    pub fn text(&self, then: Option<&Baseline>) -> String {
        Text { report: self, beside: Beside { now: self.compared(), then } }.to_string()
    }

    /// The same as JSON.
    pub fn as_json(&self, then: Option<&Baseline>) -> Value {
        let absolute = self.absolute();
        let compared = self.compared();
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
            "instructions_unavailable": self.instructions.as_ref().err(),
        })
    }
}

/// A report, and its figures with their changes.
struct Text<'a> {
    report: &'a Report,
    beside: Beside<'a>,
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, beside } = self;
        speeds(f, report)?;
        instructions(f, report, beside)?;
        ratios(f, beside)?;
        sizes(f, report, beside)?;
        times(f, report, beside)?;
        goals(f, report)?;
        writeln!(f)?;
        match beside.then {
            Some(then) => writeln!(f, "In brackets: the change since {}.", then.version),
            None => writeln!(f, "There is no earlier release to compare with."),
        }
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

/// By how much a figure has changed: 0.1 is a tenth more.
fn change(now: f64, then: f64) -> Option<f64> {
    let change = now / then - 1.0;
    change.is_finite().then_some(change)
}

fn figure(absolute: &BTreeMap<String, f64>, compared: &BTreeMap<String, f64>, name: &str) -> f64 {
    absolute.get(name).or_else(|| compared.get(name)).copied().unwrap_or(f64::NAN)
}

fn speeds(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "Round trips a second, each the best of several turns")?;
    writeln!(
        f,
        "  {:<24}{:>12}{:>14}{:>14}{:>13}{:>14}",
        "", "one thread", "two, a file", "two, on one", "service", "service,"
    )?;
    writeln!(f, "  {:<24}{:>12}{:>14}{:>14}{:>13}{:>14}", "", "", "each", "file", "alone", "two threads")?;
    for (call, speed) in &report.speeds {
        writeln!(
            f,
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

fn ratios(f: &mut fmt::Formatter<'_>, beside: &Beside<'_>) -> fmt::Result {
    writeln!(f, "\nRatios of these: what one costs of the service alone; two threads to one")?;
    writeln!(
        f,
        "  {:<24}{:>18}{:>18}{:>18}{:>18}",
        "", "image/service", "a file each", "one file", "service"
    )?;
    for call in Call::ALL {
        let show = |what: &str| beside.show(&format!("{}_{what}", call.name()), 2);
        writeln!(
            f,
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

fn instructions(f: &mut fmt::Formatter<'_>, report: &Report, beside: &Beside<'_>) -> fmt::Result {
    writeln!(f, "\nInstructions of a round trip, on the thread that makes it")?;
    if let Err(why) = &report.instructions {
        writeln!(f, "  cannot be counted here: {why}")?;
        return Ok(());
    }
    writeln!(f, "  {:<24}{:>18}{:>18}{:>18}", "", "in the image", "with the host", "service alone")?;
    for call in Call::ALL {
        let show = |what: &str| beside.show(&format!("{}_{what}_instructions", call.name()), 0);
        writeln!(
            f,
            "  {:<24}{:>18}{:>18}{:>18}",
            call.title(),
            show("driver"),
            show("image"),
            show("model")
        )?;
    }
    Ok(())
}

fn sizes(f: &mut fmt::Formatter<'_>, report: &Report, beside: &Beside<'_>) -> fmt::Result {
    writeln!(f, "\nThe image in bytes")?;
    for section in &report.sections {
        let name = format!("section_{}_bytes", section.name);
        writeln!(f, "  {:<24}{:>18}", section.name, beside.show(&name, 0))?;
    }
    writeln!(f, "  {:<24}{:>18}", "the file", beside.show("image_file_bytes", 0))
}

fn times(f: &mut fmt::Formatter<'_>, report: &Report, beside: &Beside<'_>) -> fmt::Result {
    let (starts, wholes) = (&report.starts, &report.wholes);
    writeln!(f, "\nTimes")?;
    let mut line = |what: &str, time: Duration, ratio: String| {
        writeln!(f, "{}", format!("  {what:<46}{:>12}  {ratio}", readable(time)).trim_end())
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

fn goals(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let (absolute, compared) = (report.absolute(), report.compared());
    writeln!(f, "\nGoals")?;
    for goal in GOALS {
        let now = figure(&absolute, &compared, goal.figure);
        let word = if goal.reached(now) { "reached" } else { "NOT reached" };
        let decimals = if now < 100.0 { 2 } else { 0 };
        writeln!(f, "  {:<40}{:>12}{now:>14.decimals$}  {word}", goal.title, goal.bound.to_string())?;
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
