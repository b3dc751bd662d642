//! What tests of the host share.
#![allow(dead_code)] // each test file uses a part

pub(crate) mod code;
pub(crate) mod driver;
pub(crate) mod pe;
pub(crate) mod run;
pub(crate) mod works;

use psimp_host::Image;
use psimp_model::{Group, Process, System, Thread, Token, TokenSpec, sids};
use psimp_nt::{Level, Luid, Sid, TokenType};
use std::path::Path;
use std::sync::Arc;

/// The user of the test programs.
pub(crate) const USER: Sid = Sid::new(5, &[21, 1, 2, 3, 1000]);

/// The image of malicious.sys.
pub(crate) fn malicious() -> Image {
    let path = std::env::var_os("PSIMP_MALICIOUS").expect("PSIMP_MALICIOUS must name malicious.sys");
    Image::open(Path::new(&path)).expect("the image loads")
}

/// A token of the user, who is an administrator.
pub(crate) fn spec(token_type: TokenType, level: Level) -> TokenSpec {
    TokenSpec {
        groups: vec![Group { sid: sids::ADMINISTRATORS, enabled: true }],
        ..TokenSpec::new(USER, Luid(0x5_0000), token_type, level)
    }
}

/// As [`spec`], made.
pub(crate) fn token(system: &System, token_type: TokenType, level: Level) -> Arc<Token> {
    system.create_token(spec(token_type, level))
}

/// A process of the user with one thread.
pub(crate) fn process(system: &System) -> (Arc<Process>, Arc<Thread>) {
    let process = system.create_process(token(system, TokenType::Primary, Level::Anonymous));
    let thread = system.create_thread(&process);
    (process, thread)
}
