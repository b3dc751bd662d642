//! Completion of requests, and their lookup by handle.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status;
use crate::native::engine::address::Address;
use crate::native::engine::pattern;
use crate::native::engine::stop::Outcome;
use crate::native::framework::request::{Done, Request, RequestKind};
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_nt::Status;

/// The last of the results of a create, after `FILE_SUPERSEDED`, `FILE_OPENED` and three more.
const FILE_DOES_NOT_EXIST: usize = 5;

impl Request {
    fn complete(&self, cx: &Context<'_>, status: Status, information: u64) -> Outcome<()> {
        if let Some(done) = self.done.get() {
            let before = cx.at("by", done.caller);
            return Err(cx.fault(
                FaultKind::CompletedTwice,
                format_args!("completes a request that was completed{before}"),
            ));
        }
        let information = self.check(cx, status, information)?;
        if let Some(buffer) = &*self.buffer.borrow() {
            if status::is_error(status) {
                self.reply.borrow_mut().clear();
            }
            buffer.take_back();
        }
        if self.create.as_ref().is_some_and(|memory| !memory.withdraw()) {
            return Err(cx.fault(FaultKind::Host, "cannot make the memory of the request inaccessible"));
        }
        self.done.set(Some(Done { status, information, caller: cx.caller }));
        Ok(())
    }

    /// Checks the values that the I/O manager and the caller rely on, and copies the returned
    /// bytes.
    fn check(&self, cx: &Context<'_>, status: Status, information: u64) -> Outcome<usize> {
        if status == status::PENDING {
            return Err(cx.fault(FaultKind::Completion, "completes a request with STATUS_PENDING"));
        }
        if information != 0 && !status.is_success() {
            return Err(cx.fault(
                FaultKind::Completion,
                format_args!("completes a request with {status} and the information {information}"),
            ));
        }
        if self.kind == RequestKind::Create {
            return match usize::try_from(information) {
                Ok(information) if information <= FILE_DOES_NOT_EXIST => Ok(information),
                _ => Err(cx.fault(
                    FaultKind::Completion,
                    format_args!(
                        "completes a create with the information {information}, which is no result of one"
                    ),
                )),
            };
        }
        let limit = self.output;
        let information = match usize::try_from(information) {
            Ok(information) if information <= limit => information,
            _ => {
                return Err(cx.fault(
                    FaultKind::Completion,
                    format_args!("returns {information} bytes in an output buffer of {limit}"),
                ));
            }
        };
        let buffer = self.buffer.borrow();
        let Some(buffer) = buffer.as_ref() else { return Ok(information) };
        if let Some(offset) = buffer.damage() {
            let length = buffer.length();
            return Err(cx.fault(
                FaultKind::BufferOverrun,
                format_args!(
                    "finds that the driver wrote at offset {offset} of a system buffer of {length} bytes"
                ),
            ));
        }
        let mut reply = self.reply.borrow_mut();
        reply.resize(information, 0);
        let read = buffer.read(0, &mut reply);
        reply.truncate(read);
        match pattern::unwritten(&reply, self.input, self.stale) {
            None => Ok(information),
            Some(offset) => {
                reply.clear();
                Err(cx.fault(
                    FaultKind::StaleOutput,
                    format_args!(
                        "returns {information} bytes, of which those at offset {offset} were never written"
                    ),
                ))
            }
        }
    }
}

exports! {
    /// The functions that are modelled.
    FUNCTIONS:

    fn WdfRequestComplete[DISPATCH, fails NEVER](cx, globals: Address, request: Address, status: u32) {
        cx.framework(globals)?;
        cx.any_request(request)?.complete(cx, Status(status), 0)
    }

    fn WdfRequestCompleteWithInformation[DISPATCH, fails NEVER](
        cx, globals: Address, request: Address, status: u32, information: u64
    ) {
        cx.framework(globals)?;
        cx.any_request(request)?.complete(cx, Status(status), information)
    }

    /// Whether cancellation of the request was requested. A driver that has not marked it
    /// cancelable, which is not modelled, completes it normally.
    fn WdfRequestIsCanceled[DISPATCH, fails NEVER](cx, globals: Address, request: Address) -> bool {
        cx.framework(globals)?;
        let request = cx.request(request)?;
        Ok(cx.dispatch.file.is_some_and(|file| file.cancellations() != request.cancellations))
    }
}

impl<'a> Context<'a> {
    /// The request that is being dispatched, completed or not.
    fn any_request(&self, handle: Address) -> Outcome<&'a Request> {
        if let Some(request) = self.dispatch.request.filter(|request| request.handle == handle.0) {
            return Ok(request);
        }
        match object_address::decode(handle.0) {
            Some((Kind::Request, ..)) if self.dispatch.work.is_some() => {
                self.not_modelled("was given a request by a work item")
            }
            Some((Kind::Request, ..)) => {
                Err(self
                    .fault(FaultKind::AfterCompletion, "was given a request that is not in progress here"))
            }
            _ => Err(self.bad_handle(handle, "WDFREQUEST")),
        }
    }

    /// The request that is being dispatched, not yet completed.
    pub(crate) fn request(&self, handle: Address) -> Outcome<&'a Request> {
        let request = self.any_request(handle)?;
        if request.is_done() {
            return Err(self.fault(FaultKind::AfterCompletion, "was given a request that is completed"));
        }
        Ok(request)
    }
}
