//! A program that uses the driver's image.

use psimp_host::{Failure, Fault, File, Host, Image, IoControl, Options};
use psimp_model::{Group, Kernel, Object, Process, System, Thread, Token, TokenSpec, sids};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::wire;
use psimp_protocol::{Ioctl, LINK_NAME, Operation, PROTOCOL_VERSION};
use std::path::Path;
use std::sync::Arc;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub(crate) const READ_WRITE: u32 = 3;
pub(crate) const TOKEN_IMPERSONATE: u32 = 4;
/// The access that EVALUATE needs instead.
pub(crate) const TOKEN_QUERY: u32 = 8;

/// Input of QUERY, SAVE and END about the calling thread.
pub(crate) const CALLER: wire::Thread = wire::Thread { version: PROTOCOL_VERSION, reserved: 0, thread: 0 };

/// The user of these programs.
pub(crate) const USER: Sid = Sid::new(5, &[21, 1, 2, 3, 1000]);

/// The driver's image.
pub(crate) fn image() -> Image {
    let path = std::env::var_os("PSIMP_SYS").expect("PSIMP_SYS must name psimp.sys");
    Image::open(Path::new(&path)).expect("the image loads")
}

/// A token of the user, who is an administrator.
pub(crate) fn spec(token_type: TokenType, level: Level) -> TokenSpec {
    TokenSpec {
        groups: vec![Group { sid: sids::ADMINISTRATORS, enabled: true }],
        ..TokenSpec::new(USER, Luid(0x5_0000), token_type, level)
    }
}

/// A token by [`spec`].
pub(crate) fn token(system: &System, token_type: TokenType, level: Level) -> Arc<Token> {
    system.create_token(spec(token_type, level))
}

/// A process of the user with one thread.
pub(crate) fn process(system: &System) -> (Arc<Process>, Arc<Thread>) {
    let process = system.create_process(token(system, TokenType::Primary, Level::Anonymous));
    let thread = system.create_thread(&process);
    (process, thread)
}

/// Sends an operation whose input and output have a fixed length.
pub(crate) fn send<I: IntoBytes + Immutable + ?Sized, O: FromBytes + IntoBytes>(
    host: &Host,
    thread: &Arc<Thread>,
    file: &File,
    operation: Operation,
    input: &I,
) -> Result<O, Failure> {
    let code = Ioctl::of(operation).code();
    let mut output = O::new_zeroed();
    let length =
        host.device_io_control(thread, file, &IoControl::new(code, input.as_bytes()), output.as_mut_bytes())?;
    assert_eq!(length, size_of::<O>());
    Ok(output)
}

pub(crate) fn failed<T>(status: Status) -> Result<T, Failure> {
    Err(Failure::Status(status))
}

/// A loaded driver, and a thread of an administrator with an open file and a
/// token of the same user at Impersonation level.
pub(crate) struct Session {
    pub(crate) system: Arc<System>,
    pub(crate) host: Host,
    pub(crate) process: Arc<Process>,
    pub(crate) thread: Arc<Thread>,
    pub(crate) client: Arc<Token>,
    pub(crate) handle: u64,
    pub(crate) file: File,
}

impl Session {
    pub(crate) fn new(kernel: Kernel) -> Self {
        Self::with(kernel, Options::default())
    }

    /// The same, with options.
    pub(crate) fn with(kernel: Kernel, options: Options) -> Self {
        let system = Arc::new(System::new(kernel));
        let host = Host::load_with(&image(), system.clone(), options).expect("the driver starts");
        let (process, thread) = process(&system);
        let client = token(&system, TokenType::Impersonation, Level::Impersonation);
        let handle = process.handles().insert(Object::Token(client.clone()), TOKEN_IMPERSONATE | TOKEN_QUERY);
        let file = host.open(&thread, LINK_NAME, READ_WRITE).expect("the device opens");
        Self { system, host, process, thread, client, handle, file }
    }

    /// Sends an operation as the session's thread.
    pub(crate) fn send<I: IntoBytes + Immutable + ?Sized, O: FromBytes + IntoBytes>(
        &self,
        operation: Operation,
        input: &I,
    ) -> Result<O, Failure> {
        send(&self.host, &self.thread, &self.file, operation, input)
    }

    /// Input of IMPERSONATE and EVALUATE.
    pub(crate) fn request(&self, level: Level, flags: u32) -> wire::Impersonate {
        let (version, level) = (PROTOCOL_VERSION, level as u32);
        wire::Impersonate { version, level, thread: 0, token: self.handle, flags, reserved: 0 }
    }

    pub(crate) fn impersonate(&self, level: Level, flags: u32) -> Result<wire::Outcome, Failure> {
        self.send(Operation::Impersonate, &self.request(level, flags))
    }

    pub(crate) fn save(&self) -> Result<wire::Saved, Failure> {
        self.send(Operation::Save, &CALLER)
    }

    pub(crate) fn restore(&self, save: u64) -> Result<wire::Outcome, Failure> {
        let request = wire::Restore { version: PROTOCOL_VERSION, flags: 0, thread: 0, save };
        self.send(Operation::Restore, &request)
    }

    pub(crate) fn discard(&self, save: u64) -> Result<(), Failure> {
        let request = wire::Discard { version: PROTOCOL_VERSION, reserved: 0, save };
        self.send::<_, [u8; 0]>(Operation::Discard, &request).map(drop)
    }

    pub(crate) fn access_check(&self, descriptor: &[u8], desired: u32) -> Result<wire::Access, Failure> {
        let length = u32::try_from(descriptor.len()).expect("a short one");
        let head = wire::AccessCheck { version: PROTOCOL_VERSION, desired, length, reserved: 0 };
        self.send(Operation::AccessCheck, [head.as_bytes(), descriptor].concat().as_slice())
    }

    /// Closes the file on another thread and unloads; nothing may leak.
    pub(crate) fn end(self) -> Result<(), Vec<Fault>> {
        let Self { system, host, process, client, file, .. } = self;
        let other = system.create_thread(&process);
        std::thread::scope(|scope| {
            scope.spawn(|| host.close(&other, file)).join().expect("no panic").expect("the file closes");
        });
        assert_eq!((host.held(), host.work_items()), (Vec::new(), 0));
        host.unload()?;
        let slots = usize::from(self.thread.is_impersonating());
        assert_eq!(Arc::strong_count(&client), 2 + slots, "the handle's, ours, and the slot's");
        Ok(())
    }
}
