//! Drivers with a work item.

use super::code::Value::{At, Code, Of};
use super::code::{Function, Place};
use super::driver::{Driver, ON_CONTROL};
use super::run::fault;
use psimp_host::FaultKind;

const INHERITED: [u64; 7] = [56, 0, 0, 1 | 1 << 32, 0, 0, 0];

/// A driver that creates a work item in its control callback.
pub(crate) struct Works {
    pub(crate) driver: Driver,
    pub(crate) item: Place,
    /// What `WdfWorkItemCreate` returned.
    pub(crate) status: Place,
    /// The callback of the work item, still empty.
    pub(crate) work: Function,
}

/// The creation of a work item.
pub(crate) struct Made {
    pub(crate) config: [u64; 3],
    pub(crate) below_the_device: bool,
    pub(crate) with_attributes: bool,
}

pub(crate) const WELL_MADE: Made = Made { config: [24, 0, 0], below_the_device: true, with_attributes: true };

impl Works {
    pub(crate) fn new() -> Self {
        Self::made(&WELL_MADE)
    }

    pub(crate) fn made(made: &Made) -> Self {
        let mut driver = Driver::new();
        let work = driver.function();
        let [item, status] = [driver.words(&[0]), driver.words(&[0])];
        let [config, attributes] = [driver.words(&made.config), driver.words(&INHERITED)];
        let (globals, device) = (Of(driver.globals), Of(driver.device));
        if made.config[1] == 0 {
            driver.code(ON_CONTROL).write(At(config), 8, Code(work));
        }
        if made.below_the_device {
            driver.code(ON_CONTROL).write(At(attributes), 32, device);
        }
        let context_type = driver.context_type();
        driver.code(ON_CONTROL).write(At(attributes), 48, context_type);
        let attributes = if made.with_attributes { At(attributes) } else { 0.into() };
        let create = [globals, At(config), attributes, At(item)];
        driver.framework(ON_CONTROL, "WdfWorkItemCreate", &create).keep(status);
        Self { driver, item, status, work }
    }

    /// Calls a function of the framework with the work item.
    pub(crate) fn with_item(&mut self, function: Function, name: &str) {
        self.driver.framework(function, name, &[Of(self.driver.globals), Of(self.item)]);
    }

    /// The callback allocates 24 bytes of pool.
    pub(crate) fn allocate(&mut self, block: Place) {
        let values = [0x40.into(), 24.into(), 0x6C69_7645.into()];
        self.driver.call(self.work, "ExAllocatePool2", &values).keep(block);
    }

    pub(crate) fn enqueue(&mut self) {
        self.with_item(ON_CONTROL, "WdfWorkItemEnqueue");
    }

    pub(crate) fn flush(&mut self) {
        self.with_item(ON_CONTROL, "WdfWorkItemFlush");
    }

    pub(crate) fn delete(&mut self) {
        self.with_item(ON_CONTROL, "WdfObjectDelete");
    }

    /// The callback returns, and the request is completed.
    pub(crate) fn end(&mut self) {
        self.driver.give(self.work, 0.into());
        self.driver.complete(0, 0);
    }

    /// The result of a driver whose request and callback end.
    pub(crate) fn fault(mut self) -> (FaultKind, String) {
        self.end();
        fault(&self.driver)
    }
}
