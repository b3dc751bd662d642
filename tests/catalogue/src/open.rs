//! Group O: `OpenThreadToken` and its side effect.

use crate::script::{ByKernel, Script, State, Step, all, check, imp};
use crate::{Server, Tok};

const A2: &[(Tok, i64)] = &[(Tok::A2, 1)];
const NO_A2: &[(Tok, i64)] = &[(Tok::A2, 0)];

const ARMED: State = State {
    slot: "A2 co1 eo0 L2",
    open: "new imp/2 all",
    access: "as A",
    references: A2,
    after_open: "copy of A2 imp/2 co0 eo0 L2",
};
/// NT 5.2 as `ReactOS` has it: the thread that opens its own token as itself
/// undoes the swap.
const STILL_ARMED: State = State { after_open: "A2 co1 eo0 L2", ..ARMED };
const OPENED: State = State {
    slot: "copy of A2 imp/2 co0 eo0 L2",
    open: "same imp/2 all",
    access: "as A",
    references: NO_A2,
    after_open: "copy of A2 imp/2 co0 eo0 L2",
};

const FIRST_OPEN: Step = Step::Check(ByKernel { nt52: STILL_ARMED, ..all(ARMED) });
const SECOND_OPEN: Step = Step::Check(ByKernel { nt52: STILL_ARMED, ..all(OPENED) });

pub(crate) static SCRIPTS: &[Script] = &[
    Script {
        id: "O01",
        title: "the first open puts the copy into the slot, the second opens that",
        server: Server::S,
        steps: &[imp(Tok::A2, true, false, 2), FIRST_OPEN, SECOND_OPEN],
    },
    Script {
        id: "O02",
        title: "after the first open the slot lets go of the original",
        server: Server::S,
        steps: &[imp(Tok::A2, true, false, 2), FIRST_OPEN, SECOND_OPEN, Step::Revert],
    },
    Script {
        id: "O03",
        title: "without copy-on-open every open is of the same object",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", A2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", A2),
        ],
    },
    Script {
        id: "O04",
        title: "effective-only stays in the slot when the copy moves in",
        server: Server::S,
        steps: &[
            imp(Tok::A2, true, true, 2),
            Step::Check(ByKernel {
                nt52: State {
                    slot: "A2 co1 eo1 L2",
                    open: "new imp/2 effective",
                    after_open: "A2 co1 eo1 L2",
                    ..ARMED
                },
                ..all(State {
                    slot: "A2 co1 eo1 L2",
                    open: "new imp/2 effective",
                    after_open: "copy of A2 imp/2 co0 eo1 L2",
                    ..ARMED
                })
            }),
        ],
    },
    Script {
        id: "O05",
        title: "a thread at Identification cannot open its token as the client it is",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 1),
            Step::OpenAs { as_self: false, expected: all("A5") },
            check("A2 co0 eo0 L1", "", "A5", A2),
        ],
    },
    Script {
        id: "O06",
        title: "as itself it can",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 1),
            Step::OpenAs { as_self: true, expected: all("same imp/2 all") },
            check("A2 co0 eo0 L1", "", "A5", A2),
        ],
    },
    Script {
        id: "O08",
        title: "a slot at Anonymous is not opened, as whomever",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 0),
            Step::OpenAs { as_self: false, expected: all("A6") },
            Step::OpenAs { as_self: true, expected: all("A6") },
            check("A2 co0 eo0 L0", "", "A5", A2),
        ],
    },
    Script {
        id: "O16",
        title: "opening as itself leaves IsImpersonating as it was",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 2),
            Step::TebImpersonating(true),
            Step::OpenAs { as_self: true, expected: all("same imp/2 all") },
            Step::TebImpersonating(true),
            Step::Revert,
            Step::TebImpersonating(false),
        ],
    },
];
