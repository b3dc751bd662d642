//! Bytes on their way: the standard input and output of processes, and the two ends of a named pipe.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Bytes {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    no_writer: bool,
    no_reader: bool,
}

/// The end that bytes are read from.
#[derive(Debug)]
pub struct Reader(Arc<Bytes>);

/// The end that bytes are written to.
#[derive(Debug)]
pub struct Writer(Arc<Bytes>);

/// A new pipe.
pub(crate) fn pipe() -> (Reader, Writer) {
    let bytes = Arc::<Bytes>::default();
    (Reader(bytes.clone()), Writer(bytes))
}

impl Bytes {
    /// Takes what there is, and waits for it no longer than this. At the end there is nothing.
    pub(crate) fn take(&self, buffer: &mut [u8], time: Duration) -> Option<io::Result<usize>> {
        let mut state = self.state.lock();
        if state.bytes.is_empty() && !state.no_writer {
            self.changed.wait_for(&mut state, time);
        }
        if !state.bytes.is_empty() {
            return Some(state.bytes.read(buffer));
        }
        state.no_writer.then_some(Ok(0))
    }
}

impl Reader {
    /// What is read from.
    pub(crate) fn shared(&self) -> Arc<Bytes> {
        self.0.clone()
    }
}

impl Writer {
    /// Adds to what is read.
    pub(crate) fn put(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state.lock();
        if state.no_reader {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.bytes.extend(bytes);
        self.0.changed.notify_all();
        Ok(bytes.len())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.state.lock().no_reader = true;
        self.0.changed.notify_all();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.state.lock().no_writer = true;
        self.0.changed.notify_all();
    }
}
