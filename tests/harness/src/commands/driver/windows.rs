//! The service control manager and the device of this Windows.

use super::code::{Code, Request};
use super::image::Machine;
use super::refusal::Refusal;
use super::service::{Service, Services, State};
use super::{DESCRIPTION, DISPLAY_NAME, SERVICE};
use psimp_windows::device::{Device, Waiting};
use psimp_windows::{Error, error, machine, service};
use std::time::Duration;

/// `FILE_READ_DATA`.
const READ: u32 = 1;

/// `SERVICE_START_PENDING` and the like.
const START_PENDING: u32 = 2;
const STOP_PENDING: u32 = 3;
const RUNNING: u32 = 4;

/// The service control manager of this machine.
pub(super) struct Manager;

/// The processor of this machine; that of this program where Windows does not report it.
pub(super) fn machine() -> Machine {
    match machine::native() {
        Ok(0x8664) | Err(_) => Machine::Amd64,
        Ok(0xAA64) => Machine::Arm64,
        Ok(_) => Machine::Other,
    }
}

impl Services for Manager {
    fn query(&mut self) -> Result<Option<Service>, Refusal> {
        let found = service::query(SERVICE).map_err(|error| refused(Request::Query, &error))?;
        Ok(found.map(|service| Service {
            driver_on_demand: service.driver_on_demand(),
            state: match service.state {
                START_PENDING => State::Starting,
                STOP_PENDING => State::Stopping,
                RUNNING => State::Running,
                _ => State::Stopped,
            },
            image: service.image,
        }))
    }

    fn create(&mut self, image: &str) -> Result<(), Refusal> {
        service::create(SERVICE, DISPLAY_NAME, image).map_err(|error| refused(Request::Create, &error))
    }

    fn describe(&mut self) -> Result<(), Refusal> {
        service::describe(SERVICE, DESCRIPTION).map_err(|error| refused(Request::Describe, &error))
    }

    fn start(&mut self) -> Result<(), Refusal> {
        service::start(SERVICE).map_err(|error| refused(Request::Start, &error))
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        service::stop(SERVICE).map_err(|error| refused(Request::Stop, &error))
    }

    fn delete(&mut self) -> Result<(), Refusal> {
        service::delete(SERVICE).map_err(|error| refused(Request::Delete, &error))
    }

    fn open_device(&mut self) -> Result<(), Refusal> {
        let opened = Device::open(READ, Waiting::Kernel);
        opened.map(drop).map_err(|status| Refusal { request: Request::OpenDevice, code: Code::Nt(status) })
    }

    fn wait(&mut self) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What refused: the manager, the service, or what was asked of it.
fn refused(request: Request, error: &Error) -> Refusal {
    let request = match error.call {
        service::OPEN_MANAGER => Request::OpenManager,
        service::OPEN_SERVICE => Request::OpenService,
        _ => request,
    };
    let code = match error.code {
        error::Code::Win32(code) => Code::Win32(code),
        error::Code::Status(status) => Code::Nt(status),
    };
    Refusal { request, code }
}
