//! The decision rule as a WebAssembly module, for a page that asks it.
//!
//! A request goes in and a reply comes out, both as JSON; `exchange.rs` has the functions for that. The module keeps
//! nothing from one request to the next. The page's style and script are in `page/`; `cargo xtask explorer` puts all of
//! it into one file. What the page says of facts, rules and verdicts is from `psimp-explain`, and never typed there.
#![deny(unsafe_code)]

mod exchange;
mod form;
mod presets;
mod reply;

use serde::Deserialize;

use crate::form::Form;
use crate::reply::Reply;

/// What the page asks for.
#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
enum Request {
    /// What there is to choose.
    Form,
    /// An answer.
    Question { process: String, token: String, level: String },
}

/// The reply to a request, as JSON.
fn answer(request: &[u8]) -> String {
    let reply = match serde_json::from_slice(request) {
        Ok(Request::Form) => serde_json::to_string(&Form::new()),
        Ok(Request::Question { process, token, level }) => {
            serde_json::to_string(&Reply::new(&process, &token, &level))
        }
        Err(error) => serde_json::to_string(&Reply::Refused { error: error.to_string() }),
    };
    // Structures with names alone for keys can always be written.
    reply.unwrap_or_default()
}
