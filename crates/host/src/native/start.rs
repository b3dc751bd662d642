//! How a driver starts.

use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::mapping::Mapping;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::machine::{Machine, Parts};
use crate::native::running::trap_stubs::ImportGates;
use crate::{Fault, FaultKind, Image, Options, StartError};
use psimp_model::System;
use psimp_nt::Status;
use std::sync::Arc;

/// Offsets in `DRIVER_OBJECT`.
pub(crate) mod driver_object {
    pub(crate) const SIZE: usize = 0x150;
    pub(crate) const DRIVER_START: usize = 0x18;
    pub(crate) const DRIVER_SIZE: usize = 0x20;
    pub(crate) const DRIVER_UNLOAD: usize = 0x68;
}

/// The keys of all services.
const SERVICES: &str = r"\REGISTRY\MACHINE\SYSTEM\CurrentControlSet\Services";

/// Maps an image and runs its entry point.
pub(crate) fn start(
    image: &Image,
    system: Arc<System>,
    options: Options,
) -> Result<Arc<Machine>, StartError> {
    let gates = ImportGates::new(&image.layout().imports)?;
    let mapping = Mapping::new(image, |index, import| gates.resolve(index, import))?;
    let machine = Machine::new(Parts {
        driver_object: driver_object(&mapping),
        registry_path: registry_path(&options.service),
        system_thread: system.create_system_thread(&system.create_system_process()),
        system,
        mapping,
        gates,
        options,
    });
    let status = run_entry(&machine)?;
    if status.is_success() {
        machine.mapping.discard()?;
        return Ok(machine);
    }
    // The framework's stub has undone everything by now.
    match machine.left_behind(Cpu::attach()).into_iter().next() {
        Some(fault) => Err(machine.stop(fault).into()),
        None => Err(StartError::Status(status)),
    }
}

fn run_entry(machine: &Machine) -> Result<Status, Fault> {
    let cpu = Cpu::attach();
    let dispatch = Dispatch::of_system(machine);
    let arguments = [machine.driver_object.address(), machine.registry_path.address(), 0, 0];
    let status = dispatch.run(cpu, || dispatch.call(cpu, machine.mapping.entry(), arguments))?;
    for (block, what) in
        [(&machine.driver_object, "DRIVER_OBJECT"), (&machine.registry_path, "registry path")]
    {
        if block.damage().is_some() {
            let message = format!("DriverEntry wrote outside of the {what}");
            return Err(machine.stop(Fault { kind: FaultKind::MemoryAccess, message, site: None }));
        }
    }
    // The I/O manager frees the path now.
    let path = &machine.registry_path;
    path.write(0, &vec![0xDD; path.length()]);
    #[allow(clippy::cast_possible_truncation)] // NTSTATUS: the upper half is undefined
    Ok(Status(status as u32))
}

fn driver_object(mapping: &Mapping) -> Guarded {
    let object = Guarded::zeroed(driver_object::SIZE);
    let size = driver_object::SIZE.to_le_bytes();
    // Type IO_TYPE_DRIVER, and the structure's size.
    object.write(0, &[4, 0, size[0], size[1]]);
    object.write(driver_object::DRIVER_START, &mapping.base().to_le_bytes());
    object.write(driver_object::DRIVER_SIZE, &mapping.size().to_le_bytes());
    object
}

/// The key of a service.
pub(crate) fn key(service: &str) -> String {
    format!(r"{SERVICES}\{service}")
}

/// A `UNICODE_STRING` with its characters behind it.
fn registry_path(service: &str) -> Guarded {
    const HEADER: usize = 16;
    let characters: Vec<u8> = key(service).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let path = Guarded::zeroed(HEADER + characters.len());
    let length = characters.len().to_le_bytes();
    path.write(0, &[length[0], length[1], length[0], length[1]]);
    path.write(8, &(path.address() + HEADER as u64).to_le_bytes());
    path.write(HEADER, &characters);
    path
}
