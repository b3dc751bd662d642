//! Clients and servers of the driver on the model's machine.

use super::Run;
use crate::client::{Client, Contract};
use crate::driver::{Failure, File};
use crate::run::connections::{Connections, Connects, OpenedClient, no_such};
use psimp_catalogue::{ClientToken, Who};
use psimp_host::Requestor;
use psimp_model::{SecurityQos, Thread, rights};
use psimp_protocol::wire::{Connection, Outcome};
use std::sync::Arc;

/// A client's file, and the thread that opened it.
#[derive(Clone)]
pub(super) struct ClientFile {
    pub(super) thread: Arc<Thread>,
    pub(super) file: Arc<File>,
}

impl Run<'_, '_> {
    /// Closes a file that has no other reference.
    fn close(&self, file: Arc<File>) -> Result<(), Failure> {
        let (driver, _) = self.env.device()?;
        let file = Arc::into_inner(file).ok_or_else(|| no_such("file to close"))?;
        driver.close(&self.machine.thread, file)
    }

    /// A call through one of the servers.
    fn through_server<T>(
        &self,
        server: usize,
        call: impl FnOnce(&Client<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if server == 0 {
            return self.through_driver(call);
        }
        let file = self.env.kept.lock().servers.get(&server).cloned();
        let file = file.ok_or_else(|| no_such("server"))?;
        self.through_driver(|client| call(&Client { file: &file, ..*client }))
    }
}

impl Connects for Run<'_, '_> {
    type File = ClientFile;

    fn clients(&self) -> &Connections<ClientFile> {
        &self.env.clients
    }

    fn open_client(&self, flags: u32) -> Result<OpenedClient<ClientFile>, Failure> {
        let (driver, _) = self.env.device()?;
        let thread = self.machine.thread.clone();
        let file = Arc::new(driver.connect(&thread, SecurityQos::of_create_file(flags))?);
        let tok = self.env.asked.by(self.who).or(match self.who {
            Who::ClientA => Some(ClientToken::Ap0),
            Who::ClientB => Some(ClientToken::Bp0),
            _ => None,
        });
        let process = thread.process().id();
        Ok(OpenedClient { file: ClientFile { thread, file }, process, tok })
    }

    fn close_client(&self, file: ClientFile) -> Result<(), Failure> {
        self.close(file.file)
    }

    fn send_to_client(
        &self,
        file: &ClientFile,
        code: u32,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, Failure> {
        let (driver, _) = self.env.device()?;
        driver.send(&self.machine.thread, &file.file, code, input, output, Requestor::User)
    }

    fn open_name(&self, name: &str, level: u32) -> Result<(), Failure> {
        let (driver, _) = self.env.device()?;
        let quality = SecurityQos { level, tracking: SecurityQos::STATIC, effective_only: false };
        let thread = &self.machine.thread;
        let file = driver.open_name(thread, name, rights::FILE_READ_DATA, Some(quality))?;
        driver.close(thread, file)
    }

    fn open_relative(&self, name: &str) -> Result<(), Failure> {
        let (driver, file) = self.env.device()?;
        driver.open_relative(&self.machine.thread, file, name, rights::FILE_READ_DATA)
    }

    fn open_server(&self, number: usize) -> Result<(), Failure> {
        let (driver, file) = self.env.device()?;
        let desired = rights::FILE_READ_DATA | rights::FILE_WRITE_DATA;
        let file = if self.has_device() {
            let server = Client { machine: &self.machine, driver, file, about: 0 };
            super::super::requests::open_as_administrator(&server, desired)?
        } else {
            driver.open(&self.machine.thread, desired)?
        };
        self.env.kept.lock().servers.insert(number, Arc::new(file));
        Ok(())
    }

    fn close_server(&self, number: usize) -> Result<(), Failure> {
        let server = self.env.kept.lock().servers.remove(&number);
        self.close(server.ok_or_else(|| no_such("server"))?)
    }

    fn next_client(&self, server: usize, after: u64) -> Result<Option<Connection>, Failure> {
        // A thread outside of the server process has no handle of the device.
        if !self.has_device() && server == 0 {
            let (driver, file) = self.env.device()?;
            let first = Client { machine: &self.env.machine(Who::T1), driver, file, about: 0 };
            return first.next_client(after);
        }
        self.through_server(server, |server| server.next_client(after))
    }

    fn serve_id(&self, server: usize, id: u64, level: u32) -> Result<Outcome, Failure> {
        self.through_server(server, |server| server.serve(id, level, self.env.rules))
    }

    fn revert(&self) -> Result<(), Failure> {
        self.slot_before(false)
    }

    fn note(&self, tok: Option<ClientToken>) {
        self.env.asked.note(self.about, tok);
    }

    fn repetitions(&self, times: u32) -> u32 {
        self.env.repetitions(times)
    }

    fn differ(&self, what: &str, expected: &str, observed: &str) {
        self.compare(what, expected, observed);
    }
}
