//! What the body of an export knows: where it is called from, and on whose behalf.

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
    /// Where the call returns to.
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

    /// Where the driver called.
    pub(crate) fn site(&self) -> Option<Site> {
        self.machine().mapping.site(self.caller)
    }

    /// A fault of this call: `text` follows the function's name.
    #[cold]
    pub(crate) fn fault(&self, kind: FaultKind, text: impl Display) -> Stop {
        let message = format!("{} {text}", self.export.name);
        Stop::from(Fault { kind, message, site: self.site() })
    }

    /// The fault of an argument that is not allowed.
    #[cold]
    pub(crate) fn bad_argument<T>(&self, text: impl Display) -> Outcome<T> {
        Err(self.fault(FaultKind::BadArgument, text))
    }

    /// The fault of something that the host does not model.
    #[cold]
    pub(crate) fn not_modelled<T>(&self, text: impl Display) -> Outcome<T> {
        Err(self.fault(FaultKind::NotModelled, format_args!("{text}, which is not modelled")))
    }

    /// An address in words.
    pub(crate) fn describe(&self, address: u64) -> String {
        describe::address(address, &self.machine().mapping)
    }

    /// The place of an earlier call in words, behind `word`; nothing if it is not known.
    pub(crate) fn at(&self, word: &str, caller: u64) -> String {
        self.machine().mapping.site(caller).map(|site| format!(" {word} {site}")).unwrap_or_default()
    }
}
