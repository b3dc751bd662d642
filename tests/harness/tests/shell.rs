//! Shell completions and manual pages.

use clap::CommandFactory;
use psimp_harness::cli::Cli;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The names of the commands that the help shows, or of the others.
fn commands(visible: bool) -> impl Iterator<Item = String> {
    let all = Cli::command();
    let named = all.get_subcommands().filter(|command| command.is_hide_set() != visible);
    named.map(|command| command.get_name().to_owned()).collect::<Vec<_>>().into_iter()
}

fn psimp(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_psimp")).args(arguments).output().expect("psimp runs")
}

fn stdout(arguments: &[&str]) -> String {
    let output = psimp(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// An empty folder for a test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Whether `text` has `word` with no letter, digit or hyphen beside it.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|other| other == word)
}

#[cfg(unix)]
#[test]
#[ignore = "needs bash"]
fn bash_completes_with_its_script() {
    let script = folder("completions").join("psimp.bash");
    fs::write(&script, stdout(&["completions", "bash"])).expect("a script");
    // Bash's completions after `psimp` and these words, the last of which is incomplete.
    let offered = |words: &str| {
        let line = format!(
            "source {}; COMP_WORDS=(psimp {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _psimp psimp \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &line]).output().expect("bash runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let output = Command::new("bash").arg("-n").arg(&script).output().expect("bash runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(offered("exp"), "explain");
    assert_eq!(offered("run --kernel n"), "nt52");
    assert_eq!(offered("explain --proc"), "--process");
    for command in commands(true) {
        assert_eq!(offered(&command), command);
    }
    for command in commands(false) {
        assert_eq!(offered(&command), "", "{command}");
    }
}

#[test]
fn the_main_page_names_the_visible_commands() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH psimp 1"), "{page}");
    assert!(page.contains("3  the target is not available here"), "{page}");
    // Roff writes a hyphen as `\-`.
    let page = page.replace("\\-", "-");
    for command in commands(true) {
        assert!(page.contains(&format!("psimp-{command}(1)")), "{command}:\n{page}");
    }
    for command in commands(false) {
        assert!(!has_word(&page, &format!("psimp-{command}")), "{command}:\n{page}");
    }
}

#[test]
fn a_folder_gets_a_page_for_each_command() {
    let folder = folder("man").join("man1");
    stdout(&["man", folder.to_str().expect("UTF-8")]);
    let files = fs::read_dir(&folder).expect("pages");
    let mut names: Vec<_> =
        files.map(|file| file.expect("a page").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    let mut expected: Vec<_> = commands(true).map(|command| format!("psimp-{command}.1")).collect();
    expected.push("psimp.1".to_owned());
    expected.sort();
    assert_eq!(names, expected);
    let page = fs::read_to_string(folder.join("psimp-explain.1")).expect("a page");
    assert!(page.contains("SeImpersonatePrivilege: enabled, there but disabled, or not there"), "{page}");
}
