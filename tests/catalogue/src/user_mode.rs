//! Group U: impersonation by user-mode calls, after which the driver must report
//! what `OpenThreadToken` shows.

use crate::rights::{TOKEN_ALL_ACCESS, TOKEN_DUPLICATE, TOKEN_IMPERSONATE, TOKEN_QUERY};
use crate::script::{
    Judge, Program, Script, Securable, Step, check, idle, imp, open, opened, script, set_own, slot, token,
};
use crate::{ClientToken, ServerToken, User};
use psimp_nt::Status;
use psimp_rules::Family;

const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const OK: Status = Status::SUCCESS;
const A_ONLY: Securable = Securable::Granting(&[User::A.sid()]);
const DOCUMENTED: &[Family] = &[Family::Documented];
const NOT_DOCUMENTED: &[Family] = &[Family::Nt52, Family::Win10];

const fn own(level: u32) -> Step {
    Step::Program(Program::ImpersonateSelf(level))
}

const fn duplicate(token: usize, level: u32, status: Status) -> Step {
    Step::Program(Program::Duplicate { token, level, status })
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "U01",
        "ImpersonateSelf at Anonymous",
        ServerToken::S,
        &[own(0), check("copy of the primary token imp/0 co0 eo0 L0", "A6", "A5", &[]), open(A_ONLY, A5)],
    ),
    script(
        "U02",
        "ImpersonateSelf at Identification: nothing opens, NtPrivilegeCheck works",
        ServerToken::Sx,
        &[
            own(1),
            check("copy of the primary token imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
            open(A_ONLY, A5),
            opened(Program::SELF, TOKEN_QUERY, true, OK),
            Step::Judge(Judge::TokenPrivilege(9, Ok(true))),
        ],
    ),
    script(
        "U03",
        "ImpersonateSelf at Impersonation",
        ServerToken::S,
        &[
            own(2),
            check("copy of the primary token imp/2 co0 eo0 L2", "same imp/2 all", "as A", &[]),
            open(A_ONLY, OK),
        ],
    ),
    script(
        "U04",
        "the token of a LogonUser in the own session, no privilege",
        ServerToken::S,
        &[
            token(0, ClientToken::Bo2, TOKEN_IMPERSONATE),
            set_own(0, OK),
            // The documented rules do not depend on the origin, the kernels' do.
            Step::OnKernels(
                DOCUMENTED,
                &[check("copy of Bo2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[])],
            ),
            Step::OnKernels(NOT_DOCUMENTED, &[check("Bo2 co0 eo0 L2", "same imp/2 all", "as B", &[])]),
        ],
    ),
    script(
        "U05",
        "the token of an unrelated user, no privilege",
        ServerToken::S,
        &[
            token(0, ClientToken::B2, TOKEN_IMPERSONATE),
            set_own(0, OK),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
        ],
    ),
    script(
        "U06",
        "ImpersonateAnonymousToken",
        ServerToken::S,
        &[
            Step::Program(Program::ImpersonateAnonymous),
            Step::OnKernels(
                DOCUMENTED,
                &[check("copy of the anonymous token imp/1 co1 eo0 L1", "new imp/1 effective", "A5", &[])],
            ),
            Step::OnKernels(
                NOT_DOCUMENTED,
                &[check("the anonymous token co1 eo0 L2", "new imp/2 effective", "as AN", &[])],
            ),
        ],
    ),
    script(
        "U07",
        "RevertToSelf of an idle thread",
        ServerToken::S,
        &[Step::Program(Program::SetThreadTokenNull), idle(&[])],
    ),
    script(
        "U13",
        "DuplicateTokenEx does not raise",
        ServerToken::S,
        &[
            token(0, ClientToken::A1, TOKEN_DUPLICATE),
            duplicate(0, 2, A5),
            duplicate(0, 1, OK),
            token(1, ClientToken::A2, TOKEN_DUPLICATE),
            duplicate(1, 2, OK),
        ],
    ),
    script(
        "U14",
        "an unrestricted process takes a restricted token of its own",
        ServerToken::S,
        &[
            token(0, ClientToken::A2, TOKEN_ALL_ACCESS),
            Step::Program(Program::Restrict { token: 0, keep: 1 }),
            set_own(1, OK),
            Step::OnKernels(
                &[Family::Win10],
                &[check("copy of A2 imp/2 co0 eo0 L2", "same imp/2 all", "as A*", &[])],
            ),
            Step::OnKernels(
                &[Family::Documented, Family::Nt52],
                &[check("copy of A2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[])],
            ),
        ],
    ),
    script(
        "U15",
        "a restricted process takes an unrestricted token of its own user",
        ServerToken::SR,
        &[
            token(0, ClientToken::A2, TOKEN_IMPERSONATE),
            set_own(0, OK),
            check("copy of A2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
        ],
    ),
    script(
        "U16",
        "the driver reports impersonation by user mode as OpenThreadToken does",
        ServerToken::S,
        &[
            own(0),
            check("copy of the primary token imp/0 co0 eo0 L0", "A6", "", &[]),
            // Below Impersonation a thread cannot open its process's token either.
            Step::Revert,
            own(1),
            check("copy of the primary token imp/1 co0 eo0 L1", "same imp/1 all", "", &[]),
            Step::Revert,
            own(2),
            check("copy of the primary token imp/2 co0 eo0 L2", "same imp/2 all", "", &[]),
            token(0, ClientToken::B2, TOKEN_IMPERSONATE),
            set_own(0, OK),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "", &[]),
            imp(ClientToken::A2, false, false, 1),
            check("A2 co0 eo0 L1", "same imp/2 all", "", &[]),
            Step::Program(Program::SetThreadTokenNull),
            slot("idle"),
        ],
    ),
];
