//! The lines that a process writes, which may take a time only.

use crate::native::system::process::Child;
use crate::native::system::thread;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a process may take to end once it has closed its output.
const END: Duration = Duration::from_secs(60);

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

    /// The next line of this process, which may take until this long after `begin`.
    ///
    /// # Errors
    /// Why there is none; a sentence.
    pub(super) fn next(
        &self,
        child: &mut Child,
        begin: Instant,
        patience: Duration,
    ) -> Result<String, String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.0.recv_timeout(patience.saturating_sub(begin.elapsed())) {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(format!("its output cannot be read: {error}")),
            Err(Timeout) => Err(format!("none in {} seconds", patience.as_secs())),
            Err(Disconnected) => Err(match child.wait(Some(END)) {
                Ok(Some(code)) => format!("it ended with {code:#x} and gave none"),
                Ok(None) => format!("it still runs after {} seconds more and gave none", END.as_secs()),
                Err(error) => format!("{error} and gave none"),
            }),
        }
    }
}
