//! Group C: the downgrade copy.

use crate::script::{ByKernel, Script, State, Step, all, check, idle, imp, imp_fails};
use crate::{Server, Tok};
use psimp_protocol::Status;

const NO_B2: &[(Tok, i64)] = &[(Tok::B2, 0)];

/// C10: NT 5.2 copies although nothing is reduced; the others keep.
const KEPT_AT_1: State = State {
    slot: "B2 co0 eo0 L1",
    open: "same imp/2 all",
    access: "A5",
    references: &[(Tok::B2, 1)],
    after_open: "",
};
const COPIED_AT_1: State =
    State { slot: "copy of B2 imp/1 co0 eo0 L1", open: "same imp/1 all", references: NO_B2, ..KEPT_AT_1 };

/// C09: an Anonymous token stays at Anonymous, but NT 5.2 raises its copy.
const COPIED_AT_0: State = State {
    slot: "copy of B0 imp/0 co0 eo0 L0",
    open: "A6",
    access: "A5",
    references: &[(Tok::B0, 0)],
    after_open: "",
};
const RAISED_TO_1: State =
    State { slot: "copy of B0 imp/1 co0 eo0 L1", open: "same imp/1 all", ..COPIED_AT_0 };

pub(crate) static SCRIPTS: &[Script] = &[
    Script {
        id: "C01",
        title: "the copy is another object of the same user, logon, session and source",
        server: Server::S,
        steps: &[
            imp(Tok::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", NO_B2),
            Step::SameOrigin(Tok::B2),
        ],
    },
    Script {
        id: "C02",
        title: "the copy is an impersonation token at Identification",
        server: Server::S,
        steps: &[
            imp(Tok::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "", &[]),
        ],
    },
    Script {
        id: "C03",
        title: "also of a primary token",
        server: Server::S,
        steps: &[
            imp(Tok::Bp0, false, false, 2),
            check("copy of Bp0 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(Tok::Bp0, 0)]),
        ],
    },
    Script {
        id: "C04",
        title: "effective-only marks the slot, the copy keeps what is disabled",
        server: Server::S,
        steps: &[
            imp(Tok::B2, false, true, 2),
            check("copy of B2 imp/1 co0 eo1 L1", "same imp/1 all", "A5", NO_B2),
        ],
    },
    Script {
        id: "C07",
        title: "privileges adjusted in the original do not reach the copy",
        server: Server::S,
        steps: &[
            imp(Tok::B2, false, false, 2),
            Step::EnableDisabled(Tok::B2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", NO_B2),
        ],
    },
    Script {
        id: "C08",
        title: "they do reach a token that was kept: it is the same object",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
            Step::EnableDisabled(Tok::A2),
            check("A2 co0 eo0 L2", "same imp/2 effective", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "C09",
        title: "the copy of an Anonymous token",
        server: Server::S,
        steps: &[
            // The driver refuses to ask for more than the token's own level.
            Step::OnlyKernel(&[
                imp(Tok::B0, false, false, 2),
                Step::Check(ByKernel { nt52: RAISED_TO_1, ..all(COPIED_AT_0) }),
            ]),
            Step::OnlyDriver(&[
                imp_fails(Tok::B0, 2, Status::BAD_IMPERSONATION_LEVEL),
                idle(&[(Tok::B0, 0)]),
            ]),
        ],
    },
    Script {
        id: "C10",
        title: "NT 5.2 copies at Identification what others keep there",
        server: Server::S,
        steps: &[
            imp(Tok::B2, false, false, 1),
            Step::Check(ByKernel { nt52: COPIED_AT_1, ..all(KEPT_AT_1) }),
        ],
    },
];
