//! `psimp soak` and `psimp bench` with the target device: threads of one server process.

use super::{Native, PATIENCE, Trouble};
use crate::bench::OnDevice;
use crate::native::route::Route;
use crate::native::server::{Answer, Question};
use crate::soak::Figures;
use psimp_catalogue::{ClientToken, ServerToken};
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use std::collections::BTreeMap;
use std::time::Duration;

/// The tokens that soaking threads impersonate: the server's own user at every level, and restricted.
const SOAKED: &[ClientToken] =
    &[ClientToken::A0, ClientToken::A1, ClientToken::A2, ClientToken::A3, ClientToken::AR2];

/// Lets threads make random requests for this long.
///
/// # Errors
/// Why they cannot.
pub fn soak(duration: Duration, threads: usize) -> Result<Figures, String> {
    match ask(SOAKED, duration, |tokens| Question::Soak { duration, threads, tokens })? {
        Answer::Soaked(figures) => Ok(figures),
        other => Err(unexpected(other)),
    }
}

/// Measures for this long.
///
/// # Errors
/// Why it cannot.
pub fn bench(duration: Duration) -> Result<OnDevice, String> {
    match ask(&[ClientToken::A2], duration, |tokens| Question::Bench { duration, tokens })? {
        Answer::Measured(found) => Ok(found),
        other => Err(unexpected(other)),
    }
}

fn ask(
    tokens: &[ClientToken],
    duration: Duration,
    question: impl FnOnce(BTreeMap<String, u64>) -> Question,
) -> Result<Answer, String> {
    let native = Native::new(Kernel::Win10, Route::Driver(RulesMode::Documented))?;
    let (patience, question) = (duration.saturating_add(PATIENCE), |tokens, _| question(tokens));
    let answer = native.question(ServerToken::S, tokens, &[], patience, question);
    answer.map_err(Trouble::words)
}

fn unexpected(answer: Answer) -> String {
    match answer {
        Answer::Unable(why) => why,
        _ => "the server answered another question".to_owned(),
    }
}
