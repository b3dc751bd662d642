//! One raw request to the driver, on a machine in one of a few states.

use crate::choice::{self, ADDED, TABLES, Tables};
use crate::scene::{Open, Scene, State};
use psimp_catalogue::ServerToken;
use psimp_harness::driver::{Failure, Source};
use psimp_harness::machine::READ_WRITE;
use psimp_harness::observe::SlotView;
use psimp_host::Requestor;
use psimp_model::{Kernel, rights};
use psimp_nt::Status;
use psimp_protocol::layout::Kind;
use psimp_protocol::wire::{self, slot_flags};
use psimp_protocol::{Cause, Ioctl, Operation, refusals};
use zerocopy::{FromBytes, IntoBytes};

/// A request and its setup. As bytes: a head of eleven bytes, then the input.
///
/// | byte | what |
/// |---|---|
/// | 0 | state of the machine |
/// | 1 | kernel |
/// | 2 | the server's primary token |
/// | 3 | access of the file: 1 read, 2 write, else both |
/// | 4 | the caller: 1 the kernel, 2 a thread of another process |
/// | 5 | length of the output buffer |
/// | 6 | row in the table of control codes; from 0x80 on the code follows, but for 0x88 to 0x8F |
/// | 7 to 10 | that code |
///
/// States, kernels, tokens and rows are chosen as in `choice.rs`.
///
/// In the input of RESTORE and DISCARD, the save 1 is that of the state; in the input of SERVE and
/// `NEXT_CLIENT`, 1 and 2 are the two connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    state: State,
    kernel: Kernel,
    server: ServerToken,
    open: Open,
    requestor: Requestor,
    output: usize,
    code: u32,
    input: Vec<u8>,
}

/// Length of the head in bytes.
const HEAD: usize = 11;
/// The byte that the output buffer is filled with before the request.
const UNTOUCHED: u8 = 0xA5;

pub(crate) fn run(bytes: &[u8], sources: &[Source]) -> Result<(), String> {
    let Some(request) = Request::read(bytes) else { return Ok(()) };
    request.run(sources).map_err(|wrong| format!("{wrong}\n{request:02x?}"))
}

/// The bytes of an `ACCESS_CHECK` of a descriptor by a thread that impersonates.
pub(crate) fn access_check(descriptor: &[u8]) -> Vec<u8> {
    let head = [1, 0, 0, 0, 0, 8, Request::row(Operation::AccessCheck), 0, 0, 0, 0];
    let length = u32::try_from(descriptor.len()).unwrap_or(u32::MAX);
    let claim = wire::AccessCheck { length, ..wire::AccessCheck::EXAMPLE };
    [&head, claim.as_bytes(), descriptor].concat()
}

/// The result of a request.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    reply: Result<Vec<u8>, Failure>,
    slots: [Option<SlotView>; 2],
}

impl Request {
    /// Reads a request; none if the head is incomplete, or chooses what does not exist.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::read_with(bytes, &TABLES)
    }

    /// The byte of the head for the row of an operation.
    pub fn row(operation: Operation) -> u8 {
        choice::row(operation)
    }

    pub(crate) fn read_with(bytes: &[u8], tables: &Tables) -> Option<Self> {
        let (&[state, kernel, server, access, who, output, row, c0, c1, c2, c3], input) =
            bytes.split_first_chunk::<HEAD>()?;
        let code = match row {
            0x80.. if !ADDED.contains(&row) => u32::from_le_bytes([c0, c1, c2, c3]),
            _ => tables.rows.of(row)?.code(),
        };
        let access = match access {
            1 => rights::FILE_READ_DATA,
            2 => rights::FILE_WRITE_DATA,
            _ => READ_WRITE,
        };
        Some(Self {
            state: tables.states.of(state)?,
            kernel: tables.nt_kernels.of(kernel)?,
            server: tables.servers.of(server)?,
            open: Open { access, elsewhere: who & 2 != 0 },
            requestor: if who & 1 == 0 { Requestor::User } else { Requestor::Kernel },
            output: output.into(),
            code,
            input: input.to_vec(),
        })
    }

    /// The control code.
    pub fn code(&self) -> u32 {
        self.code
    }

    /// Runs it on each source; returns the driver's status, which must be the same on all.
    ///
    /// # Errors
    /// What is wrong, or differs.
    pub fn status(&self, sources: &[Source]) -> Result<Status, String> {
        let mut first: Option<Shown> = None;
        for source in sources {
            let shown = self.run_on(source)?;
            match &first {
                Some(first) if *first != shown => return Err(format!("{first:x?} against {shown:x?}")),
                Some(_) => (),
                None => first = Some(shown),
            }
        }
        match first.map(|shown| shown.reply) {
            Some(Err(Failure::Status(status))) => Ok(status),
            _ => Ok(Status::SUCCESS),
        }
    }

    fn run(&self, sources: &[Source]) -> Result<(), String> {
        self.status(sources).map(drop)
    }

    fn run_on(&self, source: &Source) -> Result<Shown, String> {
        let scene = Scene::new(source, self.kernel, self.server, self.state, self.open)
            .map_err(|failure| format!("the state is not reached: {failure}"))?;
        let before = scene.slots();
        let mut output = vec![UNTOUCHED; self.output];
        let input = self.input(&scene);
        let file = scene.file().ok_or("no file")?;
        let written =
            scene.driver().send(scene.thread(), file, self.code, &input, &mut output, self.requestor);
        let (reply, rest) = output.split_at_checked(*written.as_ref().unwrap_or(&0)).ok_or("a long reply")?;
        if rest.iter().any(|byte| *byte != UNTOUCHED) {
            return Err("bytes after the reply".to_owned());
        }
        let shown = Shown {
            reply: written.map(|_| match Ioctl::by_code(self.code) {
                Some(row) => scene.ids().reply(row.operation, reply),
                None => reply.to_vec(),
            }),
            slots: scene.slots(),
        };
        self.check(&before, &shown).map_err(|broken| format!("{broken}: {shown:x?} after {before:x?}"))?;
        scene.finish()?;
        Ok(shown)
    }

    /// The input, with the ids of the state's saves and connections in place of their numbers.
    fn input(&self, scene: &Scene) -> Vec<u8> {
        let mut input = self.input.clone();
        let fields = Ioctl::by_code(self.code).map_or(&[][..], |row| row.about().input.fields);
        for field in fields {
            let id = match (field.kind, field.read(&input)) {
                (Kind::SaveId, Some(number)) => scene.save(number),
                (Kind::ConnectionId | Kind::ConnectionIdOrZero, Some(number)) => scene.connection(number),
                _ => continue,
            };
            field.write(&mut input, id);
        }
        input
    }

    fn check(&self, before: &[Option<SlotView>; 2], shown: &Shown) -> Result<(), &'static str> {
        let status = match &shown.reply {
            Ok(_) => Status::SUCCESS,
            Err(Failure::Status(status)) => *status,
            Err(Failure::Fault(_)) => return Err("a contract was broken"),
        };
        if let Some(expected) = self.refused() {
            let held = status == expected && shown.slots == *before;
            return if held { Ok(()) } else { Err("not refused by the first check that fails") };
        }
        let Some(row) = Ioctl::by_code(self.code) else { return Err("an unknown code was taken") };
        match &shown.reply {
            Ok(reply) => succeeded(row, reply, before, &shown.slots),
            Err(_) => failed(row.operation, status, before, &shown.slots),
        }
    }

    /// The checks that do not depend on the input, in the order of docs/ioctl.md.
    fn refused(&self) -> Option<Status> {
        let needed = self.code >> 14 & READ_WRITE;
        if self.open.access & needed != needed || self.requestor == Requestor::Kernel || self.open.elsewhere {
            return Some(Status::ACCESS_DENIED);
        }
        let Some(row) = Ioctl::by_code(self.code) else { return Some(Status::INVALID_DEVICE_REQUEST) };
        if !row.input.takes(self.input.len()) {
            return Some(Status::INFO_LENGTH_MISMATCH);
        }
        (self.output < row.output()).then_some(Status::BUFFER_TOO_SMALL)
    }
}

fn failed(
    operation: Operation,
    status: Status,
    before: &[Option<SlotView>; 2],
    after: &[Option<SlotView>; 2],
) -> Result<(), &'static str> {
    // The envelope was checked before, and system resources do not run out here.
    let mut reasons = refusals(Ioctl::of(operation).code()).filter(|refusal| refusal.cause == Cause::Content);
    if !reasons.any(|refusal| refusal.statuses.contains(&status)) {
        return Err("a status that is not documented");
    }
    let ended = |(before, after): (&Option<SlotView>, &Option<SlotView>)| after.is_none() || after == before;
    match operation {
        Operation::Restore if status != Status::NOT_FOUND && before.iter().zip(after).all(ended) => Ok(()),
        _ if before == after => Ok(()),
        _ => Err("a request that failed changed a slot"),
    }
}

fn succeeded(
    row: &Ioctl,
    reply: &[u8],
    before: &[Option<SlotView>; 2],
    after: &[Option<SlotView>; 2],
) -> Result<(), &'static str> {
    if reply.len() != row.output() {
        return Err("a reply of another length");
    }
    let [own, other] = after;
    match row.operation {
        Operation::Revert if own.is_some() || *other != before[1] => Err("not reverted, or another's slot"),
        Operation::Revert => told_before(reply, &before[..1]),
        Operation::End if after.iter().all(Option::is_some) => Err("an ended impersonation is still there"),
        Operation::End => told_before(reply, before),
        Operation::Serve if *other != before[1] => Err("the client of another thread"),
        Operation::Impersonate | Operation::Restore | Operation::Serve => {
            let Ok(outcome) = wire::Outcome::read_from_bytes(reply) else { return Err("no outcome") };
            let stored = |slot: &Option<SlotView>| match slot {
                Some(slot) => slot.token_id == outcome.token_stored && slot.level == outcome.level_stored,
                None => outcome.verdict == wire::verdict::ENDED && row.operation == Operation::Restore,
            };
            let changed = before.iter().zip(after).filter(|(before, after)| before != after).count();
            let told = outcome.level_stored <= outcome.level_asked && after.iter().any(stored);
            if told && changed <= 1 { Ok(()) } else { Err("the outcome is not what is stored") }
        }
        _ if before != after => Err("a request that changes no slot changed one"),
        Operation::Query => told_before(reply, before),
        Operation::AccessCheck => match wire::Access::read_from_bytes(reply) {
            Ok(access) if is_sound(access) => Ok(()),
            _ => Err("access granted and refused, or neither"),
        },
        Operation::WorkerCheck => match wire::WorkerAccess::read_from_bytes(reply) {
            Ok(access) if is_sound(access.caller) && is_sound(access.worker) => Ok(()),
            _ => Err("access granted and refused, or neither"),
        },
        _ => Ok(()),
    }
}

/// Checks that access is either granted or refused.
fn is_sound(access: wire::Access) -> bool {
    (access.granted != 0) == (access.status == 0)
}

/// Checks that the reported slot is one of the slots.
fn told_before(reply: &[u8], slots: &[Option<SlotView>]) -> Result<(), &'static str> {
    let Ok(told) = wire::Slot::read_from_bytes(reply) else { return Err("no slot") };
    let same = |slot: &Option<SlotView>| match slot {
        None => told.as_bytes().iter().all(|byte| *byte == 0),
        Some(slot) => {
            told.flags & slot_flags::ACTIVE != 0
                && told.token_id == slot.token_id
                && told.level == slot.level
                && told.user.get(..slot.user.as_bytes().len()) == Some(slot.user.as_bytes())
        }
    };
    if slots.iter().any(same) { Ok(()) } else { Err("a slot that nobody had") }
}
