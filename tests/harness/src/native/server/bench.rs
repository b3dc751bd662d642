//! Calls a second: requests to the driver, and the system calls beside which they stand.

use super::env::{READ_WRITE, open_device};
use super::soak::why_not_idle;
use super::via_driver::DeviceClient;
use crate::bench::{OnDevice, Pair, Run, rate, run};
use crate::client::Contract as _;
use crate::driver::Failure;
use crate::native::system::device::Device;
use crate::native::system::{Token, thread};
use psimp_protocol::RulesMode;
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long one measurement takes.
const TURN: Duration = Duration::from_millis(20);

/// Measures every pair on one thread and on two, in turns, until the time is over; the best turn of each counts.
///
/// # Errors
/// Why nothing can be measured.
pub(super) fn bench(token: &Token, duration: Duration) -> Result<OnDevice, String> {
    let device = || open_device(READ_WRITE).map_err(|status| format!("the device does not open: {status}"));
    let devices = [device()?, device()?];
    let begin = Instant::now();
    let mut found = OnDevice::default();
    loop {
        for pair in Pair::ALL {
            for threads in [1, 2] {
                let ended = together(&devices[..threads], *pair, token)?;
                let runs: Vec<_> = ended.iter().map(|ended| ended.run).collect();
                found.note(*pair, threads, rate(&runs));
                for ended in ended {
                    ended.refused.into_iter().for_each(|(status, count)| found.refused(status, count));
                    found.left.extend(ended.left);
                }
            }
        }
        if begin.elapsed() >= duration {
            found.seconds = begin.elapsed().as_secs_f64();
            return Ok(found);
        }
    }
}

/// What one thread did.
struct Ended {
    run: Run,
    refused: BTreeMap<String, u64>,
    left: Option<String>,
}

/// A thread for each device, all at a time.
fn together(devices: &[Device], pair: Pair, token: &Token) -> Result<Vec<Ended>, String> {
    let barrier = &Barrier::new(devices.len());
    thread::scope(|scope| {
        let start = |device| {
            thread::spawn_in(scope, move || {
                barrier.wait();
                alone(&DeviceClient { device, about: 0 }, pair, token)
            })
        };
        let running: Vec<_> = devices.iter().map(start).collect();
        let ended =
            running.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()));
        ended.collect()
    })
}

fn alone(client: &DeviceClient<'_>, pair: Pair, token: &Token) -> Ended {
    let mut refused = BTreeMap::new();
    let run = run(TURN, || match make(client, pair, token) {
        Ok(()) => true,
        Err(failure) => {
            *refused.entry(failure.to_string()).or_default() += 1;
            false
        }
    });
    let reverted = thread::set_token(thread::current(), None);
    let left = reverted.map_err(|status| format!("RevertToSelf: {status}"));
    Ended { run, refused, left: left.map_or_else(Some, |()| why_not_idle(client)) }
}

fn make(client: &DeviceClient<'_>, pair: Pair, token: &Token) -> Result<(), Failure> {
    match pair {
        Pair::Query => client.query().map(drop),
        Pair::Impersonate => {
            client.impersonate_by(token.number(), false, false, 2, RulesMode::Documented)?;
            client.revert().map(drop)
        }
        Pair::SetThreadToken => {
            thread::set_token(thread::current(), Some(token))?;
            Ok(thread::set_token(thread::current(), None)?)
        }
    }
}
