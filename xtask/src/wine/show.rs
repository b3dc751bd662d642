//! `psimp show` under Wine, compared with what is known of the processes there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Wine;
use crate::exec;

/// Checks the output for processes that impersonate at three levels.
pub(crate) fn check(wine: &Wine) -> Result<()> {
    let user = exec::stdout(Command::new("id").arg("-un"))?;
    for (level, name) in [(1, "Identification"), (2, "Impersonation")] {
        let subject = Subject::start(wine, level)?;
        let view = Subject::show(wine, &subject.pid.to_string(), &["--groups", "--privileges"])?;
        impersonates(&view, &subject, name, user.trim())
            .with_context(|| format!("psimp show at level {level} prints {view}"))?;
        subject.end()?;
    }
    let text = exec::stdout(wine.psimp().args(["show", "self", "--format", "json"]))?;
    let view: Value = serde_json::from_str(&text).context("psimp show self printed no JSON")?;
    let idle = |thread: &Value| thread["impersonating"] == false;
    ensure!(
        view["process"]["token"]["type"] == "primary" && list(&view["threads"]).iter().all(idle),
        "psimp show self prints {view}"
    );
    let subject = Subject::start(wine, 0)?;
    let view = Subject::show(wine, &format!("{}/{}", subject.pid, subject.tid), &[])?;
    let thread = json!([{
        "tid": subject.tid,
        "impersonating": true,
        "level": "Anonymous",
        "token": null,
        "error": { "failed": "opening the token", "status": "STATUS_CANT_OPEN_ANONYMOUS" },
    }]);
    ensure!(view["threads"] == thread, "psimp show at level 0 prints {view}");
    absent(wine, &subject)?;
    subject.end()
}

/// Checks the view of a process with one thread that impersonates its own user.
fn impersonates(view: &Value, subject: &Subject, level: &str, user: &str) -> Result<()> {
    let process = &view["process"];
    let primary = &process["token"];
    ensure!(process["pid"] == subject.pid && process["name"] == "psimp.exe", "another process");
    ensure!(primary["type"] == "primary" && primary["level"].is_null(), "no primary token");
    let account = primary["user"]["name"].as_str().unwrap_or_default();
    ensure!(account.rsplit('\\').next() == Some(user), "another user than {user}");
    // Wine gives every user this SID.
    ensure!(primary["user"]["sid"] == "S-1-5-21-0-0-0-1000", "another SID");
    let everyone = |group: &Value| group["sid"] == "S-1-1-0" && group["enabled"] == true;
    ensure!(list(&primary["groups"]).iter().any(everyone), "not in Everyone");
    let named = |privilege: &Value| privilege["name"] == "SeImpersonatePrivilege";
    ensure!(list(&primary["privileges"]).iter().any(named), "no SeImpersonatePrivilege");

    let (own, others): (Vec<_>, Vec<_>) =
        list(&view["threads"]).iter().partition(|thread| thread["tid"] == subject.tid);
    ensure!(own.len() == 1 && !others.is_empty(), "not one such thread, or no other");
    let thread = own[0];
    ensure!(thread["impersonating"] == true && thread["level"] == level, "not at {level}");
    let token = &thread["token"];
    ensure!(token["type"] == "impersonation" && token["level"] == level, "another type or level of token");
    for same in ["user", "logon_id", "session", "integrity"] {
        ensure!(token[same] == primary[same], "another {same} than the process");
    }
    ensure!(token["token_id"] != primary["token_id"], "the same token");
    let idle = |thread: &&Value| thread["impersonating"] == false && thread["token"].is_null();
    ensure!(others.iter().all(idle), "other threads impersonate");
    Ok(())
}

/// A process or thread that does not exist is an error.
fn absent(wine: &Wine, subject: &Subject) -> Result<()> {
    // Ids are multiples of four.
    for (what, words) in
        [("3".to_owned(), "there is no process 3"), (format!("{}/3", subject.pid), "has no thread 3")]
    {
        let output = wine.psimp().args(["show", &what]).output()?;
        let message = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(1) && message.contains(words), "psimp show {what}: {message}");
        ensure!(output.stdout.is_empty(), "psimp show {what} shows something");
    }
    Ok(())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A psimp.exe that impersonates on a thread and waits.
pub(super) struct Subject {
    child: Child,
    pub(super) pid: u64,
    pub(super) tid: u64,
}

impl Subject {
    pub(super) fn start(wine: &Wine, level: u32) -> Result<Self> {
        let mut command = wine.psimp();
        command.args(["impersonate", "--level", &level.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("psimp impersonate printed no ids")?;
        let id = |key: &str| told[key].as_u64().with_context(|| format!("no {key} in {told}"));
        Ok(Self { pid: id("pid")?, tid: id("tid")?, child })
    }

    /// `psimp show` of it, by another process.
    fn show(wine: &Wine, what: &str, more: &[&str]) -> Result<Value> {
        let text = exec::stdout(wine.psimp().args(["show", what, "--format", "json"]).args(more))?;
        serde_json::from_str(&text).context("psimp show printed no JSON")
    }

    /// Lets it end, and checks that it does so by itself.
    pub(super) fn end(mut self) -> Result<()> {
        let status = self.child.wait().context("psimp impersonate does not end")?;
        ensure!(status.success(), "psimp impersonate ended with {status}");
        Ok(())
    }
}
