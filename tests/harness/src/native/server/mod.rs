//! A server process: it has the primary token of one case, reads the case from its
//! standard input, and writes the answer when it no longer impersonates.

mod actor;
mod bench;
mod case;
mod clerk;
mod connections;
mod env;
mod judge;
mod observe;
mod pipe;
mod probe;
mod program;
mod race;
mod remote;
mod remote_steps;
mod requests;
mod soak;
mod survey;
mod via_driver;

use crate::bench::OnDevice;
use crate::driver::Failure;
use crate::native::client::Order;
use crate::native::feature::Feature;
use crate::native::system::{Error, Token, process, thread};
use crate::result::{Comparison, Mismatch, mismatch};
use crate::soak::Figures;
use crate::survey::{Observation, decisions};
use env::Unready;
use psimp_catalogue::{ClientToken, ServerToken, Who};
use psimp_nt::Sid;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
pub(super) use remote::Given;
use remote::Remote;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// The hidden command of the harness that makes a process a server.
pub(super) const COMMAND: &str = "native-server";

/// A question of the harness to a server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// Whether the kernel has a feature.
    Probe {
        /// The feature.
        feature: Feature,
        /// Tokens by their names in the catalogue: handles of the server process.
        tokens: BTreeMap<String, u64>,
    },
    /// The result of a case.
    Case {
        /// Its id.
        id: String,
        /// The name of the kernel whose values are expected.
        kernel: String,
        /// Present if the calls go through the driver: whether in the documented rules mode.
        documented_rules: Option<bool>,
        /// The name of the server's primary token.
        server: String,
        /// Tokens by their names in the catalogue: handles of the server process.
        tokens: BTreeMap<String, u64>,
        /// The binary form of the other user's SID, if there is another user.
        other_user: Option<Vec<u8>>,
        /// Client processes, by the names of their threads in the catalogue.
        clients: BTreeMap<String, Given>,
    },
    /// What a decision of group D comes to.
    Decision {
        /// Id of its case.
        id: String,
        /// Whether it goes through the driver.
        driver: bool,
        /// Tokens by their names in the catalogue: handles of the server process.
        tokens: BTreeMap<String, u64>,
    },
    /// What threads find that make random requests.
    Soak {
        /// How long.
        duration: Duration,
        /// How many.
        threads: usize,
        /// Tokens by their names in the catalogue: handles of the server process.
        tokens: BTreeMap<String, u64>,
    },
    /// How many calls it makes a second.
    Bench {
        /// How long it measures.
        duration: Duration,
        /// One token, by its name in the catalogue: a handle of the server process.
        tokens: BTreeMap<String, u64>,
    },
    /// No question: the server waits until it is ended, or for [`WAIT`].
    Wait,
}

/// A line of a server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Said {
    /// An order to the client process of this name. Its answer is the server's next line of input.
    Order(String, Order),
    /// The answer to the question, the last line.
    Answer(Answer),
}

/// How long a server waits for [`Question::Wait`].
const WAIT: Duration = Duration::from_secs(600);

/// An answer of the server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The kernel has the feature, or what was observed instead.
    Probed(Result<(), String>),
    /// The result of the case.
    Finished(Result<String, Vec<Mismatch>>),
    /// The server did not become what its fixture says; a sentence.
    Another(String),
    /// What the decision came to.
    Decided(Observation),
    /// What the threads found.
    Soaked(Figures),
    /// The rates.
    Measured(OnDevice),
    /// The harness cannot carry the case out, for a reason of its own; a sentence.
    Unable(String),
    /// The server waits from now on.
    Waiting,
}

/// Answers the one question on standard input.
///
/// # Errors
/// Why the question cannot be read or the answer cannot be written.
pub fn serve() -> anyhow::Result<()> {
    let mut line = String::new();
    process::input().read_line(&mut line)?;
    let answer = match serde_json::from_str(&line)? {
        Question::Probe { feature, tokens } => Answer::Probed(probe(feature, &tokens)),
        Question::Case { id, kernel, documented_rules, server, tokens, other_user, clients } => {
            let rules = |documented| if documented { RulesMode::Documented } else { RulesMode::Kernel };
            let rules = documented_rules.map(rules);
            let remotes = remotes(&clients).map_err(Unready::Harness);
            let found =
                remotes.and_then(|remotes| case(&id, &kernel, rules, &server, &tokens, other_user, remotes));
            match found {
                Ok(found) => Answer::Finished(found),
                Err(Unready::Device(status)) => {
                    Answer::Finished(Err(vec![mismatch("the device", "opens", status.to_string())]))
                }
                Err(Unready::Fixture(why)) => Answer::Another(why),
                Err(Unready::Harness(why)) => Answer::Unable(why),
            }
        }
        Question::Decision { id, driver, tokens } => {
            decision(&id, driver, &tokens).map_or_else(Answer::Unable, Answer::Decided)
        }
        Question::Soak { duration, threads, tokens } => {
            let soaked = given(&tokens).map_err(|error| error.to_string());
            let soaked = soaked.and_then(|tokens| soak::soak(&tokens, duration, threads));
            soaked.map_or_else(Answer::Unable, Answer::Soaked)
        }
        Question::Bench { duration, tokens } => {
            let given = given(&tokens).map_err(|error| error.to_string());
            let token =
                given.and_then(|given| given.into_iter().next().ok_or("there is no token".to_owned()));
            let measured = token.and_then(|(_, token)| bench::bench(&token, duration));
            measured.map_or_else(Answer::Unable, Answer::Measured)
        }
        Question::Wait => Answer::Waiting,
    };
    let waits = matches!(answer, Answer::Waiting);
    let mut out = process::output();
    serde_json::to_writer(&mut out, &Said::Answer(answer))?;
    writeln!(out)?;
    if waits {
        thread::sleep(WAIT);
    }
    Ok(())
}

fn probe(feature: Feature, tokens: &BTreeMap<String, u64>) -> Result<(), String> {
    let given = given(tokens).map_err(|error| error.to_string())?;
    probe::probe(feature, given.first().map(|(_, token)| token))
}

fn case(
    id: &str,
    kernel: &str,
    rules: Option<RulesMode>,
    server: &str,
    tokens: &BTreeMap<String, u64>,
    other_user: Option<Vec<u8>>,
    remotes: BTreeMap<Who, Arc<Remote>>,
) -> Result<Comparison, Unready> {
    let unknown = |what: &str, name: &str| Unready::Harness(format!("there is no {what} {name}"));
    let cases = psimp_catalogue::cases();
    let case = cases.iter().find(|case| case.id == id).ok_or_else(|| unknown("case", id))?;
    let kernel = Kernel::from_name(kernel).ok_or_else(|| unknown("kernel", kernel))?;
    let server = ServerToken::ALL
        .iter()
        .find(|token| token.name() == server)
        .ok_or_else(|| unknown("server", server))?;
    let given = given(tokens).map_err(|error| Unready::Harness(error.to_string()))?;
    let other_user = other_user.map(|bytes| Sid::parse(&bytes)).transpose();
    let other_user =
        other_user.map_err(|_| Unready::Harness("the other user's SID cannot be parsed".to_owned()))?;
    let env = env::CaseEnv::new(kernel, rules, *server, given, other_user, remotes)?;
    Ok(case::run(&env, case))
}

fn decision(id: &str, driver: bool, tokens: &BTreeMap<String, u64>) -> Result<Observation, String> {
    let row = decisions()
        .into_iter()
        .find(|row| row.id == id)
        .ok_or_else(|| format!("there is no decision {id}"))?;
    let given = given(tokens).map_err(|error| error.to_string())?;
    let rules = driver.then_some(RulesMode::Kernel);
    match env::CaseEnv::new(Kernel::Win10, rules, row.server, given, None, BTreeMap::new()) {
        Ok(env) => Ok(survey::decide(&env, row)),
        Err(Unready::Device(status)) => Err(format!("the device does not open: {status}")),
        Err(Unready::Fixture(why)) => Err(format!("fixture: {why}")),
        Err(Unready::Harness(why)) => Err(why),
    }
}

/// The tokens that the harness gave to this process.
fn given(tokens: &BTreeMap<String, u64>) -> Result<Vec<(ClientToken, Token)>, Error> {
    let named = ClientToken::ALL.iter().filter_map(|tok| Some((*tok, *tokens.get(tok.name())?)));
    let token = |(tok, number): (ClientToken, _)| {
        let handle = thread::given(number).map_err(|error| error.of(tok.name()))?;
        Ok((tok, Token::from(handle)))
    };
    named.map(token).collect()
}

/// The client processes that the harness gave to this one.
fn remotes(clients: &BTreeMap<String, Given>) -> Result<BTreeMap<Who, Arc<Remote>>, String> {
    let named = [Who::Q, Who::ClientA, Who::ClientB].into_iter();
    let named = named.filter_map(|who| Some((who, clients.get(&format!("{who:?}"))?)));
    let turn = Arc::default();
    let remote = |(who, given)| Ok((who, Arc::new(Remote::new(&format!("{who:?}"), given, &turn)?)));
    named.map(remote).collect::<Result<_, Failure>>().map_err(|failure| failure.to_string())
}
