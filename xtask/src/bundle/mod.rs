//! `cargo xtask bundle`: one archive with everything that a test-signed VM needs.

mod archive;
mod check;
mod date;
#[cfg(test)]
mod docs_tests;
mod inf;
mod manifest;
#[cfg(test)]
mod script_tests;
mod sign;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::archive::Entry;
use self::date::SourceDate;
use self::manifest::DriverRow;
use self::sign::Certificate;
use crate::Format;
use crate::build::{self, Arch, Image};
use crate::workspace::Workspace;
use crate::{checkout_copy, exec, setup};

/// The instructions for the VM, the script to run there, and the header for callers in C.
const TEXTS: &[(&str, &str)] = &[
    ("README.txt", include_str!("../../bundle/README.txt")),
    ("install.ps1", include_str!("../../bundle/install.ps1")),
    ("psimp.h", include_str!("../../../include/psimp.h")),
];

/// The arguments of `cargo xtask bundle`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the archive goes; target/psimp-VERSION.zip by default
    #[arg(long, value_name = "FILE.zip")]
    output: Option<PathBuf>,
    /// Sign with this certificate, which must have signed itself: PEM, or PFX with its key in it
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// The file whose first line is the password of the PFX file
    #[arg(long, value_name = "FILE", requires = "cert", conflicts_with = "key")]
    pass_file: Option<PathBuf>,
    /// Make the archive in two folders, compare the two and check the content, instead of writing it
    #[arg(long, conflicts_with_all = ["output", "cert"])]
    check: bool,
    #[command(flatten)]
    format: Format,
}

/// What is built for one architecture.
struct Platform {
    arch: Arch,
    /// Its folder in the archive, by which the script finds it.
    folder: &'static str,
    driver: Image,
    harness: Image,
}

/// Every architecture of which there are images. `install.ps1` expects the folders x64 and arm64.
fn platforms(workspace: &Workspace) -> Result<Vec<Platform>> {
    let platform = |folder, arch| -> Result<Platform> {
        let driver = build::driver_for(workspace, arch)?;
        Ok(Platform { arch, folder, driver, harness: build::harness_exe_for(workspace, arch)? })
    };
    Ok(vec![platform("x64", Arch::X64)?, platform("arm64", Arch::Arm64)?])
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::install_missing(setup::Purpose::Bundle)?;
    if args.check {
        return require(workspace);
    }
    let certificate = match &args.cert {
        Some(cert) => Certificate::of_user(workspace, cert, args.key.as_deref(), args.pass_file.as_deref())?,
        None => Certificate::of_tests(workspace)?,
    };
    let archive = make(workspace, source_date(workspace)?, &certificate)?;
    let path = args.output.clone().unwrap_or_else(|| default_path(workspace));
    exec::write_if_changed(&path, &archive)?;
    let sha256 = build::sha256(&archive);
    let files = archive::read(&archive)?;
    if args.format.json() {
        let files: Vec<_> = files.iter().map(row).collect();
        println!("{}", json!({ "path": path, "sha256": sha256, "files": files }));
    } else {
        for Entry { path, bytes } in &files {
            println!("{:>10}  {path}", bytes.len());
        }
        println!("{}\nSHA-256 {sha256}", path.display());
    }
    Ok(())
}

/// Makes the archive here and in a copy of the checkout, compares the two, and checks the content.
pub(crate) fn require(workspace: &Workspace) -> Result<()> {
    let (date, certificate) = (source_date(workspace)?, Certificate::of_tests(workspace)?);
    let archive = make(workspace, date, &certificate)?;
    let entries = archive::read(&archive)?;
    let platforms = platforms(workspace)?;

    let folders: Vec<_> = platforms.iter().map(|platform| platform.folder).collect();
    let flaws = check::flaws(&entries, &folders, &check::folders_of_this_machine(workspace));
    ensure!(flaws.is_empty(), "{}", flaws.join("\n"));
    for platform in &platforms {
        check::signatures(workspace, &entries, platform, &certificate)?;
    }
    check::without(&entries, &certificate.pieces_of_key()?)?;

    let second = make(&checkout_copy::make(workspace)?, date, &certificate)?;
    let differing = check::differing(&entries, &archive::read(&second)?);
    ensure!(differing.is_empty(), "a bundle made in another folder differs in {}", differing.join(", "));
    ensure!(archive == second, "a bundle made in another folder has the same files, packed otherwise");
    eprintln!("{} files, twice the SHA-256 {}", entries.len(), build::sha256(&archive));
    Ok(())
}

/// Builds, signs and packs everything.
fn make(workspace: &Workspace, date: SourceDate, certificate: &Certificate) -> Result<Vec<u8>> {
    let (mut entries, mut drivers) = (Vec::new(), Vec::new());
    for &(path, text) in TEXTS {
        // Windows' own line ends, whatever this program was compiled from.
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        entries.push(Entry { path: path.to_owned(), bytes: text.into_bytes() });
    }
    entries.push(Entry { path: manifest::CERTIFICATE.to_owned(), bytes: certificate.der.clone() });
    for Platform { arch, folder, driver, harness } in platforms(workspace)? {
        let path = format!("{folder}/psimp.sys");
        for (path, unsigned) in [(path.clone(), &driver.path), (format!("{folder}/psimp.exe"), &harness.path)]
        {
            let signed = workspace.target.join("signed").join(&path);
            certificate.sign(unsigned, &signed, date)?;
            entries.push(Entry { path, bytes: read(&signed)? });
        }
        entries.push(Entry { path: format!("{folder}/psimp.pdb"), bytes: read(&driver.pdb())? });
        entries.push(Entry { path: format!("{folder}/psimp.inf"), bytes: inf::make(workspace, arch, date)? });
        drivers.push(DriverRow {
            architecture: folder,
            path,
            unsigned_sha256: driver.sha256,
            unsigned_size: driver.size,
        });
    }
    entries.push(manifest::make(workspace, date, certificate, &drivers, &entries)?);
    archive::write(&entries, date)
}

fn source_date(workspace: &Workspace) -> Result<SourceDate> {
    SourceDate::find(workspace, || inf::date(workspace))
}

fn default_path(workspace: &Workspace) -> PathBuf {
    workspace.target.join(concat!("psimp-", env!("CARGO_PKG_VERSION"), ".zip"))
}

/// The files of a bundle.
#[cfg(test)]
pub(crate) fn files() -> std::collections::BTreeSet<String> {
    check::names_of(&["x64", "arm64"])
}

fn row(entry: &Entry) -> Value {
    json!({ "path": entry.path, "size": entry.bytes.len(), "sha256": build::sha256(&entry.bytes) })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
