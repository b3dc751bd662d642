//! Group N: no token, reverting, the idle thread.

use crate::script::{Program, Script, Step, check, end, idle, imp};
use crate::{Only, Server, Tok};
use psimp_rules::TokenType;

const NONE_LEFT: &[(Tok, i64)] = &[(Tok::A2, 0)];

pub(crate) static SCRIPTS: &[Script] = &[
    Script {
        id: "N01",
        title: "an idle thread has no impersonation token",
        server: Server::S,
        only: Only::NT,
        steps: &[idle(&[])],
    },
    Script {
        id: "N02",
        title: "ending what is not there succeeds, other parameters ignored",
        server: Server::S,
        only: Only::NT,
        steps: &[Step::End { copy_on_open: true, effective_only: true, level: 77 }, idle(&[])],
    },
    Script {
        id: "N03",
        title: "reverting an idle thread twice",
        server: Server::S,
        only: Only::NT,
        steps: &[Step::Revert, Step::Revert, idle(&[])],
    },
    Script {
        id: "N04",
        title: "no token ends the impersonation and drops the reference",
        server: Server::S,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 2), end(), idle(NONE_LEFT)],
    },
    Script {
        id: "N05",
        title: "PsRevertToSelf does the same",
        server: Server::S,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 2), Step::Revert, idle(NONE_LEFT)],
    },
    Script {
        id: "N06",
        title: "one revert ends two impersonations: there is no stack",
        server: Server::SPlus,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, false, 2),
            imp(Tok::B2, false, false, 2),
            Step::Revert,
            idle(&[(Tok::A2, 0), (Tok::B2, 0)]),
        ],
    },
    Script {
        id: "N07",
        title: "dereferencing no token does nothing",
        server: Server::S,
        only: Only::NT,
        steps: &[
            Step::DereferenceNull,
            idle(&[]),
            imp(Tok::A2, false, false, 2),
            Step::DereferenceNull,
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "N08",
        title: "a slot at Anonymous level holds a token all the same",
        server: Server::S,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 0), check("A2 co0 eo0 L0", "A6", "A5", &[(Tok::A2, 1)])],
    },
    Script {
        id: "N09",
        title: "no flags are left over from the impersonation before",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, true, true, 2),
            Step::Revert,
            imp(Tok::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "N10",
        title: "user mode ends it with a null handle",
        server: Server::S,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 2), Step::Program(Program::SetThreadTokenNull), idle(NONE_LEFT)],
    },
    Script {
        id: "N11",
        title: "the effective token of an idle thread is the primary one",
        server: Server::S,
        only: Only::NT,
        steps: &[Step::EffectiveToken {
            token: None,
            token_type: TokenType::Primary,
            effective_only: false,
            level: None,
        }],
    },
    Script {
        id: "N12",
        title: "a primary token in the slot counts as an impersonation token",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::Ap2, false, true, 2),
            Step::EffectiveToken {
                token: Some(Tok::Ap2),
                token_type: TokenType::Impersonation,
                effective_only: true,
                level: Some(2),
            },
        ],
    },
    Script {
        id: "N13",
        title: "reverting needs no access",
        server: Server::S,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 1), Step::Revert, idle(NONE_LEFT)],
    },
];
