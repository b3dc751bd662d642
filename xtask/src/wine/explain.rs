//! `psimp explain` of running tokens under Wine.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Wine;
use super::show::Subject;
use crate::exec;

/// Checks the facts that are read of a process, and of a thread that impersonates its own user.
pub(crate) fn check(wine: &Wine) -> Result<()> {
    for level in [1, 2] {
        let subject = Subject::start(wine, level)?;
        let (process, token) = (format!("pid:{}", subject.pid), format!("tid:{}", subject.tid));
        let text = exec::stdout(wine.psimp().args([
            "explain",
            "--process",
            &process,
            "--token",
            &token,
            "--format",
            "json",
        ]))?;
        let answer: Value = serde_json::from_str(&text).context("psimp explain printed no JSON")?;
        read(&answer, level).with_context(|| format!("psimp explain at level {level} prints {answer}"))?;
        subject.end()?;
    }
    for (arguments, words) in [
        (["--process", "pid:3"], "there is no process 3"),
        (["--process", "tid:3"], "there is no thread 3"),
        (["--token", "tid:3"], "the token that thread 3 impersonates cannot be read"),
    ] {
        let output = wine.psimp().arg("explain").args(arguments).output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1) && message.contains(words), "{arguments:?}: {message}");
    }
    Ok(())
}

fn read(answer: &Value, level: u32) -> Result<()> {
    let (process, token) = (&answer["process"], &answer["token"]);
    // Wine gives every user this SID.
    ensure!(process["user"] == "S-1-5-21-0-0-0-1000" && process["type"] == "primary", "another process");
    ensure!(token["type"] == "impersonation" && token["level"] == level, "another token");
    for same in ["user", "logon", "session", "integrity", "elevated"] {
        ensure!(process[same] == token[same], "another {same} than the process");
    }
    ensure!(answer["level"] == level, "at another level than the token's own");
    let kept = |profile: &&Value| profile["profile"] == "W10" && profile["verdict"] == "kept";
    ensure!(answer["profiles"].as_array().is_some_and(|all| all.iter().any(|one| kept(&one))), "not kept");
    // What Wine does not have is named, whatever that is.
    ensure!(answer["not_read"].is_array() && answer["implied"] == json!([]), "facts are implied");
    Ok(())
}
