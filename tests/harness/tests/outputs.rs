//! What a command writes never costs what it reads, and is tried before the work.
#![cfg(not(windows))]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod support;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder with a result `r.json`, and that file by other names.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("outputs").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("sub")).expect("a folder");
    let result = psimp(&folder, "run --filter N01 --format json", Stdio::piped());
    fs::write(folder.join("r.json"), result.stdout).expect("a result");
    symlink("r.json", folder.join("link")).expect("a link");
    fs::hard_link(folder.join("r.json"), folder.join("hard")).expect("a link");
    folder
}

fn psimp(folder: &PathBuf, line: &str, stdout: impl Into<Stdio>) -> Output {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    psimp.args(line.split_whitespace()).current_dir(folder).env_remove("PSIMP_SYS");
    psimp.stdout(stdout).output().expect("psimp runs")
}

fn refused(output: &Output, code: i32, words: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), message.as_ref()), (Some(code), words));
}

#[test]
fn an_input_is_not_overwritten_by_any_name() {
    let folder = folder("inputs");
    let before = fs::read(folder.join("r.json")).expect("a result");
    for (input, output) in [
        ("r.json", "r.json"),
        ("r.json", "./sub/../r.json"),
        ("r.json", "link"),
        ("r.json", "hard"),
        ("link", "hard"),
        ("/dev/stdin", "r.json"),
    ] {
        let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
        psimp.args(["report", "r.json", input, "--html", output]).current_dir(&folder);
        psimp.stdin(File::open(folder.join("r.json")).expect("a result"));
        let refused = psimp.output().expect("psimp runs");
        let message = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{input} {output}: {message}");
        assert!(message.contains(" would be overwritten"), "{message}");
        assert_eq!(fs::read(folder.join("r.json")).expect("a result"), before, "{input} {output}");
    }
    // A name that only looks the same is another file.
    assert_eq!(psimp(&folder, "report r.json --html sub/r.json", Stdio::piped()).status.code(), Some(0));
}

#[test]
fn standard_output_is_no_other_file_of_the_command() {
    let folder = folder("standard");
    let append =
        |name: &str| OpenOptions::new().append(true).create(true).open(folder.join(name)).expect("a file");
    let before = fs::read(folder.join("r.json")).expect("a result");
    let output = psimp(&folder, "report r.json", append("r.json"));
    refused(&output, 2, "psimp: standard output is the same file as the input r.json\n");
    assert_eq!(fs::read(folder.join("r.json")).expect("a result"), before);
    let output = psimp(&folder, "run --filter N01 --format json --report page", append("page"));
    refused(&output, 2, "psimp: page is also standard output and would be overwritten\n");
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn an_image_is_not_overwritten() {
    let folder = folder("image");
    fs::copy(support::image_path(), folder.join("x.sys")).expect("an image");
    symlink("x.sys", folder.join("image")).expect("a link");
    let before = fs::read(folder.join("x.sys")).expect("an image");
    for line in [
        "run --target image --image x.sys --filter N01 --report image",
        "run --target device --rehearse --image x.sys --filter N01 --report image",
        "survey --target image --image x.sys --html image",
    ] {
        let words = "psimp: image is the same file as the input x.sys, and would be overwritten\n";
        refused(&psimp(&folder, line, Stdio::piped()), 2, words);
        assert_eq!(fs::read(folder.join("x.sys")).expect("an image"), before, "{line}");
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn what_a_rehearsal_leaves_hides_no_output_that_is_lost() {
    let folder = folder("untidy");
    fs::copy(support::image_path(), folder.join("x.sys")).expect("an image");
    // The case does not get to the server process, which the rehearsal tells as something left.
    let line = "run --target device --rehearse --image x.sys --filter P01 --inject dies --report /dev/full";
    let output = psimp(&folder, line, Stdio::piped());
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{message}");
    assert!(message.contains("psimp: cannot write /dev/full: No space left on device"), "{message}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_work() {
    let folder = folder("unwritable");
    let output = psimp(&folder, "run --filter N01 --report no/page.html", Stdio::piped());
    refused(&output, 4, "psimp: cannot write no/page.html: No such file or directory (os error 2)\n");
    assert!(output.stdout.is_empty(), "nothing ran");
    refused(
        &psimp(&folder, "report r.json --html sub", Stdio::piped()),
        4,
        "psimp: cannot write sub: it is a folder\n",
    );
    let words = "psimp: cannot write the pages into r.json: it is a file, no folder\n";
    refused(&psimp(&folder, "man r.json", Stdio::piped()), 4, words);
    fs::create_dir(folder.join("sub/psimp.1")).expect("a folder");
    refused(
        &psimp(&folder, "man sub", Stdio::piped()),
        4,
        "psimp: cannot write sub/psimp.1: it is a folder\n",
    );
    let left: Vec<_> = fs::read_dir(folder.join("sub")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "no page is left: {left:?}");
}

#[test]
fn a_full_disk_is_told_too() {
    let folder = folder("full");
    let full = || OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let words = "No space left on device (os error 28)\n";
    for line in [
        "list",
        "explain D13",
        "run --filter N01",
        "run --filter N01 --format json",
        "report r.json",
        "man",
        "demo",
    ] {
        refused(&psimp(&folder, line, full()), 4, &format!("psimp: cannot write standard output: {words}"));
    }
    let output = psimp(&folder, "run --filter N01 --report /dev/full", Stdio::piped());
    refused(&output, 4, &format!("psimp: cannot write /dev/full: {words}"));
}

#[test]
fn a_file_holds_what_it_held_if_there_is_nothing_to_write() {
    let folder = folder("kept");
    fs::write(folder.join("page"), "an older page").expect("a file");
    for (page, line) in [("page", "report none.json --html page"), ("new", "report none.json --html new")] {
        assert_eq!(psimp(&folder, line, Stdio::piped()).status.code(), Some(2));
        assert_eq!(folder.join(page).exists(), page == "page");
    }
    assert_eq!(fs::read_to_string(folder.join("page")).expect("a file"), "an older page");
    // A longer one is replaced as a whole.
    fs::write(folder.join("page"), "x".repeat(1 << 20)).expect("a file");
    assert_eq!(psimp(&folder, "report r.json --html page", Stdio::piped()).status.code(), Some(0));
    assert!(fs::read_to_string(folder.join("page")).expect("a file").ends_with("</html>"));
}

#[test]
fn what_is_no_result_is_told_in_words() {
    let folder = folder("no-results");
    let run = fs::read_to_string(folder.join("r.json")).expect("a result");
    let written = |line: &str| {
        let output = psimp(&folder, line, Stdio::piped());
        String::from_utf8(output.stdout).expect("a text")
    };
    let cut = run.get(..run.len() / 2).expect("a text").to_owned();
    let cut_at = cut.len();
    for (text, why) in [
        (cut, format!("it ends at line 1 column {cut_at}, before its JSON does")),
        (
            run.trim_end().repeat(2),
            format!(
                "its JSON ends before line 1 column {}, and something else follows",
                run.trim_end().len() + 1
            ),
        ),
        (written("list --format json"), "`psimp list --format json` wrote it".to_owned()),
        (written("explain D13 --format json"), "`psimp explain --format json` wrote it".to_owned()),
        (written("explain --token= --format json"), "`psimp explain --format json` wrote it".to_owned()),
        (
            r#"{"sites":1,"runs":1,"failures":0,"leaks":0}"#.to_owned(),
            "`psimp faults --format json` wrote it".to_owned(),
        ),
        (r#"{"total":1,"caught":[]}"#.to_owned(), "`psimp mutants --format json` wrote it".to_owned()),
        (
            r#"{"seconds":1.0,"threads":2,"torn":0}"#.to_owned(),
            "`psimp soak --format json` wrote it".to_owned(),
        ),
        (
            r#"{"target":"device","seconds":1.0,"figures":{},"refused":{},"left":[]}"#.to_owned(),
            "`psimp bench --format json` wrote it".to_owned(),
        ),
        (
            r#"{"process":{"pid":1,"name":"x"},"threads":[]}"#.to_owned(),
            "`psimp show --format json` wrote it".to_owned(),
        ),
        (
            r#"{"installed":false,"loaded":false,"state":"none"}"#.to_owned(),
            "`psimp driver --format json` wrote it".to_owned(),
        ),
    ] {
        fs::write(folder.join("x.json"), text).expect("a file");
        let words = format!("psimp: x.json is no result of `psimp run --format json`: {why}\n");
        refused(&psimp(&folder, "report x.json", Stdio::piped()), 2, &words);
    }
}
