//! A thread that impersonates, for `psimp show` to look at.

use psimp_nt::TokenType;
use psimp_windows::{Token, thread, token};
use serde_json::json;
use std::io::{self, Read};
use std::sync::mpsc;

/// `TOKEN_DUPLICATE` and `TOKEN_IMPERSONATE`.
const DUPLICATE: u32 = 0x2;
const IMPERSONATE: u32 = 0x4;

/// Impersonates the process' own user on another thread, prints its ids, and waits for the end of input.
pub(super) fn impersonate(level: u32) -> Result<(), String> {
    let (ready, begun) = mpsc::channel();
    let (end, until) = mpsc::channel::<()>();
    let subject = std::thread::spawn(move || {
        let _ = ready.send(put_on(level).map(|()| thread::current_id()));
        // The sender is dropped, and nothing ever sent.
        let _ = until.recv();
    });
    let tid = begun.recv().map_err(|_| "the thread ended".to_owned())??;
    println!("{}", json!({ "pid": std::process::id(), "tid": tid, "level": level }));
    let read = io::stdin().lock().read_to_end(&mut Vec::new());
    drop(end);
    subject.join().map_err(|_| "the thread ended by itself".to_owned())?;
    read.map(drop).map_err(|error| format!("cannot read standard input: {error}"))
}

/// Puts a copy of the process' token on the calling thread.
fn put_on(level: u32) -> Result<(), String> {
    let own = Token::of_process(thread::current_process(), DUPLICATE | token::QUERY);
    let own = own.map_err(|status| format!("the process' token does not open: {status}"))?;
    let copy = own.duplicate(IMPERSONATE | token::QUERY, TokenType::Impersonation, level, false);
    let copy = copy.map_err(|status| format!("the token is not duplicated: {status}"))?;
    thread::set_token(thread::current(), Some(&copy)).map_err(|status| format!("no impersonation: {status}"))
}
