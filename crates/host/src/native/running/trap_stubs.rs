//! Where imports and framework functions lead.
//!
//! What is modelled leads to its thunk, a variable to its place. Everything else
//! leads to a gate: a few instructions that say which function was called.
#![allow(unsafe_code)] // a thunk of its own

use crate::image::{Import, PAGE, Protection};
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::export::{self, Export};
use crate::native::engine::region::Region;
use crate::native::engine::stop::Stop;
use crate::native::framework::slots;
use crate::native::kmdf;
use crate::native::ntos;
use crate::{Fault, FaultKind, LoadError};
use psimp_model::ObjectType;
use std::arch::naked_asm;
use std::sync::OnceLock;

/// Variables that ntoskrnl exports: the object types.
const VARIABLES: [(&str, ObjectType); 3] = [
    ("SeTokenObjectType", ObjectType::Token),
    ("PsThreadType", ObjectType::Thread),
    ("PsProcessType", ObjectType::Process),
];

/// What the variable of an object type holds.
pub(crate) fn type_address(object_type: ObjectType) -> u64 {
    let id = match object_type {
        ObjectType::Token => 1,
        ObjectType::Thread => 2,
        ObjectType::Process => 3,
        ObjectType::Event => 4,
    };
    object_address::address(Kind::ObjectType, id)
}

/// The gates of one image's imports.
#[derive(Debug)]
pub(crate) struct ImportGates {
    region: Option<Region>,
    /// Per gate: the import.
    names: Vec<String>,
    /// Per import: its gate, if it has one.
    gates: Vec<Option<usize>>,
}

impl ImportGates {
    /// Makes gates for the imports that are not modelled.
    pub(crate) fn new(imports: &[Import]) -> Result<Self, LoadError> {
        let mut names = Vec::new();
        let gates = imports.iter().map(|import| {
            modelled(import).is_none().then(|| {
                names.push(format!("{} of {}", import.name, import.module));
                names.len() - 1
            })
        });
        let gates = gates.collect();
        let mut region = None;
        if !names.is_empty() {
            let mut code = Region::new(names.len() * GATE)?;
            for index in 0..names.len() {
                code.write(index * GATE, &gate(index))?;
            }
            code.protect(0..code.size(), Protection { read: true, write: false, execute: true })?;
            region = Some(code);
        }
        Ok(Self { region, names, gates })
    }

    /// What goes into the slot of an import.
    pub(crate) fn resolve(&self, index: usize, import: &Import) -> u64 {
        modelled(import)
            .or_else(|| {
                let gate = (*self.gates.get(index)?)?;
                Some(self.region.as_ref()?.address() + (gate * GATE) as u64)
            })
            .unwrap_or(0)
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
    Some(Fixed::get()?.region.address() + (Fixed::VARIABLES + 8 * index) as u64)
}

/// The address of the framework's function table.
pub(crate) fn function_table() -> Option<u64> {
    Some(Fixed::get()?.region.address() + Fixed::TABLE as u64)
}

/// What all images share: the framework's table, its gates, the variables.
struct Fixed {
    region: Region,
}

impl Fixed {
    const TABLE: usize = (slots::SLOTS * GATE).next_multiple_of(PAGE as usize);
    const VARIABLES: usize = Self::TABLE + slots::SLOTS * 8;
    const END: usize = Self::VARIABLES + VARIABLES.len() * 8;

    fn get() -> Option<&'static Self> {
        static FIXED: OnceLock<Option<Fixed>> = OnceLock::new();
        FIXED.get_or_init(|| Self::new().ok()).as_ref()
    }

    fn new() -> Result<Self, LoadError> {
        let mut region = Region::new(Self::END)?;
        for slot in 0..slots::SLOTS {
            region.write(slot * GATE, &gate(FRAMEWORK | slot))?;
            let function = find(kmdf::TABLES, slots::slot_name(slot)).map(Export::address);
            let address = function.unwrap_or(region.address() + (slot * GATE) as u64);
            region.write(Self::TABLE + 8 * slot, &address.to_le_bytes())?;
        }
        for (index, (_, object_type)) in VARIABLES.iter().enumerate() {
            region.write(Self::VARIABLES + 8 * index, &type_address(*object_type).to_le_bytes())?;
        }
        let only = |execute| Protection { read: true, write: false, execute };
        region.protect(0..Self::TABLE, only(true))?;
        region.protect(Self::TABLE..region.size(), only(false))?;
        Ok(Self { region })
    }
}

/// Bytes that a gate takes.
const GATE: usize = 32;
/// Marks gates of the framework.
const FRAMEWORK: usize = 0x8000_0000;

/// `mov eax, index; mov r10, gatekeeper; jmp r10`
fn gate(index: usize) -> [u8; GATE] {
    let mut code = [0xCC; GATE];
    let keeper = gatekeeper as *const () as u64;
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let [i0, i1, i2, i3] = index.to_le_bytes();
    let [k0, k1, k2, k3, k4, k5, k6, k7] = keeper.to_le_bytes();
    let instructions = [0xB8, i0, i1, i2, i3, 0x49, 0xBA, k0, k1, k2, k3, k4, k5, k6, k7, 0x41, 0xFF, 0xE2];
    for (to, from) in code.iter_mut().zip(instructions) {
        *to = from;
    }
    code
}

#[unsafe(naked)]
unsafe extern "win64" fn gatekeeper() {
    naked_asm!(
        "mov r11, [rsp]",
        "mov gs:[{caller}], r11",
        "mov gs:[{rsp}], rsp",
        "mov ecx, eax",
        "jmp {refuse}",
        caller = const Cpu::CALLER,
        rsp = const Cpu::CALL_RSP,
        refuse = sym refuse,
    )
}

static GATE_ROW: Export = Export {
    name: "a function that is not modelled",
    highest_irql: export::ANY,
    failure: export::NEVER,
    file: file!(),
    thunk: gatekeeper,
};

extern "win64" fn refuse(index: u32) -> u64 {
    let cannot_fail = || false;
    export::run(&GATE_ROW, cannot_fail, |cx| {
        let index = index as usize;
        let name = if index & FRAMEWORK == 0 {
            cx.machine().gates.names.get(index).cloned().unwrap_or_default()
        } else {
            let slot = index & !FRAMEWORK;
            format!("{} (slot {slot} of KMDF 1.15)", slots::slot_name(slot))
        };
        let message = format!("{name} was called, which is not modelled");
        Err::<(), _>(Stop::from(Fault { kind: FaultKind::NotModelled, message, site: cx.site() }))
    })
}
