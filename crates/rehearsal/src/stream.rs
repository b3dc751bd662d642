//! Reading and writing of a process, as calls: a thread waits no longer than its process lives.

use crate::bytes::{Bytes, Reader, Writer};
use crate::call;
use std::io::{self, Read, Write};

/// Reads what there is, and waits for it.
pub(crate) fn read(bytes: &Bytes, buffer: &mut [u8]) -> io::Result<usize> {
    call::enter().wait(|time| bytes.take(buffer, time))
}

impl Read for &Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read(&self.shared(), buffer)
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
        self.put(bytes)
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
