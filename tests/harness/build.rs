//! Tells psimp the commit that it is built from, for the results that it writes.

use std::path::Path;
use std::process::Command;

/// What the results and VERSION of psimp.sys have of a commit.
const DIGITS: usize = 16;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PSIMP_BUILD_ID");
    // `cargo xtask build` gives it, as to psimp.sys; elsewhere it is asked of git, if this is a clone.
    let given = std::env::var("PSIMP_BUILD_ID").ok();
    if let Some(commit) = given.or_else(of_git).filter(|commit| is_commit(commit)) {
        println!("cargo::rustc-env=PSIMP_COMMIT={commit}");
    }
}

/// Zeros stand for an unknown one.
fn is_commit(id: &str) -> bool {
    id.len() == DIGITS
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        && id.bytes().any(|byte| byte != b'0')
}

fn of_git() -> Option<String> {
    // A copy of the sources can be below another clone, whose commit is not theirs.
    if git(&["rev-parse", "--show-prefix"])? != "tests/harness/" {
        return None;
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // One that is not there would be taken for changed each time.
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])?.get(..DIGITS).map(str::to_owned)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}
