//! KMDF 1.15, as far as a driver of one control device uses it.
//!
//! Behaviour follows the framework itself: which checks come first, which
//! status they give, what becomes of an object. Where the framework breaks into
//! a debugger, or would corrupt memory, there is a fault.

mod attributes;
mod children;
mod control;
mod create;
mod device;
mod driver;
mod file;
mod file_name;
mod globals;
mod init;
mod loader;
mod locks;
mod object;
mod registry;
mod request;
mod resting;
mod retrieve;
mod slots;
mod wait_lock;
mod work;
mod work_item;

pub(crate) use create::SecurityContext;
pub(crate) use device::{Device, map_generic};
pub(crate) use driver::unload_address;
pub(crate) use file::FileObject;
pub(crate) use file_name::FileName;
pub(crate) use globals::Framework;
pub(crate) use request::Request;
pub(crate) use resting::Resting;
pub(crate) use slots::{SLOTS, slot_name};
pub(crate) use wait_lock::WaitLock;

use super::export::Export;

/// What `WDFLDR.SYS` exports.
pub(crate) const LOADER_TABLES: &[&[&Export]] = &[loader::EXPORTS];

/// The functions of the framework.
pub(crate) const TABLES: &[&[&Export]] = &[
    driver::FUNCTIONS,
    init::FUNCTIONS,
    control::FUNCTIONS,
    object::FUNCTIONS,
    file_name::FUNCTIONS,
    registry::FUNCTIONS,
    work::FUNCTIONS,
    retrieve::FUNCTIONS,
    request::FUNCTIONS,
    locks::FUNCTIONS,
];
