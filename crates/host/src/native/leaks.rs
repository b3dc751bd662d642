//! Leaks at unload.

use super::running::account::Account;
use super::running::machine::Machine;
use crate::{Fault, FaultKind};

/// The leaks after unload: held resources, event providers, objects of the framework, the
/// binding; and freed memory that the driver changed.
pub(crate) fn left_behind(machine: &Machine, account: &Account) -> Vec<Fault> {
    let mapping = &machine.mapping;
    let changed = account.pool.borrow_mut().sweep(machine.framework.id());
    let mut faults: Vec<_> = changed.into_iter().map(|found| found.fault(mapping)).collect();
    faults.extend(machine.framework.destroyed.sweep(mapping));
    faults.extend(machine.ledger.leaks(mapping));
    faults.extend(machine.tracing.leaks(mapping));
    let mut add = |kind, message: String, caller| {
        faults.push(Fault { kind, message, site: mapping.site(caller) });
    };
    let objects = machine.framework.objects.lock();
    for init in &objects.inits {
        let message = "the WDFDEVICE_INIT was neither consumed nor freed".to_owned();
        add(FaultKind::DeviceInit, message, init.caller);
    }
    for device in &objects.devices {
        add(FaultKind::DeviceLeak, format!("{device} was not deleted"), device.caller());
    }
    if machine.framework.is_bound() {
        add(FaultKind::Unbind, "the driver is gone without WdfVersionUnbind".to_owned(), 0);
    }
    if machine.framework.globals.damage().is_some() {
        add(FaultKind::ContextOverrun, "the driver wrote next to WDF_DRIVER_GLOBALS".to_owned(), 0);
    }
    if machine.driver_object.damage().is_some() {
        add(FaultKind::MemoryAccess, "the driver wrote outside of the DRIVER_OBJECT".to_owned(), 0);
    }
    faults
}
