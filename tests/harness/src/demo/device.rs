//! The stage on a running Windows: the driver that is loaded, and the threads of this process.
//!
//! Server and client are one process of one user, so steps that need two users are left out.

use super::{Guest, Scene, Stage};
use crate::cli::{ShowArgs, TextFormat, ThreadRef};
use crate::client::Contract;
use crate::driver::Failure;
use crate::machine::descriptor;
use crate::show::collect;
use crate::show::view::{Account, View};
use psimp_nt::{Sid, Status};
use psimp_protocol::{CLIENT_NAME, RulesMode};
use psimp_windows::device::{Device, Waiting};
use psimp_windows::token::QUERY;
use psimp_windows::{Token, sid, thread};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::sync::mpsc::{Sender, channel};

/// `FILE_READ_DATA` and `FILE_WRITE_DATA`.
const READ_WRITE: u32 = 3;

type Job = Box<dyn FnOnce() + Send>;

/// A thread that never impersonates. It is started first, because a thread that impersonates below
/// Impersonation may be unable to start one.
struct Helper(Sender<Job>);

impl Helper {
    fn begin() -> Self {
        let (jobs, waiting) = channel::<Job>();
        // It ends with the sender.
        std::thread::spawn(move || waiting.into_iter().for_each(|job| job()));
        Self(jobs)
    }

    /// Runs a job on that thread, and waits for it.
    fn ask<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        let ended = || Failure::Fault("the other thread has ended".to_owned());
        let (answer, answered) = channel();
        self.0.send(Box::new(move || drop(answer.send(job())))).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())
    }
}

/// This process: its main thread is the server, the other one the client.
pub struct DeviceStage {
    device: Device,
    helper: Helper,
    /// The server's thread.
    thread: u32,
    user: Account,
    user_sid: Sid,
    client: Option<File>,
    own: Option<File>,
    scene: Scene,
}

impl DeviceStage {
    /// The calling thread becomes the server's.
    ///
    /// # Errors
    /// A sentence: the device does not open, or the process cannot read its own token.
    pub fn new(rules: RulesMode, target: String) -> Result<Self, String> {
        let own = Token::of_process(thread::current_process(), QUERY).and_then(|token| token.information());
        let user_sid = own.map_err(|status| format!("its own token cannot be read: {status}"))?.user;
        let device = Device::open(READ_WRITE, Waiting::Kernel);
        let device = device.map_err(|status| format!("the device does not open: {status}"))?;
        // Without a name it is shown by its SID.
        let user = Account { sid: user_sid.to_string(), name: sid::account_name(&user_sid).ok().flatten() };
        let thread = thread::current_id();
        let process = named(std::process::id());
        let scene = Scene {
            target,
            server: format!("{process}, thread {thread}: {}; it has the device open", user.shown()),
            client: format!("another thread of that process: {}, too", user.shown()),
            document: format!("opens to that user, {user_sid}, and to nobody else"),
            opens_as_itself: Status::SUCCESS,
            anonymous: Status::BAD_IMPERSONATION_LEVEL,
            user: user.shown().to_owned(),
            client_process: process,
            stranger: None,
            rules,
        };
        Ok(Self { device, helper: Helper::begin(), thread, user, user_sid, client: None, own: None, scene })
    }
}

impl Contract for DeviceStage {
    fn about(&self) -> u64 {
        0
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        Ok(self.device.control(code, input, output)?)
    }
}

impl Stage for DeviceStage {
    fn scene(&self) -> &Scene {
        &self.scene
    }

    fn connect(&mut self, _: Guest, flags: u32) -> Result<(), Failure> {
        let opened = self.helper.ask(move || open_client(flags))?;
        self.client = Some(opened.map_err(|error| failure(&error))?);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Failure> {
        self.client = None;
        Ok(())
    }

    fn show(&mut self) -> Result<View, Failure> {
        let thread = ThreadRef { pid: std::process::id(), tid: Some(self.thread) };
        let args = ShowArgs { thread, groups: false, privileges: false, format: TextFormat::Table };
        self.helper.ask(move || collect::view(&args))?.map_err(Failure::Fault)
    }

    fn reads_client(&mut self) -> Result<String, Failure> {
        let user = Token::of_thread(thread::current(), QUERY, true)?.information()?.user;
        // The name was looked up earlier: while it impersonates, the thread may not be able to.
        Ok(if user == self.user_sid { self.user.shown().to_owned() } else { user.to_string() })
    }

    fn document(&self, _: Guest) -> Vec<u8> {
        descriptor(&[self.user_sid])
    }

    fn connect_as_client(&mut self, flags: u32) -> Result<(), Failure> {
        self.own = Some(open_client(flags).map_err(|error| failure(&error))?);
        Ok(())
    }

    fn leave_as_client(&mut self) -> Result<(), Failure> {
        self.own = None;
        Ok(())
    }

    fn is_client_elsewhere(&mut self) -> Option<Result<(), Failure>> {
        None
    }

    fn process(&self, id: u32) -> String {
        if id == std::process::id() { named(id) } else { format!("another process, {id}") }
    }
}

fn named(id: u32) -> String {
    format!("psimp.exe, process {id}")
}

/// Opens the client's name, as the calling thread now is.
fn open_client(flags: u32) -> io::Result<File> {
    // As custom flags, which the library passes on as they are.
    OpenOptions::new().read(true).custom_flags(flags).open(format!(r"\\.\PsImpersonate{CLIENT_NAME}"))
}

/// The status behind an error of `CreateFile`.
fn failure(error: &io::Error) -> Failure {
    const ERROR_ACCESS_DENIED: i32 = 5;
    const ERROR_BAD_IMPERSONATION_LEVEL: i32 = 1346;
    match error.raw_os_error() {
        Some(ERROR_ACCESS_DENIED) => Status::ACCESS_DENIED.into(),
        Some(ERROR_BAD_IMPERSONATION_LEVEL) => Status::BAD_IMPERSONATION_LEVEL.into(),
        _ => Failure::Fault(error.to_string()),
    }
}
