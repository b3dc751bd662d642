//! What psimp has created on this machine and not removed yet, so that nothing is
//! left behind however a run ends.
//!
//! Before a persistent object is created, a line about it is written to the disk;
//! the line is removed after the object. The next process to start removes the
//! objects listed by processes that no longer run.

mod entry;
mod making;
mod storage;

pub use entry::{Entry, Line, Thing, Writer};
pub use making::Made;
pub use storage::{Folder, Storage};

use parking_lot::Mutex;
use std::fmt::{self, Display, Formatter};
use std::io;

/// How many processes may end while they remove one object, before it is left alone: one that ends every process that
/// tries must not do so for ever.
const TRIES: u32 = 3;

/// What the journal needs of the machine.
pub trait World {
    /// Whether a process still runs; another process with its id does not count.
    fn runs(&self, writer: Writer) -> bool;

    /// Removes an object, if it is the one that the journal describes.
    ///
    /// # Errors
    /// Why it cannot be removed or examined.
    fn remove(&self, thing: &Thing) -> Result<Removed, String>;
}

/// Why an object no longer needs to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was removed.
    Now,
    /// It did not exist.
    Absent,
    /// What exists is a different object, for this reason, and was not removed.
    Other(String),
}

/// The result for one line when the journal was cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalReport {
    /// The line was removed.
    Cleared(Thing, Removed),
    /// It stays, because the object could not be removed.
    Stays(Thing, String),
    /// It stays: as many processes as may try to remove the object have ended while they did.
    GivenUp(Thing),
    /// It stays, because it cannot be read.
    Unreadable(String),
}

impl RemovalReport {
    /// Whether the line is still in the journal.
    pub const fn stays(&self) -> bool {
        !matches!(self, Self::Cleared(..))
    }
}

impl Display for RemovalReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cleared(thing, Removed::Now) => write!(f, "removed {thing}, which psimp had made"),
            Self::Cleared(thing, Removed::Absent) => write!(f, "{thing} is listed and not there any more"),
            Self::Cleared(thing, Removed::Other(why)) => write!(f, "{thing} was left alone: {why}"),
            Self::Stays(thing, why) => write!(f, "{thing}, which psimp had made, stays: {why}"),
            Self::GivenUp(thing) => write!(
                f,
                "{thing}, which psimp had made, stays: {TRIES} processes ended while they removed it; remove it by \
                 hand, and its line"
            ),
            Self::Unreadable(line) => write!(f, "the journal has an invalid line: {line}"),
        }
    }
}

/// The journal, as used by one process.
#[derive(Debug)]
pub struct Journal<S> {
    storage: S,
    writer: Writer,
    /// Held while an object is created or removed, so that neither is seen half done.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many lines this process has written.
    written: u64,
    /// No more objects are created.
    stopped: bool,
}

impl<S: Storage> Journal<S> {
    /// The journal in this storage.
    pub const fn new(storage: S, writer: Writer) -> Self {
        let state = State { written: 0, stopped: false };
        Self { storage, writer, state: Mutex::new(state) }
    }

    /// Its lines.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn lines(&self) -> io::Result<Vec<Line>> {
        let _lock = self.storage.lock()?;
        Ok(entry::parse(&self.storage.read()?))
    }

    /// Removes what processes that no longer run have left, and reports the result.
    /// What cannot be removed stays listed.
    ///
    /// # Errors
    /// Why the journal cannot be read or written.
    pub fn clear(&self, world: &impl World) -> io::Result<Vec<RemovalReport>> {
        self.clear_of(world, |writer| !world.runs(writer))
    }

    /// Removes what this process has created, and keeps it from creating more. Waits
    /// for another thread that is creating an object.
    ///
    /// # Errors
    /// Why the journal cannot be read or written.
    pub fn stop(&self, world: &impl World) -> io::Result<Vec<RemovalReport>> {
        let mut state = self.state.lock();
        state.stopped = true;
        self.clear_of(world, |writer| writer == self.writer)
    }

    /// The lock is held throughout: two processes that start at once clear in turn. That an object is about to be
    /// removed is on the disk before, as this process may end in it.
    fn clear_of(&self, world: &impl World, whose: impl Fn(Writer) -> bool) -> io::Result<Vec<RemovalReport>> {
        let _lock = self.storage.lock()?;
        let text = self.storage.read()?;
        let (mut lines, mut told, mut at) = (entry::parse(&text), Vec::new(), 0);
        while let Some(line) = lines.get_mut(at) {
            at += 1;
            match line {
                Line::Unreadable(text) => told.push(RemovalReport::Unreadable(text.clone())),
                Line::Entry(entry) if !whose(entry.writer) => (),
                Line::Entry(entry) if entry.tries >= TRIES => {
                    told.push(RemovalReport::GivenUp(entry.thing.clone()));
                }
                Line::Entry(entry) => {
                    let (thing, tries) = (entry.thing.clone(), entry.tries);
                    entry.tries += 1;
                    self.storage.replace(&entry::render(&lines)?)?;
                    let removed = world.remove(&thing);
                    at -= 1;
                    match removed {
                        Ok(removed) => {
                            told.push(RemovalReport::Cleared(thing, removed));
                            lines.remove(at);
                        }
                        Err(why) => {
                            told.push(RemovalReport::Stays(thing, why));
                            if let Some(Line::Entry(entry)) = lines.get_mut(at) {
                                entry.tries = tries;
                            }
                            at += 1;
                        }
                    }
                    self.storage.replace(&entry::render(&lines)?)?;
                }
            }
        }
        let after = entry::render(&lines)?;
        if after != self.storage.read()? {
            // A line that was cut off.
            self.storage.replace(&after)?;
        }
        Ok(told)
    }

    /// Adds a line, which is on the disk when this returns.
    fn note(&self, number: u64, thing: &Thing) -> io::Result<Entry> {
        let _lock = self.storage.lock()?;
        let text = self.storage.read()?;
        if !text.is_empty() && !text.ends_with('\n') {
            // A truncated last line would corrupt this one.
            self.storage.replace(&entry::render(&entry::parse(&text))?)?;
        }
        let entry = Entry { number, writer: self.writer, thing: thing.clone(), tries: 0 };
        self.storage.append(&serde_json::to_string(&entry)?)?;
        Ok(entry)
    }

    /// Replaces a line by one with more details.
    fn amend(&self, known: &Entry) -> io::Result<()> {
        self.rewrite(|entry| Some(if entry.is(known) { known.clone() } else { entry }))
    }

    /// Removes a line.
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
