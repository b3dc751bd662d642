//! The program's commands from outside: exit codes and what they print.

use psimp_rules::Kernel;
use std::process::{Command, Output};

fn psimp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(arguments)
        .env_remove("PSIMP_SYS")
        .output()
        .expect("psimp runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_run_on_the_model_passes_and_says_so() {
    let output = psimp(&["run", "--filter", "N"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("13 passed, 0 failed, 0 skipped, 13 total"), "{}", stdout(&output));
}

#[test]
fn json_of_a_run_is_one_object_with_the_counts() {
    let output =
        psimp(&["run", "--filter", "D", "--kernel", "nt52", "--rules", "kernel", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["target"], "model");
    assert_eq!(object["kernel"], "nt52");
    assert_eq!(object["rules"], "kernel");
    assert!(object["image"].is_null());
    assert_eq!(object["summary"], serde_json::json!({"passed": 62, "failed": 0, "skipped": 0, "total": 62}));
}

#[test]
fn a_target_that_is_not_here_exits_3_and_says_how_to_get_it() {
    for (arguments, advice) in [
        (&["run", "--target", "device"][..], "psimp.sys loaded on Windows"),
        (&["run", "--target", "device"], "`psimp driver install` and `psimp driver start`"),
        (&["run", "--target", "native"], "API of Windows"),
        (&["run", "--target", "image", "--image", "no/such/psimp.sys"], "cargo xtask build"),
        (&["demo", "--target", "device"], "`psimp driver install` and `psimp driver start`"),
        (&["demo", "--target", "image", "--image", "no/such/psimp.sys"], "cargo xtask build"),
        (&["show", "4"], "Windows"),
        (&["driver", "status"], "Windows"),
        (&["driver", "install", "--image", "no/such/psimp.sys"], "Windows"),
        (&["impersonate"], "Windows"),
    ] {
        let output = psimp(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {message}");
        assert!(message.contains(advice), "{arguments:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
    }
}

#[test]
fn a_demo_prints_its_page_and_passes() {
    let output = psimp(&["demo"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = stdout(&output);
    assert!(text.contains("psimp demo, target model, kernel win10, rules documented\n"), "{text}");
    assert!(text.ends_with("\nEvery step had the expected outcome.\n"), "{text}");
}

#[test]
fn wrong_words_exit_2() {
    for arguments in [
        &["demo", "--target", "native"][..],
        &["run", "--kernel", "nt4"],
        &["run", "--filter", "no such words"],
        &["explain", "D99"],
        &["frobnicate"],
    ] {
        assert_eq!(psimp(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn list_counts_the_cases() {
    let text = stdout(&psimp(&["list"]));
    assert!(text.contains("  D42  restricted tokens: SR takes A2 at Impersonation\n"), "{text}");
    assert!(text.ends_with(&format!("\n{} cases\n", psimp_catalogue::cases().len())), "{text}");
}

#[test]
fn a_case_that_cannot_run_is_skipped_with_what_it_needs() {
    let output = psimp(&["run", "--filter", "C11", "--filter", "O15", "--filter", "U08"]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for words in [
        "0 passed, 0 failed, 3 skipped, 3 total",
        "needs Windows: the copy's descriptor is to be measured there",
        "needs the kernel nt52: a defect of ReactOS",
        "needs named pipes: Windows",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

#[test]
fn a_seed_replays_one_schedule_and_shows_it() {
    let one = psimp(&["run", "--filter", "Z02", "--seed", "0x2A"]);
    assert_eq!(one.status.code(), Some(0));
    assert!(stdout(&one).contains("seed 0x2a, "), "{}", stdout(&one));
    let schedule = String::from_utf8_lossy(&one.stderr);
    assert!(schedule.starts_with("Z02, seed 0x2a\n") && schedule.contains("T3: QUERY"), "{schedule}");
    // 42 in decimal.
    assert_eq!(psimp(&["run", "--filter", "Z02", "--seed", "42"]).stderr, one.stderr);
    assert_eq!(psimp(&["run", "--filter", "D13", "--seed", "42"]).status.code(), Some(2));
    assert_eq!(psimp(&["run", "--filter", "Z02", "--seed", "0xZ"]).status.code(), Some(2));
}

#[test]
fn explain_shows_what_threads_do_and_how_it_may_end() {
    let text = stdout(&psimp(&["explain", "Z07"]));
    for words in [
        "At the same time, on T1\n  1. OpenThreadToken of T2 as itself: imp/2 all or 7C\n",
        "At the same time, on T2\n  1. REVERT\n",
        "Ends on nt52\n  T2 copy of A2 imp/2 co0 eo0 L2; references A2 +0, under some schedule\n",
        "Ends on other kernels\n  T2 idle; references A2 +0",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert_eq!(text.matches("as expected").count(), 2 * Kernel::NT.len());
}

#[test]
fn explain_shows_what_a_script_does_on_which_thread() {
    let text = stdout(&psimp(&["explain", "O14"]));
    for words in [
        "  1. on T2\n      1. impersonate A2 at level 2, copy-on-open\n",
        "  3. on T2, when a token is next duplicated\n      1. revert\n      2. look: slot idle\n",
        "nt52         kernel       as expected: copy of A2 imp/2 co0 eo0 L2",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
}

#[test]
fn explain_speaks_in_words() {
    for id in [
        "A08", "B04", "B13", "B20", "C05", "J04", "K33", "M03", "N12", "O10", "R06", "S12", "T13", "U13",
        "X10", "X14", "Z01", "Z08",
    ] {
        let text = stdout(&psimp(&["explain", id]));
        for shape in ["Program(", "Judge(", "Context(", "Object(", "Memory(", " { ", "Flags(", "Some(", "Of("]
        {
            assert!(!text.contains(shape), "{id} has {shape}:\n{text}");
        }
    }
}

#[test]
fn explain_shows_setup_rules_and_outcomes_for_every_profile() {
    let text = stdout(&psimp(&["explain", "d42"]));
    for words in [
        "server SR   primary, user S-1-5-21-1000-2000-3000-1001",
        "PsImpersonateClient(thread, A2, CopyOnOpen FALSE, EffectiveOnly FALSE, level 2)",
        "DOC          expected C1, decided C1: level below threshold → anonymous logon → user SID → restricted denies",
        "UM           expected K2, decided K2",
        "nt52         kernel       as expected: copied at 1: restricted",
        "restricted             server Restricted, token None",
        "origin session         server's logon 0xa1, token's origin 0x3e7",
        "Peios        expected --, decided RestrictedServer: token type → level below threshold → restricted server denies",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert_eq!(text.matches("as expected").count(), 2 * Kernel::NT.len());
}
