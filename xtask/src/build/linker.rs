//! The linker of the drivers: `lld-link`, called so that the names of this machine's folders and of rustc's temporary
//! files do not get into the PDB.
//!
//! A PDB lists what was linked, and the linker's command line, by the names that the linker is given. The image has the
//! PDB's GUID, which is a hash of the PDB, so its bytes would depend on those names too. rustc therefore calls this
//! program, which puts links to the files into one folder and calls the linker there with relative names only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::mirror::link;
use super::tools::Tool;
use crate::workspace::Workspace;
use crate::{exec, platform};

/// What the PDB has in the place of the folder.
const FOLDER: &str = "/psimp";

/// The linker's name, as the PDB has it and as it decides what kind of linker it is.
const NAME: &str = "lld-link";

/// The file with the command line, in the folder of the links.
const NOTE: &str = "command";

/// The option with a file that is read.
const READ: &str = "/DEF:";

/// The options with a file that is written.
const WRITTEN: &[&str] = &["/OUT:", "/IMPLIB:"];

/// What the linker writes beside the image, under its name.
const BESIDE: &[&str] = &["pdb", "map"];

/// This program as it runs, whatever cargo has put into the place of its file meanwhile.
pub(crate) const THIS: &str = "/proc/self/exe";

/// Makes a copy of this program under the linker's name, from which rustc knows how to call it.
pub(super) fn make(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.cross().join("bin");
    exec::create_dir(&folder)?;
    let linker = folder.join(NAME);
    let this = fs::read(THIS).with_context(|| format!("cannot read {THIS}"))?;
    if linker.is_symlink() || fs::read(&linker).ok().as_ref() != Some(&this) {
        if linker.is_symlink() || linker.exists() {
            fs::remove_file(&linker).with_context(|| format!("cannot remove {}", linker.display()))?;
        }
        fs::copy(THIS, &linker).with_context(|| format!("cannot make {}", linker.display()))?;
    }
    Ok(linker)
}

/// Links, if this program was called by the linker's name.
pub(crate) fn called() -> Option<ExitCode> {
    let mut arguments = std::env::args();
    let called = arguments.next()?;
    (Path::new(&called).file_name()? == NAME).then(|| match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    })
}

/// The command line that made an image.
pub(super) fn command(image: &Path) -> Result<String> {
    exec::read(&folder(image).join(NOTE))
}

fn folder(image: &Path) -> PathBuf {
    image.with_extension("link")
}

fn shown(arguments: &[String]) -> String {
    std::iter::once(NAME).chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

/// A command line with relative names, and the files that they stand for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
    arguments: Vec<String>,
    /// What is read, by its name in the folder.
    read: Vec<(String, PathBuf)>,
    /// What is written, in the same way.
    written: Vec<(String, PathBuf)>,
}

fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let line = Line::new(arguments, std::path::Path::is_file)?;
    let image = line.written.iter().find(|(_, path)| path.extension().is_none_or(|end| end != "lib"));
    let (_, image) = image.context("the command line has no /OUT:")?;
    let folder = folder(image);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    exec::create_dir(&folder)?;
    let hashes = generated(image)?;
    for (name, path) in &line.read {
        if path.extension().is_some_and(|end| end == "o") {
            let mut object = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            for hash in &hashes {
                hash.clear(&mut object);
            }
            exec::write_if_changed(&folder.join(name), object)?;
        } else {
            link(path, &folder.join(name))?;
        }
    }
    let mut linker = Tool::Linker.command()?;
    // The PDB has the name that the linker is called by.
    platform::set_name(&mut linker, NAME);
    exec::run(linker.current_dir(&folder).args(&line.arguments))?;
    exec::write_if_changed(&folder.join(NOTE), shown(&line.arguments))?;
    let beside = BESIDE.iter().map(|end| image.with_extension(end));
    let beside = beside.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)));
    for (name, path) in line.written.iter().cloned().chain(beside) {
        let made = folder.join(name);
        // A driver exports nothing that would need an import library, and not every link is asked for a map.
        if made.exists() {
            fs::rename(&made, &path).with_context(|| format!("cannot move {}", made.display()))?;
        }
    }
    Ok(())
}

/// The hash of a source that a build script wrote. Such a source has the name of the folder it was written for, and
/// all that the headers declare, of which a driver uses little: its hash says nothing of the driver.
struct Hash([u8; 32]);

/// The sources below the folder that an image is linked in: `target/TARGET/release/deps` in the mirror.
fn generated(image: &Path) -> Result<Vec<Hash>> {
    let release = image.ancestors().nth(2).context("an image is linked in cargo's folder")?;
    let mut hashes = Vec::new();
    for script in fs::read_dir(release.join("build")).into_iter().flatten() {
        for file in fs::read_dir(script?.path().join("out")).into_iter().flatten() {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "rs") {
                hashes.push(Hash(Sha256::digest(exec::read(&path)?).into()));
            }
        }
    }
    Ok(hashes)
}

impl Hash {
    /// Removes the hash from debug information.
    fn clear(&self, object: &mut [u8]) {
        let mut from = 0;
        while let Some(found) = object[from..].windows(32).position(|window| window == self.0) {
            let at = from + found;
            object[at..at + 32].fill(0);
            from = at + 32;
        }
    }
}

impl Line {
    /// Replaces each path by the file's name.
    fn new(arguments: impl Iterator<Item = String>, is_file: impl Fn(&Path) -> bool) -> Result<Self> {
        let mut line = Self::default();
        for argument in arguments {
            let written = WRITTEN.iter().find(|option| argument.starts_with(**option));
            if argument.starts_with("/LIBPATH:") {
                // Every library is named by its path.
                continue;
            }
            if let Some(option) = written {
                let (name, path) = named_path(&argument[option.len()..])?;
                line.arguments.push(format!("{option}{name}"));
                line.written.push((name, path));
            } else if let Some(path) = argument.strip_prefix(READ) {
                let (name, path) = named_path(path)?;
                line.arguments.push(format!("{READ}{name}"));
                line.add(name, path)?;
            } else if is_file(Path::new(&argument)) {
                let (name, path) = named_path(&argument)?;
                line.arguments.push(name.clone());
                line.add(name, path)?;
            } else {
                line.arguments.push(argument);
            }
        }
        line.arguments.push(format!("/PDBSOURCEPATH:{FOLDER}"));
        Ok(line)
    }

    /// One more file that is read; one may be named twice.
    fn add(&mut self, name: String, path: PathBuf) -> Result<()> {
        match self.read.iter().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                ensure!(*known == path, "{} and {} have one name", known.display(), path.display());
            }
            None => self.read.push((name, path)),
        }
        Ok(())
    }
}

/// A path, and the name of its file.
fn named_path(path: &str) -> Result<(String, PathBuf)> {
    let path = PathBuf::from(path);
    let name = path.file_name().and_then(|name| name.to_str());
    Ok((name.with_context(|| format!("{} has no name", path.display()))?.to_owned(), path))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use sha2::{Digest, Sha256};

    use super::{Hash, Line};

    fn line(arguments: &[&str]) -> anyhow::Result<Line> {
        let is_file = |path: &Path| path.starts_with("/home");
        Line::new(arguments.iter().map(|argument| (*argument).to_owned()), is_file)
    }

    #[test]
    fn no_folder_is_left_in_the_command_line() {
        let line = line(&[
            "-flavor",
            "link",
            "/DEF:/home/a/rustc1/lib.def",
            "/home/a/psimp.o",
            "/home/b/ntoskrnl.lib",
            "/home/b/ntoskrnl.lib",
            "/LIBPATH:/home/b",
            "/OUT:/home/c/psimp.dll",
            "/IMPLIB:/home/c/psimp.dll.lib",
            "/DEBUG",
        ]);
        let line = line.expect("no two files have one name");
        assert_eq!(
            line.arguments.join(" "),
            "-flavor link /DEF:lib.def psimp.o ntoskrnl.lib ntoskrnl.lib /OUT:psimp.dll /IMPLIB:psimp.dll.lib \
             /DEBUG /PDBSOURCEPATH:/psimp"
        );
        let files = |files: &[(String, PathBuf)]| {
            files.iter().map(|(name, path)| format!("{name} {}", path.display())).collect::<Vec<_>>()
        };
        assert_eq!(
            files(&line.read),
            [
                "lib.def /home/a/rustc1/lib.def",
                "psimp.o /home/a/psimp.o",
                "ntoskrnl.lib /home/b/ntoskrnl.lib"
            ]
        );
        assert_eq!(
            files(&line.written),
            ["psimp.dll /home/c/psimp.dll", "psimp.dll.lib /home/c/psimp.dll.lib"]
        );
    }

    #[test]
    fn a_hash_is_cleared_wherever_it_is() {
        let hash: [u8; 32] = Sha256::digest("pub type NTSTATUS = i32;").into();
        let mut object = [&b".."[..], &hash, b"...", &hash].concat();
        Hash(hash).clear(&mut object);
        assert_eq!(object, [&b".."[..], &[0; 32], b"...", &[0; 32]].concat());
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let error = line(&["/home/a/x.lib", "/home/b/x.lib"]).expect_err("they differ").to_string();
        assert_eq!(error, "/home/a/x.lib and /home/b/x.lib have one name");
    }
}
