//! The progress bar, which is shown on a terminal only.

use std::path::PathBuf;
use std::process::{Command, Output};

const RUN: &[&str] = &["run", "--filter", "Z"];

/// The image that the environment names.
fn image() -> Option<PathBuf> {
    let path = std::env::var_os("PSIMP_SYS").map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: PSIMP_SYS names no image; `cargo xtask test` builds it");
    }
    path
}

fn piped(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_psimp")).args(arguments).env_remove("CI").output().expect("psimp runs")
}

#[test]
fn pipes_get_none() {
    let output = piped(RUN);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn pipes_get_none_from_work_on_an_image() {
    let Some(path) = image() else { return };
    let path = path.to_str().expect("UTF-8");
    for arguments in [
        &["run", "--target", "image", "--filter", "D", "--image", path][..],
        &["faults", "--filter", "D13", "--image", path],
        &["soak", "--seconds", "1", "--image", path],
    ] {
        let output = piped(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(!output.stdout.contains(&0x1B), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
mod terminal {
    use super::{RUN, image};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    /// What psimp writes to a terminal, made by `script` of util-linux, and to a file as its standard
    /// output.
    fn on_a_terminal(
        name: &str,
        arguments: &[&str],
        variable: Option<(&str, &str)>,
    ) -> Option<(String, String)> {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let line = format!("{} {} > {}", env!("CARGO_BIN_EXE_psimp"), arguments.join(" "), file.display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
        script.env_remove("CI").env("TERM", "xterm").envs(variable);
        let output = match script.output() {
            Ok(output) => output,
            Err(error) => {
                eprintln!("skipped: no script of util-linux here: {error}");
                return None;
            }
        };
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("failed to create pseudo-terminal") {
            eprintln!("skipped: this system makes no terminals: {complaint}");
            return None;
        }
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let file = std::fs::read_to_string(file).expect("standard output");
        Some((String::from_utf8_lossy(&output.stdout).into_owned(), file))
    }

    #[test]
    fn a_terminal_has_the_bar_and_standard_output_does_not() {
        let Some((screen, file)) = on_a_terminal("bar", RUN, None) else { return };
        assert!(screen.contains(" of 16  Z02"), "{screen:?}");
        assert!(file.contains("0 failed") && !file.contains('\u{1b}') && !file.contains("[="), "{file}");
    }

    #[test]
    fn ci_and_dumb_terminals_have_none() {
        for variable in [("CI", "true"), ("TERM", "dumb")] {
            let Some((screen, _)) = on_a_terminal(variable.0, RUN, Some(variable)) else { return };
            assert_eq!(screen, "", "{variable:?}");
        }
    }

    #[test]
    fn long_work_on_an_image_has_one_too() {
        let Some(path) = image() else { return };
        let path = path.to_str().expect("UTF-8");
        for (arguments, words) in [
            (&["faults", "--filter", "D13", "--image", path][..], " of 1"),
            (&["soak", "--seconds", "1", "--image", path], "make random calls"),
        ] {
            let Some((screen, file)) = on_a_terminal(arguments[0], arguments, None) else { return };
            assert!(screen.contains(words), "{screen:?}");
            assert!(!file.contains('\u{1b}'), "{file}");
        }
    }
}
