//! Clients that connect to the driver, and servers that impersonate them.

use super::Run;
use super::env::Connected;
use crate::client::{Client, Contract};
use crate::driver::{Failure, File};
use psimp_catalogue::{Broker, ClientToken, Who};
use psimp_model::{SecurityQos, rights};
use psimp_nt::Status;
use psimp_protocol::wire::{self, connection_flags};
use psimp_protocol::{IOCTLS, MAX_REPLY, RulesMode};
use std::sync::Arc;

impl Run<'_, '_> {
    pub(super) fn broker(&self, broker: &Broker) {
        match *broker {
            Broker::Connect { keep, flags, status } => {
                self.ended("open of the client's name", status, self.connect(keep, flags));
            }
            Broker::OpenName(name, level, status) => {
                let quality = SecurityQos { level, tracking: SecurityQos::STATIC, effective_only: false };
                self.ended(&format!("open of {name}"), status, self.open_name(name, quality));
            }
            Broker::OpenRelative(name, status) => {
                self.ended(&format!("relative open of {name:?}"), status, self.open_relative(name));
            }
            Broker::Leave(number) => self.succeeded("close of the client", self.leave(number)),
            Broker::ClientIsNoServer(number) => self.client_is_no_server(number),
            Broker::OpenServer(number, status) => {
                self.ended("open of the device", status, self.open_server(number));
            }
            Broker::CloseServer(number) => {
                let server = self.env.kept.lock().servers.remove(&number);
                self.succeeded("close of the server", self.close(server));
            }
            Broker::Sees(server, client, terms) => match self.told(server, client) {
                Ok(told) => {
                    self.compare(&format!("server {server} on client {client}"), terms, &told);
                }
                Err(failure) => self.succeeded("NEXT_CLIENT", Err(failure)),
            },
            Broker::Serve { server, client, level, status } => {
                self.ended("SERVE", status, self.serve(server, client, level));
            }
            Broker::ServeId(id, status) => {
                let served = self.through_driver(|client| client.serve(id, 0, RulesMode::Documented));
                self.ended("SERVE", status, served.map(drop));
            }
            Broker::Crowd(clients) => {
                self.succeeded("crowd", self.crowd(self.env.repetitions(clients)));
            }
        }
    }

    /// The thread opens the client's name, whatever process it is in.
    fn open_client(&self, quality: Option<SecurityQos>) -> Result<Connected, Failure> {
        let (driver, file) = self.env.device()?;
        let thread = self.machine.thread.clone();
        let opened = driver.connect(&thread, quality)?;
        let server = Client { machine: &self.env.machine(Who::T1), driver, file, about: 0 };
        let id = match newest(&server) {
            Ok(id) => id,
            Err(failure) => return driver.close(&thread, opened).and(Err(failure)),
        };
        let tok = self.env.asked.by(self.who).or(match self.who {
            Who::ClientA => Some(ClientToken::Ap0),
            Who::ClientB => Some(ClientToken::Bp0),
            _ => None,
        });
        Ok(Connected { thread, file: Some(Arc::new(opened)), id, tok })
    }

    fn connect(&self, number: usize, flags: u32) -> Result<(), Failure> {
        let client = self.open_client(SecurityQos::of_create_file(flags))?;
        self.env.kept.lock().clients.insert(number, client);
        Ok(())
    }

    fn open_name(&self, name: &str, quality: SecurityQos) -> Result<(), Failure> {
        let (driver, _) = self.env.device()?;
        let thread = &self.machine.thread;
        let file = driver.open_name(thread, name, rights::FILE_READ_DATA, Some(quality))?;
        driver.close(thread, file)
    }

    fn open_relative(&self, name: &str) -> Result<(), Failure> {
        let (driver, file) = self.env.device()?;
        driver.open_relative(&self.machine.thread, file, name, rights::FILE_READ_DATA)
    }

    fn leave(&self, number: usize) -> Result<(), Failure> {
        let file = self.env.kept.lock().clients.get_mut(&number).and_then(|client| client.file.take());
        self.close(file)
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

    /// Closes a file that has no other reference.
    fn close(&self, file: Option<Arc<File>>) -> Result<(), Failure> {
        let (driver, _) = self.env.device()?;
        let file = file.and_then(Arc::into_inner).ok_or_else(|| no_such("file to close"))?;
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

    fn client(&self, number: usize) -> Result<Connected, Failure> {
        self.env.kept.lock().clients.get(&number).cloned().ok_or_else(|| no_such("client"))
    }

    /// What `NEXT_CLIENT` reports of a client, in the catalogue's notation.
    fn told(&self, server: usize, client: usize) -> Result<String, Failure> {
        let Connected { id, thread, .. } = self.client(client)?;
        let Some(before) = id.checked_sub(1) else { return Err(no_such("client")) };
        let told = self.through_server(server, |server| server.next_client(before))?;
        let Some(told) = told.filter(|told| told.id == id) else { return Ok("none".to_owned()) };
        self.same("the client's process", &thread.process().id(), &told.process);
        Ok(terms(&told))
    }

    fn serve(&self, server: usize, client: usize, level: u32) -> Result<(), Failure> {
        let Connected { id, tok, .. } = self.client(client)?;
        let outcome = self.through_server(server, |server| server.serve(id, level, self.env.rules))?;
        self.env.asked.note(self.about, tok);
        self.same("level asked", &level, &outcome.level_asked);
        Ok(())
    }

    /// Sends every control code, with a valid length, through a client's file.
    fn client_is_no_server(&self, number: usize) {
        let file = self.env.kept.lock().clients.get(&number).and_then(|client| client.file.clone());
        let (Ok((driver, _)), Some(file)) = (self.env.device(), file) else {
            return self.same("the script has this client", &true, &false);
        };
        for row in IOCTLS {
            let length = (0..=4096).find(|length| row.input.takes(*length)).unwrap_or_default();
            let input = vec![0; length];
            let mut output = vec![0; MAX_REPLY];
            let user = psimp_host::Requestor::User;
            let sent = driver.send(&self.machine.thread, &file, row.code(), &input, &mut output, user);
            self.ended(row.name, Status::ACCESS_DENIED, sent.map(drop));
        }
    }

    /// Clients connect, every other one leaves, the rest are served, and all leave.
    fn crowd(&self, clients: u32) -> Result<(), Failure> {
        let mut crowd = Vec::new();
        let came = (0..clients).try_for_each(|_| {
            crowd.push(self.open_client(SecurityQos::of_create_file(0x0011_0000))?);
            Ok(())
        });
        let (left, stay): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|client| client.id % 2 == 0);
        let left = self.close_all(left);
        let served = stay.iter().rev().try_for_each(|client| {
            self.through_driver(|server| server.serve(client.id, 1, self.env.rules)).map(drop)
        });
        came.and(left).and(served).and(self.close_all(stay))?;
        self.slot_before(false)
    }

    /// Closes them all, even if some closes fail.
    fn close_all(&self, clients: Vec<Connected>) -> Result<(), Failure> {
        clients.into_iter().map(|client| self.close(client.file)).fold(Ok(()), Result::and)
    }
}

/// What a client allows, and whether it is served, in the catalogue's notation.
fn terms(told: &wire::Connection) -> String {
    let flag = |flag| told.flags & flag != 0;
    let tracking = if flag(connection_flags::DYNAMIC) { "dynamic" } else { "static" };
    let effective_only = u8::from(flag(connection_flags::EFFECTIVE_ONLY));
    let served = if flag(connection_flags::SERVED) { " served" } else { "" };
    format!("L{} {tracking} eo{effective_only}{served}", told.level)
}

/// The id of the client that connected last.
fn newest(server: &Client<'_>) -> Result<u64, Failure> {
    let mut id = 0;
    while let Some(told) = server.next_client(id)? {
        id = told.id;
    }
    Ok(id)
}

fn no_such(what: &str) -> Failure {
    Failure::Fault(format!("the script has no such {what}"))
}
