//! The psimp program as a library, so that tests can use its parts.

pub mod bench;
pub mod cli;
pub mod client;
pub mod commands;
pub mod configuration;
pub mod demo;
pub mod driver;
pub mod faults;
pub mod journal;
pub mod machine;
pub mod native;
pub mod normalize;
mod notation;
pub mod observe;
pub mod on_model;
pub mod program;
pub mod progress;
pub mod report;
pub mod result;
pub mod run;
pub mod show;
pub mod soak;
pub mod survey;
