//! Lookup of framework objects by handle.

use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::address::Address;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::framework::children::{Child, Children};
use crate::native::framework::device::Device;
use crate::native::framework::globals::Framework;
use crate::native::running::context::Context;
use std::sync::Arc;

impl Context<'_> {
    /// The framework, if the driver passes its own globals.
    pub(super) fn framework(&self, globals: Address) -> Outcome<&Framework> {
        let framework = &self.machine().framework;
        if globals.0 != framework.globals.address() {
            return self.bad_argument("was not given the driver's WDF_DRIVER_GLOBALS");
        }
        if !framework.is_bound() {
            return self.bad_argument("was called without a binding to the framework");
        }
        Ok(framework)
    }

    /// The fault of a handle that is not of the expected kind.
    #[cold]
    pub(super) fn bad_handle(&self, handle: Address, wanted: &str) -> Stop {
        let address = self.describe(handle.0);
        self.fault(FaultKind::FrameworkHandle, format_args!("was given {address} and not a {wanted}"))
    }

    /// The device of a handle.
    pub(super) fn device(&self, handle: Address) -> Outcome<Arc<Device>> {
        let objects = self.machine().framework.objects.lock();
        let found = objects.devices.iter().find(|device| device.handle() == handle.0);
        found.cloned().ok_or_else(|| self.bad_handle(handle, "WDFDEVICE"))
    }

    /// The object with a parent of a handle.
    pub(super) fn child<T: Child>(&self, children: &Children<T>, handle: Address) -> Outcome<Arc<T>> {
        children.get(handle.0).ok_or_else(|| match object_address::decode(handle.0) {
            Some((kind, _, 0)) if kind == T::KIND => {
                let object = self.describe(handle.0);
                self.fault(FaultKind::FrameworkHandle, format_args!("was given {object}, which is deleted"))
            }
            _ => self.bad_handle(handle, T::KIND.name()),
        })
    }

    /// The driver has to pass its own handle.
    pub(super) fn check_driver(&self, handle: Address) -> Outcome<()> {
        let known = self.machine().framework.objects.lock().driver.as_ref().map(|driver| driver.handle);
        if known == Some(handle.0) { Ok(()) } else { Err(self.bad_handle(handle, "WDFDRIVER")) }
    }

    /// The handle of the parent of a new object.
    pub(super) fn parent(&self, parent: Address) -> Outcome<u64> {
        let framework = &self.machine().framework;
        let driver = || framework.objects.lock().driver.as_ref().map(|driver| driver.handle);
        let known = match object_address::decode(parent.0) {
            None if parent == Address::NULL => driver(),
            Some((Kind::Driver, ..)) => driver().filter(|&driver| driver == parent.0),
            Some((Kind::Device, ..)) => Some(self.device(parent)?.handle()),
            Some((Kind::File, ..)) => framework.file(parent.0).map(|file| file.handle()),
            Some((Kind::Request | Kind::WaitLock | Kind::Key | Kind::WorkItem, ..)) => {
                let parent = self.describe(parent.0);
                return self.not_modelled(format_args!("was given {parent} as the parent"));
            }
            _ => None,
        };
        known.ok_or_else(|| self.bad_handle(parent, "framework object"))
    }
}
