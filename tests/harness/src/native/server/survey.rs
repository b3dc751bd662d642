//! One decision, recorded.

use super::env::CaseEnv;
use super::observe::OpenedToken;
use super::via_driver::DeviceClient;
use crate::native::system::thread;
use crate::observe::short;
use crate::survey::{Observation, from_contract};
use psimp_catalogue::DecisionRow;

/// Carries out a decision: through the driver if there is one, else by `SetThreadToken`.
pub(super) fn decide(env: &CaseEnv, row: &DecisionRow) -> Observation {
    let token = match env.token(row.token) {
        Ok(token) => token,
        Err(why) => return Observation::not_asked(why.to_string()),
    };
    let came = match &env.driver {
        Some((device, _)) => from_contract(&DeviceClient { device, about: 0 }, token.number(), row),
        None => match thread::set_token(thread::current(), Some(token)) {
            Ok(()) => opened(env, row),
            Err(status) => Observation::refused(status),
        },
    };
    // The answer is written without impersonating.
    match thread::set_token(thread::current(), None) {
        Ok(()) => came,
        Err(status) => Observation::not_asked(format!("RevertToSelf: {status}")),
    }
}

/// What the calling thread holds, by opening it.
fn opened(env: &CaseEnv, row: &DecisionRow) -> Observation {
    let seen = match OpenedToken::of(thread::current(), true) {
        OpenedToken::Token(seen) => seen,
        OpenedToken::Anonymous => return Observation::Unopened,
        OpenedToken::Idle => {
            return Observation::not_asked("the call succeeded, and the thread impersonates nothing");
        }
        OpenedToken::Refused(status) => {
            return Observation::not_asked(format!("its open: {}", short(status)));
        }
        OpenedToken::Unreadable(status) => {
            return Observation::not_asked(format!("a query of it: {}", short(status)));
        }
    };
    match seen.level {
        Ok(level) if env.is(seen.token_id, row.token) => Observation::Kept { level: level as u32 },
        Ok(level) => Observation::Copied { level: level as u32 },
        Err(status) => Observation::not_asked(format!("its level: {}", short(status))),
    }
}
