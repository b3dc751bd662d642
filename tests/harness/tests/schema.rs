//! The JSON of the commands, compared with its schemas in `docs/`; `SNAPSHOTS=overwrite` rewrites them. A member
//! that a schema does not have is an error here, though readers must ignore it.

mod support;

use psimp_harness::commands::schemas;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Forbids members that the schema of an object does not have.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let closed = members.contains_key("properties");
            if closed {
                members.entry("unevaluatedProperties").or_insert(json!(false));
            }
            // Each alternative of the object has only some of its members.
            members
                .iter_mut()
                .filter(|(key, _)| !closed || *key != "oneOf")
                .for_each(|(_, value)| close(value));
        }
        Value::Array(values) => values.iter_mut().for_each(close),
        _ => (),
    }
}

/// The schema violations in the JSON of a command.
fn faults(command: &str, value: &Value) -> Vec<String> {
    let schema = schemas().into_iter().find(|(name, _)| *name == command).expect("a schema").1;
    let mut schema = schema.to_value();
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn holds(command: &str, value: &Value) {
    assert_eq!(faults(command, value), Vec::<String>::new(), "{command}: {value}");
}

/// The JSON output of a command.
fn written(arguments: &[&str], image: Option<&Path>) -> Value {
    let mut psimp = Command::new(env!("CARGO_BIN_EXE_psimp"));
    psimp.args(arguments).args(["--format", "json"]).env_remove("PSIMP_SYS");
    if let Some(path) = image {
        psimp.arg("--image").arg(path);
    }
    let output = psimp.output().expect("psimp runs");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn schemas_are_schemas_and_in_the_docs() {
    for (command, schema) in schemas() {
        jsonschema::meta::validate(schema.as_value()).unwrap_or_else(|error| panic!("{command}: {error}"));
        let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        support::compare(&format!("../../docs/psimp-{command}.schema.json"), text);
    }
}

#[test]
fn a_run() {
    holds("run", &written(&["run"], None));
    // One case of each outcome, and an image.
    let golden = include_str!("golden/run.json");
    holds("run", &serde_json::from_str(golden).expect("JSON"));
}

/// A change that makes a run invalid.
type Change = fn(&mut Value);

#[test]
fn a_wrong_run_is_noticed() {
    let golden: Value = serde_json::from_str(include_str!("golden/run.json")).expect("JSON");
    let wrong: [(&str, Change); 6] = [
        ("a status that there is not", |run| run["cases"][0]["status"] = json!("good")),
        ("a failure without mismatches", |run| {
            run["cases"][1].as_object_mut().expect("a case").remove("mismatches");
        }),
        ("a reason of a case that passed", |run| run["cases"][0]["reason"] = json!("none")),
        ("a count below zero", |run| run["summary"]["failed"] = json!(-1)),
        ("an unknown member", |run| run["more"] = json!(1)),
        ("a hash that is none", |run| run["image"]["sha256"] = json!("E3")),
    ];
    for (what, change) in wrong {
        let mut run = golden.clone();
        change(&mut run);
        assert_ne!(faults("run", &run), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_list() {
    holds("list", &written(&["list"], None));
    let native = written(&["list", "--target", "native"], None);
    holds("list", &native);
    assert_eq!((&native["total"], &native["skipped"]), (&json!(353), &json!(234)));
    let case = |id| native["cases"].as_array().and_then(|cases| cases.iter().find(|case| case["id"] == id));
    assert_eq!(case("D13").map(|case| &case["runs"]), Some(&json!(true)));
    let other = case("B03").expect("a case of the driver");
    assert_eq!(other["runs"], json!(false));
    assert_eq!(other["reason"], json!("needs the driver: its requests go to the device"));
}

#[test]
fn surveys() {
    for kernel in ["win10", "peios"] {
        holds("survey", &written(&["survey", "--target", "model", "--kernel", kernel], None));
    }
}

#[test]
fn explanations() {
    for case in ["D13", "N12", "B01", "U08", "Z07"] {
        holds("explain", &written(&["explain", case], None));
    }
    for question in [
        &["explain", "--token", "user=B"][..],
        &["explain", "--level", "0"],
        &["explain", "--process", "package=2,parent=1,filtered", "--token", "type=primary,write-restricted"],
        &["explain", "--process", "restricted", "--token", "restricted", "--level", "delegation"],
    ] {
        holds("explain", &written(question, None));
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn figures_of_an_image() {
    let image = support::image_path();
    holds("run", &written(&["run", "--target", "image", "--filter", "D"], Some(&image)));
    holds("survey", &written(&["survey", "--target", "image"], Some(&image)));
    holds("faults", &written(&["faults", "--filter", "D13"], Some(&image)));
    holds("soak", &written(&["soak", "--seconds", "1", "--threads", "2"], Some(&image)));
}
