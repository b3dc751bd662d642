//! Carries out cases and compares what came with what the catalogue says.

mod asked;
mod decision;
mod requests;
mod script;

pub(crate) use asked::Asked;
pub(crate) use decision::rule_that_decides;
pub(crate) use decision::through_driver as expected_through_driver;
#[cfg(windows)]
pub(crate) use decision::{compare_evaluation, compare_outcome};

use crate::client::Client;
use crate::driver::{Driver, Failure, Source};
use crate::machine::Machine;
use crate::races::{self, Turn};
use crate::result::{CaseResult, CaseStatus, Mismatch};
use psimp_catalogue::{Body, Case, Device, Server};
use psimp_host::Options;
use psimp_model::{Kernel, rights};
use psimp_protocol::{CLIENTS_SETTING, RulesMode};
use std::time::Instant;

/// What to run against.
#[derive(Clone)]
pub struct Target {
    /// Where the driver's code comes from.
    pub source: Source,
    /// The kernel below.
    pub kernel: Kernel,
    /// What IMPERSONATE asks for.
    pub rules: RulesMode,
}

/// How a call reaches the kernel routine.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// Called directly, as kernel code does.
    Kernel,
    /// Through the driver's control codes.
    Driver(&'a Client<'a>, RulesMode),
}

/// What a case found: brief words if all is well, else what is not.
pub(crate) type Found = Result<String, Vec<Mismatch>>;

/// Runs one case.
pub fn run_case(target: &Target, case: &Case) -> CaseResult {
    let start = Instant::now();
    let result = |status| CaseResult {
        id: case.id.to_owned(),
        title: case.title.clone(),
        status,
        duration: start.elapsed(),
    };
    if let Some(why) = case.only.reason_against(target.kernel) {
        return result(CaseStatus::Skipped(why.to_owned()));
    }
    let found = match case.body {
        Body::Decision(row) => both_ways(target, row.server, |machine, way| decision::run(machine, way, row)),
        Body::Script(script) => {
            let run = |machine: &Machine, way: Way<'_>| script::run(machine, way, script);
            match script.device {
                Device::Any => both_ways(target, script.server, run),
                Device::Needed(clients) => with_driver(target, script.server, clients, |client| {
                    run(client.machine, Way::Driver(client, target.rules))
                }),
            }
        }
        Body::Requests(row) => {
            with_driver(target, Server::S, None, |client| requests::run(client, target.rules, row))
        }
        Body::Race(race) => races::run(target, race),
        Body::Pipe(_) => return result(CaseStatus::Skipped("needs named pipes: Windows".to_owned())),
        Body::Needs(what) => return result(CaseStatus::Skipped(what.to_owned())),
    };
    result(found.map_or_else(CaseStatus::Failed, CaseStatus::Passed))
}

/// Runs a race under the schedule of one seed, and tells that schedule; any other
/// case, and one that cannot be carried out here, as [`run_case`] does.
pub fn replay(target: &Target, case: &Case, seed: u64) -> (CaseResult, Vec<Turn>) {
    let Body::Race(race) = case.body else { return (run_case(target, case), Vec::new()) };
    if case.only.reason_against(target.kernel).is_some() {
        return (run_case(target, case), Vec::new());
    }
    let start = Instant::now();
    let (found, turns) = races::replay(target, race, seed);
    let status = found.map_or_else(CaseStatus::Failed, CaseStatus::Passed);
    let (id, title) = (case.id.to_owned(), case.title.clone());
    (CaseResult { id, title, status, duration: start.elapsed() }, turns)
}

/// On the model the raw kernel routine is checked first; through the driver the
/// case runs on every target.
fn both_ways(target: &Target, server: Server, run: impl Fn(&Machine, Way<'_>) -> Found) -> Found {
    if matches!(target.source, Source::Service) {
        let machine = Machine::new(target.kernel);
        machine.become_server(server);
        run(&machine, Way::Kernel)?;
    }
    with_driver(target, server, None, |client| run(client.machine, Way::Driver(client, target.rules)))
}

/// Starts the driver, opens the device as an administrator, gives the process
/// the case's token, and afterwards closes, unloads and collects the faults. `clients` is the
/// driver's setting of that name.
fn with_driver(
    target: &Target,
    server: Server,
    clients: Option<u32>,
    run: impl FnOnce(&Client<'_>) -> Found,
) -> Found {
    let machine = Machine::new(target.kernel);
    let broken = |what: &str, failure: Failure| vec![mismatch(what, "success", failure.to_string())];
    let parameters = clients.map(|value| (CLIENTS_SETTING.to_owned(), value)).into_iter().collect();
    let driver =
        Driver::start_with(&target.source, &machine.system, Options { parameters, ..Options::default() })
            .map_err(|f| broken("driver start", f))?;
    let found = match driver.open(&machine.thread, rights::FILE_READ_DATA | rights::FILE_WRITE_DATA) {
        Err(failure) => Err(broken("open of the device", failure)),
        Ok(file) => {
            machine.become_server(server);
            let found = run(&Client { machine: &machine, driver: &driver, file: &file, about: 0 });
            match (found, driver.close(&machine.thread, file)) {
                (found, Ok(())) => found,
                (found, Err(failure)) => {
                    let mut mismatches = found.err().unwrap_or_default();
                    mismatches.extend(broken("close of the device", failure));
                    Err(mismatches)
                }
            }
        }
    };
    let faults = driver.stop();
    let left = machine.leftovers();
    if let Some(watch) = target.source.watch() {
        for (tok, left) in &left {
            watch.left(&format!("{left:+} on {}", tok.name()));
        }
    }
    if faults.is_empty() && left.is_empty() {
        return found;
    }
    let mut mismatches = found.err().unwrap_or_default();
    mismatches.extend(faults.into_iter().map(|fault| mismatch("driver contract", "no fault", fault)));
    mismatches.extend(left.into_iter().map(|(tok, left)| {
        mismatch("references after close and revert", "none", format!("{left:+} on {}", tok.name()))
    }));
    Err(mismatches)
}

/// A comparison that did not hold.
pub(crate) fn mismatch(what: &str, expected: impl Into<String>, observed: impl Into<String>) -> Mismatch {
    Mismatch { what: what.to_owned(), expected: expected.into(), observed: observed.into(), rule: None }
}

/// Notes a difference, if there is one; an empty expectation is not looked at.
pub(crate) fn compare(differences: &mut Vec<Mismatch>, what: &str, expected: &str, observed: &str) {
    if !expected.is_empty() && expected != observed {
        differences.push(mismatch(what, expected, observed));
    }
}
