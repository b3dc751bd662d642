//! What psimp has made on this machine and not removed yet: nothing is to be left
//! behind, however a run ends.
//!
//! Before anything lasting is made, a line about it is on the disk; when it is
//! removed, the line goes. The next process to start removes what lines of processes
//! that are gone still stand for.

mod entry;
mod making;
mod storage;

pub use entry::{Entry, Line, Thing, Writer};
pub use making::Made;
pub use storage::{Folder, Storage};

use parking_lot::Mutex;
use std::fmt::{self, Display, Formatter};
use std::io;

/// What the journal needs of the machine.
pub trait World {
    /// Whether a process still runs: this very one, not another with its id.
    fn runs(&self, writer: Writer) -> bool;

    /// Removes a thing, if it is what the journal says.
    ///
    /// # Errors
    /// Why it cannot be removed, or cannot be looked at.
    fn remove(&self, thing: &Thing) -> Result<Removed, String>;
}

/// How a thing came to be no concern of the journal any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was removed.
    Now,
    /// It was not there.
    Absent,
    /// What is there is something else, for this reason, and was left alone.
    Other(String),
}

/// What came of one line when the journal was cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalReport {
    /// The line went.
    Cleared(Thing, Removed),
    /// It stays, because the thing could not be removed.
    Stays(Thing, String),
    /// It stays, because nobody knows what it stands for.
    Unreadable(String),
}

impl Display for RemovalReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cleared(thing, Removed::Now) => write!(f, "removed {thing}, which psimp had made"),
            Self::Cleared(thing, Removed::Absent) => write!(f, "{thing} is listed and not there any more"),
            Self::Cleared(thing, Removed::Other(why)) => write!(f, "{thing} was left alone: {why}"),
            Self::Stays(thing, why) => write!(f, "{thing}, which psimp had made, stays: {why}"),
            Self::Unreadable(line) => write!(f, "the journal has an invalid line: {line}"),
        }
    }
}

/// The journal, as one process writes it.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    writer: Writer,
    /// Held while something is made or undone, so that neither is seen halfway.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many lines this process has written.
    written: u64,
    /// Nothing is made any more.
    stopped: bool,
}

impl<S: Storage> Journal<S> {
    /// The journal that lies there.
    pub const fn new(storage: S, writer: Writer) -> Self {
        let state = State { written: 0, stopped: false };
        Self { storage, writer, state: Mutex::new(state) }
    }

    /// What it lists.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn lines(&self) -> io::Result<Vec<Line>> {
        let _lock = self.storage.lock()?;
        Ok(entry::parse(&self.storage.read()?))
    }

    /// Removes what processes that are gone have left, and reports the result.
    /// What cannot be removed stays listed.
    ///
    /// # Errors
    /// Why the journal cannot be read or written.
    pub fn clear(&self, world: &impl World) -> io::Result<Vec<RemovalReport>> {
        self.clear_of(world, |writer| !world.runs(writer))
    }

    /// Removes what this process has made, and lets it make nothing more. What is
    /// being made by another thread is waited for.
    ///
    /// # Errors
    /// Why the journal cannot be read or written.
    pub fn stop(&self, world: &impl World) -> io::Result<Vec<RemovalReport>> {
        let mut state = self.state.lock();
        state.stopped = true;
        self.clear_of(world, |writer| writer == self.writer)
    }

    /// The lock is held to the end: two that start at once clear one after the other.
    fn clear_of(&self, world: &impl World, whose: impl Fn(Writer) -> bool) -> io::Result<Vec<RemovalReport>> {
        let _lock = self.storage.lock()?;
        let text = self.storage.read()?;
        let (mut kept, mut told) = (Vec::new(), Vec::new());
        for line in entry::parse(&text) {
            match &line {
                Line::Unreadable(text) => told.push(RemovalReport::Unreadable(text.clone())),
                Line::Entry(entry) if whose(entry.writer) => match world.remove(&entry.thing) {
                    Ok(removed) => {
                        told.push(RemovalReport::Cleared(entry.thing.clone(), removed));
                        continue;
                    }
                    Err(why) => told.push(RemovalReport::Stays(entry.thing.clone(), why)),
                },
                Line::Entry(_) => (),
            }
            kept.push(line);
        }
        let after = entry::render(&kept)?;
        if after != text {
            self.storage.replace(&after)?;
        }
        Ok(told)
    }

    /// A new line; it is on the disk when this returns.
    fn note(&self, number: u64, thing: &Thing) -> io::Result<Entry> {
        let _lock = self.storage.lock()?;
        let text = self.storage.read()?;
        if !text.is_empty() && !text.ends_with('\n') {
            // The rest of a line that was cut off would spoil this one.
            self.storage.replace(&entry::render(&entry::parse(&text))?)?;
        }
        let entry = Entry { number, writer: self.writer, thing: thing.clone() };
        self.storage.append(&serde_json::to_string(&entry)?)?;
        Ok(entry)
    }

    /// The line says more.
    fn amend(&self, known: &Entry) -> io::Result<()> {
        self.rewrite(|entry| Some(if entry.is(known) { known.clone() } else { entry }))
    }

    /// The line goes.
    fn strike(&self, gone: &Entry) -> io::Result<()> {
        self.rewrite(|entry| (!entry.is(gone)).then_some(entry))
    }

    fn rewrite(&self, change: impl Fn(Entry) -> Option<Entry>) -> io::Result<()> {
        let _lock = self.storage.lock()?;
        let lines = entry::parse(&self.storage.read()?).into_iter().filter_map(|line| match line {
            Line::Entry(entry) => change(entry).map(Line::Entry),
            Line::Unreadable(_) => Some(line),
        });
        self.storage.replace(&entry::render(&lines.collect::<Vec<_>>())?)
    }
}

#[cfg(test)]
mod tests;
