//! The process that makes the calls.

use super::{MARK, stretches};
use crate::bench::calls::World;
use crate::driver::{Failure, Source};
use anyhow::Context;
use nix::sys::signal::raise;
use std::io::{Write as _, stdin, stdout};

/// Prints the address range of the image, waits for a line, and makes the calls.
///
/// # Errors
/// What a call fails with.
pub fn make(source: &Source, repetitions: usize) -> anyhow::Result<()> {
    let failed = |failure: Failure| anyhow::anyhow!("a call failed: {failure}");
    let world = World::start(source).map_err(failed)?;
    let image = world.image().unwrap_or(0..0);
    println!("{} {}", image.start, image.end);
    stdout().flush()?;
    stdin().read_line(&mut String::new()).context("nobody says when to begin")?;
    let caller = world.first().map_err(failed)?;
    for call in stretches(repetitions) {
        caller.prepare().map_err(failed)?;
        raise(MARK)?;
        let made = call.map_or(Ok(()), |call| caller.make(call));
        raise(MARK)?;
        made.map_err(failed)?;
    }
    caller.end().map_err(failed)?;
    drop(caller);
    world.stop().map_err(failed)
}
