//! Client processes of a case: each has the primary token of its threads in the catalogue. The case's server process
//! gives them orders, which the harness passes on.

use super::PATIENCE;
use super::lines::Lines;
use crate::native::client::{COMMAND, Order};
use crate::native::server::Given;
use crate::native::system::Token;
use crate::native::system::error::Error;
use crate::native::system::handle::AsHandle as _;
use crate::native::system::process::Child;
use crate::native::system::token::{ALL_ACCESS, QUERY};
use psimp_catalogue::{ClientToken, Who};
use std::collections::BTreeMap;
use std::io::Write as _;

/// A client process.
pub(super) struct Client {
    pub(super) who: Who,
    child: Child,
    answers: Lines,
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
        let mut child = child.map_err(|error| format!("needs a process of {who:?}: {error}"))?;
        let failed =
            |call| move |status| format!("needs the token of the process of {who:?}: {call}: {status}");
        let open =
            |access| Token::of_process(child.as_handle(), access).map_err(failed("NtOpenProcessToken"));
        let id = |token: &Token| token.information().map(|seen| seen.token_id);
        let id = |token: &Token| id(token).map_err(failed("NtQueryInformationToken"));
        // The handle that the token was made with allows all, whoever its user is.
        // The token of a process that a service has started may be the system's, which lets administrators query it: enough
        // to tell whose copy a slot has.
        let token = if id(&open(QUERY)?)? == id(&token)? {
            token
        } else {
            open(ALL_ACCESS).or_else(|_| open(QUERY))?
        };
        let output =
            child.output.take().ok_or_else(|| format!("needs the output of the process of {who:?}"))?;
        Ok((Self { who, child, answers: Lines::of(output) }, token))
    }

    /// The process as its server uses it; also gives it these tokens.
    ///
    /// # Errors
    /// The error of Windows.
    pub(super) fn give(&self, server: &Child, tokens: &[(String, &Token)]) -> Result<Given, Error> {
        let tokens: Result<BTreeMap<_, _>, Error> = tokens
            .iter()
            .map(|(name, token)| Ok((name.clone(), self.child.give(token.as_handle())?)))
            .collect();
        Ok(Given { process: server.give(self.child.as_handle())?, tokens: tokens? })
    }

    /// Passes an order on; returns the line with the answer.
    ///
    /// # Errors
    /// Why there is none; a sentence.
    pub(super) fn order(&mut self, order: &Order) -> Result<String, String> {
        let of = |what: String| format!("client process {:?}: {what}", self.who);
        let order = serde_json::to_string(order).map_err(|error| of(error.to_string()))?;
        let input = self.child.input.as_mut().ok_or_else(|| of("it has no input".to_owned()))?;
        writeln!(input, "{order}").map_err(|error| of(error.to_string()))?;
        self.answers
            .next(&mut self.child, std::time::Instant::now(), PATIENCE)
            .map_err(|why| format!("client process {:?}: {why}", self.who))
    }
}
