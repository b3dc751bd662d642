//! Group T: what the slot holds, types, flags, replacement.

use crate::script::{ByKernel, Memory, Script, State, Step, check, imp, imp_fails};
use crate::{Only, Server, Tok};
use psimp_protocol::Status;

/// Privileged servers under the documentation's rule, which knows no privilege:
/// rows T06 and T18 of the specification hold for the kernels alone.
const COPY_OF_B: State = State {
    slot: "copy of B2 imp/1 co0 eo0 L1",
    open: "same imp/1 all",
    access: "A5",
    references: &[(Tok::A2, 0), (Tok::B2, 0)],
    after_open: "",
};

const B_ITSELF: State = State {
    slot: "B2 co0 eo0 L2",
    open: "same imp/2 all",
    access: "as B",
    references: &[(Tok::A2, 0), (Tok::B2, 1)],
    after_open: "",
};

const B_OR_COPY: Step = Step::Check(ByKernel { documented: COPY_OF_B, nt52: B_ITSELF, win10: B_ITSELF });

/// T09: the open replaces the slot's primary token by the copy, but on NT 5.2 a
/// thread that opens its own token as itself undoes that.
const PRIMARY_COPY_ON_OPEN: State = State {
    slot: "Ap2 co1 eo0 L2",
    open: "new imp/2 all",
    access: "as A",
    references: &[(Tok::Ap2, 1)],
    after_open: "copy of Ap2 imp/2 co0 eo0 L2",
};

pub(crate) static SCRIPTS: &[Script] = &[
    Script {
        id: "T01",
        title: "no flags: the token itself is opened",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T02",
        title: "copy-on-open: a copy is opened, with what is disabled",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, true, false, 2),
            check("A2 co1 eo0 L2", "new imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T03",
        title: "effective-only alone changes nothing that is opened",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, true, 2),
            check("A2 co0 eo1 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T04",
        title: "both flags: the copy is without what is disabled",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, true, true, 2),
            check("A2 co1 eo1 L2", "new imp/2 effective", "as A", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T05",
        title: "a downgrade keeps both flags",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::B2, true, true, 2),
            check("copy of B2 imp/1 co1 eo1 L1", "new imp/1 effective", "A5", &[(Tok::B2, 0)]),
        ],
    },
    Script {
        id: "T06",
        title: "a second token replaces the first",
        server: Server::SPlus,
        only: Only::NT,
        steps: &[imp(Tok::A2, false, false, 2), imp(Tok::B2, false, false, 2), B_OR_COPY],
    },
    Script {
        id: "T07",
        title: "the same token again, with other flags and level",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, false, 2),
            imp(Tok::A2, true, true, 1),
            check("A2 co1 eo1 L1", "new imp/1 effective", "A5", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T08",
        title: "a primary token is stored and opened as one",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::Ap2, false, false, 2),
            check("Ap2 co0 eo0 L2", "same prim all", "as A", &[(Tok::Ap2, 1)]),
        ],
    },
    Script {
        id: "T09",
        title: "copy-on-open turns a primary token into an impersonation token",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::Ap2, true, false, 2),
            Step::Check(ByKernel {
                documented: PRIMARY_COPY_ON_OPEN,
                nt52: State { after_open: "Ap2 co1 eo0 L2", ..PRIMARY_COPY_ON_OPEN },
                win10: PRIMARY_COPY_ON_OPEN,
            }),
        ],
    },
    Script {
        id: "T10",
        title: "the slot's level is below the token's own",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, false, 1),
            check("A2 co0 eo0 L1", "same imp/2 all", "A5", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T11",
        title: "a copy on open has the slot's level",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, true, false, 1),
            check("A2 co1 eo0 L1", "new imp/1 all", "A5", &[(Tok::A2, 1)]),
        ],
    },
    Script {
        id: "T12",
        title: "Delegation opens locally what Impersonation does",
        server: Server::SPlus,
        only: Only::NT,
        steps: &[
            imp(Tok::A3, false, false, 3),
            check("A3 co0 eo0 L3", "same imp/3 all", "as A", &[(Tok::A3, 1)]),
        ],
    },
    Script {
        id: "T13",
        title: "level 4 is no level",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp_fails(Tok::A2, 4, Status::INVALID_PARAMETER),
            check("idle", "7C", "as A", &[(Tok::A2, 0)]),
        ],
    },
    Script {
        id: "T14",
        title: "level -1 is no level, and skips no check",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp_fails(Tok::B2, 0xFFFF_FFFF, Status::INVALID_PARAMETER),
            check("idle", "7C", "as A", &[(Tok::B2, 0)]),
        ],
    },
    Script {
        id: "T15",
        title: "without memory for the copy, the impersonation before stays",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::A2, false, false, 2),
            Step::Memory(Memory::FailDuplicate(Status::INSUFFICIENT_RESOURCES)),
            imp_fails(Tok::B2, 2, Status::INSUFFICIENT_RESOURCES),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1), (Tok::B2, 0)]),
        ],
    },
    Script {
        id: "T16",
        title: "a privilege in the impersonated token does not count",
        server: Server::S,
        only: Only::NT,
        steps: &[
            imp(Tok::APlus2, false, false, 2),
            imp(Tok::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(Tok::APlus2, 0), (Tok::B2, 0)]),
        ],
    },
    Script {
        id: "T17",
        title: "the owning process decides, not the one attached to",
        server: Server::S,
        only: Only::NT,
        steps: &[
            Step::Attach(Server::SPlus),
            imp(Tok::B2, false, false, 2),
            Step::Detach,
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(Tok::B2, 0)]),
        ],
    },
    Script {
        id: "T18",
        title: "a privilege lost later changes nothing",
        server: Server::SPlus,
        only: Only::NT,
        steps: &[
            imp(Tok::B2, false, false, 2),
            Step::DisablePrivilege,
            Step::Check(ByKernel {
                documented: State { references: &[(Tok::B2, 0)], ..COPY_OF_B },
                nt52: State { references: &[(Tok::B2, 1)], ..B_ITSELF },
                win10: State { references: &[(Tok::B2, 1)], ..B_ITSELF },
            }),
        ],
    },
];
