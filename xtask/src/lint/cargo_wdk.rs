//! What `cargo wdk build` expects of the workspace. It runs on Windows only; this follows its code: a package with WDK
//! metadata and a library of the type cdylib becomes a driver package, with the INX of its name beside its manifest.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Report, inf};
use crate::exec;
use crate::workspace::Workspace;

/// The flags of the compiler: what wdk-build demands, because a driver has no C runtime to load, and the guard.
/// cargo-wdk passes none.
const FLAGS: [&str; 2] = ["target-feature=+crt-static", "control-flow-guard"];

/// The target of a build with the WDK.
const TARGET: &str = "cfg(all(windows, target_env = \"msvc\"))";

pub(super) fn check(workspace: &Workspace, report: &mut Report) -> Result<()> {
    let mut cargo = workspace.cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata = serde_json::from_str(&exec::stdout(&mut cargo)?).context("cargo metadata is no JSON")?;
    let config = exec::read(&workspace.root.join(".cargo/config.toml"))?;
    check_against(&metadata, &config, Path::exists, report)
}

fn check_against(
    metadata: &Value,
    config: &str,
    exists: impl Fn(&Path) -> bool,
    report: &mut Report,
) -> Result<()> {
    let mut check = |holds: bool, violation: String| report.check("cargo-wdk", holds, || violation);
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let mut drivers = 0;
    for package in packages.iter().filter(|package| !package["metadata"]["wdk"].is_null()) {
        drivers += 1;
        let name = package["name"].as_str().unwrap_or_default();
        let stem = name.replace('-', "_");
        let folder = package["manifest_path"].as_str().and_then(|path| Path::new(path).parent());
        let inx = folder.context("a package has a manifest")?.join(&stem).with_extension("inx");
        check(exists(&inx), format!("{name} has no {}", inx.display()));
        check(inx.ends_with(inf::PATH), format!("{} is not {}", inx.display(), inf::PATH));
        let targets = package["targets"].as_array().map_or(&[][..], Vec::as_slice);
        let built = targets.iter().find(|target| target["kind"][0] == "cdylib");
        let image = built.and_then(|target| target["name"].as_str()).unwrap_or_default();
        check(format!("{image}.sys") == inf::IMAGE, format!("{name} makes {image:?}, not {}", inf::IMAGE));
        check(image == stem, format!("{name} makes {image:?}, which cargo-wdk looks for as {stem}"));
    }
    check(drivers == 1, format!("{drivers} packages have WDK metadata; each would be made a driver package"));
    let config: toml::Table = config.parse().context(".cargo/config.toml is no TOML")?;
    let flags = config.get("target").and_then(|targets| targets.get(TARGET)?.get("rustflags")?.as_array());
    for flag in FLAGS {
        let passed = flags.is_some_and(|flags| flags.iter().any(|passed| passed.as_str() == Some(flag)));
        check(passed, format!(".cargo/config.toml does not pass {flag}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::{Report, check, check_against};
    use crate::workspace::Workspace;

    const CONFIG: &str = include_str!("../../../.cargo/config.toml");

    #[test]
    fn cargo_wdk_finds_the_driver_and_its_inx() {
        let mut report = Report::default();
        check(&Workspace::find().expect("a workspace"), &mut report).expect("it can be read");
        assert_eq!(report.violations, Vec::<String>::new());
    }

    #[test]
    fn what_it_would_not_find_is_named() {
        let package = |name: &str, library: &str, kind: &str| {
            json!({
                "name": name,
                "manifest_path": "/w/Cargo.toml",
                "metadata": { "wdk": {} },
                "targets": [{ "kind": [kind], "name": library }],
            })
        };
        let found = |packages: &[Value], config: &str, inx: &str| {
            let mut report = Report::default();
            let exists = |path: &Path| path == Path::new(inx);
            check_against(&json!({ "packages": packages }), config, exists, &mut report).expect("packages");
            report.violations
        };
        let ours = package("psimp", "psimp", "cdylib");
        let none = CONFIG.replace("rustflags", "# rustflags");
        let unguarded = CONFIG.replace(r#", "-C", "control-flow-guard""#, "");
        let inx = "/w/psimp.inx";
        assert_eq!(found(std::slice::from_ref(&ours), CONFIG, inx), Vec::<String>::new());
        for (packages, config, inx, expected) in [
            (vec![ours.clone()], CONFIG, "/w/inf/psimp.inx", "psimp has no /w/psimp.inx"),
            (vec![package("driver", "psimp", "cdylib")], CONFIG, "/w/driver.inx", "is not psimp.inx"),
            (vec![package("psimp", "driver", "cdylib")], CONFIG, inx, "makes \"driver\""),
            (vec![package("psimp", "psimp", "lib")], CONFIG, inx, "makes \"\""),
            (vec![ours.clone(), ours.clone()], CONFIG, inx, "2 packages have WDK metadata"),
            (vec![ours.clone()], &none, inx, "does not pass target-feature=+crt-static"),
            (vec![ours], &unguarded, inx, "does not pass control-flow-guard"),
        ] {
            let found = found(&packages, config, inx);
            assert!(found.iter().any(|violation| violation.contains(expected)), "{expected}: {found:?}");
        }
    }
}
