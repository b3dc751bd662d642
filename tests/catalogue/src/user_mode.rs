//! Group U: impersonation by user-mode calls, after which the driver must report
//! what `OpenThreadToken` shows.

use crate::rights::{TOKEN_ALL_ACCESS, TOKEN_DUPLICATE, TOKEN_IMPERSONATE, TOKEN_QUERY};
use crate::script::{
    Judge, Program, Script, Securable, Step, check, idle, imp, make_primary, open, opened, script, set_own,
    slot, token,
};
use crate::{ClientToken, Logon, ServerToken, User};
use psimp_nt::{Status, integrity};
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
            Step::Program(Program::ImpersonateAnonymous(OK)),
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
    // The page of ImpersonateAnonymousToken: ACCESS_DENIED might indicate a restricted process.
    script(
        "U17",
        "ImpersonateAnonymousToken from a restricted process",
        ServerToken::SR,
        &[
            Step::Program(Program::ImpersonateAnonymous(Status::ACCESS_DENIED)),
            check("idle", "7C", "as A*", &[]),
        ],
    ),
    script(
        "U18",
        "ImpersonateAnonymousToken from a write-restricted process",
        ServerToken::SWR,
        &[
            Step::OnKernels(
                &[Family::Nt52],
                &[Step::Program(Program::ImpersonateAnonymous(Status::ACCESS_DENIED)), slot("idle")],
            ),
            Step::OnKernels(
                DOCUMENTED,
                &[
                    Step::Program(Program::ImpersonateAnonymous(OK)),
                    slot("copy of the anonymous token imp/1 co1 eo0 L1"),
                ],
            ),
            Step::OnKernels(
                &[Family::Win10],
                &[Step::Program(Program::ImpersonateAnonymous(OK)), slot("the anonymous token co1 eo0 L2")],
            ),
        ],
    ),
    // DuplicateTokenEx, tested by Wine and ReactOS: a primary token needs one at Impersonation.
    script(
        "U19",
        "a primary token is made of one at Impersonation, and of none below",
        ServerToken::S,
        &[
            token(0, ClientToken::A0, TOKEN_DUPLICATE),
            make_primary(0, A5),
            token(1, ClientToken::A1, TOKEN_DUPLICATE),
            make_primary(1, A5),
            token(2, ClientToken::A2, TOKEN_DUPLICATE),
            make_primary(2, OK),
            token(3, ClientToken::A3, TOKEN_DUPLICATE),
            make_primary(3, OK),
        ],
    ),
    // Without SeTcbPrivilege, LSA gives an Identification token for a name alone.
    script(
        "U20",
        "the token of an S4U logon, at Identification, stays there: no privilege of the server raises it",
        ServerToken::SPlus,
        &[
            token(0, ClientToken::B1, TOKEN_IMPERSONATE | TOKEN_QUERY | TOKEN_DUPLICATE),
            duplicate(0, 2, A5),
            make_primary(0, A5),
            set_own(0, OK),
            check("B1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
            open(Securable::Granting(&[User::B.sid()]), A5),
        ],
    ),
    // The page of LogonUser: the new logon session has the same local identity, and other credentials for the network.
    script(
        "U21",
        "LOGON32_LOGON_NEW_CREDENTIALS: kept, and here the same user as before; drive letters are the new session's",
        ServerToken::S,
        &[
            Step::Program(Program::DefineDrive(Logon::A1)),
            token(0, ClientToken::Ac2, TOKEN_IMPERSONATE | TOKEN_QUERY),
            Step::Program(Program::Tells { token: 0, user: User::A, integrity: integrity::MEDIUM }),
            set_own(0, OK),
            check("Ac2 co0 eo0 L2", "same imp/2 all", "as A", &[]),
            open(A_ONLY, OK),
            Step::Program(Program::ResolveDrive(Status::OBJECT_NAME_NOT_FOUND)),
        ],
    ),
    // Windows 10 keeps it because it was logged on from the server's session; one of another session would be a copy.
    script(
        "U22",
        "LOGON32_LOGON_NEW_CREDENTIALS in a UAC-filtered process: kept too",
        ServerToken::SF,
        &[
            token(0, ClientToken::Acf2, TOKEN_IMPERSONATE | TOKEN_QUERY),
            set_own(0, OK),
            check("Acf2 co0 eo0 L2", "same imp/2 all", "as A", &[]),
            token(1, ClientToken::Ac2, TOKEN_IMPERSONATE | TOKEN_QUERY),
            set_own(1, OK),
            Step::OnKernels(
                &[Family::Win10],
                &[check("copy of Ac2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[])],
            ),
            Step::OnKernels(
                &[Family::Documented, Family::Nt52],
                &[check("Ac2 co0 eo0 L2", "same imp/2 all", "as A", &[])],
            ),
        ],
    ),
];
