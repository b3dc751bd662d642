//! Runs side by side: the page, the differences, and results that are read back.

use std::process::{Command, Output};
use std::time::Duration;
use std::{env, fs};

use psimp_harness::cli::{Rules, Target};
use psimp_harness::report::html::Page;
use psimp_harness::report::{Format, Sheet, read, write};
use psimp_harness::result::{CaseResult, CaseStatus, ImageInfo, Mismatch, Origin, RunResult};
use psimp_rules::Kernel;

/// Text that would be read as HTML if it were not escaped.
const HOSTILE: &str = "</pre><script>alert(\"1 & 2\")</script>";
const ESCAPED: &str = "&lt;/pre&gt;&lt;script&gt;alert(&quot;1 &amp; 2&quot;)&lt;/script&gt;";

fn case(id: &str, status: CaseStatus) -> CaseResult {
    let title = format!("{id} & <others>");
    CaseResult { id: id.to_owned(), title, status, duration: Duration::from_micros(1_500) }
}

fn passed(words: &str) -> CaseStatus {
    CaseStatus::Passed(words.to_owned())
}

fn failed(text: &str) -> CaseStatus {
    let [what, expected, observed] = ["what", "expected", "observed"].map(|part| format!("{part} {text}"));
    CaseStatus::Failed(vec![Mismatch { what, expected, observed, rule: Some(format!("rule {text}")) }])
}

fn skipped(reason: &str) -> CaseStatus {
    CaseStatus::Skipped(reason.to_owned())
}

fn run(target: Target, cases: Vec<CaseResult>) -> RunResult {
    let image = ImageInfo { path: "target/psimp.sys".into(), sha256: "e3b0c442".to_owned() };
    let image = (target == Target::Image).then_some(image);
    let (kernel, rules) = (Kernel::Win10, Rules::Documented);
    let (psimp, rehearsed, duration) = (None, false, Duration::from_millis(6));
    RunResult { psimp, target, rehearsed, kernel, rules, image, cases, duration }
}

/// Two runs: D13 and U04 differ, N01 is only in the second, D22 is the same.
fn two() -> [(Option<String>, RunResult); 2] {
    let one = vec![
        case("D13", passed("copied at 1")),
        case("D22", passed("kept at 2")),
        case("U04", skipped("no")),
    ];
    let other = vec![
        case("D13", failed(HOSTILE)),
        case("D22", passed("kept at 2")),
        case("N01", passed("")),
        case("U04", skipped(HOSTILE)),
    ];
    [
        (Some("a.json".to_owned()), run(Target::Model, one)),
        (Some("b.json".to_owned()), run(Target::Image, other)),
    ]
}

fn page(runs: &[(Option<String>, RunResult)], compared: bool) -> String {
    let sheet = Sheet::new(runs);
    let told = |id: &str| (id != "N01").then(|| format!("{id} does {HOSTILE}"));
    let rule = |id: &str, run: &RunResult| (id == "D22").then(|| format!("{} <rule>", run.target));
    Page { title: "two & two", sheet: &sheet, compared, told: &told, rule: &rule }.to_html()
}

/// The part between two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from} is not in\n{text}"));
    rest.split_once(to).unwrap_or_else(|| panic!("{to} is not in\n{rest}")).0
}

#[test]
fn every_case_is_there_once_a_column_and_has_its_part() {
    let page = page(&two(), false);
    let matrix = between(&page, "<table id=\"matrix\">", "</table>");
    for (id, outcomes) in
        [("D13", ["ok", "FAIL"]), ("D22", ["ok", "ok"]), ("N01", ["absent", "ok"]), ("U04", ["skip", "skip"])]
    {
        let row = between(matrix, &format!("<a href=\"#case-{id}\">"), "</tr>");
        let cells: Vec<_> =
            row.match_indices("<td class=\"").map(|(at, start)| &row[at + start.len()..]).collect();
        assert_eq!(cells.len(), 2, "{id}: {row}");
        for (cell, outcome) in cells.iter().zip(outcomes) {
            // The class sets the colour; the word states the same outcome.
            assert!(cell.starts_with(&format!("{outcome}\">")), "{id}: {row}");
            assert!(cell.contains(&format!("</span> {outcome}</span>")), "{id}: {row}");
        }
        assert_eq!(page.matches(&format!("id=\"case-{id}\"")).count(), 1, "{id}");
    }
    assert_eq!(matrix.matches("<tr data-group=").count(), 4);
    assert!(matrix.contains("<th scope=\"col\">image win10 documented</th>"), "{matrix}");
}

#[test]
fn a_part_has_what_came_and_what_the_case_does() {
    let page = page(&two(), false);
    let part = |id: &str| between(&page, &format!("<details id=\"case-{id}\""), "</details>");
    let d13 = part("D13");
    for words in ["as expected: copied at 1", &format!("<pre>D13 does {ESCAPED}</pre>")] {
        assert!(d13.contains(words), "{words} is not in\n{d13}");
    }
    for (name, value) in
        [("where", "what"), ("expected", "expected"), ("observed", "observed"), ("rule", "rule")]
    {
        let words = format!("<dt>{name}</dt><dd>{value} {ESCAPED}</dd>");
        assert!(d13.contains(&words), "{words} is not in\n{d13}");
    }
    assert!(part("D22").contains("<p>decided by image &lt;rule&gt;</p>"), "{}", part("D22"));
    let n01 = part("N01");
    assert!(n01.contains("not asked for") && n01.contains("This psimp has no such case"), "{n01}");
    assert!(part("U04").contains(&format!("<td>{ESCAPED}</td>")), "{}", part("U04"));
}

#[test]
fn the_rule_that_decided_is_in_its_cell() {
    let page = page(&two(), false);
    let row = |id: &str| {
        let matrix = between(&page, "<table id=\"matrix\">", "</table>");
        between(matrix, &format!("<a href=\"#case-{id}\">"), "</tr>")
    };
    for rule in ["<small>model &lt;rule&gt;</small>", "<small>image &lt;rule&gt;</small>"] {
        assert!(row("D22").contains(rule), "{}", row("D22"));
    }
    // For a failed case it is the rule that the mismatch names.
    assert!(row("D13").contains(&format!("<small>rule {ESCAPED}</small>")), "{}", row("D13"));
    assert!(!row("U04").contains("<small>"));
}

#[test]
fn no_text_is_taken_for_html() {
    for compared in [false, true] {
        let page = page(&two(), compared);
        assert!(!page.contains(HOSTILE) && !page.contains("& <others>") && !page.contains("two & two"));
        assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
        assert!(page.contains("D13 &amp; &lt;others&gt;"));
    }
}

#[test]
fn nothing_is_fetched() {
    let page = page(&two(), true);
    for way in ["src=", "<link", "@import", "url(", "http://", "https://"] {
        assert!(!page.contains(way), "{way}");
    }
    assert!(page.contains("content=\"default-src 'none'; "));
}

#[test]
fn differences_come_first_and_are_all_there() {
    let page_of_run = page(&two(), false);
    assert!(!page_of_run.contains("id=\"differences\""));
    let page = page(&two(), true);
    let differences = between(&page, "<section id=\"differences\"", "</section>");
    let ids: Vec<_> = differences.split("<a href=\"#case-").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(ids, ["D13", "N01", "U04"]);
    assert!(differences.contains("<h2>3 of 4 cases differ</h2>"), "{differences}");
    assert!(page.find("id=\"differences\"") < page.find("id=\"matrix\""));
}

#[test]
fn a_filter_finds_groups_and_outcomes() {
    let page = page(&two(), false);
    for words in [
        "<option value=\"D\">D decision</option>",
        "<option value=\"absent\">",
        "<option value=\"differs\">",
        "<tr data-group=\"D\" data-outcomes=\"FAIL ok differs\">",
        "<tr data-group=\"D\" data-outcomes=\"ok\">",
        "<tr data-group=\"N\" data-outcomes=\"absent ok differs\">",
        "<tr data-group=\"U\" data-outcomes=\"skip differs\">",
    ] {
        assert!(page.contains(words), "{words} is not in\n{page}");
    }
}

#[test]
fn columns_that_look_alike_are_told_apart_by_their_files() {
    let mut runs = two();
    assert!(!page(&runs, true).contains("a.json"));
    runs[1].1.target = Target::Model;
    let page = page(&runs, true);
    for file in ["a.json", "b.json"] {
        assert!(
            page.contains(&format!("model win10 documented <span class=\"file\">{file}</span>")),
            "{file}"
        );
    }
}

#[test]
fn cases_are_in_the_order_of_the_catalogue_and_unknown_ones_last() {
    let mut runs = two();
    runs[0].1.cases = vec![case("Q99", passed("")), case("U04", passed("")), case("D13", passed(""))];
    let ids: Vec<_> = Sheet::new(&runs).rows.iter().map(|row| row.id).collect();
    assert_eq!(ids, ["D13", "D22", "N01", "U04", "Q99"]);
}

#[test]
fn runs_of_different_builds_are_told_apart() {
    let origin =
        |version: &str| Some(Origin { version: version.to_owned(), commit: Some("26328fe6d3b0c442".into()) });
    let mut runs = two();
    assert_eq!(Sheet::new(&runs).origins(), Vec::<String>::new());
    runs[1].1.psimp = origin("0.2.0");
    let told =
        ["run 1 is of a psimp that does not say its version", "run 2 is of psimp 0.2.0 (26328fe6d3b0c442)"];
    assert_eq!(Sheet::new(&runs).origins(), told);
    let text = Sheet::new(&runs).differences_as_text();
    assert!(
        text.contains(&format!(
            "\nthe runs do not come from the same builds:\n  {}\n  {}\n",
            told[0], told[1]
        )),
        "{text}"
    );
    assert!(page(&runs, true).contains(&format!("<li>{}</li>", told[1])));
    runs[0].1.psimp = origin("0.2.0");
    assert_eq!(Sheet::new(&runs).origins(), Vec::<String>::new());
    let image = |sha256: &str| Some(ImageInfo { path: "a.sys".into(), sha256: sha256.to_owned() });
    runs[0].1.image = image("e3b0c442");
    assert_eq!(Sheet::new(&runs).origins(), Vec::<String>::new());
    runs[0].1.image = image("00000000");
    let told = ["run 1 is of the image with SHA-256 00000000", "run 2 is of the image with SHA-256 e3b0c442"];
    assert_eq!(Sheet::new(&runs).origins(), told);
    assert!(!page(&runs, false).contains("same builds"));
}

#[test]
fn one_case_is_one() {
    let mut runs = two();
    for (_, run) in &mut runs {
        run.cases.retain(|case| case.id == "D13");
    }
    assert!(Sheet::new(&runs).differences_as_text().ends_with("\n1 of 1 case differs\n"));
}

#[test]
fn differences_in_text() {
    let text = Sheet::new(&two()).differences_as_text();
    let expected = format!(
        "\
1  model    win10        documented   2 passed, 0 failed, 1 skipped
2  image    win10        documented   2 passed, 1 failed, 1 skipped

D13  D13 & <others>
  1  ok      copied at 1
  2  FAIL    what {HOSTILE}: expected expected {HOSTILE}, observed observed {HOSTILE}

N01  N01 & <others>
  1  absent
  2  ok

U04  U04 & <others>
  1  skip    no
  2  skip    {HOSTILE}

3 of 4 cases differ
"
    );
    assert_eq!(text, expected);
}

fn json(run: &RunResult) -> String {
    let mut bytes = Vec::new();
    write(run, Format::Json, &mut bytes, false).expect("writing to memory");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

#[test]
fn what_is_written_is_read_back() {
    for (_, run) in two() {
        let text = json(&run);
        let back = read(text.as_bytes()).expect("a result");
        assert_eq!(json(&back), text);
    }
    let mut utf16 = vec![0xFF, 0xFE];
    utf16.extend(json(&two()[1].1).encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(read(&utf16).expect("a result").cases.len(), 4);
    utf16.pop();
    assert_eq!(read(&utf16).expect_err("half a character"), "it is no text");
    let marked = format!("\u{feff}{}", json(&two()[0].1));
    assert_eq!(read(marked.as_bytes()).expect("a result").cases.len(), 3);
}

#[test]
fn what_is_no_result_is_refused_with_a_reason() {
    let good = json(&two()[1].1);
    let wrong = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        read(good.replace(from, to).as_bytes()).expect_err(to)
    };
    for (from, to, reason) in [
        ("\"target\":\"image\",", "", "missing field `target`"),
        ("\"status\":\"passed\"", "\"status\":\"green\"", "unknown variant `green`"),
        ("\"ms\":1.5", "\"ms\":-1.5", "the time of the case D13"),
        ("\"ms\":1.5", "\"ms\":1.8e22", "the times of its cases are too long to add up"),
        ("\"id\":\"D22\"", "\"id\":\"D13\"", "it has the case D13 twice"),
        ("\"failed\":1", "\"failed\":0", "its summary is not that of its cases"),
        ("\"cases\":[", "\"cases\":", "expected"),
    ] {
        let message = wrong(from, to);
        assert!(message.contains(reason), "{to}: {message}");
    }
    assert_eq!(read(&[0x80]).expect_err("no UTF-8"), "it is no text");
    for (text, words) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("[]", "it is an array in JSON, no object"),
        (" [1, 2]", "it is an array in JSON, no object"),
        ("null", "it is null in JSON, no object"),
        ("7", "it is a number in JSON, no object"),
        ("\"run\"", "it is a string in JSON, no object"),
        ("D decision", "it is no JSON object"),
    ] {
        assert_eq!(read(text.as_bytes()).expect_err(text), words);
    }
    // Nothing is named as in the source.
    for (from, to) in [
        ("\"cases\":[", "\"cases\":[7,"),
        ("\"cases\":[", "\"cases\":[[],"),
        ("\"cases\":[", "\"cases\":7,\"more\":["),
        ("\"image\":{", "\"image\":7,\"more\":{"),
        ("\"summary\":{", "\"summary\":[],\"more\":{"),
        ("{\"target\"", "{\"psimp\":7,\"target\""),
        ("\"mismatches\":[", "\"mismatches\":[7,"),
    ] {
        let message = wrong(from, to);
        for name in ["struct", "enum", "element", "Run", "Outcome", "ImageInfo"] {
            assert!(!message.contains(name), "{to}: {message}");
        }
    }
}

fn psimp(arguments: &[&str]) -> Output {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    let folder = env::temp_dir();
    psimp.args(arguments).env_remove("PSIMP_SYS").current_dir(folder).output().expect("psimp runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of this test process only.
fn file(name: &str) -> String {
    let folder = env::temp_dir().join(format!("psimp-page-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder.join(name).to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_run_of_several_settings_makes_one_page() {
    let html = file("run.html");
    let filter = ["--filter", "D42", "--filter", "D01", "--filter", "P01", "--filter", "Z02"];
    let settings = ["run", "--kernel", "win10,nt52,peios", "--rules", "all", "--report", &html];
    let output = psimp(&[&settings[..], &filter].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.starts_with("model    win10        documented   "), "{text}");
    let page = fs::read_to_string(&html).expect("a page");
    let matrix = between(&page, "<table id=\"matrix\">", "</table>");
    assert_eq!(matrix.matches("<td class=").count(), 4 * 6);
    let rules = |id: &str| -> Vec<_> {
        let row = between(matrix, &format!("<a href=\"#case-{id}\">"), "</tr>");
        row.split("<small>").skip(1).filter_map(|rest| rest.split('<').next()).collect()
    };
    // The driver applies the documented rules first, and in the other mode only the kernel decides.
    assert_eq!(rules("D42"), ["DOC: restricted", "W10: restricted", "DOC: restricted", "NT52: restricted"]);
    let kept = ["DOC: no objection", "W10: no objection", "DOC: no objection", "NT52: no objection"];
    assert_eq!(rules("D01"), kept);
    let told = between(&page, "<details id=\"case-D42\"", "</details>");
    for words in [
        "the primary token SR calls PsImpersonateClient with the token A2",
        "NT52         a copy at Identification, ",
    ] {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    assert!(between(&page, "<details id=\"case-Z02\"", "</details>").contains("At the same time, on T2"));
}

#[test]
fn one_setting_with_a_report_prints_what_it_does_without() {
    let html = file("one.html");
    let mut with: serde_json::Value = serde_json::from_slice(
        &psimp(&["run", "--filter", "D13", "--format", "json", "--report", &html]).stdout,
    )
    .expect("JSON");
    let mut without: serde_json::Value =
        serde_json::from_slice(&psimp(&["run", "--filter", "D13", "--format", "json"]).stdout).expect("JSON");
    for result in [&mut with, &mut without] {
        result["cases"][0]["ms"] = 0.into();
    }
    assert_eq!(with, without);
    let page = fs::read_to_string(&html).expect("a page");
    assert!(page.contains("<h1>psimp: 1 case, 1 run</h1>"), "{}", &page[..2000]);
    let again = file("again.html");
    psimp(&["run", "--filter", "D13", "--report", &again]);
    assert!(page == fs::read_to_string(&again).expect("a page"), "the same run makes the same page");
}

#[test]
fn several_settings_need_a_report() {
    let html = file("refused.html");
    for arguments in [
        &["run", "--kernel", "all"][..],
        &["run", "--rules", "documented,kernel"],
        &["run", "--rules", "all", "--format", "json", "--report", &html],
    ] {
        let output = psimp(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains("need --report"), "{}", stderr(&output));
    }
    let output = psimp(&["run", "--filter", "D13", "--report", "no/such/folder/page.html"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("cannot write no/such/folder/page.html"), "{}", stderr(&output));
}

#[test]
fn results_are_put_side_by_side() {
    let [a, b, c] = ["a.json", "b.json", "c.json"].map(file);
    for (path, rules) in [(&a, "documented"), (&b, "documented"), (&c, "kernel")] {
        let output =
            psimp(&["run", "--filter", "D", "--kernel", "nt52", "--rules", rules, "--format", "json"]);
        fs::write(path, output.stdout).expect("a file");
    }
    let html = file("alike.html");
    let alike = psimp(&["report", &a, &b, "--html", &html]);
    assert_eq!(alike.status.code(), Some(0), "{}", stderr(&alike));
    assert!(stdout(&alike).ends_with("\n0 of 62 cases differ\n"), "{}", stdout(&alike));
    assert!(fs::read_to_string(&html).expect("a page").contains("<h2>0 of 62 cases differ</h2>"));
    let parted = psimp(&["report", &a, &c]);
    assert_eq!(parted.status.code(), Some(1));
    let text = stdout(&parted);
    assert!(
        text.contains("\n  1  ok      copied at 1: ") && text.contains("\n  2  ok      kept at 2\n"),
        "{text}"
    );
}

#[test]
fn a_file_that_is_no_result_exits_2_and_says_so() {
    let [good, list] = ["good.json", "list.json"].map(file);
    fs::write(&good, psimp(&["run", "--filter", "D13", "--format", "json"]).stdout).expect("a file");
    fs::write(&list, psimp(&["list", "--format", "json"]).stdout).expect("a file");
    for (path, reason) in [
        (list.as_str(), "is no result of `psimp run --format json`: `psimp list --format json` wrote it"),
        ("no/such", "cannot read no/such"),
    ] {
        let output = psimp(&["report", &good, path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        let message = stderr(&output);
        assert!(
            message.contains(reason) && message.contains(path) && message.lines().count() == 1,
            "{message}"
        );
        assert!(output.stdout.is_empty());
    }
}
