//! A client process: it carries out one order a line, on a thread of its own, and answers each in a line.
//!
//! The thread that reads and writes never impersonates: below Impersonation nothing can be written to a pipe.

use crate::driver::Failure;
use crate::native::system::device::Device;
use crate::native::system::handle::AsHandle as _;
use crate::native::system::pipe::Pipe;
use crate::native::system::token::{ALL_ACCESS, QUERY};
use crate::native::system::{Error, Token, object, process, thread};
use psimp_model::SecurityQos;
use psimp_nt::{Level, Status, TokenType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _, Write as _};
use std::sync::mpsc::channel;

/// The hidden command of the harness that makes a process a client.
pub(super) const COMMAND: &str = "native-client";

/// What a client does next.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Tells the ids of its process and of its thread.
    Identify,
    /// Impersonates a token, by its handle in this process: the token itself, or a copy at a lower level.
    Impersonate {
        /// The handle.
        token: u64,
        /// The level of the copy.
        lower: Option<u32>,
    },
    /// Reverts.
    Revert,
    /// Tells its slot, as far as a program sees it: `idle`, its level, or a short status.
    Look,
    /// Opens a name below the device, and keeps what it opened under a number.
    Open {
        /// The name, empty for the device itself.
        name: String,
        /// The access.
        access: u32,
        /// The quality of service.
        quality: Option<Quality>,
        /// The number.
        keep: usize,
    },
    /// Closes what is kept under a number.
    Close(usize),
    /// Sends a control code to what is kept under a number.
    Control {
        /// The number.
        to: usize,
        /// The code.
        code: u32,
        /// The input.
        input: Vec<u8>,
        /// The output buffer as it is before.
        output: Vec<u8>,
    },
    /// Keeps a handle of this process for the device, which another process has opened, under a number.
    Keep {
        /// The handle.
        handle: u64,
        /// The number.
        keep: usize,
    },
    /// Opens an object by its name, and closes it again.
    OpenObject {
        /// The name.
        path: String,
        /// The access.
        access: u32,
    },
    /// Opens the token of a thread by a handle of this process, and closes it again.
    OpenToken {
        /// The handle.
        thread: u64,
        /// The access.
        access: u32,
        /// `OpenAsSelf`.
        as_self: bool,
    },
    /// Makes a pipe, and tells its name.
    MakePipe,
    /// Reads what the pipe's client wrote, and impersonates that.
    ImpersonatePipeClient,
}

/// A quality of service.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Quality {
    level: u32,
    tracking: u8,
    effective_only: bool,
}

impl From<SecurityQos> for Quality {
    fn from(quality: SecurityQos) -> Self {
        let SecurityQos { level, tracking, effective_only } = quality;
        Self { level, tracking, effective_only }
    }
}

impl From<Quality> for SecurityQos {
    fn from(quality: Quality) -> Self {
        let Quality { level, tracking, effective_only } = quality;
        Self { level, tracking, effective_only }
    }
}

/// What a client tells.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// Nothing: it is done.
    Done,
    /// The ids of its process and of its thread.
    Ids(u32, u32),
    /// How many bytes of the output were written, and the buffer.
    Output(usize, Vec<u8>),
    /// A text.
    Text(String),
}

/// Why an order was not carried out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// With this status.
    Status(u32),
    /// For another reason; a sentence.
    Harness(String),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status.0)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Harness(error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Status(status) => Self::Status(Status(status)),
            Refusal::Harness(why) => Self::Fault(format!("a client process: {why}")),
        }
    }
}

/// Carries out the orders on standard input until there are no more.
///
/// # Errors
/// Why an order cannot be read or an answer cannot be written.
pub fn serve() -> anyhow::Result<()> {
    let (orders, waiting) = channel::<Order>();
    let (answers, answered) = channel();
    thread::spawn(move || {
        let mut actor = Actor::default();
        for order in waiting {
            if answers.send(actor.carry_out(order)).is_err() {
                break;
            }
        }
    });
    for line in process::input().lines() {
        orders.send(serde_json::from_str(&line?)?)?;
        let answer: Result<Told, Refusal> = answered.recv()?;
        let mut out = process::output();
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
        out.flush()?;
    }
    Ok(())
}

/// The thread that acts.
#[derive(Default)]
struct Actor {
    files: BTreeMap<usize, Device>,
    pipe: Option<Pipe>,
}

impl Actor {
    fn carry_out(&mut self, order: Order) -> Result<Told, Refusal> {
        match order {
            Order::Identify => return Ok(Told::Ids(process::id(), thread::current_id())),
            Order::Impersonate { token, lower } => {
                let token = Token::from(thread::given(token)?);
                let token = match lower {
                    Some(level) => token.duplicate(ALL_ACCESS, TokenType::Impersonation, level, false)?,
                    None => token,
                };
                thread::set_token(thread::current(), Some(&token))?;
            }
            Order::Revert => thread::set_token(thread::current(), None)?,
            Order::Look => return Ok(Told::Text(look())),
            Order::Open { name, access, quality, keep } => {
                let quality = quality.map(SecurityQos::from);
                self.files.insert(keep, Device::open_name(&name, access, quality.as_ref())?);
            }
            Order::Close(number) => drop(self.files.remove(&number).ok_or_else(|| no_such(number))?),
            Order::Control { to, code, input, mut output } => {
                let file = self.files.get(&to).ok_or_else(|| no_such(to))?;
                let written = file.control(code, &input, &mut output)?;
                return Ok(Told::Output(written, output));
            }
            Order::Keep { handle, keep } => {
                self.files.insert(keep, Device::given(thread::taken(handle)?));
            }
            Order::OpenObject { path, access } => drop(object::open(&path, access)?),
            Order::OpenToken { thread, access, as_self } => {
                let thread = thread::taken(thread)?;
                drop(Token::of_thread(thread.as_handle(), access, as_self)?);
            }
            Order::MakePipe => {
                let pipe = Pipe::create()?;
                let name = pipe.name();
                self.pipe = Some(pipe);
                return Ok(Told::Text(name));
            }
            Order::ImpersonatePipeClient => {
                let pipe = self.pipe.as_ref().ok_or_else(|| Refusal::Harness("it has no pipe".to_owned()))?;
                let read = pipe.server().read_exact(&mut [0]);
                read.map_err(|error| Refusal::Harness(format!("the server's read: {error}")))?;
                pipe.impersonate_client()?;
            }
        }
        Ok(Told::Done)
    }
}

fn no_such(number: usize) -> Refusal {
    Refusal::Harness(format!("it has no file {number}"))
}

/// The slot of this thread, as far as a program sees it.
fn look() -> String {
    let level = |level: Level| format!("L{}", level as u8);
    match Token::of_thread(thread::current(), QUERY, true).map(|token| token.information()) {
        Ok(Ok(seen)) => seen.level.map_or_else(crate::observe::short, level),
        Ok(Err(status)) => format!("NtQueryInformationToken: {status}"),
        Err(Status::NO_TOKEN) => "idle".to_owned(),
        Err(Status::CANT_OPEN_ANONYMOUS) => level(Level::Anonymous),
        Err(status) => crate::observe::short(status),
    }
}
