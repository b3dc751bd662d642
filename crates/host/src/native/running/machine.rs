//! The simulated machine of one driver.

use crate::native::contracts::ledger::Ledger;
use crate::native::contracts::tracing::Tracing;
use crate::native::engine::guarded::{Guarded, NoBlock};
use crate::native::engine::mapping::Mapping;
use crate::native::engine::region::Region;
use crate::native::framework::globals::Framework;
use crate::{Fault, Options};
use parking_lot::Mutex;
use psimp_model::{System, Thread};
use std::sync::{Arc, OnceLock, Weak};

/// Offsets in `DRIVER_OBJECT`.
pub(crate) mod driver_object {
    pub(crate) const SIZE: usize = 0x150;
    pub(crate) const DRIVER_START: usize = 0x18;
    pub(crate) const DRIVER_SIZE: usize = 0x20;
    pub(crate) const DRIVER_UNLOAD: usize = 0x68;
}

/// The key of a service.
pub(crate) fn registry_key(service: &str) -> String {
    format!(r"\REGISTRY\MACHINE\SYSTEM\CurrentControlSet\Services\{service}")
}

/// The whole state of one driver and its environment.
pub(crate) struct Machine {
    this: Weak<Self>,
    /// The kernel.
    pub(crate) system: Arc<System>,
    /// The image.
    pub(crate) mapping: Mapping,
    /// The trap stubs of the imports that are not modelled.
    _stubs: Region,
    /// The names of these imports.
    pub(crate) not_modelled: Vec<String>,
    /// The address of the framework's function table.
    pub(crate) function_table: u64,
    pub(crate) options: Options,
    /// The name of the driver's service.
    pub(crate) service: String,
    /// Milliseconds that a call into the driver may take; zero for no limit.
    pub(crate) limit: u32,
    /// The framework that the driver is bound to.
    pub(crate) framework: Framework,
    /// The resources that the driver holds between dispatches.
    pub(crate) ledger: Ledger,
    /// Its event providers, and the session that listens to them.
    pub(crate) tracing: Tracing,
    /// `DRIVER_OBJECT`.
    pub(crate) driver_object: Guarded,
    /// The registry path that `DriverEntry` gets.
    pub(crate) registry_path: Guarded,
    /// A thread of the System process, for the driver's start and unload.
    pub(crate) system_thread: Arc<Thread>,
    /// Threads of the System process that ran work items, for reuse.
    idle_workers: Mutex<Vec<Arc<Thread>>>,
    /// The fault that ended the driver.
    stopped: OnceLock<Fault>,
    faults: Mutex<Vec<Fault>>,
}

/// The inputs of a machine; the rest is empty at first.
pub(crate) struct Parts {
    pub(crate) system: Arc<System>,
    pub(crate) mapping: Mapping,
    pub(crate) stubs: Region,
    pub(crate) not_modelled: Vec<String>,
    pub(crate) function_table: u64,
    pub(crate) options: Options,
    /// The name of the driver's service.
    pub(crate) service: String,
    pub(crate) driver_object: Guarded,
    pub(crate) registry_path: Guarded,
    pub(crate) system_thread: Arc<Thread>,
}

impl Machine {
    /// A new machine. It is shared, because a work item may run on it longer than its host exists.
    ///
    /// # Errors
    /// When there is no memory.
    pub(crate) fn new(parts: Parts) -> Result<Arc<Self>, NoBlock> {
        let framework = Framework::new()?;
        let Parts { options, .. } = parts;
        Ok(Arc::new_cyclic(|this| Self {
            this: this.clone(),
            system: parts.system,
            service: parts.service,
            mapping: parts.mapping,
            _stubs: parts.stubs,
            not_modelled: parts.not_modelled,
            function_table: parts.function_table,
            limit: options
                .deadline
                .map_or(0, |limit| u32::try_from(limit.as_millis().max(1)).unwrap_or(u32::MAX)),
            tracing: Tracing::new(options.listener, options.events.clone()),
            options,
            framework,
            ledger: Ledger::default(),
            driver_object: parts.driver_object,
            registry_path: parts.registry_path,
            system_thread: parts.system_thread,
            idle_workers: Mutex::default(),
            stopped: OnceLock::new(),
            faults: Mutex::default(),
        }))
    }

    /// The key of the driver's service.
    pub(crate) fn registry_key(&self) -> String {
        registry_key(&self.service)
    }

    /// A reference that keeps the machine alive. None while it is being dropped.
    pub(crate) fn share(&self) -> Option<Arc<Self>> {
        self.this.upgrade()
    }

    /// An idle system worker thread.
    pub(crate) fn take_worker(&self) -> Arc<Thread> {
        let idle = self.idle_workers.lock().pop();
        idle.unwrap_or_else(|| self.system.create_system_thread(self.system_thread.process()))
    }

    /// Returns an idle worker thread.
    pub(crate) fn give_worker(&self, thread: Arc<Thread>) {
        self.idle_workers.lock().push(thread);
    }

    /// The fault that ended the driver, if there is one.
    pub(crate) fn stopped(&self) -> Option<&Fault> {
        self.stopped.get()
    }

    /// Ends the driver. Threads that waited for the one that caused the fault report the same
    /// fault.
    #[cold]
    pub(crate) fn stop(&self, fault: Fault) -> Fault {
        if self.stopped.get() != Some(&fault) {
            self.faults.lock().push(fault.clone());
        }
        let _ = self.stopped.set(fault.clone());
        fault
    }

    /// Adds faults that do not end the driver.
    pub(crate) fn report(&self, faults: &[Fault]) {
        self.faults.lock().extend_from_slice(faults);
    }

    /// All faults that were reported.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.faults.lock().clone()
    }
}
