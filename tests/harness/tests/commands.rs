//! The help of each command, its output, and its error messages, compared with files in
//! `golden/`.

mod support;

use clap::CommandFactory;
use psimp_catalogue::{Case, cases};
use psimp_harness::cli::Cli;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::{fs, iter};
use support::{compare, image_path};

fn psimp(arguments: &[&str]) -> Output {
    command(arguments).output().expect("psimp runs")
}

fn command(arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    psimp.args(arguments);
    // They change the width of the help, the image and the colours.
    for variable in ["COLUMNS", "LINES", "PSIMP_SYS", "CLICOLOR_FORCE"] {
        psimp.env_remove(variable);
    }
    psimp
}

/// Text that is the same on every system.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace("psimp.exe", "psimp")
}

#[test]
fn each_visible_command_explains_itself() {
    let all = Cli::command();
    let visible = all.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
    let mut files = BTreeSet::new();
    for name in iter::once("psimp").chain(visible) {
        let arguments = [name, "--help"];
        let output = psimp(&arguments[usize::from(name == "psimp")..]);
        assert_eq!((output.status.code(), plain(&output.stderr).as_str()), (Some(0), ""), "{name}");
        compare(&format!("tests/golden/help/{name}.txt"), plain(&output.stdout));
        files.insert(OsString::from(format!("{name}.txt")));
    }
    let kept = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help"));
    let kept = kept.expect("golden files").map(|file| file.expect("a file").file_name());
    assert_eq!(kept.collect::<BTreeSet<_>>(), files, "the golden files, and those compared");
}

/// Each command's help says what its exit codes mean: those of the hidden commands too.
#[test]
fn every_command_has_its_exit_codes() {
    let all = Cli::command();
    for command in all.get_subcommands() {
        let help = plain(&psimp(&[command.get_name(), "--help"]).stdout);
        let codes = help.split("Exit codes:\n").nth(1).unwrap_or_default();
        assert!(codes.contains("  0  ") && codes.contains("  2  "), "{}: {help}", command.get_name());
    }
}

/// Questions that are invalid.
#[cfg(not(windows))]
fn wrong_questions() -> Vec<(i32, Vec<&'static str>)> {
    let line = |code, line: &'static str| (code, line.split_whitespace().collect());
    vec![
        line(2, "explain --level 4"),
        line(2, "explain --level -1"),
        line(2, "explain --token usr=B"),
        line(2, "explain --token user"),
        line(2, "explain --token user=C"),
        line(2, "explain --token user=S-1-5-x"),
        line(2, "explain --token user=A,user=B"),
        line(2, "explain --token user=A,,restricted"),
        line(2, "explain --token logon=mine"),
        line(2, "explain --token type=thread"),
        line(2, "explain --token level=4"),
        line(2, "explain --token restricted=perhaps"),
        line(2, "explain --token elevated,filtered"),
        line(2, "explain --token type=primary,level=2"),
        line(2, "explain --token package=1,parent=1"),
        line(2, "explain --token privilege=SeDelegateSessionUserImpersonate"),
        line(2, "explain --token pid:x"),
        line(2, "explain D13 --profile W10"),
        line(2, "explain --token user=B --profile W11"),
        line(2, "explain --token restricted,write-restricted"),
        line(2, "explain --token privilege=SeDebug"),
        line(2, "explain --token origin=client"),
        line(2, "explain --token integrity=tall"),
        line(2, "explain --token package=-1"),
        line(2, "explain --token parent=1"),
        line(2, "explain --token session=4294967296"),
        line(2, "explain --process type=impersonation"),
    ]
}

/// Command lines that are invalid, or request what is not available here, with their exit codes.
#[cfg(not(windows))]
fn wrong() -> Vec<(i32, Vec<&'static str>)> {
    let line = |code, line: &'static str| (code, line.split_whitespace().collect());
    vec![
        line(2, "walk"),
        line(2, "rnu"),
        line(2, "run --target moon"),
        line(2, "run --kernel nt4"),
        line(2, "run --kernel win10,"),
        line(2, "run --rules none"),
        line(2, "run --format xml"),
        line(2, "run --filter="),
        line(2, "run --filter Q99"),
        line(2, "run --filter D13 --filter nosuch --filter Q"),
        line(2, "run --filter D13,D14"),
        line(2, "run --filter D13-D16"),
        line(2, "run --filter D*"),
        line(2, "list --filter D13 --filter nosuch"),
        line(2, "faults --filter D13;D14 --image no/such/psimp.sys"),
        line(2, "run --filter Z01 --seed -1"),
        line(2, "run --kernel peios --filter Z01 --seed 1"),
        line(2, "run --image no/such/psimp.sys"),
        line(2, "run --target MODEL --image no/such/psimp.sys"),
        line(2, "run --target device --image no/such/psimp.sys"),
        line(2, "run --target native --rules kernel"),
        line(2, "run --target device --seed 1"),
        line(2, "run --target native --kernel all --report no/such/page.html"),
        line(2, "list --target native --rules kernel"),
        line(2, "demo --image no/such/psimp.sys"),
        line(2, "demo --target device --kernel nt52"),
        line(2, "driver start --image no/such/psimp.sys"),
        line(2, "bench-steps --model --image no/such/psimp.sys"),
        line(2, "run --filter D13 --seed 1"),
        line(2, "run --seed x"),
        line(2, "run D13"),
        line(2, "list --format junit"),
        line(2, "report --html p.html"),
        line(2, "demo --target native"),
        line(2, "survey --target native --kernel win10"),
        line(2, "show"),
        line(2, "show 640/"),
        line(2, "show 0x10"),
        line(2, "driver"),
        line(2, "driver restart"),
        line(2, "completions tcsh"),
        line(2, "explain"),
        line(2, "explain D99"),
        line(2, "explain D13 --token user=B"),
        line(2, "soak --threads 0"),
        line(2, "faults --replay D13:nonsense"),
        line(2, "faults --replay D13:9f3a12c4 --kernel nt52"),
        line(2, "faults --replay D13:9f3a12c4 --filter D13"),
        line(2, "mutants"),
        line(3, "mutants --image-dir no/such"),
        line(2, "show -1"),
        line(2, "soak --seconds -1"),
        line(2, "soak --seconds 0"),
        line(2, "soak --threads 0x100"),
        line(2, "bench --target device --seconds 1e3"),
        line(2, "run --target native --patience 0"),
        line(2, "run --target native --patience 1h"),
        line(2, "explain D13,D14"),
        line(2, "explain D"),
        line(2, "explain D-13"),
        line(2, "explain ,"),
        line(2, "report no/such/result.json --html -"),
        line(2, "impersonate --level 4"),
        line(3, "run --target image --image no/such/psimp.sys"),
        line(3, "demo --target image --image no/such/psimp.sys"),
        line(3, "faults --image no/such/psimp.sys"),
        line(3, "soak --image no/such/psimp.sys"),
        line(3, "run --target device"),
        line(3, "run --target native"),
        line(3, "demo --target device"),
        line(3, "survey --target device"),
        line(3, "survey --target native"),
        line(3, "survey --target image --image no/such/psimp.sys"),
        line(3, "show self"),
        line(3, "explain --process pid:640 --token tid:812"),
        line(3, "driver status"),
        line(3, "impersonate"),
        line(3, "native-server"),
        line(3, "native-wait"),
        line(4, "run --filter D13 --report no/such/page.html"),
        line(4, "run --filter D13 --report ."),
        line(4, "report no/such/result.json --html no/such/page.html"),
        line(4, "man /dev/null/pages"),
        line(4, "man /dev/null"),
    ]
}

#[cfg(not(windows))]
#[test]
fn what_is_wrong_is_told() {
    let mut text = String::new();
    for (code, arguments) in wrong().into_iter().chain(wrong_questions()) {
        let output = psimp(&arguments);
        let message = plain(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!message.is_empty(), "{arguments:?}");
        let _ = writeln!(text, "$ psimp {}\n{message}exit {code}\n", arguments.join(" "));
    }
    compare("tests/golden/messages.txt", text);
}

/// Valid command lines, with their exit codes. The results `documented.json` and `win10.json`
/// exist, and `older.json`, which is the second by an earlier psimp.
const RIGHT: &[(i32, &str)] = &[
    (0, "list --filter N"),
    (0, "list --filter D13"),
    (0, "list --filter d13 --target DEVICE --kernel NT52 --rules Kernel"),
    (0, "list --filter D13 --target model --rules kernel"),
    (0, "list --filter X1 --target device --kernel nt52"),
    (0, "list --filter A17 --target device"),
    (0, "list --filter A17 --target device --rules kernel"),
    (0, "explain N03"),
    (0, "explain D42"),
    (0, "explain B04"),
    (0, "explain K33"),
    (0, "explain L09"),
    (0, "explain O14"),
    (0, "explain U05"),
    (0, "explain Z16"),
    (0, "explain --process privilege=SeImpersonate --token user=B,level=impersonation,restricted"),
    (0, "explain --token user=A --level identification"),
    (0, "run --filter N01 --filter D13 --filter P01"),
    (0, "run --filter C11 --filter O15 --filter U08"),
    (1, "report documented.json win10.json"),
    (0, "report win10.json older.json"),
];

#[cfg(not(windows))]
#[test]
fn what_is_right_is_answered() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answers");
    fs::create_dir_all(&folder).expect("a folder");
    for kernel in ["documented", "win10"] {
        let result =
            psimp(&["run", "--kernel", kernel, "--rules", "kernel", "--filter", "D4", "--format", "json"]);
        fs::write(folder.join(format!("{kernel}.json")), result.stdout).expect("a result");
    }
    let older = fs::read_to_string(folder.join("win10.json")).expect("a result");
    let (_, rest) = older.split_once(",\"target\"").expect("a target");
    let origin = r#"{"psimp":{"version":"0.0.9","commit":"26328fe6d3b0c442"}"#;
    fs::write(folder.join("older.json"), format!("{origin},\"target\"{rest}")).expect("a result");
    let mut text = String::new();
    for &(code, line) in RIGHT {
        let arguments: Vec<_> = line.split_whitespace().collect();
        let output = command(&arguments).current_dir(&folder).output().expect("psimp runs");
        assert_eq!(output.status.code(), Some(code), "{line}: {}", plain(&output.stderr));
        let said = plain(&output.stderr) + &timeless(&plain(&output.stdout));
        let _ = writeln!(text, "$ psimp {line}\n{said}exit {code}\n");
    }
    compare("tests/golden/answers.txt", text);
}

/// The text without durations, and without the version and the commit of this psimp.
fn timeless(text: &str) -> String {
    let lines =
        text.lines().map(|line| match (line.split_once(" total in "), line.split_once(" is of psimp ")) {
            (Some((counts, _)), _) => format!("{counts} total in TIME\n"),
            (_, Some((run, origin))) if !origin.contains("0.0.9") => format!("{run} is of psimp HERE\n"),
            _ => format!("{line}\n"),
        });
    lines.collect()
}

/// Closes the pipe early, like `psimp explain Z16 | head -1`.
#[cfg(not(windows))]
#[test]
fn who_has_read_enough_may_stop() {
    for line in ["list", "explain Z16", "run", "demo --target model", "completions bash", "man"] {
        may_stop(command(&words(line)));
    }
}

#[cfg(not(windows))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn who_has_read_enough_of_an_image_may_stop() {
    for line in ["faults --filter N01 --image", "soak --seconds 1 --image"] {
        let mut psimp = command(&words(line));
        psimp.arg(image_path());
        may_stop(psimp);
    }
}

#[cfg(not(windows))]
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[cfg(not(windows))]
fn may_stop(mut psimp: Command) {
    let mut running = psimp.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("psimp starts");
    drop(running.stdout.take());
    let output = running.wait_with_output().expect("psimp ends");
    assert_eq!((output.status.code(), plain(&output.stderr).as_str()), (Some(0), ""), "{psimp:?}");
}

#[test]
fn a_seed_replays_one_schedule_and_shows_it() {
    let one = psimp(&["run", "--filter", "Z02", "--seed", "0x2A"]);
    assert_eq!(one.status.code(), Some(0));
    assert!(plain(&one.stdout).contains("seed 0x2a, "), "{}", plain(&one.stdout));
    let schedule = plain(&one.stderr);
    assert!(schedule.starts_with("Z02, seed 0x2a\n") && schedule.contains("T3: QUERY"), "{schedule}");
    // 42 in decimal.
    assert_eq!(psimp(&["run", "--filter", "Z02", "--seed", "42"]).stderr, one.stderr);
}

#[test]
fn a_demo_prints_its_page_and_passes() {
    let output = psimp(&["demo"]);
    assert_eq!((output.status.code(), plain(&output.stderr).as_str()), (Some(0), ""));
    let text = plain(&output.stdout);
    assert!(text.contains("psimp demo, target model, kernel win10, rules documented\n"), "{text}");
    assert!(text.ends_with("\nEvery step had the expected outcome.\n"), "{text}");
}

#[test]
fn explain_speaks_in_words() {
    for Case { id, .. } in cases() {
        let text = plain(&psimp(&["explain", id]).stdout);
        let shapes =
            ["Program(", "Judge(", "Context(", "Object(", "Memory(", " { ", "Flags(", "Some(", "Of(", "0xC0"];
        for word in text.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            let notation = ["A5", "A6", "7C", "co0", "eo0", "co1", "eo1", "prim", "L0", "L1", "L2", "L3"];
            assert!(!notation.contains(&word) && !word.starts_with("imp/"), "{id} has {word}:\n{text}");
        }
        let once_more = [
            " 1 bytes",
            ": idle",
            "T1 idle",
            "open  of",
            "which is none",
            ") copy-on-open",
            "token of Identification at",
        ];
        for shape in shapes.into_iter().chain(once_more) {
            assert!(!text.contains(shape), "{id} has {shape}:\n{text}");
        }
    }
}
