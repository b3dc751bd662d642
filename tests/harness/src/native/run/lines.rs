//! The lines that a process writes, each of which may take a time only.

use crate::native::system::process::Child;
use crate::native::system::thread;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a process may take for a line: far longer than any case takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of one output.
pub(super) struct Lines(Receiver<io::Result<String>>);

impl Lines {
    /// Reads on a thread of its own.
    pub(super) fn of(output: impl Read + Send + 'static) -> Self {
        let (line, lines) = channel();
        thread::spawn(move || {
            for read in BufReader::new(output).lines() {
                // The waiting side may have given up.
                if line.send(read).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// The next line of this process.
    ///
    /// # Errors
    /// Why there is none; a sentence.
    pub(super) fn next(&self, child: &mut Child) -> Result<String, String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.0.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(format!("its output cannot be read: {error}")),
            Err(Timeout) => Err(format!("none in {} seconds", PATIENCE.as_secs())),
            Err(Disconnected) => Err(match child.wait(Some(PATIENCE)) {
                Ok(Some(code)) => format!("it ended with {code:#x} and gave none"),
                Ok(None) => format!("it still runs after {} seconds more and gave none", PATIENCE.as_secs()),
                Err(error) => format!("{error} and gave none"),
            }),
        }
    }
}
