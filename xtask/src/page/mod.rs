//! The pages that `psimp run --report` and `psimp report --html` write, in a browser.

mod browser;
pub(crate) mod explorer;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use browser::{Browser, MOMENT};
use psimp_rules::Kernel;

use crate::exec;
use crate::harness::Profile;
use crate::workspace::Workspace;

/// Sets a filter, with the event that a user's choice causes.
const CHOOSE: &str = "((name, value) => { const list = document.forms[0].elements[name]; list.value = value; \
                      list.dispatchEvent(new Event('change', { bubbles: true })); })";
/// How many rows can be seen, and of which groups they are.
const ROWS: &str =
    "Array.from(document.querySelectorAll('#matrix tr[data-group]')).filter(r => r.checkVisibility())";
/// How many cases have a part of their own that can be seen.
const PARTS: &str =
    "Array.from(document.querySelectorAll('#cases details')).filter(d => d.checkVisibility()).length";

/// Text that would be visible, or run, if it were not escaped.
const HOSTILE: &str = "</script><script>throw 1</script><img src=x onerror='throw 2'><b id=hostile>\"&amp;";

/// Checks both pages.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let folder = workspace.target.join("page");
    exec::create_dir(&folder)?;
    let cases = cases(workspace)?;
    let run = run_page(workspace, &folder)?;
    let compared = compared_page(workspace, &folder)?;
    let mut browser = Browser::start(&folder)?;
    let size = fs::metadata(&run)?.len();
    eprintln!("{} cases, a page of {size} bytes", cases.len());
    with_scripts(&mut browser, &run, &cases).context("the page of a run")?;
    differences(&mut browser, &compared).context("the page of differences")?;
    without_scripts(&mut browser, &run, &cases).context("the page of a run, without scripts")
}

/// The ids of all cases.
fn cases(workspace: &Workspace) -> Result<Vec<String>> {
    let list = exec::stdout(Profile::Optimized.command(workspace).args(["list", "--format", "json"]))?;
    let list: Value = serde_json::from_str(&list).context("the harness printed no list")?;
    let cases = list["cases"].as_array().context("the harness lists no cases")?;
    Ok(cases.iter().filter_map(|case| case["id"].as_str()).map(ToOwned::to_owned).collect())
}

/// The page of all settings on the model.
fn run_page(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("run.html");
    let mut psimp = Profile::Optimized.command(workspace);
    psimp.args(["run", "--kernel", "all", "--rules", "all", "--report"]);
    let brief = exec::stdout(psimp.arg(&path))?;
    ensure!(
        brief.lines().count() == SETTINGS,
        "the harness should report {SETTINGS} settings, but prints\n{brief}"
    );
    Ok(path)
}

/// Every kernel under two rules modes.
const SETTINGS: usize = 2 * Kernel::ALL.len();

/// The page of two results, in one of which a case failed and another is not there.
fn compared_page(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let (one, other, path) =
        (folder.join("one.json"), folder.join("other.json"), folder.join("differences.html"));
    let mut psimp = Profile::Optimized.command(workspace);
    let result = exec::stdout(psimp.args(["run", "--filter", "N", "--filter", "D1", "--format", "json"]))?;
    fs::write(&one, &result)?;
    let mut result: Value = serde_json::from_str(&result).context("the harness printed no result")?;
    let cases = result["cases"].as_array_mut().context("a result without cases")?;
    let place = cases.iter().position(|case| case["id"] == "D13").context("a result without D13")?;
    cases.pop().context("a result of nothing")?;
    let failed = json!({ "what": HOSTILE, "expected": HOSTILE, "observed": HOSTILE, "rule": HOSTILE });
    cases[place] =
        json!({ "id": "D13", "title": HOSTILE, "status": "failed", "ms": 1, "mismatches": [failed] });
    let passed = cases.len() - 1;
    result["summary"] = json!({ "passed": passed, "failed": 1, "skipped": 0, "total": passed + 1 });
    fs::write(&other, result.to_string())?;
    let mut psimp = Profile::Optimized.command(workspace);
    let output = psimp.arg("report").args([&other, &one]).arg("--html").arg(&path).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(1) && text.contains("\n2 of ") && text.contains("\nD13  "),
        "psimp report ended with {} and said\n{text}",
        output.status
    );
    Ok(path)
}

fn with_scripts(browser: &mut Browser, page: &Path, cases: &[String]) -> Result<()> {
    browser.open(page)?;
    everything(browser, cases)?;
    let shown = "document.forms[0].elements.shown.value";
    expect(browser, shown, &json!(format!("{0} of {0} cases", cases.len())))?;

    let group = cases.iter().filter(|id| id.starts_with('D')).count();
    browser.evaluate(&format!("{CHOOSE}('group', 'D')"))?;
    expect(browser, &format!("{ROWS}.map(r => r.dataset.group).join('')"), &json!("D".repeat(group)))?;
    expect(browser, PARTS, &json!(group))?;
    expect(browser, shown, &json!(format!("{group} of {} cases", cases.len())))?;
    // Every kernel but Peios can carry out every decision.
    browser.evaluate(&format!("{CHOOSE}('outcome', 'FAIL')"))?;
    expect(browser, &format!("{ROWS}.length"), &json!(0))?;
    browser.evaluate(&format!("{CHOOSE}('outcome', 'skip')"))?;
    expect(browser, &format!("{ROWS}.length"), &json!(group))?;
    browser.evaluate(&format!("{CHOOSE}('group', '')"))?;
    browser.evaluate(&format!("{CHOOSE}('outcome', '')"))?;
    everything(browser, cases)?;

    browser.click("#matrix a[href='#case-D42']")?;
    expect(browser, "document.getElementById('case-D42').open", &json!(true))?;
    expect(
        browser,
        "document.querySelector('#case-D42 pre').innerText.includes('restricted')",
        &json!(true),
    )?;
    quiet(browser)
}

fn without_scripts(browser: &mut Browser, page: &Path, cases: &[String]) -> Result<()> {
    browser.allow_scripts(false)?;
    browser.open(page)?;
    everything(browser, cases)?;
    expect(browser, "document.getElementById('filter').checkVisibility()", &json!(false))?;
    let text = "document.querySelector('#case-D42 pre')";
    expect(browser, &format!("{text}.checkVisibility()"), &json!(false))?;
    browser.click("#case-D42 summary")?;
    expect(browser, &format!("{text}.checkVisibility()"), &json!(true))?;
    browser.allow_scripts(true)?;
    quiet(browser)
}

fn differences(browser: &mut Browser, page: &Path) -> Result<()> {
    browser.open(page)?;
    let found =
        "Array.from(document.querySelectorAll('#differences article a')).map(a => a.innerText).join(' ')";
    expect(browser, found, &json!("D13 N13"))?;
    let first =
        "document.getElementById('differences').compareDocumentPosition(document.getElementById('matrix'))";
    // Node.DOCUMENT_POSITION_FOLLOWING
    expect(browser, first, &json!(4))?;
    expect(browser, "document.querySelectorAll('#hostile, img').length", &json!(0))?;
    expect(browser, "document.querySelector('#differences dd').innerText", &json!(HOSTILE))?;
    for (outcome, id) in [("FAIL", "D13"), ("absent", "N13")] {
        browser.evaluate(&format!("{CHOOSE}('outcome', '{outcome}')"))?;
        expect(browser, &format!("{ROWS}.map(r => r.querySelector('a').innerText).join(' ')"), &json!(id))?;
    }
    quiet(browser)
}

/// Every case has a row with a cell for each setting, and a part of its own, and all can be seen.
fn everything(browser: &mut Browser, cases: &[String]) -> Result<()> {
    let rows = format!("{ROWS}.map(r => r.querySelector('a').innerText).join(' ')");
    expect(browser, &rows, &json!(cases.join(" ")))?;
    let cells = format!("{ROWS}.every(r => r.querySelectorAll('td').length === {SETTINGS})");
    expect(browser, &cells, &json!(true))?;
    expect(browser, PARTS, &json!(cases.len()))?;
    let links = format!("{ROWS}.every(r => document.getElementById(r.querySelector('a').hash.slice(1)))");
    expect(browser, &links, &json!(true))
}

/// Waits until an expression has this value: a page needs time to react.
fn expect(browser: &mut Browser, expression: &str, expected: &Value) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let value = browser.evaluate(expression)?;
        if value == *expected {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{expression} is {value}, not {expected}");
        thread::sleep(MOMENT);
    }
}

/// No script failed, and nothing was fetched.
fn quiet(browser: &Browser) -> Result<()> {
    let complaints = browser.complaints();
    ensure!(complaints.is_empty(), "Chromium complains: {complaints:#?}");
    Ok(())
}
