//! The state of KMDF's objects. The functions with which a driver uses them are in
//! [`super::kmdf`].
//!
//! From the bottom up: [`typed_context`] is the driver's memory in an object; [`children`] are objects
//! that are deleted with their parent; then one module for each type of object, and [`globals`], which
//! contains them all.

pub(crate) mod children;
pub(crate) mod create_memory;
pub(crate) mod device;
pub(crate) mod device_init;
pub(crate) mod driver;
pub(crate) mod file;
pub(crate) mod file_name;
pub(crate) mod globals;
pub(crate) mod key;
pub(crate) mod quarantine;
pub(crate) mod request;
pub(crate) mod slots;
pub(crate) mod typed_context;
pub(crate) mod wait_lock;
pub(crate) mod work_item;
