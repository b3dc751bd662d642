//! `cargo xtask explorer`: one page that answers questions about the decision rule, without a network.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::workspace::Workspace;
use crate::{Format, build, checkout_copy, exec, page, setup};

/// What the page is made of, in `crates/explorer/page`.
const PAGE: &str = include_str!("../../crates/explorer/page/index.html");
const STYLE: &str = include_str!("../../crates/explorer/page/page.css");
const SCRIPT: &str = include_str!("../../crates/explorer/page/page.js");

/// The most that it may have, so that it opens at once on a phone.
const LARGEST: usize = 512 * 1024;

/// The arguments of `cargo xtask explorer`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the page goes; target/explorer.html by default
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open it in Chromium too, ask it every row of group D, take pictures of it, and make it once more in another
    /// folder, where it must come out the same
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    format: Format,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::install_missing(setup::Purpose::Explorer)?;
    let page = make(workspace)?;
    let path = args.output.clone().unwrap_or_else(|| usual_path(workspace));
    exec::write_if_changed(&path, &page)?;
    if args.check {
        setup::install_missing(setup::Purpose::Browser)?;
        page::explorer::check(workspace, &path)?;
        reproduce(workspace, &path)?;
    }
    let (sha256, size) = (build::sha256(page.as_bytes()), page.len());
    if args.format.json() {
        println!("{}", json!({ "path": path, "sha256": sha256, "size": size }));
    } else {
        println!("{}\nSHA-256 {sha256}\n{size} bytes", path.display());
    }
    Ok(())
}

fn usual_path(workspace: &Workspace) -> PathBuf {
    workspace.target.join("explorer.html")
}

/// Writes the page to its usual place.
pub(crate) fn write(workspace: &Workspace) -> Result<PathBuf> {
    let path = usual_path(workspace);
    exec::write_if_changed(&path, make(workspace)?)?;
    Ok(path)
}

/// Fails unless a copy of the checkout makes the same page.
pub(crate) fn reproduce(workspace: &Workspace, page: &Path) -> Result<()> {
    let second = make(&checkout_copy::make(workspace)?)?;
    ensure!(exec::read(page)? == second, "the page depends on the folder that it is made in");
    eprintln!("both have the SHA-256 {}", build::sha256(second.as_bytes()));
    Ok(())
}

/// The page, whose bytes depend on the sources, the commit and the compiler alone.
fn make(workspace: &Workspace) -> Result<String> {
    let module = build::wasm(workspace)?;
    let version = format!("psimp {}, build {}", env!("CARGO_PKG_VERSION"), workspace.build_id);
    // The browser runs and applies these two and nothing else, whatever else got into the page.
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}' 'wasm-unsafe-eval'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let mut page = PAGE.to_owned();
    for (name, content) in [
        ("policy", policy.as_str()),
        ("version", &version),
        ("style", STYLE),
        ("script", SCRIPT),
        ("module", &BASE64_STANDARD.encode(&module)),
    ] {
        let place = format!("{{{{{name}}}}}");
        let (before, after) = page.split_once(&place).with_context(|| format!("the page has no {place}"))?;
        page = format!("{before}{content}{after}");
    }
    eprintln!("{} bytes of WebAssembly", module.len());
    ensure!(page.len() <= LARGEST, "the page has {} bytes, more than {LARGEST}", page.len());
    Ok(page)
}

/// What a policy names a style or script by.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}
