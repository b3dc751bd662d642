//! The requests of the IOCTL contract, as a program sends them.

use crate::driver::{Driver, Failure, File};
use crate::machine::Machine;
use psimp_catalogue::ClientToken;
use psimp_host::Requestor;
use psimp_model::rights;
use psimp_nt::Status;
use psimp_protocol::wire::{self, impersonate_flags, rules_flags};
use psimp_protocol::{Ioctl, Operation, RulesMode};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The requests of the contract, independent of how they reach the driver.
pub trait Contract {
    /// The thread that the requests name: a handle, or 0 for the caller's own.
    fn about(&self) -> u64;

    /// Sends a request; returns how many bytes of `output` were written.
    ///
    /// # Errors
    /// The failure that the driver or the I/O manager returns.
    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure>;

    /// IMPERSONATE with this token handle.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn impersonate_by(
        &self,
        token: u64,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
        rules: RulesMode,
    ) -> Result<wire::Outcome, Failure> {
        let mut flags = 0;
        for (set, flag) in [
            (copy_on_open, impersonate_flags::COPY_ON_OPEN),
            (effective_only, impersonate_flags::EFFECTIVE_ONLY),
            (rules == RulesMode::Kernel, impersonate_flags::KERNEL_RULES),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let request =
            wire::Impersonate { level, thread: self.about(), token, flags, ..wire::Impersonate::EXAMPLE };
        self.call(Operation::Impersonate, &request)
    }

    /// QUERY.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn query(&self) -> Result<wire::Slot, Failure> {
        self.call(Operation::Query, &self.thread())
    }

    /// SAVE.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn save(&self) -> Result<wire::Saved, Failure> {
        self.call(Operation::Save, &self.thread())
    }

    /// RESTORE.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn restore(&self, save: u64, rules: RulesMode) -> Result<wire::Outcome, Failure> {
        let flags = rules_flags(rules);
        let request = wire::Restore { thread: self.about(), save, flags, ..wire::Restore::EXAMPLE };
        self.call(Operation::Restore, &request)
    }

    /// DISCARD.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn discard(&self, save: u64) -> Result<(), Failure> {
        let request = wire::Discard { save, ..wire::Discard::EXAMPLE };
        self.call::<_, [u8; 0]>(Operation::Discard, &request).map(drop)
    }

    /// EVALUATE with this token handle.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn evaluate_by(&self, token: u64, level: u32) -> Result<wire::Evaluation, Failure> {
        let request = wire::Impersonate { level, thread: self.about(), token, ..wire::Impersonate::EXAMPLE };
        self.call(Operation::Evaluate, &request)
    }

    /// `ACCESS_CHECK` with the thread's present identity.
    ///
    /// # Errors
    /// The failure that the driver returns; the result of the check is in the reply.
    fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<wire::Access, Failure> {
        self.call(Operation::AccessCheck, access_request(descriptor, desired).as_slice())
    }

    /// `WORKER_CHECK` with the identity of the thread and of a worker.
    ///
    /// # Errors
    /// The failure that the driver returns; the results of the checks are in the reply.
    fn worker_check(&self, descriptor: &[u8], desired: u32) -> Result<wire::WorkerAccess, Failure> {
        self.call(Operation::WorkerCheck, access_request(descriptor, desired).as_slice())
    }

    /// `NEXT_CLIENT`; none after the last one.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn next_client(&self, after: u64) -> Result<Option<wire::Connection>, Failure> {
        let request = wire::NextClient { after, ..wire::NextClient::EXAMPLE };
        match self.call(Operation::NextClient, &request) {
            Err(Failure::Status(Status::NO_MORE_ENTRIES)) => Ok(None),
            told => told.map(Some),
        }
    }

    /// SERVE.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn serve(&self, connection: u64, level: u32, rules: RulesMode) -> Result<wire::Outcome, Failure> {
        let flags = rules_flags(rules);
        let request = wire::Serve { level, connection, flags, ..wire::Serve::EXAMPLE };
        self.call(Operation::Serve, &request)
    }

    /// END; returns the slot before.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn end(&self) -> Result<wire::Slot, Failure> {
        self.call(Operation::End, &self.thread())
    }

    /// REVERT; returns the slot before.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn revert(&self) -> Result<wire::Slot, Failure> {
        self.call(Operation::Revert, &[0_u8; 0])
    }

    /// The input that only names a thread.
    fn thread(&self) -> wire::Thread {
        wire::Thread { thread: self.about(), ..wire::Thread::EXAMPLE }
    }

    /// Sends the request of an operation; the reply must be complete.
    ///
    /// # Errors
    /// The failure that the driver returns.
    fn call<I, O>(&self, operation: Operation, input: &I) -> Result<O, Failure>
    where
        I: IntoBytes + Immutable + ?Sized,
        O: FromBytes + IntoBytes + KnownLayout,
    {
        let mut reply = O::new_zeroed();
        let code = Ioctl::of(operation).code();
        let written = self.control(code, input.as_bytes(), reply.as_mut_bytes())?;
        if written != size_of::<O>() {
            return Err(Failure::Fault(format!(
                "{operation:?} returned {written} bytes of {}",
                size_of::<O>()
            )));
        }
        Ok(reply)
    }
}

/// The flags of RESTORE and SERVE.
fn rules_flags(rules: RulesMode) -> u32 {
    if rules == RulesMode::Kernel { rules_flags::KERNEL_RULES } else { 0 }
}

/// The input of the access checks.
fn access_request(descriptor: &[u8], desired: u32) -> Vec<u8> {
    let length = u32::try_from(descriptor.len()).unwrap_or(u32::MAX);
    let head = wire::AccessCheck { desired, length, ..wire::AccessCheck::EXAMPLE };
    [head.as_bytes(), descriptor].concat()
}

/// A program with the device open.
pub struct Client<'a> {
    /// The machine it runs on.
    pub machine: &'a Machine,
    /// The driver.
    pub driver: &'a Driver,
    /// Its handle of the device.
    pub file: &'a File,
    /// The thread that its requests name: a handle, or 0 for its own.
    pub about: u64,
}

impl Contract for Client<'_> {
    fn about(&self) -> u64 {
        self.about
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        self.driver.send(&self.machine.thread, self.file, code, input, output, Requestor::User)
    }
}

impl Client<'_> {
    /// IMPERSONATE with a token handle that is closed again.
    ///
    /// # Errors
    /// The failure that the driver returns.
    pub fn impersonate(
        &self,
        tok: ClientToken,
        copy_on_open: bool,
        effective_only: bool,
        level: u32,
        rules: RulesMode,
    ) -> Result<wire::Outcome, Failure> {
        let token = self.machine.handle(tok, rights::TOKEN_ALL_ACCESS);
        let outcome = self.impersonate_by(token, copy_on_open, effective_only, level, rules);
        self.machine.close(token);
        outcome
    }

    /// EVALUATE with a token handle that is closed again.
    ///
    /// # Errors
    /// The failure that the driver returns.
    pub fn evaluate(&self, tok: ClientToken, level: u32) -> Result<wire::Evaluation, Failure> {
        let token = self.machine.handle(tok, rights::TOKEN_QUERY);
        let evaluation = self.evaluate_by(token, level);
        self.machine.close(token);
        evaluation
    }
}
