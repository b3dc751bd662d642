//! Client processes of a case: each has the primary token of its threads in the catalogue, and takes orders from the
//! case's server process.

use crate::native::client::COMMAND;
use crate::native::server::Given;
use crate::native::system::Token;
use crate::native::system::error::Error;
use crate::native::system::handle::AsHandle as _;
use crate::native::system::process::Child;
use crate::native::system::token::{ALL_ACCESS, QUERY};
use psimp_catalogue::{ClientToken, Who};
use std::collections::BTreeMap;

/// A client process.
pub(super) struct Client {
    pub(super) who: Who,
    pub(super) child: Child,
}

/// The token of a client's process, if the catalogue names it as one that servers impersonate.
pub(super) const fn token_of(who: Who) -> Option<ClientToken> {
    match who {
        Who::ClientA => Some(ClientToken::Ap0),
        Who::ClientB => Some(ClientToken::Bp0),
        _ => None,
    }
}

impl Client {
    /// Starts a process with this token; returns the token that it has, which may be a copy.
    ///
    /// # Errors
    /// What is needed, and the error of Windows.
    pub(super) fn start(who: Who, token: Token) -> Result<(Self, Token), String> {
        let child = Child::start(&token, &[COMMAND]);
        let child = child.map_err(|error| format!("needs a process of {who:?}: {error}"))?;
        let failed =
            |call| move |status| format!("needs the token of the process of {who:?}: {call}: {status}");
        let open = |access| Token::of_process(child.process(), access).map_err(failed("NtOpenProcessToken"));
        let id = |token: &Token| token.information().map(|seen| seen.token_id);
        let id = |token: &Token| id(token).map_err(failed("NtQueryInformationToken"));
        // The handle that the token was made with allows all, whoever its user is.
        let token = if id(&open(QUERY)?)? == id(&token)? { token } else { open(ALL_ACCESS)? };
        Ok((Self { who, child }, token))
    }

    /// The process as its server uses it; also gives it these tokens.
    ///
    /// # Errors
    /// The error of Windows.
    pub(super) fn give(&mut self, server: &Child, tokens: &[(String, &Token)]) -> Result<Given, Error> {
        let ends = self.child.input.take().zip(self.child.output.take());
        let (input, output) = ends.ok_or(Error::win32("a client's pipes", 0))?;
        let tokens: Result<BTreeMap<_, _>, Error> = tokens
            .iter()
            .map(|(name, token)| Ok((name.clone(), self.child.give(token.as_handle())?)))
            .collect();
        Ok(Given {
            process: server.give(self.child.process())?,
            input: server.give(input.as_handle())?,
            output: server.give(output.as_handle())?,
            tokens: tokens?,
        })
    }
}
