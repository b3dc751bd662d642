//! manifest.json: the files of a bundle, with which its script and its users can check that none is missing or
//! changed.

use anyhow::Result;
use serde::Serialize;

use super::archive::Entry;
use super::date::SourceDate;
use super::sign::Certificate;
use crate::build;
use crate::workspace::Workspace;

/// The manifest's own name. It does not list itself.
pub(super) const NAME: &str = "manifest.json";

/// The certificate, in the encoding that Windows calls DER.
pub(super) const CERTIFICATE: &str = "psimp.cer";

#[derive(Debug, Serialize)]
struct Manifest<'a> {
    version: &'a str,
    /// The commit's first 16 digits, which the driver's VERSION returns too.
    commit: &'a str,
    /// The date of all files and of the signature.
    date: String,
    certificate: CertificateRow<'a>,
    drivers: &'a [DriverRow],
    files: Vec<FileRow<'a>>,
}

#[derive(Debug, Serialize)]
struct CertificateRow<'a> {
    path: &'a str,
    /// The SHA-1 of the certificate, by which Windows names it in its stores.
    thumbprint: &'a str,
}

/// A driver image, and what it was before it was signed.
#[derive(Debug, Serialize)]
pub(super) struct DriverRow {
    pub(super) architecture: &'static str,
    pub(super) path: String,
    /// Of the image that the host and the lint worked on: what is left when the signature is removed.
    pub(super) unsigned_sha256: String,
    pub(super) unsigned_size: u64,
}

#[derive(Debug, Serialize)]
struct FileRow<'a> {
    path: &'a str,
    size: usize,
    sha256: String,
}

/// The manifest of these files, as a text that ends with a line end.
pub(super) fn make(
    workspace: &Workspace,
    date: SourceDate,
    certificate: &Certificate,
    drivers: &[DriverRow],
    entries: &[Entry],
) -> Result<Entry> {
    let mut files: Vec<_> = entries.iter().map(row).collect();
    files.sort_by_key(|file| file.path);
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION"),
        commit: &workspace.build_id,
        date: date.to_string(),
        certificate: CertificateRow { path: CERTIFICATE, thumbprint: &certificate.thumbprint },
        drivers,
        files,
    };
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    Ok(Entry { path: NAME.to_owned(), bytes: text.into_bytes() })
}

fn row(entry: &Entry) -> FileRow<'_> {
    FileRow { path: &entry.path, size: entry.bytes.len(), sha256: build::sha256(&entry.bytes) }
}
