//! Carries out cases and compares the results with the catalogue.

mod asked;
pub(crate) mod connections;
mod decision;
pub mod races;
pub(crate) mod requests;
mod script;
mod setup;

pub(crate) use asked::Asked;
pub(crate) use decision::rule_that_decides;
pub(crate) use decision::through_driver as expected_through_driver;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use decision::{REFUSED, compare_evaluation, compare_outcome, in_words};
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use script::expected_access;
pub use setup::Setup;

use crate::client::Client;
use crate::driver::{Driver, Failure, Source};
use crate::machine::Machine;
use crate::result::{CaseResult, CaseStatus, Comparison, mismatch};
use psimp_catalogue::{Body, Case, Device, ServerToken};
use psimp_host::Options;
use psimp_model::rights;
use psimp_protocol::CLIENTS_SETTING;
use races::Turn;
use setup::Way;
use std::time::Instant;

/// Runs one case.
pub fn run_case(setup: &Setup, case: &Case) -> CaseResult {
    let start = Instant::now();
    let result = |status| CaseResult {
        id: case.id.to_owned(),
        title: case.title.clone(),
        status,
        duration: start.elapsed(),
    };
    if let Some(why) = reason_against(case, setup.kernel) {
        return result(CaseStatus::Skipped(why.to_owned()));
    }
    let found = match case.body {
        Body::Decision(row) => both_ways(setup, row.server, |machine, way| decision::run(machine, way, row)),
        Body::Script(script) => {
            let run = |machine: &Machine, way: Way<'_>| script::run(machine, way, script);
            match script.device {
                Device::Any => both_ways(setup, script.server, run),
                Device::Needed(clients) => with_driver(setup, script.server, clients, |client| {
                    run(client.machine, Way::Driver(client, setup.rules))
                }),
            }
        }
        Body::Requests(row) => with_driver(setup, ServerToken::S, None, |client| {
            requests::run(&requests::OnModel::new(client, setup.rules), setup.rules, row)
        }),
        Body::Race(race) => races::run(setup, race),
        // There is a reason against them.
        Body::Pipe(_) | Body::Needs(_) => Err(vec![mismatch("case", "a reason against it", "none")]),
    };
    result(found.map_or_else(CaseStatus::Failed, CaseStatus::Passed))
}

/// Why a case cannot be carried out over the model of a kernel, if it cannot.
pub(crate) fn reason_against(case: &Case, kernel: psimp_rules::Kernel) -> Option<&'static str> {
    case.only.reason_against(kernel).or(match case.body {
        Body::Pipe(_) => Some("needs named pipes: Windows"),
        Body::Needs(what) => Some(what),
        Body::Decision(_) | Body::Script(_) | Body::Requests(_) | Body::Race(_) => None,
    })
}

/// Runs a race under the schedule of one seed, and returns that schedule. Any other
/// case, and one that cannot be carried out here, is run as by [`run_case`].
pub fn replay(setup: &Setup, case: &Case, seed: u64) -> (CaseResult, Vec<Turn>) {
    let Body::Race(race) = case.body else { return (run_case(setup, case), Vec::new()) };
    if case.only.reason_against(setup.kernel).is_some() {
        return (run_case(setup, case), Vec::new());
    }
    let start = Instant::now();
    let (found, turns) = races::replay(setup, race, seed);
    let status = found.map_or_else(CaseStatus::Failed, CaseStatus::Passed);
    let (id, title) = (case.id.to_owned(), case.title.clone());
    (CaseResult { id, title, status, duration: start.elapsed() }, turns)
}

/// On the model the case first runs on the kernel routine directly; on every setup
/// it runs through the driver.
fn both_ways(
    setup: &Setup,
    server: ServerToken,
    run: impl Fn(&Machine, Way<'_>) -> Comparison,
) -> Comparison {
    if matches!(setup.source, Source::Service) {
        let machine = Machine::new(setup.kernel);
        machine.become_server(server);
        run(&machine, Way::Kernel)?;
    }
    with_driver(setup, server, None, |client| run(client.machine, Way::Driver(client, setup.rules)))
}

/// Starts the driver, opens the device as an administrator, and gives the process the
/// case's token; afterwards closes the device, unloads the driver and collects the faults.
/// `clients` is the driver's setting of that name.
pub(crate) fn with_driver(
    setup: &Setup,
    server: ServerToken,
    clients: Option<u32>,
    run: impl FnOnce(&Client<'_>) -> Comparison,
) -> Comparison {
    let machine = Machine::new(setup.kernel);
    let broken = |what: &str, failure: Failure| vec![mismatch(what, "success", failure.to_string())];
    let parameters = clients.map(|value| (CLIENTS_SETTING.to_owned(), value)).into_iter().collect();
    let driver =
        Driver::start_with(&setup.source, &machine.system, Options { parameters, ..Options::default() })
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
    if let Some(witness) = setup.source.witness() {
        for (tok, left) in &left {
            witness.left(&format!("{left:+} on {}", tok.name()));
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
