//! Group B: requests with something wrong in them, whoever sends them.

use crate::client::{Client, Contract};
use crate::driver::{Failure, File};
use crate::machine::administrator_client;
use crate::observe::SlotView;
use crate::result::{Comparison, Mismatch, mismatch};
use parking_lot::Mutex;
use psimp_catalogue::{Attempt, Caller, ClientToken, Edit, Handle, Opening, Output, Requests, ServerToken};
use psimp_host::Requestor;
use psimp_model::{Object, rights};
use psimp_nt::Status;
use psimp_protocol::wire::impersonate_flags;
use psimp_protocol::{Changes, Ioctl, RulesMode};
use std::sync::Arc;

/// A thread that sends the requests of a row, and what it takes to make them.
pub(crate) trait Sender {
    /// The thread impersonates A2 at Impersonation from here on.
    fn begin(&self) -> Result<(), Failure>;

    /// The thread's slot; the error is a sentence.
    fn slot(&self) -> Result<Option<SlotView>, String>;

    /// The id of a save made now.
    fn save(&self) -> Result<u64, Failure>;

    /// A handle of the process, which is open until [`Sender::release`].
    fn handle(&self, which: Handle) -> Result<u64, Failure>;

    /// Closes what [`Sender::handle`] has opened.
    fn release(&self);

    /// Sends the request as this caller; returns how many bytes of `output` were written.
    fn send(&self, caller: Caller, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure>;

    /// Opens the device and closes it again.
    fn open(&self, opening: &Opening) -> Result<(), Failure>;
}

/// Sends the requests of a row, and compares what comes of them.
pub(crate) fn run(sender: &impl Sender, rules: RulesMode, row: &Requests) -> Comparison {
    let mut differences = Vec::new();
    let mut refused = 0;
    for (index, attempt) in row.attempts.iter().enumerate() {
        if attempt.status != Status::SUCCESS {
            refused += 1;
        }
        if let Err(difference) = try_attempt(sender, rules, attempt) {
            differences.extend(difference.into_iter().map(|d| Mismatch {
                what: format!(
                    "attempt {}, {:?} {:?}: {}",
                    index + 1,
                    attempt.operation,
                    attempt.edit,
                    d.what
                ),
                ..d
            }));
        }
    }
    for (index, opening) in row.openings.iter().enumerate() {
        if opening.status != Status::SUCCESS {
            refused += 1;
        }
        let observed = words(sender.open(opening));
        if observed != opening.status.to_string() {
            let what = format!("opening {}", index + 1);
            differences.push(mismatch(&what, opening.status.to_string(), observed));
        }
    }
    let all = row.attempts.len() + row.openings.len();
    if differences.is_empty() { Ok(format!("{refused} of {all} refused")) } else { Err(differences) }
}

fn words<T>(result: Result<T, Failure>) -> String {
    result.map_or_else(|failure| failure.to_string(), |_| Status::SUCCESS.to_string())
}

fn try_attempt(sender: &impl Sender, rules: RulesMode, attempt: &Attempt) -> Result<(), Vec<Mismatch>> {
    let failed = |what: &str, why: String| vec![mismatch(what, "STATUS_SUCCESS", why)];
    sender.begin().map_err(|failure| failed("first IMPERSONATE", failure.to_string()))?;
    let before = sender.slot().map_err(|why| failed("slot before", why))?;
    let sent = input(sender, attempt, rules).map(|input| {
        let row = Ioctl::of(attempt.operation);
        let code = if let Edit::Code(code) = attempt.edit { code } else { row.code() };
        let length = match attempt.output {
            Output::Exact => row.output(),
            Output::Shorter(by) => row.output().saturating_sub(by),
            Output::Longer(by) => row.output() + by,
            Output::Missing => 0,
        };
        // Filled with a pattern, to see which bytes the driver did not write.
        let mut output = vec![0xA5; length];
        let observed = sender.send(attempt.caller, code, &input, &mut output);
        (row, output, observed)
    });
    sender.release();
    let (row, output, observed) = sent.map_err(|failure| failed("the request", failure.to_string()))?;
    let mut differences = Vec::new();
    let status = words(observed.clone());
    if status != attempt.status.to_string() {
        differences.push(mismatch("status", attempt.status.to_string(), status));
    }
    let written = observed.unwrap_or(0);
    let expected_length = if attempt.status == Status::SUCCESS { row.output() } else { 0 };
    if written != expected_length {
        differences.push(mismatch("bytes returned", expected_length.to_string(), written.to_string()));
    }
    if output.iter().skip(written).any(|byte| *byte != 0xA5) {
        differences.push(mismatch("output beyond the bytes returned", "untouched", "written"));
    }
    let unchanged = attempt.status != Status::SUCCESS || row.changes != Changes::Slot;
    let after = sender.slot();
    if unchanged && after.as_ref() != Ok(&before) {
        let after = after.map_or_else(|why| why, |slot| format!("{slot:?}"));
        differences.push(mismatch("slot afterwards", format!("{before:?}"), after));
    }
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}

/// A valid input for the operation, edited as the attempt requires.
fn input(sender: &impl Sender, attempt: &Attempt, rules: RulesMode) -> Result<Vec<u8>, Failure> {
    let layout = Ioctl::of(attempt.operation).about().input;
    let (mut head, mut tail) = (layout.example.to_vec(), layout.tail.1);
    let mut set = |field, value| {
        if let Some(field) = layout.field(field) {
            field.write(&mut head, value);
        }
    };
    set("flags", if rules == RulesMode::Kernel { impersonate_flags::KERNEL_RULES.into() } else { 0 });
    set("token", sender.handle(Handle::Token(ClientToken::A2, rights::TOKEN_ALL_ACCESS))?);
    // No connection has this id.
    set("connection", 0);
    if layout.field("save").is_some() {
        // The attempt shows whether there is one.
        set("save", sender.save().unwrap_or(0));
    }
    let (mut shorter, mut longer) = (0, 0);
    match attempt.edit {
        Edit::None | Edit::Code(_) => (),
        Edit::Shorter(by) => shorter = by,
        Edit::Longer(by) => longer = by,
        Edit::Level(level) => set("level", level.into()),
        Edit::Flags(bits) => set("flags", bits.into()),
        Edit::Reserved(value) => set("reserved", value.into()),
        Edit::Version(version) => set("version", version.into()),
        Edit::Token(which) => set("token", sender.handle(which)?),
        Edit::TokenAt(tok, level) => {
            set("token", sender.handle(Handle::Token(tok, rights::TOKEN_ALL_ACCESS))?);
            set("level", level.into());
        }
        Edit::Thread(which) => set("thread", sender.handle(which)?),
        Edit::Save(id) => set("save", id),
        Edit::Descriptor(bytes) => {
            tail = bytes;
            set("length", bytes.len() as u64);
        }
        Edit::DescriptorLength(length) => set("length", length.into()),
    }
    let mut bytes = [&head, tail].concat();
    bytes.truncate(bytes.len().saturating_sub(shorter));
    bytes.resize(bytes.len() + longer, 0);
    Ok(bytes)
}

/// The server process of the model's machine.
pub(super) struct OnModel<'a> {
    client: &'a Client<'a>,
    rules: RulesMode,
    handles: Mutex<Vec<u64>>,
}

impl<'a> OnModel<'a> {
    pub(super) fn new(client: &'a Client<'a>, rules: RulesMode) -> Self {
        Self { client, rules, handles: Mutex::default() }
    }
}

impl Sender for OnModel<'_> {
    fn begin(&self) -> Result<(), Failure> {
        self.client.impersonate(ClientToken::A2, false, false, 2, self.rules).map(drop)
    }

    fn slot(&self) -> Result<Option<SlotView>, String> {
        Ok(self.client.machine.thread.slot().map(|slot| SlotView::from(&slot)))
    }

    fn save(&self) -> Result<u64, Failure> {
        self.client.save().map(|saved| saved.save)
    }

    fn handle(&self, which: Handle) -> Result<u64, Failure> {
        let machine = self.client.machine;
        let insert = |object, access| machine.thread.current_process().handles().insert(object, access);
        let handle = match which {
            Handle::Value(value) => return Ok(value),
            Handle::Event => insert(Object::Event(Arc::new(())), u32::MAX),
            Handle::Token(tok, access) => machine.handle(tok, access),
            Handle::OwnThread(access) => insert(Object::Thread(machine.thread.clone()), access),
            Handle::EndedThread(access) => {
                let ended = machine.system.create_thread(&machine.process);
                ended.terminate();
                insert(Object::Thread(ended), access)
            }
            Handle::ForeignThread => {
                let foreign = machine.system.create_thread(&machine.other_process(ServerToken::SPlus));
                insert(Object::Thread(foreign), rights::THREAD_ALL_ACCESS)
            }
            Handle::Closed => {
                let handle = machine.handle(ClientToken::A2, rights::TOKEN_ALL_ACCESS);
                machine.close(handle);
                return Ok(handle);
            }
        };
        self.handles.lock().push(handle);
        Ok(handle)
    }

    fn release(&self) {
        for handle in self.handles.lock().drain(..) {
            self.client.machine.close(handle);
        }
    }

    fn send(&self, caller: Caller, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        let client = self.client;
        let machine = client.machine;
        let (thread, driver) = (&machine.thread, client.driver);
        // Other opens of the device are made with the administrator's token that the process had when the case began.
        let with_access = |desired, output: &mut [u8]| {
            let file = open_as_administrator(client, desired)?;
            let result = driver.send(thread, &file, code, input, output, Requestor::User);
            driver.close(thread, file)?;
            result
        };
        match caller {
            Caller::Opener => driver.send(thread, client.file, code, input, output, Requestor::User),
            Caller::Kernel => driver.send(thread, client.file, code, input, output, Requestor::Kernel),
            Caller::Reader => with_access(rights::FILE_READ_DATA, output),
            Caller::Writer => with_access(rights::FILE_WRITE_DATA, output),
            Caller::OtherProcess => {
                let other = machine.system.create_thread(&machine.other_process(ServerToken::SPlus));
                driver.send(&other, client.file, code, input, output, Requestor::User)
            }
        }
    }

    fn open(&self, opening: &Opening) -> Result<(), Failure> {
        let client = self.client;
        let machine = client.machine;
        let process = machine.other_process(ServerToken::S);
        if opening.administrator {
            process.set_primary(administrator_client(&machine.system));
        }
        let thread = machine.system.create_thread(&process);
        if let Some(level) = opening.impersonating {
            let token = process.primary();
            machine
                .system
                .ps_impersonate_client(&thread, Some(&token), false, false, level)
                .map_err(|status| Failure::Fault(format!("impersonating failed: {status}")))?;
        }
        let opened = client.driver.open(&thread, rights::FILE_READ_DATA | rights::FILE_WRITE_DATA);
        opened.and_then(|file| client.driver.close(&thread, file))
    }
}

/// A second open by the same process, on a thread that impersonates an administrator
/// during the open.
pub(super) fn open_as_administrator(client: &Client<'_>, desired: u32) -> Result<File, Failure> {
    let machine = client.machine;
    let state = machine.thread.disable_impersonation();
    let server = machine.process.primary();
    machine.process.set_primary(administrator_client(&machine.system));
    let file = client.driver.open(&machine.thread, desired);
    machine.process.set_primary(server);
    machine.thread.restore_impersonation(state);
    file
}
