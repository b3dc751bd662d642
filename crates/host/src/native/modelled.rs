//! The list of modelled functions, for documentation.

use crate::native::engine::export::{APC, DISPATCH, Export, PASSIVE};
use crate::native::kmdf;
use crate::native::ntos;
use psimp_nt::Status;

/// A function that a driver can call on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modelled {
    /// Where it is exported: a module, or the framework's function table.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The highest IRQL at which it may be called.
    pub highest_irql: &'static str,
    /// What it returns when an [`Observer`](crate::Observer) lets it fail.
    pub failure: String,
    /// The file of `crates/host/src/native` that has its body.
    pub file: &'static str,
}

/// Every function that is modelled, by module and name. Calling another one is a fault that
/// names it.
pub fn modelled() -> Vec<Modelled> {
    let modules =
        [("ntoskrnl.exe", ntos::TABLES), ("WDFLDR.SYS", kmdf::LOADER_TABLES), ("KMDF 1.15", kmdf::TABLES)];
    let mut all: Vec<_> = modules
        .iter()
        .flat_map(|(module, tables)| tables.iter().copied().flatten().map(|export| describe(module, export)))
        .collect();
    all.sort_by_key(|function| {
        (modules.iter().position(|(name, _)| *name == function.module), function.name)
    });
    all
}

fn describe(module: &'static str, export: &Export) -> Modelled {
    let highest_irql = match export.highest_irql {
        PASSIVE => "PASSIVE_LEVEL",
        APC => "APC_LEVEL",
        DISPATCH => "DISPATCH_LEVEL",
        _ => "any",
    };
    let failure = match export.failure {
        None => "never".to_owned(),
        Some(0) => "null".to_owned(),
        #[allow(clippy::cast_possible_truncation)] // a status
        Some(status) => Status(status as u32).to_string(),
    };
    let file = export.file.rsplit_once("native/").map_or(export.file, |(_, file)| file);
    Modelled { module, name: export.name, highest_irql, failure, file }
}
