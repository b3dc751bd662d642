//! What psimp.exe's survey of Wine says, and what it does not.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Wine;
use crate::exec;

/// How many decisions the user mode of Debian 12's Wine can be asked for.
const ASKED: u64 = 4;

/// Surveys this Wine by system calls alone, which is the default there.
pub(crate) fn check(wine: &Wine) -> Result<()> {
    let json = exec::stdout(wine.psimp().args(["survey", "--format", "json"]))?;
    let survey: Value = serde_json::from_str(&json).context("the survey is no JSON")?;
    let windows = &survey["windows"];
    ensure!(survey["target"] == "native" && survey["kernel"].is_null(), "it asked another kernel: {json}");
    ensure!(
        windows["build"].as_u64() > Some(0) && windows["wine"].is_string(),
        "it does not know Wine: {windows}"
    );
    ensure!(windows["hypervisor_enforced_integrity"] == false, "Wine has no hypervisor: {windows}");
    let asked = survey["asked"].as_u64().unwrap_or(0);
    // A Wine with less support would be asked less.
    ensure!(asked >= ASKED, "{asked} decisions were asked, {ASKED} were before");
    // Names as Windows programs get them. One of a few letters could be a part of any word.
    let names = exec::stdout(wine.wine().args(["cmd", "/c", "echo %USERNAME% %USERDOMAIN% %COMPUTERNAME%"]))?;
    let names: Vec<_> = names.split_whitespace().filter(|name| name.len() > 3).collect();
    let told = names.iter().find(|name| json.to_lowercase().contains(&name.to_lowercase()));
    ensure!(told.is_none(), "it tells the name {told:?}: {json}");
    ensure!(!json.contains("S-1-5-21-"), "it tells the SID of an account: {json}");
    Ok(())
}
