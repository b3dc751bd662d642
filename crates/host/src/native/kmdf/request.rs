//! A request: from its dispatch to its completion.

use crate::native::contracts::object_address::{self, Kind};
use crate::native::contracts::status;
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::exports;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::pattern;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::framework::quarantine::{Resting, changed};
use crate::native::framework::security_context::SecurityContext;
use crate::native::running::context::Context;
use crate::native::running::machine::Machine;
use crate::native::running::memory::Address;
use crate::{Fault, FaultKind, IoControl, Requestor};
use psimp_nt::Status;
use std::cell::{Cell, RefCell};

/// `WDFREQUEST`.
pub(crate) struct Request {
    handle: u64,
    pub(crate) kind: RequestKind,
    pub(crate) requestor: Requestor,
    /// Length of the input.
    pub(crate) input: usize,
    /// What was mixed into the pattern of unwritten memory.
    stale: u8,
    /// Length of the caller's output buffer.
    pub(crate) output: usize,
    /// The system buffer, of both together, when there is any.
    pub(crate) buffer: RefCell<Option<Guarded>>,
    /// Of a create request: what it says of who opens.
    pub(crate) security: Option<SecurityContext>,
    /// The bytes that the caller gets.
    reply: RefCell<Vec<u8>>,
    /// How often requests of its file had been cancelled when it began.
    cancellations: u64,
    done: Cell<Option<Done>>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Create,
    Control { code: u32 },
}

/// How a request was completed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) status: Status,
    pub(crate) information: usize,
    /// Return address of the call.
    caller: u64,
}

/// The transfer method of a control code whose buffers are the system's.
pub(crate) const METHOD_BUFFERED: u32 = 0;

impl Request {
    /// A create request.
    pub(crate) fn create(cpu: &Cpu, security: SecurityContext) -> Self {
        Self {
            handle: object_address::address(Kind::Request, cpu.serial()),
            kind: RequestKind::Create,
            requestor: Requestor::User,
            input: 0,
            stale: 0,
            output: 0,
            buffer: RefCell::new(None),
            security: Some(security),
            reply: RefCell::default(),
            cancellations: 0,
            done: Cell::new(None),
        }
    }

    /// A device control request. Its system buffer is as long as the longer one
    /// of the caller's; behind the input it is what was in memory before.
    pub(crate) fn control(cpu: &Cpu, control: &IoControl<'_>, output: usize, cancellations: u64) -> Self {
        let length = control.input.len().max(output);
        let buffer = (length != 0 && control.code & 3 == METHOD_BUFFERED).then(|| {
            let kept = cpu.buffer.take().filter(|buffer| buffer.capacity() >= length);
            let mut buffer = kept.unwrap_or_else(|| Guarded::new(length));
            buffer.lend(length);
            buffer.fill_unwritten(control.stale);
            buffer.write(0, control.input);
            buffer
        });
        Self {
            handle: object_address::address(Kind::Request, cpu.serial()),
            kind: RequestKind::Control { code: control.code },
            requestor: control.requestor,
            input: control.input.len(),
            stale: control.stale,
            output,
            buffer: RefCell::new(buffer),
            security: None,
            reply: RefCell::new(cpu.reply.take()),
            cancellations,
            done: Cell::new(None),
        }
    }

    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn stale(&self) -> u8 {
        self.stale
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    /// What came of the request, once the driver's callback has returned.
    pub(crate) fn finish(&self, machine: &Machine, callback: u64) -> Outcome<Done> {
        let Some(done) = self.done.get() else {
            return Err(Stop::from(Fault {
                kind: FaultKind::NotCompleted,
                message: "the driver returned without completing or enqueueing the request".to_owned(),
                site: machine.mapping.site(callback),
            }));
        };
        let buffer = self.buffer.borrow();
        match buffer.as_ref().and_then(changed) {
            None => Ok(done),
            Some(offset) => Err(Stop::from(Fault {
                kind: FaultKind::AfterCompletion,
                message: format!(
                    "the driver wrote at offset {offset} of the system buffer after it had completed the request"
                ),
                site: machine.mapping.site(done.caller),
            })),
        }
    }

    /// What an address that is in the system buffer, or near it, is in words.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        if let Some(security) = &self.security {
            return security.describe(address);
        }
        let buffer = self.buffer.borrow();
        let buffer = buffer.as_ref()?;
        Some(format!("{} the system buffer of {} bytes", buffer.describe(address)?, buffer.length()))
    }

    /// A create request is over. Its security context stays where it was, so that
    /// whoever kept its address reads nothing else there.
    pub(crate) fn rest(self, cpu: &Cpu) {
        if let Some(security) = self.security {
            security.withdraw();
            *cpu.security.borrow_mut() = Some(security);
        }
    }

    /// Hands the bytes of the reply over. The memory rests during the thread's
    /// next request, and is used again for the one after that.
    pub(crate) fn deliver(self, cpu: &Cpu, machine: &Machine, output: &mut [u8]) {
        let mut reply = self.reply.into_inner();
        for (to, from) in output.iter_mut().zip(&reply) {
            *to = *from;
        }
        reply.clear();
        cpu.reply.set(reply);
        if let (Some(buffer), Some(done)) = (self.buffer.into_inner(), self.done.get()) {
            let resting = Resting { buffer, owner: machine.framework.id(), caller: done.caller };
            cpu.buffer.set(cpu.resting.replace(Some(resting)).map(|rested| rested.buffer));
        }
    }

    fn complete(&self, cx: &Context<'_>, status: Status, information: u64) -> Outcome<()> {
        if let Some(done) = self.done.get() {
            let before = cx.machine().mapping.site(done.caller).map(|site| format!(" by {site}"));
            let before = before.unwrap_or_default();
            return Err(cx.fault(
                FaultKind::CompletedTwice,
                format_args!("completes a request that was completed{before}"),
            ));
        }
        let information = self.check(cx, status, information)?;
        if let Some(buffer) = &mut *self.buffer.borrow_mut() {
            if !status::is_error(status) {
                let returned = buffer.bytes().get(..information).unwrap_or_default();
                self.reply.borrow_mut().extend_from_slice(returned);
            }
            buffer.take_back();
        }
        if let Some(security) = &self.security {
            security.check(cx)?;
            security.withdraw();
        }
        self.done.set(Some(Done { status, information, caller: cx.caller }));
        Ok(())
    }

    /// What the I/O manager and the caller rely on.
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
        let limit = self.output;
        let information = match usize::try_from(information) {
            Ok(information) if information <= limit => information,
            _ if self.kind == RequestKind::Create => 0,
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
        let returned = buffer.bytes().get(..information).unwrap_or_default();
        match pattern::unwritten(returned, self.input, self.stale) {
            None => Ok(information),
            Some(offset) => Err(cx.fault(
                FaultKind::StaleOutput,
                format_args!(
                    "returns {information} bytes, of which those at offset {offset} were never written"
                ),
            )),
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

    /// Whether somebody asked for the request to be cancelled: no more than a
    /// note. A driver that has not marked it cancelable, which is not modelled,
    /// goes on with it and completes it as it would have.
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
