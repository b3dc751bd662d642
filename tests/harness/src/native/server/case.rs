//! A case, carried out by the server process.

use super::actor::Actor;
use super::env::CaseEnv;
use super::race;
use super::requests::OnDevice;
use crate::native::system::thread;
use crate::result::Comparison;
use crate::run::requests;
use psimp_catalogue::{Body, Case, Who};
use psimp_nt::Status;

/// Carries out a case, and compares the results with the expected values.
pub(super) fn run(env: &CaseEnv, case: &Case) -> Comparison {
    thread::scope(|scope| {
        let mut actor = Actor::new(env, Who::T1, scope);
        match case.body {
            Body::Decision(row) if env.driver.is_some() => actor.decide_through_driver(row),
            Body::Decision(row) => actor.decide(row),
            Body::Script(script) => {
                // Now, as this thread impersonates nobody: what a thread makes while it impersonates, another thread
                // too, is its client's to open.
                for who in [Who::T2, Who::T3] {
                    actor.worker(who);
                }
                actor.steps(script.steps);
            }
            Body::Pipe(pipe) => actor.pipe(pipe),
            Body::Requests(row) => actor.compared(requests::run(&OnDevice::new(&actor), actor.rules(), row)),
            Body::Race(race) => actor.compared(race::run(&actor, race)),
            Body::Needs(_) => {
                env.compare("the case", "one that user mode can carry out", "another");
            }
        }
        // The answer is written without impersonating, whatever the case left.
        actor.ended("RevertToSelf", Status::SUCCESS, thread::set_token(thread::current(), None));
    });
    env.finish()
}
