//! The framework as one driver is bound to it.

use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::kmdf::attributes::DestroyedContexts;
use crate::native::kmdf::children::Children;
use crate::native::kmdf::device::Device;
use crate::native::kmdf::driver::Driver;
use crate::native::kmdf::file::FileObject;
use crate::native::kmdf::init::DeviceInit;
use crate::native::kmdf::registry::Key;
use crate::native::kmdf::wait_lock::WaitLock;
use crate::native::kmdf::work_item::WorkItems;
use crate::native::running::context::Context;
use crate::native::running::machine::Machine;
use crate::native::running::memory::Address;
use crate::{Fault, FaultKind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// `WDF_DRIVER_GLOBALS`.
pub(crate) mod offsets {
    pub(crate) const SIZE: usize = 56;
    pub(crate) const DRIVER: usize = 0;
    pub(crate) const DRIVER_FLAGS: usize = 8;
    pub(crate) const DRIVER_TAG: usize = 12;
    pub(crate) const DRIVER_NAME: usize = 16;
    pub(crate) const DRIVER_NAME_SIZE: usize = 32;
    pub(crate) const DISPLACE_DRIVER_UNLOAD: usize = 48;
}

/// What the framework keeps for a driver.
#[derive(Debug)]
pub(crate) struct Framework {
    /// Tells frameworks apart.
    id: u64,
    /// Between `WdfVersionBind` and `WdfVersionUnbind`.
    bound: AtomicBool,
    /// `WDF_DRIVER_GLOBALS`, which the driver reads.
    pub(crate) globals: Guarded,
    pub(crate) objects: Mutex<Objects>,
    pub(crate) locks: Children<WaitLock>,
    pub(crate) keys: Children<Key>,
    pub(crate) work_items: WorkItems,
    pub(crate) destroyed: DestroyedContexts,
    files: Mutex<Vec<Arc<FileObject>>>,
}

/// The objects that the driver made.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    pub(crate) driver: Option<Arc<Driver>>,
    pub(crate) inits: Vec<DeviceInit>,
    pub(crate) devices: Vec<Arc<Device>>,
}

impl Default for Framework {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            bound: AtomicBool::new(false),
            globals: Guarded::zeroed(offsets::SIZE),
            objects: Mutex::default(),
            locks: Children::default(),
            keys: Children::default(),
            work_items: WorkItems::default(),
            destroyed: DestroyedContexts::default(),
            files: Mutex::default(),
        }
    }
}

impl Framework {
    /// Tells drivers apart.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Acquire)
    }

    pub(crate) fn set_bound(&self, bound: bool) {
        self.bound.store(bound, Ordering::Release);
    }

    /// The device of that name, or of that link.
    pub(crate) fn device(&self, name: &str) -> Option<Arc<Device>> {
        self.objects.lock().devices.iter().find(|device| device.is_called(name)).cloned()
    }

    /// The device that a path leads to, and what follows its name.
    pub(crate) fn parse<'p>(&self, path: &'p str) -> Option<(Arc<Device>, &'p str)> {
        let objects = self.objects.lock();
        objects.devices.iter().find_map(|device| Some((device.clone(), device.rest_of(path)?)))
    }

    /// Whether a device is this driver's.
    pub(crate) fn owns(&self, device: &Device) -> bool {
        device.framework() == self.id
    }

    pub(crate) fn add_file(&self, file: &Arc<FileObject>) {
        self.files.lock().push(file.clone());
    }

    pub(crate) fn remove_file(&self, file: &Arc<FileObject>) {
        self.files.lock().retain(|other| !Arc::ptr_eq(other, file));
    }

    /// How many files are open.
    pub(crate) fn open_files(&self) -> usize {
        self.files.lock().len()
    }

    pub(crate) fn file(&self, handle: u64) -> Option<Arc<FileObject>> {
        self.files.lock().iter().find(|file| file.handle() == handle).cloned()
    }
}

impl Context<'_> {
    /// The framework, when the driver passes the globals it was given.
    pub(crate) fn framework(&self, globals: Address) -> Outcome<&Framework> {
        let framework = &self.machine().framework;
        if globals.0 != framework.globals.address() {
            return self.bad_argument("was not given the driver's WDF_DRIVER_GLOBALS");
        }
        if !framework.is_bound() {
            return self.bad_argument("was called without a binding to the framework");
        }
        Ok(framework)
    }

    /// The fault of a handle that is not one of the wanted kind.
    #[cold]
    pub(crate) fn bad_handle(&self, handle: Address, wanted: &str) -> Stop {
        let address = self.describe(handle.0);
        self.fault(FaultKind::FrameworkHandle, format_args!("was given {address} and not a {wanted}"))
    }
}

impl Machine {
    /// What the driver left behind once it is gone: held resources, event
    /// providers, objects of the framework, the binding; and memory that it changed when it no longer
    /// should.
    pub(crate) fn left_behind(&self, cpu: &Cpu) -> Vec<Fault> {
        let changed = cpu.pool.borrow_mut().sweep(self.framework.id());
        let mut faults: Vec<_> = changed.into_iter().map(|found| self.use_after_free(found)).collect();
        faults.extend(self.framework.destroyed.sweep(self));
        faults.extend(self.held.leaks(self));
        faults.extend(self.tracing.leaks(self));
        let mut add = |kind, message: String, caller| {
            faults.push(Fault { kind, message, site: self.mapping.site(caller) });
        };
        let objects = self.framework.objects.lock();
        for init in &objects.inits {
            let message = "the WDFDEVICE_INIT was neither consumed nor freed".to_owned();
            add(FaultKind::DeviceInit, message, init.caller());
        }
        for device in &objects.devices {
            add(FaultKind::DeviceLeak, format!("{device} was not deleted"), device.caller());
        }
        if self.framework.is_bound() {
            add(FaultKind::Unbind, "the driver is gone without WdfVersionUnbind".to_owned(), 0);
        }
        if self.framework.globals.damage().is_some() {
            add(FaultKind::ContextOverrun, "the driver wrote next to WDF_DRIVER_GLOBALS".to_owned(), 0);
        }
        if self.driver_object.damage().is_some() {
            add(FaultKind::MemoryAccess, "the driver wrote outside of the DRIVER_OBJECT".to_owned(), 0);
        }
        faults
    }
}
