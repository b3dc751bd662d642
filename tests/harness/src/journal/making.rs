//! Creating a persistent object: the journal is written first.

use super::{Entry, Journal, Removed, Storage, Thing, World};
use std::fmt::{self, Debug, Formatter};
use std::io;

/// A persistent object that this process has created. It is removed when this is
/// dropped, at the latest.
pub struct Made<'a, S: Storage, W: World> {
    journal: &'a Journal<S>,
    world: &'a W,
    entry: Option<Entry>,
}

impl<S: Storage> Journal<S> {
    /// Records that an object is about to be created, and creates it with `act`,
    /// whose result is returned. `act` adds what is only known afterwards to the
    /// entry. If it fails, what it may have created by then is removed.
    ///
    /// # Errors
    /// The error of `act`; or that the journal cannot be written, in which case
    /// nothing is created.
    pub fn make<'a, W: World, T>(
        &'a self,
        world: &'a W,
        mut thing: Thing,
        act: impl FnOnce(&mut Thing) -> Result<T, String>,
    ) -> Result<(Made<'a, S, W>, T), String> {
        let mut state = self.state.lock();
        if state.stopped {
            return Err("nothing is made any more: psimp is being ended".to_owned());
        }
        state.written += 1;
        let entry = self.note(state.written, &thing).map_err(|error| unwritten(&error))?;
        let done = act(&mut thing);
        let noted = if entry.thing == thing {
            Ok(entry)
        } else {
            let known = Entry { thing, ..entry };
            self.amend(&known).map(|()| known.clone()).map_err(|error| (known, error))
        };
        // Dropping the result takes the lock again.
        drop(state);
        let made = |entry| Made { journal: self, world, entry: Some(entry) };
        match (noted, done) {
            (Ok(entry), Ok(value)) => Ok((made(entry), value)),
            (Ok(entry), Err(why)) => Err(and(why, made(entry).undo())),
            (Err((entry, error)), _) => Err(and(unwritten(&error), made(entry).undo())),
        }
    }
}

impl<S: Storage, W: World> Made<'_, S, W> {
    /// Removes the object, then its line.
    ///
    /// # Errors
    /// Why it cannot be removed; it stays listed.
    pub fn undo(mut self) -> Result<(), String> {
        self.undone()
    }

    fn undone(&mut self) -> Result<(), String> {
        let Some(entry) = self.entry.take() else { return Ok(()) };
        let _state = self.journal.state.lock();
        match self.world.remove(&entry.thing) {
            Ok(Removed::Now | Removed::Absent) => (),
            Ok(Removed::Other(why)) => eprintln!("psimp: {} was left alone: {why}", entry.thing),
            Err(why) => return Err(format!("{} stays, and stays listed: {why}", entry.thing)),
        }
        self.journal.strike(&entry).map_err(|error| unwritten(&error))
    }
}

impl<S: Storage, W: World> Drop for Made<'_, S, W> {
    fn drop(&mut self) {
        if let Err(why) = self.undone() {
            eprintln!("psimp: {why}");
        }
    }
}

impl<S: Storage, W: World> Debug for Made<'_, S, W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

fn unwritten(error: &io::Error) -> String {
    format!("the journal of what psimp makes cannot be written: {error}")
}

fn and(why: String, undone: Result<(), String>) -> String {
    match undone {
        Ok(()) => why,
        Err(more) => format!("{why}; and {more}"),
    }
}
