//! Decisions of the model, and of psimp.sys over it.

use super::Observation;
use crate::client::Contract;
use crate::driver::{Failure, Source};
use crate::machine::Machine;
use crate::observe::SlotView;
use crate::result::Mismatch;
use crate::run::{Setup, with_driver};
use psimp_catalogue::{DecisionRow, Driver};
use psimp_model::{Kernel, rights};
use psimp_protocol::RulesMode;

/// Why the driver is not asked for a level that raises the token.
const RAISES: &str = "needs a caller in the kernel: the driver raises no token above its own level";

/// Asks a simulated kernel: its `PsImpersonateClient` directly, or an image over it in the rules mode `kernel`.
pub fn here(source: &Source, kernel: Kernel, row: &DecisionRow) -> Observation {
    if matches!(source, Source::Service) {
        return directly(kernel, row);
    }
    let setup = Setup { source: source.clone(), kernel, rules: RulesMode::Kernel };
    let mut seen = None;
    let ran = with_driver(&setup, row.server, None, |client| {
        let token = client.machine.handle(row.token, rights::TOKEN_ALL_ACCESS);
        seen = Some(from_contract(client, token, row));
        client.machine.close(token);
        Ok(String::new())
    });
    let word = |found: Mismatch| format!("{}: {}", found.what, found.observed);
    match (ran, seen) {
        (Ok(_), Some(seen)) => seen,
        (Ok(_), None) => Observation::not_asked("the driver was not called"),
        (Err(found), _) => Observation::not_asked(found.into_iter().map(word).collect::<Vec<_>>().join("; ")),
    }
}

fn directly(kernel: Kernel, row: &DecisionRow) -> Observation {
    let machine = Machine::new(kernel);
    machine.become_server(row.server);
    let token = machine.token(row.token);
    let level = u32::from(row.level);
    match machine.system.ps_impersonate_client(&machine.thread, Some(&token), false, false, level) {
        Ok(()) => {
            let slot = machine.thread.slot().map(|slot| SlotView::from(&slot));
            Observation::of_slot(slot.as_ref(), token.id().0)
        }
        Err(status) => Observation::refused(status),
    }
}

/// Asks by IMPERSONATE in the rules mode `kernel`, with this handle of the row's token, and reads the slot by QUERY.
pub fn from_contract(client: &impl Contract, token: u64, row: &DecisionRow) -> Observation {
    if row.driver == Driver::Refused {
        return Observation::not_asked(RAISES);
    }
    let outcome = client.impersonate_by(token, false, false, row.level.into(), RulesMode::Kernel);
    match outcome.and_then(|outcome| Ok((outcome.token_asked, client.query()?))) {
        Ok((asked, slot)) => match SlotView::from_reply(&slot) {
            Ok(slot) => Observation::of_slot(slot.as_ref(), asked),
            Err(why) => Observation::not_asked(format!("QUERY: {why}")),
        },
        Err(Failure::Status(status)) => Observation::refused(status),
        Err(Failure::Fault(why)) => Observation::not_asked(why),
    }
}
