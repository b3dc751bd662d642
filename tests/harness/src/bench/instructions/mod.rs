//! How many instructions a round trip takes.
//!
//! They are counted one by one: another psimp makes the calls, and this one lets it go from
//! instruction to instruction. That needs no counters of the processor, which virtual machines
//! often lack, and separates the driver's own instructions from the host's by address.
//! The other one says with a signal where a call begins and ends.

mod callee;
mod counter;

pub use callee::make;
pub(super) use counter::count;

use super::calls::Call;
use nix::sys::signal::Signal;

/// Where a stretch begins and where it ends.
const MARK: Signal = Signal::SIGUSR1;

/// What is between two marks, in order: nothing at first, which measures the marks themselves. Each is
/// repeated, and the least counts, because a call may also set things up.
fn stretches(repetitions: usize) -> impl Iterator<Item = Option<Call>> {
    std::iter::once(None)
        .chain(Call::ALL.map(Some))
        .flat_map(move |call| std::iter::repeat_n(call, repetitions))
}
