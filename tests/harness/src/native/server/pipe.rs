//! Clients of named pipes.

use super::actor::Actor;
use super::env::kind;
use super::observe::{self, OpenedToken};
use crate::native::system::pipe::Pipe;
use crate::native::system::thread;
use psimp_nt::Status;
use std::io::{Read as _, Write as _};

/// A client opens a pipe of this process with the quality of service and writes;
/// the calling thread impersonates it. The error is what failed before that.
pub(super) fn impersonate(flags: u32, reads: bool) -> Result<Result<(), Status>, String> {
    let pipe = Pipe::create().map_err(|error| error.to_string())?;
    let mut client = pipe.connect(flags).map_err(|error| format!("the client's open: {error}"))?;
    client.write_all(&[1]).map_err(|error| format!("the client's write: {error}"))?;
    if reads {
        let mut byte = [0];
        pipe.server().read_exact(&mut byte).map_err(|error| format!("the server's read: {error}"))?;
    }
    Ok(pipe.impersonate_client())
}

impl Actor<'_, '_> {
    /// A case of a pipe's client.
    pub(super) fn pipe(&self, pipe: &psimp_catalogue::Pipe) {
        match impersonate(pipe.flags, pipe.reads) {
            Ok(done) => self.ended("ImpersonateNamedPipeClient", pipe.status, done),
            Err(why) => return self.compare("the pipe", "a client", &why),
        }
        let opened = match OpenedToken::of(thread::current(), true) {
            OpenedToken::Token(token) => kind(&token),
            other => other.open(None),
        };
        self.env.show(format!("the server opens {opened}"));
        self.compare("open", pipe.open.of(self.env.kernel), &opened);
        self.compare("access", pipe.access.of(self.env.kernel), &observe::access(self.env));
    }
}
