//! Anonymous pipes in memory: the standard input and output of processes, and the two ends of a named pipe.

use crate::call;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Shared {
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
pub struct Reader(Arc<Shared>);

/// The end that bytes are written to.
#[derive(Debug)]
pub struct Writer(Arc<Shared>);

/// A new pipe.
pub(crate) fn pipe() -> (Reader, Writer) {
    let shared = Arc::<Shared>::default();
    (Reader(shared.clone()), Writer(shared))
}

impl Reader {
    /// What is read from.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        self.0.clone()
    }
}

/// Reads what there is, and waits for it.
pub(crate) fn read(shared: &Shared, buffer: &mut [u8]) -> io::Result<usize> {
    call::enter().wait(|time| {
        let mut state = shared.state.lock();
        if state.bytes.is_empty() && !state.no_writer {
            shared.changed.wait_for(&mut state, time);
        }
        if !state.bytes.is_empty() {
            return Some(state.bytes.read(buffer));
        }
        state.no_writer.then_some(Ok(0))
    })
}

impl Read for &Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read(&self.0, buffer)
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for &Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _call = call::enter();
        let mut state = self.0.state.lock();
        if state.no_reader {
            return Err(ErrorKind::BrokenPipe.into());
        }
        state.bytes.extend(bytes);
        self.0.changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
