//! Each format, compared with a file in `golden/`.

mod support;

use std::time::Duration;

use psimp_harness::cli::{Rules, Target};
use psimp_harness::report::{Format, write};
use psimp_harness::result::{CaseResult, CaseStatus, ImageInfo, Mismatch, Origin, RunResult};
use psimp_rules::Kernel;
use support::compare;

#[test]
fn table() {
    compare("tests/golden/table.txt", rendered(Format::Table, false));
}

#[test]
fn table_in_colour() {
    compare("tests/golden/table-colour.txt", rendered(Format::Table, true));
}

#[test]
fn json() {
    compare("tests/golden/run.json", rendered(Format::Json, true));
}

#[test]
fn junit() {
    compare("tests/golden/run.xml", rendered(Format::Junit, true));
}

#[test]
fn table_fits_and_loses_only_the_ends_of_titles() {
    let mut run = run();
    let long = "word ".repeat(40);
    run.cases[0].title.clone_from(&long);
    run.cases[2].status = CaseStatus::Skipped(long.trim_end().to_owned());
    let text = render(&run, Format::Table, false);
    let row = text.lines().find(|line| line.contains("D13")).expect("D13 has a line");
    assert!(row.chars().count() <= 120 && row.contains("… ") && row.ends_with("copied at level 1"), "{row}");
    assert!(text.contains(long.trim_end()), "a reason is whole");
}

#[test]
fn nothing_to_report_is_still_a_report() {
    let mut run = run();
    run.cases.clear();
    run.image = None;
    let json: serde_json::Value = serde_json::from_str(&render(&run, Format::Json, false)).expect("JSON");
    assert_eq!(json["cases"], serde_json::json!([]));
    assert!(json["image"].is_null());
    assert!(render(&run, Format::Table, false).starts_with("0 passed"));
    assert!(render(&run, Format::Junit, false).contains("tests=\"0\""));
}

/// One case of each outcome, with text that each format has to escape.
fn run() -> RunResult {
    let mismatch = |what: &str, expected: &str, observed: &str, rule: Option<&str>| Mismatch {
        what: what.to_owned(),
        expected: expected.to_owned(),
        observed: observed.to_owned(),
        rule: rule.map(ToOwned::to_owned),
    };
    let case = |id: &str, title: &str, status, micros| CaseResult {
        id: id.to_owned(),
        title: title.to_owned(),
        status,
        duration: Duration::from_micros(micros),
    };
    RunResult {
        psimp: Some(Origin { version: "0.1.0".to_owned(), commit: Some("26328fe6d3b0c442".to_owned()) }),
        rehearsed: false,
        target: Target::Image,
        kernel: Kernel::Win10,
        rules: Rules::Documented,
        image: Some(ImageInfo {
            path: "target/psimp.sys".into(),
            sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned(),
        }),
        cases: vec![
            case(
                "D13",
                "another user's token, asked for at level 2",
                CaseStatus::Passed("copied at level 1".to_owned()),
                412,
            ),
            case(
                "D22",
                "SeImpersonatePrivilege lets <B2> through & # is no directive",
                CaseStatus::Failed(vec![
                    mismatch(
                        "slot level after IMPERSONATE",
                        "Impersonation (2)",
                        "Identification (1)",
                        Some("user SIDs differ, decided by the driver"),
                    ),
                    mismatch("references to \"B2\" after cleanup", "0", "1\nheld by C:\\psimp: save 7", None),
                ]),
                1_503,
            ),
            case(
                "U04",
                "a handle without TOKEN_IMPERSONATE is refused",
                CaseStatus::Skipped("needs user mode: run it with --target native".to_owned()),
                0,
            ),
        ],
        duration: Duration::from_micros(2_345),
    }
}

fn rendered(format: Format, colour: bool) -> String {
    render(&run(), format, colour)
}

fn render(run: &RunResult, format: Format, colour: bool) -> String {
    let mut bytes = Vec::new();
    write(run, format, &mut bytes, colour).expect("writing to memory");
    String::from_utf8(bytes).expect("reports are UTF-8")
}

/// What CI servers rely on: consistent counts, unique names, and text that is valid in XML.
#[test]
fn junit_is_what_viewers_take() {
    let mut run = run();
    let CaseStatus::Failed(mismatches) = &mut run.cases[1].status else { panic!("D22 failed") };
    mismatches[1].observed.push_str(" \u{1b}[31m\u{0}]]> <&>");
    let text = render(&run, Format::Junit, true);
    let document = roxmltree::Document::parse(&text).expect("XML");
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("name")), ("testsuites", Some("psimp")));
    let elements = |node: &roxmltree::Node, name: &str| {
        node.descendants().filter(|child| child.has_tag_name(name)).count().to_string()
    };
    let suites: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
    assert_eq!(suites.len(), 2);
    for node in suites.iter().chain([&root]) {
        assert_eq!(node.attribute("tests"), Some(elements(node, "testcase").as_str()));
        assert_eq!(node.attribute("failures"), Some(elements(node, "failure").as_str()));
        assert_eq!(node.attribute("skipped"), Some(elements(node, "skipped").as_str()));
        assert_eq!(node.attribute("errors"), Some("0"));
        assert!(node.attribute("time").is_some_and(|time| time.parse::<f64>().is_ok()));
    }
    for suite in &suites {
        assert!(suite.has_tag_name("testsuite"));
        let names: Vec<_> = suite
            .descendants()
            .filter(|node| node.has_tag_name("property"))
            .filter_map(|property| property.attribute("name"))
            .collect();
        assert_eq!(
            names,
            ["target", "kernel", "rules", "psimp.version", "psimp.commit", "image.path", "image.sha256"]
        );
    }
    let cases: Vec<_> = root.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    let full_name = |case: &roxmltree::Node| {
        (case.attribute("classname").map(str::to_owned), case.attribute("name").map(str::to_owned))
    };
    let names: std::collections::BTreeSet<_> = cases.iter().map(full_name).collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|(class, _)| class.as_deref() == Some("image.win10.documented")));
    for case in &cases {
        assert!(case.attribute("time").is_some_and(|time| time.parse::<f64>().is_ok()));
        let inside: Vec<_> =
            case.children().filter(roxmltree::Node::is_element).map(|node| node.tag_name().name()).collect();
        assert!(matches!(inside[..], ["system-out" | "failure" | "skipped"]), "{inside:?}");
    }
    let failure = root.descendants().find(|node| node.has_tag_name("failure")).expect("a failure");
    assert_eq!(failure.attribute("type"), Some("mismatch"));
    assert!(failure.attribute("message").is_some_and(|message| message.starts_with("slot level after")));
    // Escape sequences of terminals and characters that are invalid in XML are left out.
    assert!(failure.text().is_some_and(|text| text.contains("held by C:\\psimp: save 7 ]]> <&>")), "{text}");
}
