//! `Makefile.toml` compared with the release of wdk-build that it extends, and with this workspace.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{Report, inf};
use crate::build::{self, Arch, Compiler};
use crate::exec;
use crate::workspace::Workspace;

/// cargo-make's own task that is adapted; wdk-build's makefile depends on it without defining it.
const OF_CARGO_MAKE: &[&str] = &["build"];

/// A task that changes a machine, and the task that undoes it.
const OPPOSITES: &[(&str, &str)] =
    &[("trust", "untrust"), ("deploy", "undeploy"), ("start", "stop"), ("verifier", "verifier-off")];

/// With what PowerShell runs a script file on a Windows as it comes, whatever is in its path.
const POWERSHELL: &[&str] = &["-NoProfile", "-ExecutionPolicy", "Bypass", "-File"];

/// Which task has to come before which.
const ORDER: &[(&str, &str)] = &[
    ("trust-publisher", "default"),
    ("deploy", "trust"),
    ("deploy", "stop"),
    ("start", "deploy"),
    ("device", "start"),
    ("undeploy", "stop"),
];

/// A task, and a word that one of its arguments has to be, or to end with.
const ARGUMENTS: &[(&str, &str)] = &[
    ("trust", "Root"),
    ("trust-publisher", "TrustedPublisher"),
    ("untrust", "Root"),
    ("untrust", "WDRLocalTestCert"),
    ("untrust-publisher", "TrustedPublisher"),
    ("untrust-publisher", "WDRLocalTestCert"),
    ("trust", "/psimp_package/WDRLocalTestCert.cer"),
    ("trust-publisher", "/psimp_package/WDRLocalTestCert.cer"),
    ("deploy", "/psimp_package/psimp.inf"),
    ("start", inf::SERVICE),
    ("stop", inf::SERVICE),
    ("verifier", inf::IMAGE),
];

pub(super) fn check(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let ours = exec::read(&workspace.root.join("Makefile.toml"))?;
    let (version, folder) = build::locate_wdk_build(workspace, &Compiler::find(Arch::X64)?)?;
    let theirs = exec::read(&folder.join("rust-driver-makefile.toml"))?;
    check_against(&ours, &theirs, &version, workspace, report)
}

fn check_against(
    ours: &str,
    theirs: &str,
    version: &str,
    workspace: &Workspace,
    report: &mut Report,
) -> Result<()> {
    let mut check = |holds: bool, violation: String| report.check("makefile", holds, || violation);
    let ours: Table = ours.parse().context("Makefile.toml cannot be parsed")?;
    let theirs: Table = theirs.parse().context("wdk-build's makefile cannot be parsed")?;
    let (our_tasks, their_tasks) = (tasks(&ours)?, tasks(&theirs)?);

    let extended = ours.get("extend").and_then(Value::as_str).unwrap_or_default();
    check(
        extended == "target/rust-driver-makefile.toml",
        format!("it extends {extended:?}, not wdk-build's makefile"),
    );
    let config = |key| ours.get("config").and_then(|config| config.get(key));
    let script = config("load_script").and_then(Value::as_str).unwrap_or_default();
    check(
        script.contains("load_rust_driver_makefile()"),
        "load_script does not fetch wdk-build's makefile".into(),
    );
    let named = script.lines().find_map(|line| line.strip_prefix("//! wdk-build = ")).unwrap_or_default();
    check(
        named.trim_matches('"') == version,
        format!("load_script names wdk-build {named}, Cargo.lock {version}"),
    );
    let whole = config("default_to_workspace").and_then(Value::as_bool).unwrap_or(true);
    check(!whole, "the members would be run through the driver's flow".into());

    let known: BTreeSet<_> = our_tasks
        .keys()
        .chain(their_tasks.keys())
        .map(String::as_str)
        .chain(OF_CARGO_MAKE.iter().copied())
        .collect();
    for (name, task) in our_tasks {
        if task.get("clear").and_then(Value::as_bool) == Some(true) {
            let there = their_tasks.contains_key(name) || OF_CARGO_MAKE.contains(&name.as_str());
            check(there, format!("it replaces the task {name}, which wdk-build {version} does not have"));
        }
        for dependency in strings(task, "dependencies") {
            check(
                known.contains(dependency),
                format!("{name} depends on the task {dependency}, which is missing"),
            );
        }
    }

    check_round_trip(our_tasks, &mut check);
    let certificate = their_tasks.get("generate-certificate").map(|task| strings(task, "args"));
    check(
        certificate.unwrap_or_default().iter().any(|argument| argument.ends_with("/WDRLocalTestCert.cer")),
        format!("wdk-build {version} makes no WDRLocalTestCert.cer"),
    );

    let build = our_tasks.get("build").map(|task| strings(task, "args")).unwrap_or_default();
    for pair in [["--package", "psimp"], ["--features", "kernel"]] {
        check(
            build.windows(2).any(|window| window == pair),
            format!("the task build does not pass {}", pair.join(" ")),
        );
    }
    check(workspace.features.iter().any(|feature| feature == "kernel"), "psimp has no feature kernel".into());
    Ok(())
}

/// Everything that is done to a machine can be undone, and happens in order.
fn check_round_trip(tasks: &Table, check: &mut impl FnMut(bool, String)) {
    let arguments = |task: &str| tasks.get(task).map(|task| strings(task, "args")).unwrap_or_default();
    for &(forward, back) in OPPOSITES {
        for task in [forward, back] {
            check(tasks.contains_key(task), format!("there is no task {task}"));
        }
    }
    for &(later, earlier) in ORDER {
        let before = tasks.get(later).map(|task| strings(task, "dependencies")).unwrap_or_default();
        check(before.contains(&earlier), format!("{later} does not depend on {earlier}"));
    }
    for &(task, word) in ARGUMENTS {
        let has = arguments(task).iter().any(|argument| argument.ends_with(word));
        check(has, format!("no argument of {task} is {word}"));
    }
    let script = tasks.get("undeploy").and_then(|task| task.get("script")).and_then(Value::as_str);
    check(
        script.is_some_and(|script| script.contains("'*\\psimp.inf'")),
        "undeploy does not look for psimp.inf".to_owned(),
    );
    for (name, task) in tasks {
        let powershell = task.get("script_runner").and_then(Value::as_str) == Some("powershell");
        check(
            !powershell || strings(task, "script_runner_args") == POWERSHELL,
            format!("{name} runs a script without {}", POWERSHELL.join(" ")),
        );
        let private = task.get("private").and_then(Value::as_bool) == Some(true);
        let replaced = task.get("clear").and_then(Value::as_bool) == Some(true);
        let described = task.get("description").is_some();
        check(private || replaced || described, format!("{name} has no description"));
    }
}

fn tasks(makefile: &Table) -> Result<&Table> {
    makefile.get("tasks").and_then(Value::as_table).context("a makefile has tasks")
}

/// The strings of an array, none where it is missing.
fn strings<'a>(task: &'a Value, key: &str) -> Vec<&'a str> {
    task.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Report, check_against};
    use crate::workspace::Workspace;

    const COMMITTED: &str = include_str!("../../../Makefile.toml");
    const WDK_BUILD: &str = "[tasks.default]\n\
        [tasks.generate-certificate]\nargs = [\"-r\", \"${WDK_BUILD_OUTPUT_DIRECTORY}/WDRLocalTestCert.cer\"]\n";

    fn violations(makefile: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (target, features) = (root.join("target"), vec!["kernel".to_owned()]);
        let workspace = Workspace { root, target, crates: Vec::new(), features, build_id: String::new() };
        let mut report = Report::default();
        check_against(makefile, WDK_BUILD, "0.6.0", &workspace, &mut report).expect("both can be parsed");
        report.violations
    }

    #[test]
    fn the_committed_makefile_agrees_with_wdk_build() {
        assert_eq!(violations(COMMITTED), Vec::<String>::new());
    }

    #[test]
    fn each_disagreement_is_named() {
        for (from, to, expected) in [
            ("wdk-build = \"0.6.0\"", "wdk-build = \"0.5.0\"", "names wdk-build \"0.5.0\", Cargo.lock 0.6.0"),
            ("default_to_workspace = false", "", "members would be run"),
            ("[tasks.build]", "[tasks.compile]", "replaces the task compile, which"),
            (
                "dependencies = [\"default\"",
                "dependencies = [\"package\"",
                "depends on the task package, which",
            ),
            ("\"kernel\"", "\"core\"", "does not pass --features kernel"),
            ("\"-ExecutionPolicy\", \"Bypass\", ", "", "undeploy runs a script without -NoProfile"),
            (", \"-File\"]", "]", "undeploy runs a script without -NoProfile"),
            ("[tasks.undeploy]", "[tasks.remove]", "there is no task undeploy"),
            ("[tasks.untrust]", "[tasks.forget]", "there is no task untrust"),
            ("[tasks.verifier-off]", "[tasks.reset]", "there is no task verifier-off"),
            ("\"trust\", \"stop\"]", "\"trust\"]", "deploy does not depend on stop"),
            ("dependencies = [\"start\"]", "", "device does not depend on start"),
            (
                "[\"start\", \"PsImpersonate\"]",
                "[\"start\", \"psimp\"]",
                "no argument of start is PsImpersonate",
            ),
            ("\"-delstore\", \"Root\"", "\"-delstore\", \"My\"", "no argument of untrust is Root"),
            ("'*\\psimp.inf'", "'psimp.inf'", "undeploy does not look for psimp.inf"),
            ("description = \"Stop the driver\"", "", "stop has no description"),
        ] {
            assert!(COMMITTED.contains(from), "{from} is gone");
            let found = violations(&COMMITTED.replace(from, to));
            assert!(found.iter().any(|violation| violation.contains(expected)), "{expected}: {found:?}");
        }
    }

    #[test]
    fn a_wdk_build_that_names_its_certificate_otherwise_is_noticed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (target, features) = (root.join("target"), vec!["kernel".to_owned()]);
        let workspace = Workspace { root, target, crates: Vec::new(), features, build_id: String::new() };
        let mut report = Report::default();
        let theirs = WDK_BUILD.replace("WDRLocalTestCert", "Other");
        check_against(COMMITTED, &theirs, "0.6.0", &workspace, &mut report).expect("both can be parsed");
        assert_eq!(report.violations, ["makefile: wdk-build 0.6.0 makes no WDRLocalTestCert.cer"]);
    }
}
