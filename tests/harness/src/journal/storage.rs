//! Where the journal's text is stored.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Storage for a text that outlives the process, however the process ends.
pub trait Storage {
    /// Excludes every other process, and every other storage of the same place, until
    /// the result is dropped.
    ///
    /// # Errors
    /// The error of the operating system.
    fn lock(&self) -> io::Result<File>;

    /// The text; empty where there is none.
    ///
    /// # Errors
    /// The error of the operating system.
    fn read(&self) -> io::Result<String>;

    /// Adds a line, and returns when it is on the disk. A process that ends in
    /// between may leave part of the line.
    ///
    /// # Errors
    /// The error of the operating system.
    fn append(&self, line: &str) -> io::Result<()>;

    /// Replaces the text; a process that ends in between leaves the old one.
    ///
    /// # Errors
    /// The error of the operating system.
    fn replace(&self, text: &str) -> io::Result<()>;
}

/// A folder of psimp's own. Without lines there is no journal in it, only the
/// empty file that is locked.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// In a folder that exists or can be created.
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal.jsonl")
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Storage for Folder {
    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(&self.0)?;
        // The journal itself is replaced and removed, so another file is locked.
        let path = self.0.join("journal.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn read(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        match File::open(self.journal()) {
            Ok(mut file) => file.read_to_end(&mut bytes)?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        // A line that is not UTF-8 is unreadable anyway.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.journal())?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return match fs::remove_file(self.journal()) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = self.0.join("journal.new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(new, self.journal())
    }
}
