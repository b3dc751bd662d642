//! The targets of the image's imports and of the framework's functions: a thunk for a modelled
//! function, an address for a variable, a trap stub for anything else.

use super::contracts::object_address;
use super::engine::export::Export;
use super::engine::guarded::NoBlock;
use super::engine::region::{Draft, Region};
use super::framework::slots::{SLOTS, slot_name};
use super::running::trap_stubs::{FRAMEWORK, STUB, stub};
use super::{kmdf, ntos};
use crate::LoadError;
use crate::image::{Import, PAGE, Protection};
use psimp_model::ObjectType;
use std::sync::OnceLock;

/// Variables that ntoskrnl exports: the object types.
const VARIABLES: &[(&str, ObjectType)] = &[
    ("SeTokenObjectType", ObjectType::Token),
    ("PsThreadType", ObjectType::Thread),
    ("PsProcessType", ObjectType::Process),
];

/// The targets of the imports of one image.
#[derive(Debug)]
pub(crate) struct Imports {
    /// The trap stubs of those that are not modelled.
    pub(crate) stubs: Region,
    /// The names of these.
    pub(crate) not_modelled: Vec<String>,
    /// Per import: the value of its slot.
    pub(crate) addresses: Vec<u64>,
}

impl Imports {
    /// Resolves imports, with trap stubs for those that are not modelled.
    pub(crate) fn new(imports: &[Import]) -> Result<Self, LoadError> {
        let missing: Vec<_> = imports.iter().filter(|import| modelled(import).is_none()).collect();
        let not_modelled = missing.iter().map(|import| format!("{} of {}", import.name, import.module));
        // One more, because a region has at least one page.
        let mut draft = Draft::new((missing.len() + 1) * STUB)?;
        let mut next = draft.address();
        let addresses = imports.iter().map(|import| {
            modelled(import).unwrap_or_else(|| {
                next += STUB as u64;
                next - STUB as u64
            })
        });
        let addresses = addresses.collect();
        for index in 0..missing.len() {
            draft.write(index * STUB, &stub(index))?;
        }
        let stubs = draft.finish([(0..(missing.len() + 1) * STUB, only(true))])?;
        Ok(Self { stubs, not_modelled: not_modelled.collect(), addresses })
    }

    /// Every function of the host that a driver may call through a pointer: the imports, those of the framework, and
    /// its unload routine.
    pub(crate) fn targets(&self) -> Result<Vec<u64>, LoadError> {
        let shared = Shared::get().ok_or(NoBlock)?;
        let unload = kmdf::driver::unload().address();
        Ok(self.addresses.iter().copied().chain(shared.functions.iter().copied()).chain([unload]).collect())
    }
}

fn modelled(import: &Import) -> Option<u64> {
    let tables = match import.module.as_str() {
        "ntoskrnl.exe" => ntos::TABLES,
        "wdfldr.sys" => kmdf::LOADER_TABLES,
        _ => return None,
    };
    find(tables, &import.name).map(Export::address).or_else(|| variable(&import.name))
}

fn find(tables: &[&'static [&'static Export]], name: &str) -> Option<&'static Export> {
    tables.iter().copied().flatten().copied().find(|export| export.name == name)
}

fn variable(name: &str) -> Option<u64> {
    let index = VARIABLES.iter().position(|(variable, _)| *variable == name)?;
    Some(Shared::get()?.region.address() + (Shared::VARIABLES + 8 * index) as u64)
}

/// The address of the framework's function table.
pub(crate) fn function_table() -> Result<u64, LoadError> {
    let shared = Shared::get().ok_or(NoBlock)?;
    Ok(shared.region.address() + Shared::TABLE as u64)
}

/// Shared by all images: the framework's function table, its trap stubs, the variables.
struct Shared {
    region: Region,
    /// What the function table has.
    functions: Vec<u64>,
}

impl Shared {
    const TABLE: usize = (SLOTS * STUB).next_multiple_of(PAGE as usize);
    const VARIABLES: usize = Self::TABLE + SLOTS * 8;
    const END: usize = (Self::VARIABLES + VARIABLES.len() * 8).next_multiple_of(PAGE as usize);

    fn get() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
        SHARED.get_or_init(|| Self::new().ok()).as_ref()
    }

    fn new() -> Result<Self, LoadError> {
        let mut draft = Draft::new(Self::END)?;
        let mut functions = Vec::with_capacity(SLOTS);
        for slot in 0..SLOTS {
            draft.write(slot * STUB, &stub(FRAMEWORK | slot))?;
            let function = find(kmdf::TABLES, slot_name(slot)).map(Export::address);
            let address = function.unwrap_or(draft.address() + (slot * STUB) as u64);
            draft.write(Self::TABLE + 8 * slot, &address.to_le_bytes())?;
            functions.push(address);
        }
        for (index, (_, object_type)) in VARIABLES.iter().enumerate() {
            let address = object_address::of_type(*object_type);
            draft.write(Self::VARIABLES + 8 * index, &address.to_le_bytes())?;
        }
        let region = draft.finish([(0..Self::TABLE, only(true)), (Self::TABLE..Self::END, only(false))])?;
        Ok(Self { region, functions })
    }
}

fn only(execute: bool) -> Protection {
    Protection { read: true, write: false, execute }
}
