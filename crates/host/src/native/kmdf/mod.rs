//! KMDF 1.15, as far as a driver of one control device uses it.
//!
//! Behaviour follows the framework itself: which checks come first, which status they give, what
//! happens to an object. Where the framework breaks into a debugger, or would corrupt memory, there
//! is a fault.
//!
//! From the bottom up: [`lookup`] and [`attributes`] read arguments; [`destroy`], [`wait_lock`] and
//! [`work_item`] are what objects do; [`children`], [`device`] and [`file`] delete them; the other
//! modules are the functions.

mod attributes;
mod children;
mod control;
mod destroy;
pub(crate) mod device;
pub(crate) mod driver;
pub(crate) mod file;
mod init;
mod loader;
mod locks;
mod lookup;
mod object;
mod registry;
mod request;
mod retrieve;
mod wait_lock;
mod work;
mod work_item;

use crate::native::engine::export::Export;

/// What `WDFLDR.SYS` exports.
pub(crate) const LOADER_TABLES: &[&[&Export]] = &[loader::EXPORTS];

/// The functions of the framework.
pub(crate) const TABLES: &[&[&Export]] = &[
    driver::FUNCTIONS,
    init::FUNCTIONS,
    control::FUNCTIONS,
    object::FUNCTIONS,
    file::FUNCTIONS,
    registry::FUNCTIONS,
    work::FUNCTIONS,
    retrieve::FUNCTIONS,
    request::FUNCTIONS,
    locks::FUNCTIONS,
];
