//! Group T: the contents of the slot: types, flags, replacement.

use crate::script::{ByKernel, Memory, Script, State, Step, check, imp, imp_fails, script};
use crate::{ClientToken, ServerToken};
use psimp_nt::Status;

/// Privileged servers under the documented rules, which do not depend on the
/// privilege: rows T06 and T18 of the specification apply to the kernels alone.
const COPY_OF_B: State = State {
    slot: "copy of B2 imp/1 co0 eo0 L1",
    open: "same imp/1 all",
    access: "A5",
    references: &[(ClientToken::A2, 0), (ClientToken::B2, 0)],
    after_open: "",
};

const B_ITSELF: State = State {
    slot: "B2 co0 eo0 L2",
    open: "same imp/2 all",
    access: "as B",
    references: &[(ClientToken::A2, 0), (ClientToken::B2, 1)],
    after_open: "",
};

const B_OR_COPY: Step = Step::Check(ByKernel { documented: COPY_OF_B, nt52: B_ITSELF, win10: B_ITSELF });

/// T09: the open replaces the slot's primary token by the copy, but on NT 5.2 a
/// thread that opens its own token as itself undoes that.
const PRIMARY_COPY_ON_OPEN: State = State {
    slot: "Ap2 co1 eo0 L2",
    open: "new imp/2 all",
    access: "as A",
    references: &[(ClientToken::Ap2, 1)],
    after_open: "copy of Ap2 imp/2 co0 eo0 L2",
};

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "T01",
        "no flags: the token itself is opened",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T02",
        "copy-on-open: a copy is opened, with what is disabled",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 2),
            check("A2 co1 eo0 L2", "new imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T03",
        "effective-only alone changes nothing that is opened",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, true, 2),
            check("A2 co0 eo1 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T04",
        "both flags: the copy is without what is disabled",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, true, 2),
            check("A2 co1 eo1 L2", "new imp/2 effective", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T05",
        "a downgrade keeps both flags",
        ServerToken::S,
        &[
            imp(ClientToken::B2, true, true, 2),
            check("copy of B2 imp/1 co1 eo1 L1", "new imp/1 effective", "A5", &[(ClientToken::B2, 0)]),
        ],
    ),
    script(
        "T06",
        "a second token replaces the first",
        ServerToken::SPlus,
        &[imp(ClientToken::A2, false, false, 2), imp(ClientToken::B2, false, false, 2), B_OR_COPY],
    ),
    script(
        "T07",
        "the same token again, with other flags and level",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            imp(ClientToken::A2, true, true, 1),
            check("A2 co1 eo1 L1", "new imp/1 effective", "A5", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T08",
        "a primary token is stored and opened as one",
        ServerToken::S,
        &[
            imp(ClientToken::Ap2, false, false, 2),
            check("Ap2 co0 eo0 L2", "same prim all", "as A", &[(ClientToken::Ap2, 1)]),
        ],
    ),
    script(
        "T09",
        "copy-on-open turns a primary token into an impersonation token",
        ServerToken::S,
        &[
            imp(ClientToken::Ap2, true, false, 2),
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
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            check("A2 co0 eo0 L1", "same imp/2 all", "A5", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T11",
        "a copy on open has the slot's level",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 1),
            check("A2 co1 eo0 L1", "new imp/1 all", "A5", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "T12",
        "Delegation opens locally what Impersonation does",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A3, false, false, 3),
            check("A3 co0 eo0 L3", "same imp/3 all", "as A", &[(ClientToken::A3, 1)]),
        ],
    ),
    script(
        "T13",
        "level 4 is no level",
        ServerToken::S,
        &[
            imp_fails(ClientToken::A2, 4, Status::INVALID_PARAMETER),
            check("idle", "7C", "as A", &[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "T14",
        "level -1 is no level, and skips no check",
        ServerToken::S,
        &[
            imp_fails(ClientToken::B2, 0xFFFF_FFFF, Status::INVALID_PARAMETER),
            check("idle", "7C", "as A", &[(ClientToken::B2, 0)]),
        ],
    ),
    script(
        "T15",
        "without memory for the copy, the impersonation before stays",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Memory(Memory::FailDuplicate(Status::INSUFFICIENT_RESOURCES)),
            imp_fails(ClientToken::B2, 2, Status::INSUFFICIENT_RESOURCES),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1), (ClientToken::B2, 0)]),
        ],
    ),
    script(
        "T16",
        "a privilege in the impersonated token does not count",
        ServerToken::S,
        &[
            imp(ClientToken::APlus2, false, false, 2),
            imp(ClientToken::B2, false, false, 2),
            check(
                "copy of B2 imp/1 co0 eo0 L1",
                "same imp/1 all",
                "A5",
                &[(ClientToken::APlus2, 0), (ClientToken::B2, 0)],
            ),
        ],
    ),
    script(
        "T17",
        "the owning process decides, not the one attached to",
        ServerToken::S,
        &[
            Step::Attach(ServerToken::SPlus),
            imp(ClientToken::B2, false, false, 2),
            Step::Detach,
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(ClientToken::B2, 0)]),
        ],
    ),
    script(
        "T18",
        "a privilege lost later changes nothing",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::DisablePrivilege,
            Step::Check(ByKernel {
                documented: State { references: &[(ClientToken::B2, 0)], ..COPY_OF_B },
                nt52: State { references: &[(ClientToken::B2, 1)], ..B_ITSELF },
                win10: State { references: &[(ClientToken::B2, 1)], ..B_ITSELF },
            }),
        ],
    ),
];
