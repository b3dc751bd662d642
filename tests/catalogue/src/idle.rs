//! Group N: no token, reverting, the idle thread.

use crate::script::{Program, Script, Step, check, end, idle, imp, script};
use crate::{ClientToken, ServerToken};
use psimp_nt::TokenType;

const NONE_LEFT: &[(ClientToken, i64)] = &[(ClientToken::A2, 0)];

pub(crate) static SCRIPTS: &[Script] = &[
    script("N01", "an idle thread has no impersonation token", ServerToken::S, &[idle(&[])]),
    script(
        "N02",
        "ending what is not there succeeds, other parameters ignored",
        ServerToken::S,
        &[Step::End { copy_on_open: true, effective_only: true, level: 77 }, idle(&[])],
    ),
    script("N03", "reverting an idle thread twice", ServerToken::S, &[Step::Revert, Step::Revert, idle(&[])]),
    script(
        "N04",
        "no token ends the impersonation and drops the reference",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), end(), idle(NONE_LEFT)],
    ),
    script(
        "N05",
        "PsRevertToSelf does the same",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), Step::Revert, idle(NONE_LEFT)],
    ),
    script(
        "N06",
        "one revert ends two impersonations: there is no stack",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A2, false, false, 2),
            imp(ClientToken::B2, false, false, 2),
            Step::Revert,
            idle(&[(ClientToken::A2, 0), (ClientToken::B2, 0)]),
        ],
    ),
    script(
        "N07",
        "dereferencing no token does nothing",
        ServerToken::S,
        &[
            Step::DereferenceNull,
            idle(&[]),
            imp(ClientToken::A2, false, false, 2),
            Step::DereferenceNull,
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "N08",
        "a slot at Anonymous level holds a token all the same",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 0), check("A2 co0 eo0 L0", "A6", "A5", &[(ClientToken::A2, 1)])],
    ),
    script(
        "N09",
        "no flags are left over from the impersonation before",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, true, 2),
            Step::Revert,
            imp(ClientToken::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "N10",
        "user mode ends it with a null handle",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), Step::Program(Program::SetThreadTokenNull), idle(NONE_LEFT)],
    ),
    script(
        "N11",
        "the effective token of an idle thread is the primary one",
        ServerToken::S,
        &[Step::EffectiveToken {
            token: None,
            token_type: TokenType::Primary,
            effective_only: false,
            level: None,
        }],
    ),
    script(
        "N12",
        "a primary token in the slot counts as an impersonation token",
        ServerToken::S,
        &[
            imp(ClientToken::Ap2, false, true, 2),
            Step::EffectiveToken {
                token: Some(ClientToken::Ap2),
                token_type: TokenType::Impersonation,
                effective_only: true,
                level: Some(2),
            },
        ],
    ),
    script(
        "N13",
        "reverting needs no access",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 1), Step::Revert, idle(NONE_LEFT)],
    ),
];
