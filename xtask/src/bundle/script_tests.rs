//! install.ps1 and the script in Makefile.toml run on Windows only. Checked here is that they parse, that every
//! command they name exists, that every step has its opposite, and that the files and actions they name exist.

use std::collections::BTreeSet;

use toml::Table;
use tree_sitter::{Node, Parser, Tree};

const SCRIPT: &str = include_str!("../../bundle/install.ps1");
const README: &str = include_str!("../../bundle/README.txt");
const MAKEFILE: &str = include_str!("../../../Makefile.toml");
const ACTIONS: &str = include_str!("../../../tests/harness/src/cli/values.rs");

/// The commands of Windows PowerShell 5.1 that the script may use.
const CMDLETS: &[&str] = &[
    "ConvertFrom-Json",
    "Copy-Item",
    "Get-CimInstance",
    "Get-Content",
    "Get-FileHash",
    "Get-ItemProperty",
    "Join-Path",
    "New-Object",
    "Remove-Item",
    "Set-StrictMode",
    "Split-Path",
    "Test-Path",
    "Where-Object",
    "Write-Output",
];

/// Called through a variable: a step's two halves, and psimp.exe.
const INDIRECT: &[&str] = &["$step.Do", "$step.Undo", "$program"];

fn parse(script: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).expect("the grammar fits the parser");
    parser.parse(script, None).expect("a parser with a language parses")
}

/// The texts of all nodes of a kind.
fn texts<'a>(tree: &Tree, script: &'a str, kind: &str) -> Vec<&'a str> {
    fn visit<'t>(node: Node<'t>, found: &mut Vec<Node<'t>>, kind: &str) {
        if node.kind() == kind {
            found.push(node);
        }
        for index in 0..node.child_count() {
            if let Some(child) = node.child(index) {
                visit(child, found, kind);
            }
        }
    }
    let mut found = Vec::new();
    visit(tree.root_node(), &mut found, kind);
    found.iter().map(|node| &script[node.byte_range()]).collect()
}

/// The commands that the script calls, and those that it defines.
fn commands(script: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let tree = parse(script);
    let called = ["command_name", "command_name_expr"].map(|kind| texts(&tree, script, kind));
    (called.concat().into_iter().collect(), texts(&tree, script, "function_name").into_iter().collect())
}

/// The lines of the table of steps, each as its three values.
fn steps(script: &str) -> Vec<[&str; 3]> {
    let rows = script.lines().filter_map(|line| line.trim().strip_prefix("@{ Name = ")?.strip_suffix(" }"));
    rows.map(|row| {
        let (name, rest) = row.split_once("; Do = ").unwrap_or((row, ""));
        let (forward, back) = rest.split_once("; Undo = ").unwrap_or((rest, ""));
        [name, forward, back]
    })
    .collect()
}

#[test]
fn the_script_parses_and_a_broken_one_does_not() {
    assert!(!parse(SCRIPT).root_node().has_error());
    for (from, to) in [
        ("'not elevated", "not elevated"),
        ("param([switch] $Undo)", "param([switch $Undo)"),
        ("try { $store.Add($certificate) }", "try { $store.Add($certificate) "),
        ("$steps = @(", "$steps = @"),
    ] {
        assert!(SCRIPT.contains(from), "{from} is gone");
        assert!(parse(&SCRIPT.replacen(from, to, 1)).root_node().has_error(), "{to}");
    }
}

#[test]
fn every_command_is_defined_or_of_powershell_5() {
    let (called, defined) = commands(SCRIPT);
    let known: BTreeSet<_> = CMDLETS.iter().chain(INDIRECT).copied().chain(defined.iter().copied()).collect();
    assert_eq!(called.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new());
    // No function is left that nothing calls.
    assert_eq!(defined.difference(&called).collect::<Vec<_>>(), Vec::<&&str>::new());
    let (called, _) = commands("Remove-Thing 'x'\n");
    assert_eq!(called.into_iter().collect::<Vec<_>>(), ["Remove-Thing"]);
}

#[test]
fn the_script_in_the_makefile_is_one_too() {
    let makefile: Table = MAKEFILE.parse().expect("Makefile.toml can be parsed");
    let script = makefile["tasks"]["undeploy"]["script"].as_str().expect("the task is a script");
    assert!(!parse(script).root_node().has_error());
    let (called, _) = commands(script);
    assert_eq!(called.into_iter().collect::<Vec<_>>(), ["Get-WindowsDriver", "pnputil"]);
}

/// Under `StrictMode` an absent property throws, and not every machine has every value of the registry.
#[test]
fn every_value_of_the_registry_is_asked_for_by_name() {
    let reads: Vec<_> = SCRIPT.lines().filter(|line| line.contains("Get-ItemProperty")).collect();
    assert_eq!(
        reads,
        ["    $item = Get-ItemProperty $key -Name $name -ErrorAction SilentlyContinue"],
        "only by Get-Value"
    );
}

/// A user who can write to the folder of a service's image runs code as the system.
#[test]
fn the_service_is_made_for_the_copy_in_system32() {
    for line in [
        "    $image = Join-Path ([Environment]::SystemDirectory) 'drivers\\psimp.sys'",
        "    & $program driver $action @options",
        "function Install-Service { if (-not (Get-Driver)) { Invoke-Psimp 'install' @('--image', $image) } }",
    ] {
        assert_eq!(SCRIPT.lines().filter(|other| *other == line).count(), 1, "{line}");
    }
    assert_eq!(SCRIPT.matches("$image = ").count(), 1);
}

#[test]
fn each_step_has_its_opposite() {
    assert_eq!(
        steps(SCRIPT),
        [
            ["'certificate, root'", "{ Add-TestCertificate 'Root' }", "{ Remove-TestCertificate 'Root' }"],
            [
                "'certificate, publisher'",
                "{ Add-TestCertificate 'TrustedPublisher' }",
                "{ Remove-TestCertificate 'TrustedPublisher' }"
            ],
            ["'image'", "{ Install-Image }", "{ Remove-Image }"],
            ["'service'", "{ Install-Service }", "{ Uninstall-Service }"],
            ["'driver'", "{ Start-Driver }", "{ Stop-Driver }"],
        ]
    );
}

#[test]
fn the_harness_knows_the_actions_and_the_service_is_the_drivers() {
    for action in ["Install", "Start", "Stop", "Uninstall"] {
        let used = format!("Invoke-Psimp '{}'", action.to_lowercase());
        assert!(SCRIPT.contains(&used), "{used}");
        assert!(README.contains(&format!("driver {}", action.to_lowercase())), "{action}");
        assert!(ACTIONS.contains(&format!("    {action},\n")), "the harness has no action {action}");
    }
    let inf = include_str!("../../../psimp.inx");
    assert!(SCRIPT.contains("Name = 'PsImpersonate'") && inf.contains("AddService = PsImpersonate,"));
}

#[test]
fn every_refusal_says_what_is_the_matter() {
    let refusals = SCRIPT.lines().filter_map(|line| line.trim().strip_prefix("throw "));
    let expected = [
        "not elevated",
        "the 32-bit PowerShell",
        "Secure Boot is on",
        "test signing is off",
        "this machine is $native",
        "this bundle has no folder",
        "is missing",
        "is not the file that was packed: unpack",
        "is not the file that was packed: run install.ps1 -Undo",
        "ended with $LASTEXITCODE",
        "the certificate is not the one",
    ];
    let refusals: Vec<_> = refusals.collect();
    assert_eq!(refusals.len(), expected.len(), "{refusals:?}");
    for (refusal, words) in refusals.iter().zip(expected) {
        assert!(refusal.contains(words), "{words:?} is not in {refusal}");
    }
    assert!(SCRIPT.is_ascii() && README.is_ascii());
    // A console shows 80 columns, an editor on a VM hardly more.
    assert!(README.lines().all(|line| line.len() <= 92));
}
