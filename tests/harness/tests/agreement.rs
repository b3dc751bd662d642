//! Random programs of calls: call by call, the driver's image must have the same
//! results as its service over an equal model, and both must keep the invariants.
//! A difference is reported with a minimised program.

mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use psimp_catalogue::{ClientToken, ServerToken, User};
use psimp_harness::driver::Source;
use psimp_harness::program::{Actor, Call, Callers, Fail, Step, compare};
use psimp_model::Kernel;
use psimp_protocol::RulesMode;
use std::cell::Cell;

/// Calls in a program, on average.
const LENGTH: usize = 100;

fn of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn call() -> impl Strategy<Value = Call> {
    let rules = prop_oneof![Just(RulesMode::Documented), Just(RulesMode::Kernel)];
    let impersonate = (of(ClientToken::ALL), any::<bool>(), any::<bool>(), 0..=4_u32, rules).prop_map(
        |(token, copy_on_open, effective_only, level, rules)| Call::Impersonate {
            token,
            copy_on_open,
            effective_only,
            level,
            rules,
        },
    );
    prop_oneof![
        8 => impersonate,
        2 => (of(ClientToken::ALL), 0..=4_u32).prop_map(|(token, level)| Call::Evaluate(token, level)),
        2 => Just(Call::Query),
        2 => Just(Call::Save),
        3 => (0..20_usize).prop_map(Call::Restore),
        1 => (0..20_usize).prop_map(Call::Discard),
        1 => Just(Call::Revert),
        1 => Just(Call::End),
        2 => of(&[User::A, User::B, User::Anonymous]).prop_map(Call::AccessCheck),
        2 => Just(Call::Open),
        1 => Just(Call::SetThreadTokenNull),
        1 => any::<bool>().prop_map(Call::Privilege),
        1 => Just(Call::DisableRestore),
        1 => of(ServerToken::ALL).prop_map(Call::Become),
        1 => Just(Call::OpenDevice),
        1 => (0..4_usize).prop_map(Call::UseDevice),
        1 => prop_oneof![5 => Just(Call::CloseDevice), 1 => Just(Call::Terminate)],
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fail = prop_oneof![
        10 => Just(None),
        1 => Just(Some(Fail::Duplicate)),
        1 => (0..5_u32).prop_map(|skip| Some(Fail::Query(skip))),
    ];
    let actor = || of(&[Actor::One, Actor::Two]);
    (actor(), actor(), call(), fail).prop_map(|(by, about, call, fail)| Step { by, about, call, fail })
}

fn agree(sources: &[(&Source, Callers)], programs: u32) {
    let calls = Cell::new(0_u64);
    let mut runner =
        TestRunner::new(Config { cases: programs, failure_persistence: None, ..Config::default() });
    let programs = (of(Kernel::ALL), of(ServerToken::ALL), prop::collection::vec(step(), 1..2 * LENGTH));
    let result = runner.run(&programs, |(kernel, server, program)| {
        calls.set(calls.get() + program.len() as u64);
        compare(sources, kernel, server, &program).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => println!("{} calls, no difference", calls.get()),
        Err(TestError::Fail(why, program)) => panic!("{why}\nminimised program: {program:#?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// The service compared with itself: the invariants, and that no result depends on
/// the calling thread.
#[test]
fn the_service_keeps_the_invariants() {
    let service = &Source::Service;
    agree(&[(service, Callers::AsGiven), (service, Callers::TheTarget)], 300);
}

#[test]
#[ignore = "needs psimp.sys: cargo xtask test builds it and names it in PSIMP_SYS"]
fn image_and_model_agree() {
    let image = support::image();
    let (image, poisoned) = (&Source::Image(image.clone()), &Source::Poisoned(image));
    agree(
        &[(&Source::Service, Callers::AsGiven), (image, Callers::AsGiven), (poisoned, Callers::TheTarget)],
        3_000,
    );
}
