//! `cargo xtask bench --speakeasy`: the same image in an emulator, as far as that goes.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::build;
use crate::harness::Profile;
use crate::setup::{self, Purpose};
use crate::workspace::Workspace;
use crate::{Format, exec, python};

/// What pip is asked for. A later version may get further.
const PACKAGE: &str = "speakeasy-emulator==1.5.11";

/// How often it is emulated; the best counts.
const REPETITIONS: &str = "5";

pub(crate) fn main(workspace: &Workspace, format: &Format) -> Result<ExitCode> {
    setup::install_missing(Purpose::Speakeasy)?;
    let image = build::driver(workspace)?;
    Profile::Release.build(workspace)?;
    // Its unicorn locates itself through setuptools; later releases no longer support that.
    let programs = python::environment(&workspace.target.join("speakeasy"), &["setuptools<81", PACKAGE])?;
    let mut emulated = Command::new(programs.join("python"));
    emulated.arg(workspace.root.join("xtask/bench/emulate.py")).arg(&image.path).arg(REPETITIONS);
    let emulated: Value =
        serde_json::from_str(&exec::stdout(&mut emulated)?).context("it printed no report")?;
    let mut host = Profile::Release.command(workspace);
    host.args(["bench", "--short", "--format", "json", "--image"]).arg(&image.path);
    let host: Value = serde_json::from_str(&exec::stdout(&mut host)?).context("psimp printed no figures")?;
    let seconds = |of: &Value, name: &str| of[name].as_f64().with_context(|| format!("no {name}"));
    let here = seconds(&host["absolute"], "read_image_seconds")?
        + seconds(&host["absolute"], "load_and_start_seconds")?;
    let runs = emulated["runs"].as_array().context("it reports no run")?;
    let there = seconds(runs.last().context("it reports no run")?, "total_seconds")?;
    let ratio = there / here;
    if format.json() {
        println!("{}", json!({ "speakeasy": emulated, "host_seconds": here, "ratio": ratio }));
        return Ok(ExitCode::SUCCESS);
    }
    let version = |name: &str| emulated["versions"][name].as_str().unwrap_or("?").to_owned();
    println!("speakeasy-emulator {} on unicorn {}", version("speakeasy-emulator"), version("unicorn"));
    runs.iter().for_each(print);
    println!("load and DriverEntry");
    println!("  speakeasy, as far as it got    {:>10.3} ms", there * 1e3);
    println!("  psimp's host, to the end       {:>10.3} ms", here * 1e3);
    println!("  ratio                          {ratio:>10.0}");
    Ok(ExitCode::SUCCESS)
}

/// How far one run got.
fn print(run: &Value) {
    let names = |of: &Value| {
        let names = of.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    match names(&run["answered"]) {
        none if none.is_empty() => println!("as it is"),
        answered => println!("with success returned from {answered}"),
    }
    println!("  calls of DriverEntry: {}", names(&run["calls"]));
    match (&run["error"], run["error"]["api_name"].as_str()) {
        (Value::Null, _) => println!("  DriverEntry returned {}", run["returned"]),
        (error, Some(function)) => println!("  stopped at {function}: {}", error["type"]),
        (error, None) => println!("  stopped at {}: {}", error["pc"], error["type"]),
    }
}
