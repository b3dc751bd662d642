//! The psimp program as a library, so that its tests can reach its parts.

pub mod alike;
pub mod bench;
pub mod cli;
pub mod client;
pub mod commands;
pub mod demo;
pub mod driver;
pub mod faults;
pub mod journal;
pub mod machine;
pub mod native;
pub mod observe;
pub mod program;
pub mod progress;
pub mod races;
pub mod report;
pub mod result;
pub mod run;
pub mod soak;
