//! Threads of the operating system for what a driver has done elsewhere than on
//! the thread that calls it. They stay, because making one takes longer than
//! most of what they do.

use parking_lot::Mutex;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// Those that have nothing to do.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Runs a job, which does not panic, on another thread, beginning now.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut job: Job = Box::new(job);
    loop {
        let Some(idle) = IDLE.lock().pop() else { break };
        match idle.send(job) {
            Ok(()) => return Ok(()),
            // It is gone, as happens only at the end of the process.
            Err(returned) => job = returned.0,
        }
    }
    thread::Builder::new().name("system worker".to_owned()).spawn(|| serve(job)).map(drop)
}

fn serve(first: Job) {
    let (sender, jobs) = channel::<Job>();
    first();
    IDLE.lock().push(sender.clone());
    while let Ok(job) = jobs.recv() {
        job();
        IDLE.lock().push(sender.clone());
    }
}
