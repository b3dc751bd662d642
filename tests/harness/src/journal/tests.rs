//! The journal, with simulated machines and processes that end at any step.

use super::{Folder, Journal, Line, RemovalReport, Removed, Storage, Thing, World, Writer};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

const ME: Writer = Writer { pid: 4, started: 100 };
const LATER: Writer = Writer { pid: 4, started: 200 };

/// A temporary folder of a test, removed when dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("psimp-journal-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn folder(&self) -> Folder {
        Folder::at(self.0.clone())
    }

    fn write(&self, text: &str) {
        fs::create_dir_all(&self.0).expect("a folder");
        fs::write(self.folder().journal(), text).expect("a journal");
    }

    /// `None` where there is no journal.
    fn text(&self) -> Option<String> {
        fs::read_to_string(self.folder().journal()).ok()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How many steps a process has left before it ends; after that it does nothing.
#[derive(Clone)]
struct Life(Rc<Cell<usize>>);

impl Life {
    const LONG: usize = 1000;

    fn of(steps: usize) -> Self {
        Self(Rc::new(Cell::new(steps)))
    }

    fn step(&self) -> io::Result<()> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left == 0 { Err(io::Error::other("dead")) } else { Ok(()) }
    }
}

/// The folder as used by a process that may end between and during writes.
struct Mortal(Folder, Life);

impl Storage for Mortal {
    fn lock(&self) -> io::Result<File> {
        self.1.step()?;
        self.0.lock()
    }

    fn read(&self) -> io::Result<String> {
        self.1.step()?;
        self.0.read()
    }

    fn append(&self, line: &str) -> io::Result<()> {
        self.1.step()?;
        if self.1.step().is_err() {
            let cut = self.0.read()? + &line[..line.len() / 2];
            return self.0.replace(&cut).and_then(|()| self.1.step());
        }
        self.0.append(line)?;
        self.1.step()
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        self.1.step()?;
        if self.1.step().is_err() {
            fs::write(self.0.path().join("journal.new"), "half of")?;
            return self.1.step();
        }
        self.0.replace(text)?;
        self.1.step()
    }
}

/// Accounts by name: their marks and SIDs.
#[derive(Default)]
struct Machine {
    accounts: RefCell<BTreeMap<String, (String, String)>>,
    /// Why nothing can be removed, if so.
    stuck: Option<&'static str>,
    /// Processes that run.
    running: Vec<Writer>,
}

impl Machine {
    fn names(&self) -> Vec<String> {
        self.accounts.borrow().keys().cloned().collect()
    }

    fn add(&self, name: &str, mark: &str, sid: &str) {
        self.accounts.borrow_mut().insert(name.to_owned(), (mark.to_owned(), sid.to_owned()));
    }
}

impl World for (&Machine, Life) {
    fn runs(&self, writer: Writer) -> bool {
        self.0.running.contains(&writer)
    }

    fn remove(&self, thing: &Thing) -> Result<Removed, String> {
        self.1.step().map_err(|error| error.to_string())?;
        if let Some(why) = self.0.stuck {
            return Err(why.to_owned());
        }
        let Thing::Account { name, mark, sid } = thing;
        let removed = match self.0.accounts.borrow().get(name) {
            None => Removed::Absent,
            Some((theirs, _)) if theirs != mark => Removed::Other("another mark".to_owned()),
            Some((_, theirs)) if sid.as_ref().is_some_and(|sid| sid != theirs) => {
                Removed::Other("another SID".to_owned())
            }
            Some(_) => Removed::Now,
        };
        if removed == Removed::Now {
            self.0.accounts.borrow_mut().remove(name);
        }
        self.1.step().map_err(|error| error.to_string())?;
        Ok(removed)
    }
}

fn account(name: &str, sid: Option<&str>) -> Thing {
    Thing::Account { name: name.to_owned(), mark: "m1".to_owned(), sid: sid.map(str::to_owned) }
}

/// Creates an account and removes it again, for as long as the process lives.
fn live(folder: Folder, machine: &Machine, life: &Life, writer: Writer) -> Result<(), String> {
    let journal = Journal::new(Mortal(folder, life.clone()), writer);
    let world = (machine, life.clone());
    let (made, ()) = journal.make(&world, account("psimp-1", None), |thing| {
        life.step().map_err(|error| error.to_string())?;
        machine.add("psimp-1", "m1", "S-1-5-21-7");
        life.step().map_err(|error| error.to_string())?;
        let Thing::Account { sid, .. } = thing;
        *sid = Some("S-1-5-21-7".to_owned());
        Ok(())
    })?;
    life.step().map_err(|error| error.to_string())?;
    made.undo()
}

fn living(machine: &Machine) -> (&Machine, Life) {
    (machine, Life::of(Life::LONG))
}

#[test]
fn wherever_a_process_dies_the_next_leaves_nothing() {
    let mut orphans = 0;
    for steps in 0.. {
        let (temporary, machine, life) = (Temporary::new(), Machine::default(), Life::of(steps));
        machine.add("somebody", "none", "S-1-5-21-1");
        let ended = live(temporary.folder(), &machine, &life, ME);
        let left = machine.names().contains(&"psimp-1".to_owned());
        orphans += usize::from(left);
        if left {
            let text = temporary.text().unwrap_or_default();
            assert!(text.contains("psimp-1"), "dead after {steps} steps: there, and not listed: {text:?}");
        }

        let next = Journal::new(temporary.folder(), LATER);
        let told = next.clear(&living(&machine)).expect("a journal");
        assert_eq!(machine.names(), ["somebody"], "dead after {steps} steps");
        assert_eq!(temporary.text(), None, "dead after {steps} steps");
        let removed =
            told.iter().filter(|told| matches!(told, RemovalReport::Cleared(_, Removed::Now))).count();
        assert_eq!(removed, usize::from(left), "dead after {steps} steps: {told:?}");
        live(temporary.folder(), &machine, &Life::of(Life::LONG), LATER).expect("the next run works");
        if ended.is_ok() && life.0.get() > 0 {
            assert!(steps > 15, "it had only {steps} steps to die at");
            break;
        }
    }
    assert!(orphans > 5, "it hardly ever died between making and removing");
}

#[test]
fn a_line_is_there_before_the_thing_is_made_and_says_more_afterwards() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    let journal = Journal::new(temporary.folder(), ME);
    let world = living(&machine);
    let before = concat!(
        r#"{"number":1,"writer":{"pid":4,"started":100},"#,
        r#""thing":{"kind":"account","name":"psimp-1","mark":"m1","sid":null}}"#,
        "\n"
    );
    let (made, seen) = journal
        .make(&world, account("psimp-1", None), |thing| {
            *thing = account("psimp-1", Some("S-1-5-21-7"));
            Ok(temporary.text())
        })
        .expect("it is made");
    assert_eq!(seen.as_deref(), Some(before));
    assert_eq!(temporary.text(), Some(before.replace("null", "\"S-1-5-21-7\"")));
    drop(made);
    assert_eq!(temporary.text(), None);
}

#[test]
fn what_fails_halfway_is_removed() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    let journal = Journal::new(temporary.folder(), ME);
    let world = living(&machine);
    let made = journal.make(&world, account("psimp-1", None), |_| -> Result<(), String> {
        machine.add("psimp-1", "m1", "S-1-5-21-7");
        Err("no logon".to_owned())
    });
    assert_eq!(made.expect_err("it fails"), "no logon");
    assert!(machine.names().is_empty());
    assert_eq!(temporary.text(), None);
}

#[test]
fn without_a_journal_nothing_is_made() {
    let temporary = Temporary::new();
    fs::write(&temporary.0, "a file where the folder should be").expect("a file");
    let machine = Machine::default();
    let journal = Journal::new(temporary.folder(), ME);
    let world = living(&machine);
    let mut acted = false;
    let made = journal.make(&world, account("psimp-1", None), |_| {
        acted = true;
        Ok(())
    });
    let why = made.expect_err("there is no journal");
    assert!(why.starts_with("the journal of what psimp makes cannot be written"), "{why}");
    assert!(!acted);
    fs::remove_file(&temporary.0).expect("the file");
}

#[test]
fn what_cannot_be_removed_stays_listed_and_is_told() {
    let temporary = Temporary::new();
    let machine = Machine { stuck: Some("access denied"), ..Machine::default() };
    machine.add("psimp-1", "m1", "S-1-5-21-7");
    let journal = Journal::new(temporary.folder(), ME);
    journal.note(1, &account("psimp-1", None)).expect("a line");
    let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
    assert_eq!(told, [RemovalReport::Stays(account("psimp-1", None), "access denied".to_owned())]);
    assert_eq!(told[0].to_string(), "the account psimp-1, which psimp had made, stays: access denied");
    assert_eq!(journal.lines().expect("a journal").len(), 1);
}

#[test]
fn what_ends_everybody_who_removes_it_is_left_alone_in_the_end() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    machine.add("psimp-1", "m1", "S-1-5-21-7");
    Journal::new(temporary.folder(), ME).note(1, &account("psimp-1", None)).expect("a line");
    // Each of these ends in the removal: what comes after is not written any more.
    for _ in 0..3 {
        let life = Life::of(5);
        let journal = Journal::new(Mortal(temporary.folder(), life.clone()), LATER);
        assert!(journal.clear(&(&machine, life)).is_err());
        assert_eq!(machine.names(), ["psimp-1"]);
    }
    let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
    assert_eq!(told, [RemovalReport::GivenUp(account("psimp-1", None))]);
    assert!(told[0].stays());
    assert_eq!(
        told[0].to_string(),
        "the account psimp-1, which psimp had made, stays: 3 processes ended while they removed it; remove it by \
         hand, and its line"
    );
    assert_eq!(machine.names(), ["psimp-1"]);
    assert!(temporary.text().is_some_and(|text| text.contains("psimp-1")));
}

#[test]
fn a_failure_is_no_try_and_the_other_lines_go() {
    let temporary = Temporary::new();
    let machine = Machine { stuck: Some("access denied"), ..Machine::default() };
    let journal = Journal::new(temporary.folder(), ME);
    journal.note(1, &account("psimp-1", None)).expect("a line");
    for _ in 0..5 {
        let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
        assert!(matches!(told[..], [RemovalReport::Stays(..)]), "{told:?}");
    }
    let told =
        Journal::new(temporary.folder(), LATER).clear(&living(&Machine::default())).expect("a journal");
    assert_eq!(told, [RemovalReport::Cleared(account("psimp-1", None), Removed::Absent)]);
    assert_eq!(temporary.text(), None);
}

#[test]
fn only_what_psimp_made_is_removed() {
    for (mark, sid, known) in [("m2", "S-1-5-21-7", None), ("m1", "S-1-5-21-8", Some("S-1-5-21-7"))] {
        let (temporary, machine) = (Temporary::new(), Machine::default());
        machine.add("psimp-1", mark, sid);
        Journal::new(temporary.folder(), ME).note(1, &account("psimp-1", known)).expect("a line");
        let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
        assert!(matches!(told[..], [RemovalReport::Cleared(_, Removed::Other(_))]), "{told:?}");
        assert_eq!(machine.names(), ["psimp-1"]);
        assert_eq!(temporary.text(), None);
    }
}

#[test]
fn lines_of_processes_that_run_are_left_alone() {
    let temporary = Temporary::new();
    // Another process with the same id: one that runs, and one that has ended.
    let machine = Machine { running: vec![LATER], ..Machine::default() };
    machine.add("psimp-1", "m1", "S-1-5-21-7");
    machine.add("psimp-2", "m1", "S-1-5-21-8");
    Journal::new(temporary.folder(), ME).note(1, &account("psimp-1", None)).expect("a line");
    Journal::new(temporary.folder(), LATER).note(1, &account("psimp-2", None)).expect("a line");
    let third = Writer { pid: 5, started: 300 };
    let told = Journal::new(temporary.folder(), third).clear(&living(&machine)).expect("a journal");
    assert_eq!(told, [RemovalReport::Cleared(account("psimp-1", None), Removed::Now)]);
    assert_eq!(machine.names(), ["psimp-2"]);
    assert!(temporary.text().is_some_and(|text| text.contains("psimp-2") && !text.contains("psimp-1")));
}

#[test]
fn a_line_that_nobody_can_read_stays_and_one_that_was_cut_off_goes() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    temporary.write("what is this\n{\"number\":1,\"wri");
    let journal = Journal::new(temporary.folder(), ME);
    assert_eq!(journal.lines().expect("a journal"), [Line::Unreadable("what is this".to_owned())]);
    let entry = journal.note(1, &account("psimp-1", None)).expect("a line");
    let lines = journal.lines().expect("a journal");
    assert_eq!(lines, [Line::Unreadable("what is this".to_owned()), Line::Entry(entry)]);
    let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
    assert_eq!(
        told,
        [
            RemovalReport::Unreadable("what is this".to_owned()),
            RemovalReport::Cleared(account("psimp-1", None), Removed::Absent)
        ]
    );
    assert_eq!(temporary.text().as_deref(), Some("what is this\n"));
}

#[test]
fn another_kind_of_thing_is_nothing_to_remove() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    let line = "{\"number\":1,\"writer\":{\"pid\":4,\"started\":100},\"thing\":{\"kind\":\"disk\",\"name\":\"C\"}}\n";
    temporary.write(line);
    let told = Journal::new(temporary.folder(), LATER).clear(&living(&machine)).expect("a journal");
    assert!(matches!(told[..], [RemovalReport::Unreadable(_)]), "{told:?}");
    assert_eq!(temporary.text().as_deref(), Some(line));
}

#[test]
fn who_is_being_ended_removes_its_own_and_makes_nothing_more() {
    let (temporary, machine) = (Temporary::new(), Machine::default());
    machine.add("psimp-1", "m1", "S-1-5-21-7");
    machine.add("psimp-2", "m1", "S-1-5-21-8");
    let journal = Journal::new(temporary.folder(), ME);
    Journal::new(temporary.folder(), LATER).note(1, &account("psimp-2", None)).expect("a line");
    let world = living(&machine);
    let (made, ()) = journal.make(&world, account("psimp-1", None), |_| Ok(())).expect("it is made");
    let told = journal.stop(&world).expect("a journal");
    assert_eq!(told, [RemovalReport::Cleared(account("psimp-1", None), Removed::Now)]);
    assert_eq!(machine.names(), ["psimp-2"]);
    made.undo().expect("there is nothing left to do");
    let more = journal.make(&world, account("psimp-3", None), |_| Ok(()));
    assert_eq!(more.expect_err("it is being ended"), "nothing is made any more: psimp is being ended");
}

#[test]
fn two_processes_write_at_once() {
    let temporary = Temporary::new();
    let writers = [ME, LATER];
    std::thread::scope(|scope| {
        for writer in writers {
            let journal = Journal::new(temporary.folder(), writer);
            scope.spawn(move || {
                for number in 0..40 {
                    let entry = journal.note(number, &account("psimp-1", None)).expect("a line");
                    if number % 4 != 0 {
                        journal.strike(&entry).expect("the line goes");
                    }
                }
            });
        }
    });
    let lines = Journal::new(temporary.folder(), ME).lines().expect("a journal");
    for writer in writers {
        let mine = lines.iter().filter_map(Line::entry).filter(|entry| entry.writer == writer);
        assert_eq!(mine.map(|entry| entry.number).collect::<Vec<_>>(), [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
    }
    assert_eq!(lines.len(), 20);
}
