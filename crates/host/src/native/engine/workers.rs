//! Operating-system threads for work that a driver runs on another thread than
//! the one that calls it. They are kept, because creating a thread takes longer
//! than most of the work.

use parking_lot::Mutex;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Job = Box<dyn FnOnce() + Send>;

/// The idle threads.
static IDLE: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Runs a job, which must not panic, on another thread, starting immediately.
///
/// # Errors
/// When the system cannot create a thread.
pub(crate) fn run(job: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut job: Job = Box::new(job);
    loop {
        let Some(idle) = IDLE.lock().pop() else { break };
        match idle.send(job) {
            Ok(()) => return Ok(()),
            // It has ended, which happens only at the end of the process.
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
