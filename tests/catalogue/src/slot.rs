//! Group T: what the slot holds, types, flags, replacement.

use crate::script::{ByKernel, Memory, Script, State, Step, check, imp, imp_fails, script};
use crate::{Server, Tok};
use psimp_nt::Status;

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
    script(
        "T01",
        "no flags: the token itself is opened",
        Server::S,
        &[imp(Tok::A2, false, false, 2), check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)])],
    ),
    script(
        "T02",
        "copy-on-open: a copy is opened, with what is disabled",
        Server::S,
        &[imp(Tok::A2, true, false, 2), check("A2 co1 eo0 L2", "new imp/2 all", "as A", &[(Tok::A2, 1)])],
    ),
    script(
        "T03",
        "effective-only alone changes nothing that is opened",
        Server::S,
        &[imp(Tok::A2, false, true, 2), check("A2 co0 eo1 L2", "same imp/2 all", "as A", &[(Tok::A2, 1)])],
    ),
    script(
        "T04",
        "both flags: the copy is without what is disabled",
        Server::S,
        &[
            imp(Tok::A2, true, true, 2),
            check("A2 co1 eo1 L2", "new imp/2 effective", "as A", &[(Tok::A2, 1)]),
        ],
    ),
    script(
        "T05",
        "a downgrade keeps both flags",
        Server::S,
        &[
            imp(Tok::B2, true, true, 2),
            check("copy of B2 imp/1 co1 eo1 L1", "new imp/1 effective", "A5", &[(Tok::B2, 0)]),
        ],
    ),
    script(
        "T06",
        "a second token replaces the first",
        Server::SPlus,
        &[imp(Tok::A2, false, false, 2), imp(Tok::B2, false, false, 2), B_OR_COPY],
    ),
    script(
        "T07",
        "the same token again, with other flags and level",
        Server::S,
        &[
            imp(Tok::A2, false, false, 2),
            imp(Tok::A2, true, true, 1),
            check("A2 co1 eo1 L1", "new imp/1 effective", "A5", &[(Tok::A2, 1)]),
        ],
    ),
    script(
        "T08",
        "a primary token is stored and opened as one",
        Server::S,
        &[imp(Tok::Ap2, false, false, 2), check("Ap2 co0 eo0 L2", "same prim all", "as A", &[(Tok::Ap2, 1)])],
    ),
    script(
        "T09",
        "copy-on-open turns a primary token into an impersonation token",
        Server::S,
        &[
            imp(Tok::Ap2, true, false, 2),
            Step::Check(ByKernel {
                documented: PRIMARY_COPY_ON_OPEN,
                nt52: State { after_open: "Ap2 co1 eo0 L2", ..PRIMARY_COPY_ON_OPEN },
                win10: PRIMARY_COPY_ON_OPEN,
            }),
        ],
    ),
    script(
        "T10",
        "the slot's level is below the token's own",
        Server::S,
        &[imp(Tok::A2, false, false, 1), check("A2 co0 eo0 L1", "same imp/2 all", "A5", &[(Tok::A2, 1)])],
    ),
    script(
        "T11",
        "a copy on open has the slot's level",
        Server::S,
        &[imp(Tok::A2, true, false, 1), check("A2 co1 eo0 L1", "new imp/1 all", "A5", &[(Tok::A2, 1)])],
    ),
    script(
        "T12",
        "Delegation opens locally what Impersonation does",
        Server::SPlus,
        &[imp(Tok::A3, false, false, 3), check("A3 co0 eo0 L3", "same imp/3 all", "as A", &[(Tok::A3, 1)])],
    ),
    script(
        "T13",
        "level 4 is no level",
        Server::S,
        &[imp_fails(Tok::A2, 4, Status::INVALID_PARAMETER), check("idle", "7C", "as A", &[(Tok::A2, 0)])],
    ),
    script(
        "T14",
        "level -1 is no level, and skips no check",
        Server::S,
        &[
            imp_fails(Tok::B2, 0xFFFF_FFFF, Status::INVALID_PARAMETER),
            check("idle", "7C", "as A", &[(Tok::B2, 0)]),
        ],
    ),
    script(
        "T15",
        "without memory for the copy, the impersonation before stays",
        Server::S,
        &[
            imp(Tok::A2, false, false, 2),
            Step::Memory(Memory::FailDuplicate(Status::INSUFFICIENT_RESOURCES)),
            imp_fails(Tok::B2, 2, Status::INSUFFICIENT_RESOURCES),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(Tok::A2, 1), (Tok::B2, 0)]),
        ],
    ),
    script(
        "T16",
        "a privilege in the impersonated token does not count",
        Server::S,
        &[
            imp(Tok::APlus2, false, false, 2),
            imp(Tok::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(Tok::APlus2, 0), (Tok::B2, 0)]),
        ],
    ),
    script(
        "T17",
        "the owning process decides, not the one attached to",
        Server::S,
        &[
            Step::Attach(Server::SPlus),
            imp(Tok::B2, false, false, 2),
            Step::Detach,
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(Tok::B2, 0)]),
        ],
    ),
    script(
        "T18",
        "a privilege lost later changes nothing",
        Server::SPlus,
        &[
            imp(Tok::B2, false, false, 2),
            Step::DisablePrivilege,
            Step::Check(ByKernel {
                documented: State { references: &[(Tok::B2, 0)], ..COPY_OF_B },
                nt52: State { references: &[(Tok::B2, 1)], ..B_ITSELF },
                win10: State { references: &[(Tok::B2, 1)], ..B_ITSELF },
            }),
        ],
    ),
];
