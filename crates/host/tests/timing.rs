//! How fast the driver's image runs. Figures mean something in a release build:
//! `cargo test --release -p psimp-host --test timing -- --nocapture`.

mod support;

use psimp_host::{File, Host, IoControl};
use psimp_model::{Kernel, Object, System, Thread};
use psimp_nt::{Level, TokenType};
use psimp_protocol::wire::{Impersonate, Outcome, Slot};
use psimp_protocol::{Ioctl, LINK_NAME, Operation, PROTOCOL_VERSION};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use support::{image, process, token};
use zerocopy::IntoBytes;

/// A caller with an open file and a token to impersonate.
struct Caller {
    thread: Arc<Thread>,
    file: File,
    request: Impersonate,
}

impl Caller {
    fn new(host: &Host, system: &System) -> Self {
        let (process, thread) = process(system);
        let client = token(system, TokenType::Impersonation, Level::Impersonation);
        let token = process.handles().insert(Object::Token(client), 4);
        let level = Level::Impersonation as u32;
        let request =
            Impersonate { version: PROTOCOL_VERSION, level, thread: 0, token, flags: 0, reserved: 0 };
        let file = host.open(&thread, LINK_NAME, 3).expect("the device opens");
        Self { thread, file, request }
    }

    fn pair(&self, host: &Host) {
        const IMPERSONATE: u32 = Ioctl::of(Operation::Impersonate).code();
        const REVERT: u32 = Ioctl::of(Operation::Revert).code();
        let mut output = [0; size_of::<Slot>()];
        let request = IoControl::new(IMPERSONATE, self.request.as_bytes());
        let length = host.device_io_control(&self.thread, &self.file, &request, &mut output);
        assert_eq!(length, Ok(size_of::<Outcome>()));
        let length =
            host.device_io_control(&self.thread, &self.file, &IoControl::new(REVERT, &[]), &mut output);
        assert_eq!(length, Ok(size_of::<Slot>()));
    }

    fn pairs(&self, host: &Host, count: u32) -> Duration {
        let start = Instant::now();
        (0..count).for_each(|_| self.pair(host));
        start.elapsed()
    }
}

const COUNT: u32 = if cfg!(debug_assertions) { 2_000 } else { 1_000_000 };

fn per_second(count: u32, took: Duration) -> u128 {
    u128::from(count) * 1_000_000_000 / took.as_nanos().max(1)
}

#[test]
fn from_load_to_unload() {
    let Some(image) = image() else { return };
    let once = || {
        let start = Instant::now();
        let system = Arc::new(System::new(Kernel::Win10));
        let host = Host::load(&image, system.clone()).expect("the driver starts");
        let caller = Caller::new(&host, &system);
        caller.pair(&host);
        host.close(&caller.thread, caller.file).expect("the file closes");
        assert_eq!(host.unload(), Ok(()));
        start.elapsed()
    };
    let first = once();
    let best = (0..50).map(|_| once()).min().unwrap_or_default();
    println!("load, open, one pair, close, unload: first {first:?}, best {best:?}");
}

#[test]
fn pairs_of_impersonate_and_revert() {
    let Some(image) = image() else { return };
    let system = Arc::new(System::new(Kernel::Win10));
    let host = Host::load(&image, system.clone()).expect("the driver starts");
    let callers = [Caller::new(&host, &system), Caller::new(&host, &system)];
    let took = callers[0].pairs(&host, COUNT);
    println!("one thread: {} pairs a second", per_second(COUNT, took));

    let barrier = Barrier::new(2);
    let took = std::thread::scope(|scope| {
        let run = |caller| {
            let (host, barrier) = (&host, &barrier);
            scope.spawn(move || {
                barrier.wait();
                Caller::pairs(caller, host, COUNT)
            })
        };
        let threads = callers.each_ref().map(run);
        threads.map(|thread| thread.join().expect("no panic"))
    });
    let both = took.into_iter().max().unwrap_or_default();
    println!("two threads: {} pairs a second", per_second(2 * COUNT, both));
    for Caller { thread, file, .. } in callers {
        host.close(&thread, file).expect("the file closes");
    }
    assert_eq!(host.unload(), Ok(()));
}
