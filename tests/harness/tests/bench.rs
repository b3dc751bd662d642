//! A short bench run of the image, which checks that every figure can be measured.

mod support;

use psimp_harness::bench::{Baseline, Call, Instructions, Report, SectionSize, Speed, Starts, Wholes};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const CALLS: [&str; 6] =
    ["query", "impersonate_kept", "impersonate_copied", "save_restore_discard", "serve", "worker_check"];
const SPEEDS: &[&str] = &[
    "per_second",
    "two_threads_per_second",
    "two_threads_one_file_per_second",
    "model_per_second",
    "model_two_threads_per_second",
];
const TIMES: &[&str] = &[
    "read_image_seconds",
    "load_and_start_seconds",
    "load_to_unload_seconds",
    "catalogue_image_seconds",
    "catalogue_model_seconds",
    "faults_seconds",
    "faults_runs",
];
const RATIOS: [&str; 4] =
    ["cost_to_model", "two_threads_factor", "two_threads_one_file_factor", "model_two_threads_factor"];
const COUNTS: &[&str] = &["driver_instructions", "image_instructions", "model_instructions"];
const WHOLES: &[&str] = &[
    "load_and_start_in_queries",
    "catalogue_image_to_model",
    "faults_to_catalogue",
    "image_file_bytes",
    "section_text_bytes",
    "section_rdata_bytes",
    "section_data_bytes",
    "section_pdata_bytes",
    "section_reloc_bytes",
];

/// The committed baseline.
fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/baseline.json")
}

fn of_calls<'a>(names: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    CALLS.iter().flat_map(move |call| names.iter().map(move |name| format!("{call}_{name}")))
}

fn is_figure(value: &Value) -> bool {
    value.as_f64().is_some_and(|value| value.is_finite() && value > 0.0)
}

#[test]
#[ignore = "needs ptrace, and psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_short_run_has_every_figure() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["bench", "--short", "--format", "json", "--image"])
        .arg(support::image_path())
        .arg("--baseline")
        .arg(baseline())
        .output()
        .expect("psimp runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for name in of_calls(SPEEDS).chain(TIMES.iter().copied().map(str::to_owned)) {
        assert!(is_figure(&told["absolute"][&name]), "{name} is {}", told["absolute"][&name]);
    }
    // Instructions are counted by tracing a process, which some systems do not allow.
    assert_eq!(told["instructions_unavailable"], Value::Null);
    for name in of_calls(&RATIOS).chain(of_calls(COUNTS)).chain(WHOLES.iter().copied().map(str::to_owned)) {
        let figure = &told["compared"][&name];
        assert!(is_figure(&figure["now"]) && is_figure(&figure["then"]), "{name} is {figure}");
        assert!(figure["change"].is_f64(), "{name} is {figure}");
    }
    let count = |name: &str| told["compared"][name]["now"].as_f64().unwrap_or_default();
    for call in CALLS {
        let [driver, image] = ["driver", "image"].map(|of| count(&format!("{call}_{of}_instructions")));
        assert!(driver > 50.0, "{call}: the driver runs {driver} instructions");
        assert!(driver < image, "{call}: {driver} of {image}");
    }
    assert_eq!(told["goals"].as_array().map(Vec::len), Some(3));
    for goal in told["goals"].as_array().into_iter().flatten() {
        assert!(is_figure(&goal["now"]) && goal["reached"].is_boolean(), "{goal}");
    }
}

/// A report with figures of this size. Each call has others.
fn report(size: u32) -> Report {
    let of_call = |place: usize| size + 10 * u32::try_from(place).expect("few calls");
    let speed = |place: usize| {
        let (whole, place) = (f64::from(of_call(place)), f64::from(of_call(place) - size));
        Speed {
            one: whole * 1e3,
            two: whole * (1.9e3 + place),
            two_on_one_file: whole * (1.5e3 + place),
            model: whole * (6e3 + place),
            model_two: whole * 1e4,
        }
    };
    let counted = |place: usize| {
        let size = of_call(place);
        Instructions { driver: size, image: size * 12, model: size * 2 }
    };
    let section = |name: &str, memory| SectionSize { name: name.to_owned(), memory, file: 1024 };
    let time = |micros: u32| Duration::from_micros(u64::from(size * micros));
    Report {
        speeds: Call::ALL.into_iter().enumerate().map(|(place, call)| (call, speed(place))).collect(),
        instructions: Ok(Call::ALL
            .into_iter()
            .enumerate()
            .map(|(place, call)| (call, counted(place)))
            .collect()),
        sections: [section("text", 14_000), section("rsrc", 900)].into(),
        file: 28_672,
        starts: Starts { read: Duration::from_nanos(80_500), start: time(2), life: time(3) },
        wholes: Wholes { image: time(5_000), model: time(2_000), sweep: time(99_000), runs: 1_000 },
    }
}

#[test]
fn a_report_in_words() {
    let mut then = Baseline::of(&report(500));
    then.compared.remove("section_rsrc_bytes");
    then.version = "0.0.9".to_owned();
    support::compare("tests/golden/bench.txt", report(400).text(Some(&then)));
    let mut alone = report(400);
    alone.instructions = Err("not here".to_owned());
    let text = alone.text(None);
    assert!(text.contains("  cannot be counted here: not here\n"), "{text}");
    assert!(text.ends_with("\nThere is no earlier release to compare with.\n"), "{text}");
    assert!(!text.contains('('), "a change since nothing: {text}");
}

#[test]
#[ignore = "needs ptrace, and psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_short_run_is_printed() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["bench", "--short", "--image"])
        .arg(support::image_path())
        .arg("--baseline")
        .arg(baseline())
        .output()
        .expect("psimp runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = |title: &str| text.lines().filter(|line| line.trim_start().starts_with(title)).count();
    // Of each call: a speed, instructions and a ratio. QUERY is in two goals besides.
    let calls =
        ["QUERY ", "IMPERSONATE, kept", "IMPERSONATE, copied", "SAVE, RESTORE", "SERVE", "WORKER_CHECK"];
    assert_eq!(calls.map(lines), [5, 3, 3, 3, 3, 3], "{text}");
    let once =
        ["text ", "rdata ", "data ", "pdata ", "rsrc ", "reloc ", "the file ", "Goals", "In brackets: "];
    assert_eq!(once.map(lines), [1; 9], "{text}");
}

#[test]
fn the_committed_figures_are_complete() {
    let text = std::fs::read_to_string(baseline()).expect("a committed file");
    let told: Value = serde_json::from_str(&text).expect("one JSON object");
    assert!(told["version"].is_string());
    for name in of_calls(&RATIOS).chain(of_calls(COUNTS)).chain(WHOLES.iter().copied().map(str::to_owned)) {
        assert!(is_figure(&told["compared"][&name]), "{name} is {}", told["compared"][&name]);
    }
}

#[test]
fn without_an_image_it_says_how_to_get_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["bench", "--image", "no/such/psimp.sys"])
        .output()
        .expect("psimp runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cargo xtask build"));
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_rehearsed_device_is_measured_and_left_idle() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["bench", "--target", "device", "--rehearse", "--seconds", "1", "--format", "json", "--image"])
        .arg(support::image_path())
        .output()
        .expect("psimp runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.as_ref()), (Some(0), ""));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for figure in [
        "query_per_second",
        "query_two_threads_factor",
        "impersonate_revert_per_second",
        "set_thread_token_revert_to_self_per_second",
        "impersonate_revert_to_set_thread_token",
    ] {
        assert!(is_figure(&found["figures"][figure]), "{figure}: {found}");
    }
    assert_eq!((&found["refused"], &found["left"]), (&serde_json::json!({}), &serde_json::json!([])));
}
