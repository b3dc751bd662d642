//! Runs foreign code in this process and returns from it. It knows the image, but not the meaning of
//! the image's calls.
//!
//! From the bottom up: [`region`], [`probe`], [`guarded`] and [`mapping`] are memory; [`cpu`] is what
//! a thread has while it is in the driver; [`enter`] goes in, and [`signals`] and [`watchdog`] get it
//! out; [`attach`] sets all of that up; [`export`] is what the driver can call, and [`unwind`] how it
//! got there. [`targets`] is where calls through pointers may go.

pub(crate) mod address;
pub(crate) mod attach;
pub(crate) mod cpu;
pub(crate) mod enter;
pub(crate) mod export;
pub(crate) mod frame;
pub(crate) mod guarded;
pub(crate) mod mapping;
pub(crate) mod pattern;
pub(crate) mod probe;
pub(crate) mod region;
pub(crate) mod signals;
pub(crate) mod stack;
pub(crate) mod stop;
pub(crate) mod targets;
pub(crate) mod trap;
pub(crate) mod unwind;
pub(crate) mod watchdog;
pub(crate) mod workers;
