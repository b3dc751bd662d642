//! The state of KMDF's objects; what a driver does with them is in [`super::kmdf`].

pub(crate) mod globals;
pub(crate) mod quarantine;
pub(crate) mod security_context;
pub(crate) mod slots;
