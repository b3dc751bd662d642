//! The output of commands that measure or search an image, compared with files in `golden/` except
//! for the figures, which differ between runs.

mod support;

use std::path::Path;
use std::process::Command;
use support::{compare, image_path};

/// Text without figures, widths of columns, and lines that are then repetitions.
fn shape(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(line_shape).collect();
    lines.dedup();
    lines.join("\n") + "\n"
}

fn line_shape(line: &str) -> String {
    let indent = line.len() - line.trim_start().len();
    let words: Vec<_> = line.split_whitespace().map(word_shape).collect();
    format!("{:indent$}{}", "", words.join(" "))
}

fn word_shape(word: &str) -> String {
    if word.starts_with("STATUS_") {
        return "STATUS".to_owned();
    }
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return word.to_owned();
    }
    format!("#{}", word.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.'))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The output of a command, which must succeed.
fn told(arguments: &[&str], image: &Path) -> String {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    let output = psimp.args(arguments).arg("--image").arg(image).output().expect("psimp runs");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn figures_have_no_digits() {
    assert_eq!(
        shape("  QUERY   495465  4.53:\n  refused  12  STATUS_A\n  refused  7  STATUS_B_C\n"),
        "  QUERY # #:\n  refused # STATUS\n"
    );
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn faults_tells_what_it_searched() {
    let image = image_path();
    compare("tests/golden/faults.txt", shape(&told(&["faults", "--filter", "D13"], &image)));
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn soak_tells_what_came() {
    let image = image_path();
    compare("tests/golden/soak.txt", shape(&told(&["soak", "--seconds", "1"], &image)));
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_rehearsed_soak_leaves_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .args(["soak", "--target", "device", "--rehearse", "--seconds", "1", "--image"])
        .arg(image_path())
        .output()
        .expect("psimp runs");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let told = text(&output.stdout);
    assert!(
        told.ends_with("torn slots          0\nunexpected answers  0\nleaks               0\n"),
        "{told}"
    );
}
