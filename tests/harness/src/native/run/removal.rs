//! Accounts and profiles that psimp creates on this Windows, and their removal.

use crate::journal::{Folder, Journal, Made, RemovalReport, Removed, Thing, World, Writer};
use crate::native::system::account::{self, Account};
use crate::native::system::{console, process};
use std::sync::OnceLock;

/// The prefix of the names of accounts that psimp creates.
pub(super) const PREFIX: &str = "psimp-";

/// The machine of the journal.
pub(super) struct Windows;

impl World for Windows {
    fn runs(&self, writer: Writer) -> bool {
        match process::started(writer.pid) {
            Ok(started) => started == Some(writer.started),
            Err(error) => {
                eprintln!("psimp: process {} of the journal counts as running: {error}", writer.pid);
                true
            }
        }
    }

    fn remove(&self, thing: &Thing) -> Result<Removed, String> {
        let Thing::Account { name, mark, sid } = thing;
        if !name.starts_with(PREFIX) || mark.is_empty() {
            return Ok(Removed::Other("psimp makes no such accounts".to_owned()));
        }
        let Some(found) = Account::find(name).map_err(|error| error.to_string())? else {
            return Ok(Removed::Absent);
        };
        if !found.comment.contains(mark.as_str()) {
            return Ok(Removed::Other(format!("its comment is not psimp's but {:?}", found.comment)));
        }
        if sid.as_ref().is_some_and(|sid| *sid != found.sid.to_string()) {
            return Ok(Removed::Other(format!("its SID is {}", found.sid)));
        }
        // The profile first: it is found by the account's SID.
        account::delete_profile(&found.sid).map_err(|error| error.to_string())?;
        account::delete(name).map_err(|error| error.to_string())?;
        Ok(Removed::Now)
    }
}

/// The journal of this process. From the first call on, a console event that ends
/// the process removes what it lists.
pub(super) fn journal() -> Result<&'static Journal<Folder>, String> {
    static JOURNAL: OnceLock<Result<Journal<Folder>, String>> = OnceLock::new();
    let opened = JOURNAL.get_or_init(|| {
        let pid = process::id();
        let started =
            process::this_started().map_err(|error| error.of("the journal's look at it").to_string())?;
        Ok(Journal::new(folder(), Writer { pid, started }))
    });
    let journal = opened.as_ref().map_err(Clone::clone)?;
    console::before_the_end(|| tell(journal.stop(&Windows))).map_err(|error| error.to_string())?;
    Ok(journal)
}

/// Lists an account that is not created, for as long as the result lives.
pub(super) fn list_nothing() -> Result<Made<'static, Folder, Windows>, String> {
    let thing = Thing::Account { name: format!("{PREFIX}nobody"), mark: "none".to_owned(), sid: None };
    journal()?.make(&Windows, thing, |_| Ok(())).map(|(made, ())| made)
}

/// Removes what earlier runs have left, and reports it on standard error. It comes last in a run: a removal may end
/// the process.
pub(crate) fn clear() {
    // Without a journal there is nothing to remove, and the folder is not created.
    if !folder().journal().exists() {
        return;
    }
    match journal() {
        Ok(journal) => tell(journal.clear(&Windows)),
        Err(why) => eprintln!("psimp: what earlier runs may have left stays, listed in {}: {why}", place()),
    }
}

fn tell(told: std::io::Result<Vec<RemovalReport>>) {
    match told {
        Ok(told) => {
            for told in &told {
                eprintln!("psimp: {told}");
            }
            if told.iter().any(RemovalReport::stays) {
                eprintln!("psimp: what stays is listed in {}", place());
            }
        }
        Err(error) => eprintln!("psimp: {}, the journal of what psimp makes: {error}", place()),
    }
}

fn place() -> String {
    folder().journal().display().to_string()
}

/// A folder of psimp's own, below that of the user who runs it.
fn folder() -> Folder {
    Folder::at(process::data_folder().join("psimp"))
}
