//! The data for the body of an export: the call site and the context of the call.

use super::account::Account;
use super::dispatch::Dispatch;
use super::machine::Machine;
use crate::native::contracts::describe;
use crate::native::engine::export::Export;
use crate::native::engine::stop::{Outcome, Stop};
use crate::{Fault, FaultKind, Site};
use std::fmt::Display;

/// One call of the driver.
pub(crate) struct Context<'a> {
    pub(crate) dispatch: &'a Dispatch<'a>,
    pub(crate) export: &'static Export,
    /// The return address of the call.
    pub(crate) caller: u64,
}

impl<'a> Context<'a> {
    /// The machine that the driver runs on.
    pub(crate) fn machine(&self) -> &'a Machine {
        self.dispatch.machine
    }

    /// The account of the calling thread.
    pub(crate) fn account(&self) -> &'a Account {
        self.dispatch.account
    }

    /// The call site in the driver.
    pub(crate) fn site(&self) -> Option<Site> {
        self.machine().mapping.site(self.caller)
    }

    /// A fault of this call: `text` follows the function's name.
    #[cold]
    pub(crate) fn fault(&self, kind: FaultKind, text: impl Display) -> Stop {
        let message = format!("{} {text}", self.export.name);
        Stop::from(Fault { kind, message, site: self.site() })
    }

    /// The fault of an invalid argument.
    #[cold]
    pub(crate) fn bad_argument<T>(&self, text: impl Display) -> Outcome<T> {
        Err(self.fault(FaultKind::BadArgument, text))
    }

    /// The fault of a feature that the host does not model.
    #[cold]
    pub(crate) fn not_modelled<T>(&self, text: impl Display) -> Outcome<T> {
        Err(self.fault(FaultKind::NotModelled, format_args!("{text}, which is not modelled")))
    }

    /// A description of an address.
    pub(crate) fn describe(&self, address: u64) -> String {
        describe::address(address, &self.machine().mapping)
    }

    /// A description of the site of an earlier call, after `word`; empty if it is not
    /// known.
    pub(crate) fn at(&self, word: &str, caller: u64) -> String {
        self.machine().mapping.site(caller).map(|site| format!(" {word} {site}")).unwrap_or_default()
    }
}
