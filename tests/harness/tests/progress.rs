//! The progress bar, which is shown on a terminal only.

mod support;

use std::process::{Command, Output};
use support::image_path;

const RUN: &[&str] = &["run", "--filter", "Z"];

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
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn pipes_get_none_from_work_on_an_image() {
    let path = image_path();
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
    use super::RUN;
    use crate::support::image_path;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    /// What psimp writes to a terminal, made by `script` of util-linux, and to a file as its standard
    /// output.
    fn on_a_terminal(name: &str, arguments: &[&str], variable: Option<(&str, &str)>) -> (String, String) {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let line = format!("{} {} > {}", env!("CARGO_BIN_EXE_psimp"), arguments.join(" "), file.display());
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]).stdin(Stdio::null());
        script.env_remove("CI").env("TERM", "xterm").envs(variable);
        let output = script.output().expect("script of util-linux runs");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let file = std::fs::read_to_string(file).expect("standard output");
        (String::from_utf8_lossy(&output.stdout).into_owned(), file)
    }

    #[test]
    #[ignore = "needs a terminal, which script of util-linux makes"]
    fn a_terminal_has_the_bar_and_standard_output_does_not() {
        let (screen, file) = on_a_terminal("bar", RUN, None);
        assert!(screen.contains(" of 16  Z02"), "{screen:?}");
        assert!(file.contains("0 failed") && !file.contains('\u{1b}') && !file.contains("[="), "{file}");
    }

    #[test]
    #[ignore = "needs a terminal, which script of util-linux makes"]
    fn ci_and_dumb_terminals_have_none() {
        for variable in [("CI", "true"), ("TERM", "dumb")] {
            let (screen, _) = on_a_terminal(variable.0, RUN, Some(variable));
            assert_eq!(screen, "", "{variable:?}");
        }
    }

    #[test]
    #[ignore = "needs a terminal and psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
    fn long_work_on_an_image_has_one_too() {
        let path = image_path();
        let path = path.to_str().expect("UTF-8");
        for (arguments, words) in [
            (&["faults", "--filter", "D13", "--image", path][..], " of 1"),
            (&["soak", "--seconds", "1", "--image", path], "make random calls"),
        ] {
            let (screen, file) = on_a_terminal(arguments[0], arguments, None);
            assert!(screen.contains(words), "{screen:?}");
            assert!(!file.contains('\u{1b}'), "{file}");
        }
    }
}
