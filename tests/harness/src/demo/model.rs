//! The stage on the model: with the service, or with an image over it.

use super::people::{
    CLIENT, CLIENT_LOGON, SERVER, SERVER_THREAD, STRANGER, STRANGER_LOGON, account, logon_sid, named,
    ordinary, scene, server,
};
use super::{Guest, Scene, Stage, Transcript, tell};
use crate::client::{Client, Contract};
use crate::driver::{Driver, Failure, File};
use crate::machine::{Machine, descriptor};
use crate::run::Setup;
use crate::show::view::{Integrity, Process, Thread, Token, View, type_name};
use psimp_catalogue::User;
use psimp_host::Options;
use psimp_model::{self as model, Object, SecurityQos, TokenSpec, rights};
use psimp_nt::{Level, Status, TokenType};
use psimp_protocol::{CLIENTS_AUTHENTICATED, CLIENTS_SETTING};
use psimp_rules::Family;
use std::sync::Arc;

const CURRENT_THREAD: u64 = u64::MAX - 1;

/// Runs the demo over the model.
pub fn run(target: &Setup, name: &str) -> Transcript {
    on_stage(target, name, |mut stage| tell(&mut stage))
}

/// Makes the stage, and ends it afterwards.
pub fn on_stage(target: &Setup, name: &str, tell: impl FnOnce(ModelStage<'_>) -> Transcript) -> Transcript {
    let machine = Machine::new(target.kernel);
    machine.process.set_primary(machine.system.create_token(server()));
    // Any user who has logged on may connect.
    let parameters = [(CLIENTS_SETTING.to_owned(), CLIENTS_AUTHENTICATED)].into_iter().collect();
    let options = Options { parameters, ..Options::default() };
    let mut told = Transcript::default();
    let driver = match Driver::start_with(&target.source, &machine.system, options) {
        Ok(driver) => driver,
        Err(failure) => {
            told.differ(format!("driver start: {failure}"));
            return told;
        }
    };
    match driver.open(&machine.thread, rights::FILE_READ_DATA | rights::FILE_WRITE_DATA) {
        Ok(file) => {
            told = tell(ModelStage::new(&machine, &driver, &file, target, name));
            if let Err(failure) = driver.close(&machine.thread, file) {
                told.differ(format!("close of the device: {failure}"));
            }
        }
        Err(failure) => told.differ(format!("open of the device: {failure}")),
    }
    for fault in driver.stop() {
        told.differ(format!("driver contract: {fault}"));
    }
    told
}

/// A client's process and thread.
struct Visitor {
    thread: Arc<model::Thread>,
    file: Option<File>,
}

/// The machine with the server's process, and those of two clients.
pub struct ModelStage<'a> {
    server: Client<'a>,
    /// Another thread of the server's process, which looks at the first one.
    observer: Arc<model::Thread>,
    /// Its handle to the server's thread.
    handle: u64,
    client: Visitor,
    stranger: Visitor,
    /// The connection of the server's own thread.
    own: Option<File>,
    scene: Scene,
}

impl<'a> ModelStage<'a> {
    /// On a machine whose thread has the device open.
    fn new(machine: &'a Machine, driver: &'a Driver, file: &'a File, target: &Setup, name: &str) -> Self {
        let system = &machine.system;
        let visitor = |spec: TokenSpec| {
            let process = system.create_process(system.create_token(spec));
            Visitor { thread: system.create_thread(&process), file: None }
        };
        let handle = machine
            .process
            .handles()
            .insert(Object::Thread(machine.thread.clone()), rights::THREAD_ALL_ACCESS);
        Self {
            server: Client { machine, driver, file, about: 0 },
            observer: system.create_thread(&machine.process),
            handle,
            client: visitor(ordinary(User::A, CLIENT_LOGON)),
            stranger: visitor(ordinary(User::B, STRANGER_LOGON)),
            own: None,
            scene: scene(target, name),
        }
    }

    fn token(&self, token: &model::Token) -> Token {
        let facts = token.facts();
        let token_type = token.token_type();
        let labelled = self.server.machine.kernel().family() != Family::Nt52;
        Token {
            token_type: type_name(token_type),
            level: (token_type == TokenType::Impersonation).then(|| token.level().name()),
            user: account(token.user()),
            token_id: format!("{:#x}", token.id().0),
            logon_id: format!("{:#x}", token.authentication_id().0),
            integrity: labelled.then(|| Integrity::from(token.integrity())),
            session: Some(token.session_id()),
            elevated: labelled.then_some(facts.platform.elevated),
            restricted: token.is_restricted(),
            restricting: token.restricting().iter().copied().map(account).collect(),
            flags: Vec::new(),
            groups: None,
            privileges: None,
        }
    }

    fn visitor(&mut self, guest: Guest) -> &mut Visitor {
        match guest {
            Guest::Client => &mut self.client,
            Guest::Stranger => &mut self.stranger,
        }
    }
}

impl Contract for ModelStage<'_> {
    fn about(&self) -> u64 {
        self.server.about()
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        self.server.control(code, input, output)
    }
}

impl Stage for ModelStage<'_> {
    fn scene(&self) -> &Scene {
        &self.scene
    }

    fn connect(&mut self, guest: Guest, flags: u32) -> Result<(), Failure> {
        let driver = self.server.driver;
        let visitor = self.visitor(guest);
        visitor.file = Some(driver.connect(&visitor.thread, SecurityQos::of_create_file(flags))?);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Failure> {
        let driver = self.server.driver;
        for visitor in [&mut self.client, &mut self.stranger] {
            if let Some(file) = visitor.file.take() {
                driver.close(&visitor.thread, file)?;
            }
        }
        Ok(())
    }

    fn show(&mut self) -> Result<View, Failure> {
        let machine = self.server.machine;
        let opened =
            machine.system.nt_open_thread_token(&self.observer, self.handle, rights::TOKEN_QUERY, true);
        let opened = opened.map(|handle| {
            let object = machine.process.handles().remove(handle);
            match object {
                Some(Object::Token(token)) => Ok(self.token(&token)),
                _ => Err(Status::OBJECT_TYPE_MISMATCH),
            }
        });
        let token = Some(self.token(&machine.process.primary()));
        Ok(View {
            process: Process { pid: SERVER, name: "server.exe".to_owned(), token, error: None },
            threads: vec![Thread::of_open(SERVER_THREAD, opened)],
        })
    }

    fn reads_client(&mut self) -> Result<String, Failure> {
        let Machine { system, thread, .. } = self.server.machine;
        let handle = system.nt_open_thread_token(thread, CURRENT_THREAD, rights::TOKEN_QUERY, true)?;
        let information = system.nt_query_token(thread, handle);
        system.nt_close(thread, handle)?;
        Ok(account(information?.user).shown().to_owned())
    }

    fn document(&self, guest: Guest) -> Vec<u8> {
        descriptor(&[logon_sid(match guest {
            Guest::Client => CLIENT_LOGON,
            Guest::Stranger => STRANGER_LOGON,
        })])
    }

    fn connect_as_client(&mut self, flags: u32) -> Result<(), Failure> {
        let Client { driver, machine, .. } = self.server;
        self.own = Some(driver.connect(&machine.thread, SecurityQos::of_create_file(flags))?);
        Ok(())
    }

    fn leave_as_client(&mut self) -> Result<(), Failure> {
        let Client { driver, machine, .. } = self.server;
        self.own.take().map_or(Ok(()), |file| driver.close(&machine.thread, file))
    }

    fn is_client_elsewhere(&mut self) -> Option<Result<(), Failure>> {
        let Machine { system, thread, .. } = self.server.machine;
        let quality = SecurityQos::at(Level::Identification);
        let context = system.se_create_client_security(thread, &quality, true);
        Some(context.map(|context| system.se_delete_client_security(context)).map_err(Failure::from))
    }

    fn process(&self, id: u32) -> String {
        let is = |visitor: &Visitor| visitor.thread.process().id() == id;
        match id {
            _ if is(&self.client) => named("client.exe", CLIENT),
            _ if is(&self.stranger) => named("client.exe", STRANGER),
            _ if self.observer.process().id() == id => named("server.exe", SERVER),
            _ => format!("process {id}, which is none of these"),
        }
    }
}
