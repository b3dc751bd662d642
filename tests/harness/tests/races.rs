//! Races on the image: schedules can be repeated from their seeds, and what the
//! driver calls under its lock.

mod support;

use psimp_catalogue::{
    Act, AppliesTo, Body, Case, ClientToken, Race, RaceOutcome, RaceOutcomes, ServerToken, ThreadArg,
    TokenArg, Who, cases,
};
use psimp_harness::driver::Source;
use psimp_harness::result::CaseStatus;
use psimp_harness::run::races::{SCHEDULES, Turn};
use psimp_harness::run::{Setup, replay, run_case};
use psimp_harness::soak::soak;
use psimp_model::Kernel;
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use std::collections::BTreeSet;
use std::time::Duration;
use support::image;

/// NT 5.2 has all the rows.
fn setup(source: Source) -> Setup {
    Setup { source, kernel: Kernel::Nt52, rules: RulesMode::Documented }
}

fn races() -> Vec<Case> {
    let races: Vec<_> = cases().into_iter().filter(|case| matches!(case.body, Body::Race(_))).collect();
    assert_eq!(races.len(), 16);
    races
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_seed_brings_the_same_calls_on_the_same_threads_again() {
    let image = image();
    let setup = setup(Source::Image(image));
    for case in races() {
        let mut different = BTreeSet::new();
        for seed in 0..16 {
            let [one, other] = [(); 2].map(|()| replay(&setup, &case, seed).1);
            assert!(!one.is_empty(), "{}", case.id);
            assert_eq!(one, other, "{} seed {seed}", case.id);
            different.insert(one.iter().map(|turn| turn.part).collect::<Vec<_>>());
        }
        assert!(different.len() > 3, "{}: {} schedules of 16", case.id, different.len());
    }
}

/// For each thread, what it called while it held a lock.
fn under_the_lock(turns: &[Turn]) -> Vec<&'static str> {
    let parts = turns.iter().map(|turn| turn.part).max().map_or(0, |last| last + 1);
    let mut called = Vec::new();
    for part in 0..parts {
        let mut held = false;
        for turn in turns.iter().filter(|turn| turn.part == part) {
            match turn.what {
                "WdfWaitLockAcquire" => held = true,
                "WdfWaitLockRelease" => held = false,
                "(waits for a lock)" => (),
                what if held => called.push(what),
                _ => (),
            }
        }
    }
    called
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn under_its_lock_the_driver_takes_references_and_gives_none_back() {
    let image = image();
    let setup = setup(Source::Image(image));
    let (mut called, mut waited) = (BTreeSet::new(), 0);
    for case in races() {
        for seed in 0..SCHEDULES {
            let turns = replay(&setup, &case, seed).1;
            waited += turns.iter().filter(|turn| turn.what == "(waits for a lock)").count();
            called.extend(under_the_lock(&turns));
        }
    }
    assert!(waited > 0, "no thread ever waited");
    // Saves are moved with memcpy.
    let allowed = BTreeSet::from(["ObfReferenceObject", "memcpy", "memset"]);
    assert!(called.is_subset(&allowed), "{called:?}");
    assert!(called.contains("ObfReferenceObject"), "{called:?}");
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn the_driver_looks_up_no_thread_by_its_id() {
    let image = image();
    for name in ["PsLookupThreadByThreadId", "PsLookupProcessThreadByCid", "PsLookupProcessByProcessId"] {
        assert!(!image.bytes().windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
    }
}

/// Two threads impersonate; the expected end, that the first one's token stays, is wrong.
static WRONG: Race = Race {
    id: "Z99",
    title: "an order that nobody keeps",
    server: ServerToken::S,
    only: AppliesTo::ANY,
    rules: None,
    before: &[],
    parts: &[(Who::T1, &[impersonate(ClientToken::A2)]), (Who::T2, &[impersonate(ClientToken::A3)])],
    after: &[],
    ends: RaceOutcomes::Same(&[RaceOutcome {
        slots: &[(Who::T1, "A2 co0 eo0 L2")],
        references: &[(ClientToken::A2, 1)],
        must_occur: true,
    }]),
};

const fn impersonate(tok: ClientToken) -> Act {
    Act::Impersonate {
        on: ThreadArg::Of(Who::T1),
        token: TokenArg::Token(tok),
        copy_on_open: false,
        effective_only: false,
        level: 2,
        allowed: &[Status::SUCCESS],
    }
}

/// A save at a low level is restored while another thread impersonates at a higher
/// one; the two are independent.
static RESTORE: Race = Race {
    id: "Z98",
    title: "a restore against an impersonation at a higher level",
    before: &[
        Act::Impersonate {
            on: ThreadArg::Of(Who::T1),
            token: TokenArg::Token(ClientToken::A1),
            copy_on_open: true,
            effective_only: true,
            level: 1,
            allowed: &[Status::SUCCESS],
        },
        Act::Save(ThreadArg::Own, 0, &["A1 co1 eo1 L1"], &[]),
    ],
    parts: &[
        (Who::T1, &[Act::Restore(ThreadArg::Own, 0, &[Status::SUCCESS])]),
        (Who::T2, &[impersonate(ClientToken::A3)]),
    ],
    after: &[Act::Discard(0, &[Status::SUCCESS])],
    ends: RaceOutcomes::Same(&[
        RaceOutcome {
            slots: &[(Who::T1, "A1 co1 eo1 L1")],
            references: &[(ClientToken::A1, 1), (ClientToken::A3, 0)],
            must_occur: true,
        },
        RaceOutcome {
            slots: &[(Who::T1, "A3 co0 eo0 L2")],
            references: &[(ClientToken::A1, 0), (ClientToken::A3, 1)],
            must_occur: true,
        },
    ]),
    ..WRONG
};

fn a_restore_leaves_alone_what_another_thread_impersonates(source: Source) {
    let case = Case { id: RESTORE.id, title: String::new(), only: RESTORE.only, body: Body::Race(&RESTORE) };
    let status = run_case(&setup(source), &case).status;
    assert!(matches!(status, CaseStatus::Passed(_)), "{status:?}");
}

#[test]
fn a_restore_and_another_threads_impersonation_are_independent() {
    a_restore_leaves_alone_what_another_thread_impersonates(Source::Service);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_restore_and_another_threads_impersonation_are_independent_on_the_image() {
    a_restore_leaves_alone_what_another_thread_impersonates(Source::Image(image()));
}

#[test]
fn a_failure_names_its_seed_and_comes_again_with_it() {
    let setup = setup(Source::Service);
    let case = Case { id: WRONG.id, title: String::new(), only: WRONG.only, body: Body::Race(&WRONG) };
    let CaseStatus::Failed(found) = run_case(&setup, &case).status else { panic!("it cannot pass") };
    let what = &found[0].what;
    let (seed, what) = what.strip_prefix("seed 0x").and_then(|rest| rest.split_once(": ")).expect("a seed");
    assert_eq!((what, found[0].observed.as_str()), ("what is left", "[T1 A3 co0 eo0 L2; A2+0]"));
    let seed = u64::from_str_radix(seed, 16).expect("a number");
    for _ in 0..8 {
        let CaseStatus::Failed(again) = replay(&setup, &case, seed).0.status else { panic!("it passes") };
        assert_eq!(again, found);
    }
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn a_soak_is_clean_and_meets_what_only_other_threads_can_cause() {
    let image = image();
    let mut missing = vec![Status::FILE_CLOSED, Status::INSUFFICIENT_RESOURCES, Status::NOT_FOUND];
    // A second is enough, unless the machine has other work.
    for _ in 0..60 {
        let source = Source::Image(image.clone());
        let figures = soak(&source, Duration::from_secs(1), 4).expect("the driver runs");
        assert!(figures.is_clean() && figures.ioctls > 0, "{figures:?}");
        missing.retain(|status| !figures.refused.contains_key(&status.to_string()));
        if missing.is_empty() {
            break;
        }
    }
    assert_eq!(missing, []);
}
