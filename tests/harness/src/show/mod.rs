//! What `psimp show` and the demo show of a process: its tokens and those of its threads.

pub mod table;
pub mod view;

#[cfg(windows)]
pub(crate) mod collect;
