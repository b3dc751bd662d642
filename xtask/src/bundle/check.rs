//! The rules for a bundle, checked in the archive itself.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::archive::Entry;
use super::sign::{self, Certificate};
use super::{Platform, TEXTS, manifest, read};
use crate::build::Arch;
use crate::workspace::Workspace;
use crate::{build, exec, lint};

/// The files in each architecture's folder.
const OF_PLATFORM: &[&str] = &["psimp.exe", "psimp.inf", "psimp.pdb", "psimp.sys"];

/// Folders of the machine that makes the bundle, which no file of it may name.
pub(super) fn folders_of_this_machine(workspace: &Workspace) -> Vec<String> {
    let home = std::env::home_dir();
    let cargo = std::env::var_os("CARGO_HOME").map(Into::into);
    let folders = [Some(workspace.root.clone()), Some(workspace.target.clone()), cargo, home];
    folders.iter().flatten().filter_map(|folder| folder.to_str().map(str::to_owned)).collect()
}

/// Everything that is wrong with the files, one sentence each.
pub(super) fn flaws(entries: &[Entry], platforms: &[&str], machine: &[String]) -> Vec<String> {
    let mut flaws = Vec::new();
    names(entries, platforms, &mut flaws);
    match bytes_of(entries, manifest::NAME).and_then(|bytes| serde_json::from_slice(bytes).ok()) {
        Some(manifest) => sums(entries, &manifest, &mut flaws),
        None => flaws.push("the manifest cannot be read".to_owned()),
    }
    for entry in entries {
        for folder in machine.iter().filter(|folder| folder.len() > 1 && names_folder(&entry.bytes, folder)) {
            flaws.push(format!("{} names the folder {folder}", entry.path));
        }
        if let Some(folder) = entry.path.strip_suffix("/psimp.inf") {
            let image = bytes_of(entries, &format!("{folder}/psimp.sys")).unwrap_or_default();
            let checked = Arch::of_image(image).context("there is no image that the INF could be for");
            if let Err(error) = checked.and_then(|arch| lint::require_inf(&entry.bytes, arch)) {
                flaws.push(format!("{}: {error:#}", entry.path));
            }
        }
    }
    for (path, _) in TEXTS {
        // PowerShell 5.1 and old editors read other bytes in the machine's code page.
        let text = bytes_of(entries, path).unwrap_or_default();
        if !text.is_ascii()
            || text.split_inclusive(|byte| *byte == b'\n').any(|line| !line.ends_with(b"\r\n"))
        {
            flaws.push(format!("{path} is not ASCII with CR LF"));
        }
    }
    flaws
}

/// The files that belong into a bundle for these architectures.
pub(super) fn names_of(platforms: &[&str]) -> BTreeSet<String> {
    let mut wanted: BTreeSet<_> = TEXTS.iter().map(|(path, _)| (*path).to_owned()).collect();
    wanted.extend([manifest::NAME, manifest::CERTIFICATE].map(str::to_owned));
    wanted.extend(
        platforms.iter().flat_map(|folder| OF_PLATFORM.iter().map(move |file| format!("{folder}/{file}"))),
    );
    wanted
}

/// The files are those that belong there, each once.
fn names(entries: &[Entry], platforms: &[&str], flaws: &mut Vec<String>) {
    let mut wanted = names_of(platforms);
    for entry in entries {
        if !wanted.remove(&entry.path) {
            flaws.push(format!("{} does not belong there", entry.path));
        }
    }
    flaws.extend(wanted.iter().map(|path| format!("{path} is missing")));
}

/// The manifest lists every file with its size and hash.
fn sums(entries: &[Entry], manifest: &Value, flaws: &mut Vec<String>) {
    let rows = manifest["files"].as_array().map_or(&[][..], Vec::as_slice);
    for entry in entries.iter().filter(|entry| entry.path != manifest::NAME) {
        let rows: Vec<_> = rows.iter().filter(|row| row["path"] == *entry.path).collect();
        let right = matches!(rows[..], [row] if row["size"] == entry.bytes.len()
            && row["sha256"] == *build::sha256(&entry.bytes));
        if !right {
            flaws.push(format!("the manifest is not right about {}", entry.path));
        }
    }
    if rows.len() + 1 != entries.len() {
        flaws.push(format!("the manifest lists {} files of {}", rows.len(), entries.len()));
    }
}

/// Image and program are signed with the certificate, altered ones are not, and without the signature each is, byte
/// for byte, what was built. For the image that is what was tested, and what the manifest says.
pub(super) fn signatures(
    workspace: &Workspace,
    entries: &[Entry],
    platform: &Platform,
    certificate: &Certificate,
) -> Result<()> {
    let folder = workspace.target.join("signed/check");
    for built in [&platform.driver, &platform.harness] {
        let extension = if built.path == platform.driver.path { "sys" } else { "exe" };
        let path = format!("{}/psimp.{extension}", platform.folder);
        let signed = bytes_of(entries, &path).with_context(|| format!("{path} is missing"))?;
        let (unpacked, without) = (folder.join("signed"), folder.join("unsigned"));
        exec::write_if_changed(&unpacked, signed)?;
        certificate.verify(&unpacked)?;
        sign::remove_signature(&unpacked, &without)?;
        ensure!(
            read(&without)? == read(&built.path)?,
            "{path} without its signature is not {}",
            built.path.display()
        );

        let mut altered = signed.to_vec();
        let middle = altered.len() / 2;
        *altered.get_mut(middle).context("an image is not empty")? ^= 1;
        exec::write_if_changed(&unpacked, &altered)?;
        ensure!(
            certificate.verify(&unpacked).is_err(),
            "{path} is accepted although byte {middle:#x} was changed"
        );
    }
    let path = format!("{}/psimp.sys", platform.folder);
    let row = &manifest_of(entries)?["drivers"];
    let row = row.as_array().into_iter().flatten().find(|row| row["path"] == *path);
    let digest = row.and_then(|row| row["unsigned_sha256"].as_str());
    ensure!(digest == Some(&*platform.driver.sha256), "the manifest is not right about {path} unsigned");
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// No file has any of these in it.
pub(super) fn without(entries: &[Entry], pieces: &[Vec<u8>]) -> Result<()> {
    for Entry { path, bytes } in entries {
        let found = pieces.iter().any(|piece| contains(bytes, piece));
        ensure!(!found, "{path} has a part of the private key");
    }
    Ok(())
}

/// The files that are not the same in both.
pub(super) fn differing(ours: &[Entry], theirs: &[Entry]) -> Vec<String> {
    let only = |these: &[Entry], those: &[Entry]| -> BTreeSet<String> {
        these.iter().filter(|entry| !those.contains(entry)).map(|entry| entry.path.clone()).collect()
    };
    only(ours, theirs).union(&only(theirs, ours)).cloned().collect()
}

fn bytes_of<'a>(entries: &'a [Entry], path: &str) -> Option<&'a [u8]> {
    entries.iter().find(|entry| entry.path == path).map(|entry| entry.bytes.as_slice())
}

fn manifest_of(entries: &[Entry]) -> Result<Value> {
    let bytes = bytes_of(entries, manifest::NAME).context("there is no manifest")?;
    Ok(serde_json::from_slice(bytes)?)
}

/// True if the folder's name is in the bytes, as UTF-8 or as Windows' UTF-16.
fn names_folder(bytes: &[u8], folder: &str) -> bool {
    let wide: Vec<_> = folder.encode_utf16().flat_map(u16::to_le_bytes).collect();
    contains(bytes, folder.as_bytes()) || contains(bytes, &wide)
}

fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Entry, differing, flaws, names_folder, without};
    use crate::build::{self, Arch};
    use crate::lint;

    const INX: &str = include_str!("../../../psimp.inx");

    /// No more of an image than says that it is for x64.
    fn image() -> Vec<u8> {
        let mut bytes = vec![0; 0x40];
        bytes[0x3C] = 0x40;
        bytes.extend(b"PE\0\0\x64\x86");
        bytes
    }

    /// A correct bundle, except that its images are not real.
    fn whole() -> Vec<Entry> {
        let entry = |path: &str, bytes: &str| Entry { path: path.to_owned(), bytes: bytes.into() };
        let mut entries = vec![
            entry("README.txt", "read\r\n"),
            entry("install.ps1", "exit 0\r\n"),
            entry("psimp.cer", "certificate"),
            entry("psimp.h", "#define PSIMP_H\r\n"),
            entry("x64/psimp.exe", "program"),
            entry("x64/psimp.inf", &inf()),
            entry("x64/psimp.pdb", "symbols"),
            Entry { path: "x64/psimp.sys".to_owned(), bytes: image() },
        ];
        relist(&mut entries);
        entries
    }

    fn inf() -> String {
        lint::inf_for_arch(INX, Arch::X64).replace("\r\n", "\n").replace('\n', "\r\n")
    }

    /// Makes the manifest match the files.
    fn relist(entries: &mut Vec<Entry>) {
        entries.retain(|entry| entry.path != "manifest.json");
        let row = |entry: &Entry| json!({ "path": entry.path, "size": entry.bytes.len(), "sha256": build::sha256(&entry.bytes) });
        let files: Vec<_> = entries.iter().map(row).collect();
        let bytes = json!({ "files": files }).to_string().into_bytes();
        entries.push(Entry { path: "manifest.json".to_owned(), bytes });
    }

    fn found(entries: &[Entry]) -> Vec<String> {
        flaws(entries, &["x64"], &["/home/somebody".to_owned(), "/".to_owned()])
    }

    #[test]
    fn a_whole_bundle_has_no_flaw() {
        assert_eq!(found(&whole()), Vec::<String>::new());
    }

    #[test]
    fn a_file_too_many_or_too_few_is_named() {
        let mut more = whole();
        more.push(Entry { path: "key.pem".to_owned(), bytes: Vec::new() });
        assert_eq!(
            found(&more),
            [
                "key.pem does not belong there",
                "the manifest is not right about key.pem",
                "the manifest lists 8 files of 10"
            ]
        );
        let mut fewer = whole();
        fewer.retain(|entry| entry.path != "x64/psimp.exe");
        assert_eq!(found(&fewer), ["x64/psimp.exe is missing", "the manifest lists 8 files of 8"]);
        let mut unlisted = whole();
        unlisted.retain(|entry| entry.path != "manifest.json");
        assert!(found(&unlisted).contains(&"the manifest cannot be read".to_owned()));
    }

    /// What is done to which file, and the one flaw that it makes.
    const CHANGES: &[(&str, &[u8], &str)] = &[
        ("README.txt", b"read\n", "README.txt is not ASCII with CR LF"),
        ("README.txt", b"r\xe9ad\r\n", "README.txt is not ASCII with CR LF"),
        ("x64/psimp.exe", b"at /home/somebody/x.rs", "x64/psimp.exe names the folder /home/somebody"),
    ];

    #[test]
    fn what_a_file_may_not_have_is_named() {
        for (path, bytes, flaw) in CHANGES {
            let mut entries = whole();
            for entry in entries.iter_mut().filter(|entry| entry.path == *path) {
                entry.bytes = bytes.to_vec();
            }
            assert_eq!(
                found(&entries),
                [format!("the manifest is not right about {path}"), (*flaw).to_owned()]
            );
            relist(&mut entries);
            assert_eq!(found(&entries), [*flaw]);
            let mut changed = ["manifest.json", *path];
            changed.sort_unstable();
            assert_eq!(differing(&whole(), &entries), changed);
        }
        let mut entries = whole();
        for entry in entries.iter_mut().filter(|entry| entry.path == "x64/psimp.inf") {
            entry.bytes = inf().replace("= System", "= Net").into_bytes();
        }
        relist(&mut entries);
        assert!(found(&entries)[0].contains("inf-class"), "{:?}", found(&entries));
        for entry in entries.iter_mut().filter(|entry| entry.path == "x64/psimp.inf") {
            entry.bytes = inf().replace("NTamd64", "NTarm64").into_bytes();
        }
        relist(&mut entries);
        assert!(found(&entries)[0].contains("inf-decorated"), "{:?}", found(&entries));
    }

    #[test]
    fn a_piece_of_the_key_is_found() {
        let pieces = [b"PRIVATE KEY".to_vec(), vec![0xd0, 0, 0xd1]];
        assert!(without(&whole(), &pieces).is_ok());
        for piece in &pieces {
            let mut entries = whole();
            entries[4].bytes.extend(piece);
            let error = without(&entries, &pieces).expect_err("the program has it now");
            assert_eq!(error.to_string(), "x64/psimp.exe has a part of the private key");
        }
    }

    #[test]
    fn a_folder_is_seen_in_both_encodings() {
        let wide: Vec<_> = "x/home/somebody".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(names_folder(&wide, "/home/somebody"));
        assert!(!names_folder(b"/home/someone", "/home/somebody"));
    }
}
