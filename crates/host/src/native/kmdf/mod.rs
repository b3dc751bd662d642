//! KMDF 1.15, as far as a driver of one control device uses it.
//!
//! Behaviour follows the framework itself: which checks come first, which
//! status they give, what becomes of an object. Where the framework breaks into
//! a debugger, or would corrupt memory, there is a fault.

pub(crate) mod attributes;
pub(crate) mod children;
pub(crate) mod control;
pub(crate) mod device;
pub(crate) mod driver;
pub(crate) mod file;
pub(crate) mod file_name;
pub(crate) mod init;
pub(crate) mod loader;
pub(crate) mod locks;
pub(crate) mod object;
pub(crate) mod registry;
pub(crate) mod request;
pub(crate) mod retrieve;
pub(crate) mod wait_lock;
pub(crate) mod work;
pub(crate) mod work_item;

pub(crate) use device::{Device, map_generic};
pub(crate) use driver::unload_address;
pub(crate) use file::FileObject;
pub(crate) use file_name::FileName;
pub(crate) use request::Request;
pub(crate) use wait_lock::WaitLock;

use crate::native::engine::export::Export;

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
