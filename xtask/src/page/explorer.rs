//! The explorer's page in a browser: every row of group D, every control by keyboard, and how it looks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use psimp_catalogue::{
    Body, ClientToken, Column, DecisionRow, Fixture, Logon, Privilege, ServerToken, User, cases,
};
use psimp_nt::{Level, TokenType};
use psimp_rules::{PROFILES, Restriction};
use serde::Deserialize;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{expect, quiet};
use crate::exec;
use crate::harness::Profile;
use crate::workspace::Workspace;

/// Follows a link, and returns what each profile's row then shows: its name, decision and rule, and the two for the level
/// that was asked for where the profile's callers cannot choose it.
const ASK: &str = "(async (fragment) => {
  if (location.hash !== fragment) {
    const asked = new Promise((done) => addEventListener('hashchange', done, { once: true }));
    location.hash = fragment;
    await asked;
  }
  if (document.getElementById('answer').hidden) return [];
  const text = (row, part) => row.querySelector(part)?.innerText ?? null;
  return Array.from(document.querySelectorAll('#profiles tbody tr'), (row) => ({
    name: row.querySelector('th').firstChild.data,
    decision: text(row, '.decision'),
    rule: text(row, 'td + td .rule'),
    asked: text(row, '.asked .decision'),
    asked_rule: text(row, '.asked .rule'),
  }));
})";

/// The texts that are hard to read, by the ratio that WCAG 2 asks of level AA.
const FAINT: &str = "(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (part) => (part <= 10.31 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const behind = (element) => {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    return colour.length === 3 || colour[3] > 0 ? colour : behind(element.parentElement);
  };
  const hasText = (element) =>
    element.matches('input, select') || Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
  const ratio = (element) => {
    const both = [numbers(getComputedStyle(element).color), behind(element)].map(luminance);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
  const seen = Array.from(document.body.querySelectorAll('*')).filter((element) => element.checkVisibility() && hasText(element));
  const faint = seen.filter((element) => ratio(element) < 4.5);
  return { seen: seen.length, faint: faint.map((element) => `${element.outerHTML.slice(0, 80)}: ${ratio(element).toFixed(2)}`) };
})()";

/// What ends right of the window.
const OUTSIDE: &str = "((width) => Array.from(document.body.querySelectorAll('*'))
  .filter((element) => element.getBoundingClientRect().right > width).slice(0, 3).map((element) => element.outerHTML.slice(0, 80)))";

/// What can be reached by keyboard: of radio buttons the one that is chosen.
const REACHABLE: &str =
    "Array.from(document.querySelectorAll('a[href], button, input, select, summary, [tabindex]'))
  .filter((element) => element.checkVisibility() && (element.type !== 'radio' || element.checked))";

/// Checks the page.
pub(crate) fn check(workspace: &Workspace, page: &Path) -> Result<()> {
    let folder = workspace.target.join("page");
    exec::create_dir(&folder)?;
    alone(&exec::read(page)?, &workspace.build_id)?;
    let mut browser = Browser::start(&folder)?;
    browser.look(1280, "light")?;
    let time = first_answer(&mut browser, page)?;
    let cells = group_d(&mut browser).context("group D")?;
    eprintln!(
        "{} bytes, first answer after {time:.0} ms, {cells} cells as in the catalogue",
        fs::metadata(page)?.len()
    );
    let examples = examples(&mut browser)?;
    commands(workspace, &mut browser, &examples)?;
    keyboard(&mut browser, page)?;
    names(&mut browser)?;
    wrong_question(&mut browser)?;
    for (width, scheme, name) in [
        (1280, "light", "light"),
        (1280, "dark", "dark"),
        (390, "light", "phone"),
        (390, "dark", "phone-dark"),
    ] {
        browser.look(width, scheme)?;
        look(&mut browser, width).with_context(|| format!("{width} pixels, {scheme}"))?;
        ask(&mut browser, &examples[0])?;
        let picture = folder.join(format!("explorer-{name}.png"));
        browser.picture(&picture)?;
        eprintln!("{}", picture.display());
    }
    quiet(&browser)
}

/// The page names its version, and nothing outside of itself.
fn alone(page: &str, build_id: &str) -> Result<()> {
    for way in ["src=", "<link", "@import", "url(", "http://", "https://", "{{"] {
        ensure!(!page.contains(way), "the page has {way}");
    }
    ensure!(page.contains("content=\"default-src 'none'; "), "the page has no policy");
    let version = format!("psimp {}, build {build_id}", env!("CARGO_PKG_VERSION"));
    ensure!(page.contains(&version), "the page does not say {version}");
    Ok(())
}

/// Opens it, and returns after how many milliseconds it answered.
fn first_answer(browser: &mut Browser, page: &Path) -> Result<f64> {
    browser.open(page)?;
    let answered = "performance.getEntriesByName('first answer')";
    expect(browser, &format!("{answered}.length"), &json!(1))?;
    browser.evaluate(&format!("{answered}[0].startTime"))?.as_f64().context("it has no time")
}

/// Asks every row of the catalogue's group D, and compares each cell with the literal there. Returns how many.
fn group_d(browser: &mut Browser) -> Result<usize> {
    let (mut rows, mut cells) = (0, 0);
    for case in cases() {
        let Body::Decision(row) = case.body else { continue };
        rows += 1;
        let shown = ask(browser, &fragment(row))?;
        let first = "document.getElementById('first').innerText";
        ensure!(!shown.is_empty(), "{}: no answer, but {}", row.id, browser.evaluate(first)?);
        ensure!(shown.len() == PROFILES.len(), "{}: {} profiles", row.id, shown.len());
        for (profile, shown) in PROFILES.iter().zip(shown) {
            ensure!(shown.name == profile.name, "{}: {shown:?} is in the place of {}", row.id, profile.name);
            let Some(expected) = row.column(profile) else { continue };
            // The catalogue's columns are the rule alone, at the level of the row.
            let decision = shown.asked.as_ref().unwrap_or(&shown.decision);
            let rule = shown.asked_rule.as_ref().unwrap_or(&shown.rule);
            let right = match expected {
                Column::K(level) => *decision == format!("kept at {}", name(level)),
                Column::C(level, because) => {
                    *decision == format!("a copy at {}", name(level)) && rule == because.name()
                }
            };
            ensure!(right, "{} in {}: expected {expected:?}, the page shows {shown:?}", row.id, profile.name);
            cells += 1;
        }
    }
    // The five columns, and that of recent builds.
    ensure!(rows == 62 && cells == rows * 6, "{rows} rows, {cells} cells");
    Ok(cells)
}

/// The name of a level of the catalogue.
fn name(level: u8) -> &'static str {
    Level::from_raw(level.into()).map_or("no level", Level::name)
}

/// A row of the page's table.
#[derive(Debug, Deserialize)]
struct Shown {
    name: String,
    decision: String,
    rule: String,
    asked: Option<String>,
    asked_rule: Option<String>,
}

fn ask(browser: &mut Browser, fragment: &str) -> Result<Vec<Shown>> {
    let shown = browser.evaluate(&format!("{ASK}({fragment:?})"))?;
    serde_json::from_value(shown).context("the page shows no table")
}

/// The question of a row, as a link has it.
fn fragment(row: &DecisionRow) -> String {
    let token = row.token.fixture();
    let primary = token.token_type == TokenType::Primary;
    let usual = if primary { ClientToken::Ap0 } else { ClientToken::A2 };
    let mut facts = said(&token, &usual.fixture());
    if primary {
        facts.push("type=primary".to_owned());
    }
    let server = said(&row.server.fixture(), &ServerToken::S.fixture());
    format!("#process={}&token={}&level={}", server.join(","), facts.join(","), row.level)
}

/// What has to be said of a fixture that is like another but for some facts.
fn said(fixture: &Fixture, usual: &Fixture) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |is: bool, fact: String| {
        if is {
            said.push(fact);
        }
    };
    let name = if fixture.user == User::Anonymous { "anonymous" } else { fixture.user.name() };
    say(fixture.user != usual.user, format!("user={name}"));
    let own = match fixture.user {
        User::A => Logon::A1,
        User::B => Logon::B1,
        User::Anonymous => Logon::Anonymous,
    };
    let filtered = fixture.logon == Logon::A1Filtered;
    say(filtered, "filtered".to_owned());
    say(fixture.logon != own && !filtered, format!("logon={:#x}", fixture.logon.luid().0));
    let level = if fixture.token_type == TokenType::Primary { "recorded" } else { "level" };
    say(fixture.level != usual.level, format!("{level}={}", fixture.level.name()));
    say(fixture.restriction == Restriction::Restricted, "restricted".to_owned());
    say(fixture.restriction == Restriction::WriteRestricted, "write-restricted".to_owned());
    say(fixture.impersonate == Privilege::Enabled, "privilege=SeImpersonate".to_owned());
    say(fixture.impersonate == Privilege::Disabled, "privilege=disabled".to_owned());
    say(fixture.origin == Logon::A1, "origin=server".to_owned());
    // Implied by some of the others, and not always so in the catalogue.
    say(true, format!("integrity={:#x}", fixture.integrity));
    say(fixture.elevated, "elevated".to_owned());
    say(fixture.package.is_some(), format!("package={}", fixture.package.map_or(0, |package| package.id)));
    say(fixture.session != usual.session, format!("session={}", fixture.session));
    said
}

/// The command that the page shows for an example answers as the page does.
fn commands(workspace: &Workspace, browser: &mut Browser, examples: &[String]) -> Result<()> {
    for link in examples {
        let shown = ask(browser, link)?;
        let [command, first] =
            ["command", "first"].map(|id| format!("document.getElementById('{id}').innerText"));
        let command = browser.evaluate(&command)?;
        let words = shlex::split(command.as_str().unwrap_or_default()).unwrap_or_default();
        ensure!(words.first().is_some_and(|word| word == "psimp"), "{link}: {command} is no command");
        let mut psimp = Profile::Dev.command(workspace);
        let answer = exec::stdout(psimp.args(&words[1..]).args(["--format", "json"]))?;
        let answer: Value = serde_json::from_str(&answer).context("psimp explain printed no JSON")?;
        ensure!(answer["answer"] == browser.evaluate(&first)?, "{command}: the page begins otherwise");
        let profiles = answer["profiles"].as_array().with_context(|| format!("{command} has no answer"))?;
        let text = |profile: &Value, key: &str| profile[key].as_str().unwrap_or_default().to_owned();
        let rules: Vec<_> = profiles.iter().map(|one| [text(one, "profile"), text(one, "rule")]).collect();
        let here: Vec<_> = shown.into_iter().map(|row| [row.name, row.rule]).collect();
        ensure!(rules == here, "{command}: {rules:?}, the page shows {here:?}");
    }
    Ok(())
}

/// The links of the page's examples.
fn examples(browser: &mut Browser) -> Result<Vec<String>> {
    let links =
        browser.evaluate("Array.from(document.querySelectorAll('#presets a'), (link) => link.hash)")?;
    let links: Vec<_> = serde_json::from_value(links)?;
    ensure!(links.len() >= 6, "the page has the examples {links:?}");
    Ok(links)
}

/// The Tab key reaches everything in the order of the page, with a mark around it, and an arrow key changes the answer.
fn keyboard(browser: &mut Browser, page: &Path) -> Result<()> {
    browser.open(page)?;
    expect(browser, "document.getElementById('answer').hidden", &json!(false))?;
    let count = browser.evaluate(&format!("{REACHABLE}.length"))?.as_u64().context("a number")?;
    ensure!(count > 30, "{count} controls and links");
    for place in 0..count {
        browser.press("Tab", 9)?;
        let here = format!("{REACHABLE}.indexOf(document.activeElement)");
        let reached = browser.evaluate(&here)?;
        let mark = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")?;
        ensure!(
            reached == place && mark == "solid",
            "Tab {place} reaches {reached}: {}; its outline is {mark}",
            browser.evaluate("document.activeElement.outerHTML")?
        );
    }
    browser.evaluate("document.getElementById('token-restricted').focus()")?;
    browser.press("ArrowDown", 40)?;
    expect(browser, "location.hash", &json!("#token=restricted"))?;
    let doc = |part: &str| format!("document.querySelector('#profiles tbody {part}').innerText");
    expect(browser, &doc(".decision"), &json!("a copy at Identification"))?;
    expect(browser, &doc(".was"), &json!("was kept at Impersonation"))
}

/// Everything that can be used has a name for those who do not see it, and the answer is read out when it changes.
fn names(browser: &mut Browser) -> Result<()> {
    let told = browser.told()?;
    let roles = ["button", "checkbox", "combobox", "link", "radio", "textbox"];
    let used: Vec<_> = told.iter().filter(|(role, _)| roles.contains(&role.as_str())).collect();
    let nameless: Vec<_> = used.iter().filter(|(_, name)| name.trim().is_empty()).collect();
    ensure!(used.len() > 30 && nameless.is_empty(), "{} controls, without a name: {nameless:?}", used.len());
    ensure!(told.iter().any(|(role, _)| role == "status"), "no part of the page is read out");
    Ok(())
}

/// What cannot be asked is told, and no answer stays that is not to it.
fn wrong_question(browser: &mut Browser) -> Result<()> {
    ask(browser, "#token=user=%3Cimg%20src%3Dx%3E")?;
    expect(browser, "document.getElementById('answer').checkVisibility()", &json!(false))?;
    expect(browser, "document.getElementById('first').innerText.includes('<img src=x>')", &json!(true))?;
    expect(browser, "document.querySelectorAll('img').length", &json!(0))
}

/// Nothing sticks out, and all can be read.
fn look(browser: &mut Browser, width: u32) -> Result<()> {
    for question in [
        "#",
        "#process=package=1&token=user=S-1-5-21-3623811015-3361044348-30300820-1013,origin=server,elevated",
    ] {
        ask(browser, question)?;
        // Not `innerWidth`, which grows with what is too wide on a phone.
        let wide = browser.evaluate("document.documentElement.scrollWidth")?;
        let out = browser.evaluate(&format!("{OUTSIDE}({width})"))?;
        ensure!(
            wide.as_u64().is_some_and(|wide| wide <= width.into()),
            "{question}: {wide} pixels wide: {out}"
        );
        let found = browser.evaluate(FAINT)?;
        ensure!(
            found["seen"].as_u64() > Some(50) && found["faint"] == json!([]),
            "{question}: hard to read: {found}"
        );
    }
    Ok(())
}
