//! A request: from its dispatch to its completion.

use super::create_memory::CreateMemory;
use super::quarantine::{Quarantine, changed};
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::guarded::{Guarded, NoBlock};
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind, IoControl, Requestor};
use psimp_nt::Status;
use std::cell::{Cell, RefCell};

/// `WDFREQUEST`.
pub(crate) struct Request {
    pub(crate) handle: u64,
    pub(crate) kind: RequestKind,
    pub(crate) requestor: Requestor,
    /// Length of the input.
    pub(crate) input: usize,
    /// The value mixed into the pattern of unwritten memory.
    pub(crate) stale: u8,
    /// Length of the caller's output buffer.
    pub(crate) output: usize,
    /// The system buffer, shared by input and output, if there is one.
    pub(crate) buffer: RefCell<Option<Guarded>>,
    /// For a create request.
    pub(crate) create: Option<CreateMemory>,
    /// The bytes returned to the caller.
    pub(crate) reply: RefCell<Vec<u8>>,
    /// Number of cancellations of its file's requests when it began.
    pub(crate) cancellations: u64,
    pub(crate) done: Cell<Option<Done>>,
}

/// The kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Create,
    Control { code: u32 },
}

/// The result of a completed request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) status: Status,
    pub(crate) information: usize,
    /// Return address of the call.
    pub(crate) caller: u64,
}

/// The transfer method of control codes with system buffers.
pub(crate) const METHOD_BUFFERED: u32 = 0;

impl Request {
    /// A create request.
    pub(crate) fn create(serial: u64, memory: CreateMemory) -> Self {
        Self {
            handle: object_address::address(Kind::Request, serial),
            kind: RequestKind::Create,
            requestor: Requestor::User,
            input: 0,
            stale: 0,
            output: 0,
            buffer: RefCell::new(None),
            create: Some(memory),
            reply: RefCell::default(),
            cancellations: 0,
            done: Cell::new(None),
        }
    }

    /// A device control request. Its system buffer has the length of the caller's longer buffer;
    /// after the input it contains stale memory. `again` is memory to reuse: for the buffer and for
    /// the reply.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn control(
        serial: u64,
        control: &IoControl<'_>,
        output: usize,
        cancellations: u64,
        again: (Option<Guarded>, Vec<u8>),
    ) -> Result<Self, NoBlock> {
        let length = control.input.len().max(output);
        let mut buffer = None;
        if length != 0 && control.code & 3 == METHOD_BUFFERED {
            let kept = again.0.filter(|buffer| buffer.capacity() >= length);
            let mut made = kept.map_or_else(|| Guarded::new(length), Ok)?;
            made.lend(length);
            made.fill_unwritten(control.stale);
            made.write(0, control.input);
            buffer = Some(made);
        }
        Ok(Self {
            handle: object_address::address(Kind::Request, serial),
            kind: RequestKind::Control { code: control.code },
            requestor: control.requestor,
            input: control.input.len(),
            stale: control.stale,
            output,
            buffer: RefCell::new(buffer),
            create: None,
            reply: RefCell::new(again.1),
            cancellations,
            done: Cell::new(None),
        })
    }

    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    /// The result of the request, once the driver's callback has returned.
    ///
    /// # Errors
    /// The fault of a driver that did not complete it, or wrote to its buffer afterwards.
    pub(crate) fn finish(&self, mapping: &Mapping, callback: u64) -> Result<Done, Fault> {
        let Some(done) = self.done.get() else {
            return Err(Fault {
                kind: FaultKind::NotCompleted,
                message: "the driver returned without completing or enqueueing the request".to_owned(),
                site: mapping.site(callback),
            });
        };
        let buffer = self.buffer.borrow();
        match buffer.as_ref().and_then(changed) {
            None => Ok(done),
            Some(offset) => Err(Fault {
                kind: FaultKind::AfterCompletion,
                message: format!(
                    "the driver wrote at offset {offset} of the system buffer after it had completed the request"
                ),
                site: mapping.site(done.caller),
            }),
        }
    }

    /// A description of an address in or near the system buffer.
    pub(crate) fn describe(&self, address: u64) -> Option<String> {
        if let Some(memory) = &self.create {
            return memory.describe(address);
        }
        let buffer = self.buffer.borrow();
        let buffer = buffer.as_ref()?;
        Some(format!("{} the system buffer of {} bytes", buffer.describe(address)?, buffer.length()))
    }

    /// Ends a create request. Its memory, inaccessible since the completion, stays at its address, so
    /// that a driver that kept the address finds no other data there.
    pub(crate) fn into_memory(self) -> Option<CreateMemory> {
        self.create
    }

    /// Copies the bytes of the reply. Returns its memory, and the system buffer, which stays in
    /// quarantine during the thread's next request.
    pub(crate) fn deliver(self, framework: u64, output: &mut [u8]) -> (Vec<u8>, Option<Quarantine>) {
        let mut reply = self.reply.into_inner();
        for (to, from) in output.iter_mut().zip(&reply) {
            *to = *from;
        }
        reply.clear();
        let ended = self.buffer.into_inner().zip(self.done.get());
        let quarantine =
            ended.map(|(buffer, done)| Quarantine { buffer, owner: framework, caller: done.caller });
        (reply, quarantine)
    }
}
