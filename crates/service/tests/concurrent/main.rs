//! SAVE, RESTORE and DISCARD against each other and against the close of the file
//! object: every order in which the threads can take the locks, found by loom.
//!
//! In each order, references are released once and outside the lock, no thread
//! waits forever, and a save's number is never used again.

mod world;

use loom::thread;
use psimp_nt::Status;
use psimp_protocol::MAX_SAVES;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use world::World;

/// Runs `case` in every order; returns how often each result occurred.
fn in_every_order<R: Ord + Clone + Debug + Send + 'static>(
    name: &str,
    case: impl Fn() -> R + Send + Sync + 'static,
) -> BTreeMap<R, usize> {
    let (results, count) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicUsize::new(0)));
    let (seen, counted) = (results.clone(), count.clone());
    loom::model::Builder::new().check(move || {
        let result = case();
        counted.fetch_add(1, Ordering::Relaxed);
        *seen.lock().expect("no panic").entry(result).or_default() += 1;
    });
    let results = results.lock().expect("no panic").clone();
    println!("{name}: {} orders, {results:?}", count.load(Ordering::Relaxed));
    assert!(count.load(Ordering::Relaxed) > 1, "there is but one order");
    results
}

/// All of `results`, sorted.
fn keys<R: Ord + Clone>(results: BTreeMap<R, usize>) -> Vec<R> {
    results.into_keys().collect()
}

const OK: Result<(), Status> = Ok(());
const CLOSED: Result<(), Status> = Err(Status::FILE_CLOSED);
const NOT_FOUND: Result<(), Status> = Err(Status::NOT_FOUND);

/// A status that can be sorted.
fn number(result: Result<(), Status>) -> u32 {
    result.err().unwrap_or(Status::SUCCESS).0
}

/// The action of one thread.
type Part<R> = Box<dyn FnOnce(&World) -> R>;

/// Runs these on threads 0, 1 and so on, each with the world; returns their
/// results.
fn together<R: 'static, const N: usize>(world: &Arc<World>, parts: [Part<R>; N]) -> [R; N] {
    let threads = parts.map(|part| {
        let world = world.clone();
        thread::spawn(move || part(&world))
    });
    threads.map(|thread| thread.join().expect("no panic"))
}

fn part<R>(part: impl FnOnce(&World) -> R + 'static) -> Part<R> {
    Box::new(part)
}

#[test]
fn a_save_against_the_close() {
    let results = in_every_order("save, close", || {
        let world = World::new(1);
        world.impersonate(0, 1);
        let [saved, _] = together(
            &world,
            [
                part(|world| number(world.save(0, 0).map(drop))),
                part(|world| {
                    world.cleanup();
                    0
                }),
            ],
        );
        assert_eq!(world.references(), [1, 0], "the slot's alone");
        saved
    });
    assert_eq!(keys(results), [number(OK), number(CLOSED)]);
}

#[test]
fn a_restore_and_a_discard_against_the_close() {
    let results = in_every_order("restore, discard, close", || {
        let world = World::new(3);
        world.impersonate(0, 1);
        let (save, ..) = world.save(0, 0).expect("there is room");
        let [restored, discarded, _] = together(
            &world,
            [
                part(move |world| number(world.restore(1, save))),
                part(move |world| number(world.discard(2, save))),
                part(|world| {
                    world.cleanup();
                    0
                }),
            ],
        );
        let slot = world.slot(1);
        assert_eq!(slot, if restored == number(OK) { (1, 1) } else { (0, 0) });
        assert_eq!(world.references(), [1 + i64::from(slot.0 == 1), 0]);
        (restored, discarded)
    });
    let (ok, gone, closed) = (number(OK), number(NOT_FOUND), number(CLOSED));
    assert_eq!(keys(results), [(ok, ok), (ok, closed), (closed, ok), (closed, closed), (gone, ok)]);
}

#[test]
fn two_discards_of_one_save() {
    let results = in_every_order("discard, discard", || {
        let world = World::new(2);
        world.impersonate(0, 1);
        let (save, ..) = world.save(0, 0).expect("there is room");
        let mut ended =
            together(&world, [0, 1].map(|thread| part(move |world| number(world.discard(thread, save)))));
        assert_eq!(world.references(), [1, 0]);
        ended.sort_unstable();
        ended
    });
    assert_eq!(keys(results), [[number(OK), number(NOT_FOUND)]], "one of them, in every order");
}

#[test]
fn saves_of_two_threads_and_their_discards() {
    let results = in_every_order("save and discard, twice", || {
        let world = World::new(2);
        world.impersonate(0, 1);
        world.impersonate(1, 2);
        let ids = together(
            &world,
            [0, 1].map(|thread| {
                part(move |world| {
                    let token = thread as u64 + 1;
                    let (first, id, level) = world.save(thread, thread).expect("there is room");
                    assert_eq!((id, level), (token, world::level(token)), "its own slot");
                    assert_eq!(world.discard(thread, first), OK);
                    let (second, ..) = world.save(thread, thread).expect("there is room");
                    assert_eq!(world.discard(thread, first), NOT_FOUND, "its number is nobody's now");
                    assert_eq!(world.restore(thread, first), NOT_FOUND);
                    assert_eq!(world.restore(thread, second), OK);
                    (first, second)
                })
            }),
        );
        let mut all: Vec<_> = ids.iter().flat_map(|(first, second)| [*first, *second]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4, "no number twice");
        assert_eq!(world.references(), [2, 2], "slot and second save");
        world.cleanup();
        assert_eq!(world.references(), [1, 1]);
    });
    assert_eq!(results.len(), 1);
}

#[test]
fn the_last_place_of_a_table() {
    let results = in_every_order("save, save, discard when full but for one", || {
        let world = World::new(3);
        world.impersonate(0, 1);
        world.impersonate(1, 2);
        let saves: Vec<_> = (1..MAX_SAVES).map(|_| world.save(0, 0).expect("there is room").0).collect();
        let oldest = saves[0];
        let [one, two, _] = together(
            &world,
            [
                part(|world| world.save(0, 0).map(|save| save.0)),
                part(|world| world.save(1, 1).map(|save| save.0)),
                part(move |world| world.discard(2, oldest).map(|()| 0)),
            ],
        );
        let kept = [one, two].into_iter().filter_map(Result::ok).collect::<Vec<_>>();
        assert!(kept.iter().all(|id| id > saves.last().expect("some")), "new numbers");
        // The slot, and all saves but the one that was discarded.
        let before = i64::try_from(saves.len()).expect("a few");
        let [first, second] = world.references();
        assert_eq!(first, before + i64::from(one.is_ok()));
        assert_eq!(second, 1 + i64::from(two.is_ok()));
        [one, two].map(|saved| number(saved.map(drop)))
    });
    let (ok, full) = (number(OK), Status::INSUFFICIENT_RESOURCES.0);
    assert_eq!(keys(results), [[ok, ok], [ok, full], [full, ok]], "one of them always");
}

#[test]
fn a_restore_against_those_who_end_and_save_the_slot() {
    let results = in_every_order("restore, end, save", || {
        let world = World::new(3);
        world.impersonate(0, 1);
        let (save, ..) = world.save(0, 0).expect("there is room");
        world.impersonate(0, 2);
        let [restored, ended, saved] = together(
            &world,
            [
                part(move |world| world.restore(0, save).map(|()| (0, 0))),
                part(|world| world.end(1, 0).map(|()| (0, 0))),
                part(|world| world.save(2, 0).map(|(_, id, level)| (id, level))),
            ],
        );
        assert_eq!((restored, ended), (Ok((0, 0)), Ok((0, 0))));
        let (saved, slot) = (saved.expect("there is room"), world.slot(0));
        assert!([(0, 0), (1, 1), (2, 2)].contains(&saved), "a whole slot: {saved:?}");
        let count = |token| i64::from(saved.0 == token) + i64::from(slot.0 == token);
        assert_eq!(world.references(), [1 + count(1), count(2)]);
        (saved, slot)
    });
    let slots: BTreeSet<_> = results.keys().map(|(_, slot)| *slot).collect();
    assert_eq!(slots, BTreeSet::from([(0, 0), (1, 1)]));
}

#[test]
fn a_restore_against_an_impersonation_at_a_higher_level() {
    let results = in_every_order("restore, impersonate", || {
        let world = World::new(2);
        world.impersonate(0, 1);
        let (save, ..) = world.save(0, 0).expect("there is room");
        let ended = together(
            &world,
            [
                part(move |world| world.restore(0, save)),
                part(|world| {
                    world.impersonate(0, 2);
                    OK
                }),
            ],
        );
        assert_eq!(ended, [OK, OK], "neither is the other's concern");
        world.slot(0)
    });
    assert_eq!(keys(results), [(1, 1), (2, 2)]);
}
