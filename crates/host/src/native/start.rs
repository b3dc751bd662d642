//! The start of a driver.

use super::bind::{self, Imports};
use super::engine::guarded::{Guarded, NoBlock};
use super::engine::mapping::{GuardRoutines, Mapping};
use super::leaks::left_behind;
use super::running::account::Account;
use super::running::dispatch::Dispatch;
use super::running::guarded_call;
use super::running::machine::{Machine, Parts, driver_object, registry_key};
use crate::image::Import;
use crate::{Fault, FaultKind, Image, LoadError, Options, StartError};
use psimp_model::System;
use psimp_nt::Status;
use std::sync::Arc;

/// Maps an image and runs its entry point.
pub(crate) fn start(
    image: &Image,
    system: Arc<System>,
    options: Options,
) -> Result<Arc<Machine>, StartError> {
    let imports = Imports::new(&image.layout().imports)?;
    let resolve = |index: usize, _: &Import| imports.addresses.get(index).copied().unwrap_or(0);
    let guard = GuardRoutines {
        check: guarded_call::check as *const () as u64,
        dispatch: guarded_call::dispatch as *const () as u64,
        targets: &imports.targets()?,
    };
    let mapping = Mapping::new(image, resolve, &guard)?;
    let stem = || image.name().split('.').next().unwrap_or_default().to_owned();
    let service = options.service.clone().unwrap_or_else(stem);
    let machine = Machine::new(Parts {
        driver_object: driver_object(&mapping).map_err(LoadError::from)?,
        registry_path: registry_path(&service).map_err(LoadError::from)?,
        system_thread: system.create_system_thread(&system.create_system_process()),
        system,
        service,
        mapping,
        stubs: imports.stubs,
        not_modelled: imports.not_modelled,
        function_table: bind::function_table()?,
        options,
    })
    .map_err(LoadError::from)?;
    let status = run_entry(&machine)?;
    if status.is_success() {
        machine.mapping.discard()?;
        return Ok(machine);
    }
    // The framework's stub has already undone everything.
    match left_behind(&machine, &Account::attach()).into_iter().next() {
        Some(fault) => Err(machine.stop(fault).into()),
        None => Err(StartError::Status(status)),
    }
}

fn run_entry(machine: &Machine) -> Result<Status, Fault> {
    let account = Account::attach();
    let dispatch = Dispatch::of_system(machine, &account);
    let arguments = [machine.driver_object.address(), machine.registry_path.address()];
    let status = dispatch.run(|| dispatch.call(machine.mapping.entry(), arguments))?;
    for (block, what) in
        [(&machine.driver_object, "DRIVER_OBJECT"), (&machine.registry_path, "registry path")]
    {
        if block.damage().is_some() {
            let message = format!("DriverEntry wrote outside of the {what}");
            return Err(machine.stop(Fault { kind: FaultKind::MemoryAccess, message, site: None }));
        }
    }
    // The I/O manager frees the path here.
    let path = &machine.registry_path;
    path.write(0, &vec![0xDD; path.length()]);
    #[allow(clippy::cast_possible_truncation)] // NTSTATUS: the upper half is undefined
    Ok(Status(status as u32))
}

fn driver_object(mapping: &Mapping) -> Result<Guarded, NoBlock> {
    let object = Guarded::zeroed(driver_object::SIZE)?;
    let size = driver_object::SIZE.to_le_bytes();
    // Type IO_TYPE_DRIVER, and the structure's size.
    object.write(0, &[4, 0, size[0], size[1]]);
    object.write(driver_object::DRIVER_START, &mapping.base().to_le_bytes());
    object.write(driver_object::DRIVER_SIZE, &mapping.size().to_le_bytes());
    Ok(object)
}

/// The registry path: a `UNICODE_STRING` followed by its characters.
fn registry_path(service: &str) -> Result<Guarded, NoBlock> {
    const HEADER: usize = 16;
    let characters: Vec<u8> = registry_key(service).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let path = Guarded::zeroed(HEADER + characters.len())?;
    let length = characters.len().to_le_bytes();
    path.write(0, &[length[0], length[1], length[0], length[1]]);
    path.write(8, &(path.address() + HEADER as u64).to_le_bytes());
    path.write(HEADER, &characters);
    Ok(path)
}
