//! System calls of user mode, on tokens and threads.

mod create;
mod handle;
mod open;
mod thread;
mod token;

pub use token::TokenInformation;
