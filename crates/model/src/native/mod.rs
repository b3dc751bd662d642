//! System calls of user mode, on tokens and threads.

mod handle;
mod open;
mod process;
mod thread;
mod token;

pub use token::TokenInformation;
