//! How many instructions a round trip takes.
//!
//! A second psimp process makes the calls, and this one single-steps it. That needs no performance
//! counters, which virtual machines often lack, and separates the driver's instructions from the
//! host's by address. The second process raises a signal before and after each call.

mod callee;
mod counter;

pub use callee::make;
pub(super) use counter::count;

use super::calls::Call;
use nix::sys::signal::Signal;

/// The signal before and after a call.
const MARK: Signal = Signal::SIGUSR1;

/// What is between two marks, in order: first nothing, which measures the marks themselves. Each is
/// repeated, and the lowest count is taken, because a first call may also initialize something.
fn stretches(repetitions: usize) -> impl Iterator<Item = Option<Call>> {
    std::iter::once(None)
        .chain(Call::ALL.map(Some))
        .flat_map(move |call| std::iter::repeat_n(call, repetitions))
}
