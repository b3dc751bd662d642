//! Files that a command writes: each is opened before the work is done, and none is an input.

use super::Stop;
use crate::cli::Exit;
use same_file::Handle;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// A file that will be written, open. What it holds stays until then; one that was made for it is removed if nothing
/// is written.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: Option<File>,
    /// Where it was made, if it was not there before.
    made: Option<PathBuf>,
}

impl Output {
    /// Opens a file for writing.
    ///
    /// # Errors
    /// [`Exit::Usage`] if it is one of `inputs` or standard output, by whatever name; [`Exit::Unwritten`] if it cannot
    /// be written.
    pub(super) fn open(path: &Path, inputs: &[&Path]) -> Result<Self, Stop> {
        if path.as_os_str() == "-" {
            return Err(Stop::usage(
                "- does not mean standard output, which has the text; write ./- for a file of that name",
            ));
        }
        let was_there = path.exists();
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|error| unwritable(path, &error))?;
        let made = if was_there { None } else { fs::canonicalize(path).ok() };
        let output = Self { path: path.to_owned(), file: Some(file), made };
        output.is_no_other(inputs)?;
        Ok(output)
    }

    /// Opens the file that is asked for, if one is.
    ///
    /// # Errors
    /// As [`Output::open`].
    pub(super) fn open_any(path: Option<&Path>, inputs: &[&Path]) -> Result<Option<Self>, Stop> {
        path.map(|path| Self::open(path, inputs)).transpose()
    }

    /// Fails if it is another file of the command.
    fn is_no_other(&self, inputs: &[&Path]) -> Result<(), Stop> {
        let file = self.file.as_ref().filter(|file| file.metadata().is_ok_and(|data| data.is_file()));
        // A terminal, a pipe or a device holds nothing that could be lost.
        let Some(file) = file else { return Ok(()) };
        let own =
            file.try_clone().and_then(Handle::from_file).map_err(|error| unwritable(&self.path, &error))?;
        let path = self.path.display();
        let overwritten = |what: &str| Stop::usage(format!("{path} is {what} and would be overwritten"));
        if let Some(input) =
            inputs.iter().find(|input| Handle::from_path(input).is_ok_and(|input| input == own))
        {
            let name = input.display();
            return Err(if **input == self.path {
                overwritten("also an input")
            } else {
                overwritten(&format!("the same file as the input {name},"))
            });
        }
        if Handle::stdout().is_ok_and(|stdout| stdout == own) {
            return Err(overwritten("also standard output"));
        }
        Ok(())
    }

    /// Replaces what the file holds.
    ///
    /// # Errors
    /// [`Exit::Unwritten`] if it cannot be written after all.
    pub(super) fn write(mut self, bytes: &[u8]) -> Result<(), Stop> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        self.made = None;
        replace(&mut file, bytes).map_err(|error| unwritable(&self.path, &error))
    }
}

fn replace(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    // Only what is a file has a length and a beginning.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
        file.rewind()?;
    }
    file.write_all(bytes)
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.file.take());
        if let Some(made) = &self.made {
            // Without it the file is empty, which is no result either.
            let _ = fs::remove_file(made);
        }
    }
}

/// Fails if standard output is one of these files, which `>>` of a shell would lengthen.
pub(super) fn require_other_standard_output(inputs: &[&Path]) -> Result<(), Stop> {
    let Ok(stdout) = Handle::stdout() else { return Ok(()) };
    let same =
        |input: &&&Path| input.is_file() && Handle::from_path(input).is_ok_and(|input| input == stdout);
    inputs.iter().find(same).map_or(Ok(()), |input| {
        let name = input.display();
        Err(Stop::usage(format!("standard output is the same file as the input {name}")))
    })
}

/// Says why a file cannot be written.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> Stop {
    let why = if path.is_dir() { "it is a folder".to_owned() } else { error.to_string() };
    Stop::new(Exit::Unwritten, format!("cannot write {}: {why}", path.display()))
}
