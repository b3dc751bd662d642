//! Group R: many times over, nothing is left.

use crate::script::{Script, Step, check, idle, imp, imp_fails};
use crate::{Server, Tok};
use psimp_protocol::Status;

pub(crate) static SCRIPTS: &[Script] = &[
    Script {
        id: "R01",
        title: "impersonating and reverting 10,000 times",
        server: Server::S,
        steps: &[Step::Repeat(10_000, &[imp(Tok::A2, false, false, 2), Step::Revert]), idle(&[(Tok::A2, 0)])],
    },
    Script {
        id: "R02",
        title: "being denied and reverting 10,000 times",
        server: Server::S,
        steps: &[Step::Repeat(10_000, &[imp(Tok::B2, false, false, 2), Step::Revert]), idle(&[(Tok::B2, 0)])],
    },
    Script {
        id: "R03",
        title: "referencing and dereferencing 10,000 times",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 2),
            Step::Repeat(10_000, &[Step::Save(0), Step::Discard(0, Status::SUCCESS)]),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "R04",
        title: "the same token 1,000 times holds one reference",
        server: Server::S,
        steps: &[
            Step::Repeat(1_000, &[imp(Tok::A2, false, false, 2)]),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "R06",
        title: "a copy that cannot be made, 1,000 times",
        server: Server::S,
        steps: &[
            Step::Repeat(
                1_000,
                &[
                    Step::FailDuplicate(Status::INSUFFICIENT_RESOURCES),
                    imp_fails(Tok::B2, 2, Status::INSUFFICIENT_RESOURCES),
                ],
            ),
            idle(&[(Tok::B2, 0)]),
        ],
    },
    Script {
        id: "R07",
        title: "opening a copy 1,000 times, armed anew each time",
        server: Server::S,
        steps: &[
            Step::Repeat(
                1_000,
                &[
                    imp(Tok::A2, true, false, 2),
                    Step::OpenAs { as_self: true, expected: crate::script::all("new imp/2 all") },
                ],
            ),
            Step::Revert,
            idle(&[(Tok::A2, 0)]),
        ],
    },
    Script {
        id: "R10",
        title: "a file object closed with 16 saves outstanding drops them",
        server: Server::S,
        steps: &[
            imp(Tok::A2, false, false, 2),
            // The close is every case's own end, which looks for what is left.
            Step::OnlyDriver(&[
                Step::SaveMany(16),
                check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 17)]),
            ]),
        ],
    },
];
