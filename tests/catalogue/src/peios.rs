//! Group P: Peios, whose rules differ in their hard errors and their ceiling.

use crate::rights::TOKEN_IMPERSONATE;
use crate::script::{
    Judge, Program, Script, Securable, Step, check, idle, imp, imp_fails, open, script, set_own, slot, token,
};
use crate::{AppliesTo, ClientToken, ServerToken, User};
use psimp_nt::{Sid, Status};
use psimp_rules::Kernel;

const PEIOS: AppliesTo = AppliesTo::on(&[Kernel::Peios], "needs the kernel peios: the row is about its rule");

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "P01",
        "another user, no privilege: capped to Identification",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
        ],
    )
    .only(PEIOS),
    script(
        "P02",
        "another user, privilege enabled, integrity not above",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::WhereDocumented(&[slot("copy of B2 imp/1 co0 eo0 L1")]),
            Step::WhereNotDocumented(&[check("B2 co0 eo0 L2", "same imp/2 all", "as B", &[])]),
        ],
    )
    .only(PEIOS),
    script(
        "P03",
        "the integrity ceiling binds the privileged too",
        ServerToken::SPlus,
        &[
            imp(ClientToken::BH2, false, false, 2),
            check("copy of BH2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
        ],
    )
    .only(PEIOS),
    script(
        "P04",
        "the same user, both unrestricted",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[])],
    )
    .only(PEIOS),
    script(
        "P05",
        "a restricted server, its own user unrestricted: an error",
        ServerToken::SRPlus,
        &[
            imp_fails(ClientToken::A2, 2, Status::PRIVILEGE_NOT_HELD),
            check("idle", "7C", "", &[(ClientToken::A2, 0)]),
        ],
    )
    .only(PEIOS),
    script(
        "P06",
        "at Anonymous access is judged as S-1-5-7 without privileges",
        ServerToken::Sx,
        &[
            imp(ClientToken::Ax2, false, false, 0),
            slot("Ax2 co0 eo0 L0"),
            open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), Status::SUCCESS),
            open(Securable::Granting(&[User::A.sid()]), Status::ACCESS_DENIED),
            Step::Judge(Judge::Privilege(false)),
            Step::Revert,
            open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), Status::ACCESS_DENIED),
            Step::Judge(Judge::Privilege(true)),
        ],
    )
    .only(PEIOS),
    script(
        "P07",
        "at Identification access is refused before the DACL",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            open(Securable::Granting(&[Sid::EVERYONE]), Status::BAD_IMPERSONATION_LEVEL),
        ],
    )
    .only(PEIOS),
    script(
        "P08",
        "a token of primary type is refused",
        ServerToken::S,
        &[
            Step::OnlyKernel(&[imp_fails(ClientToken::Ap2, 2, Status::INVALID_PARAMETER)]),
            // The driver has another meaning for that status.
            Step::OnlyDriver(&[imp_fails(ClientToken::Ap2, 2, Status::UNSUCCESSFUL)]),
            idle(&[(ClientToken::Ap2, 0)]),
        ],
    )
    .only(PEIOS),
    script(
        "P09",
        "a second impersonation replaces the first; the primary token decides",
        ServerToken::S,
        &[
            imp(ClientToken::APlus2, false, false, 2),
            imp(ClientToken::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(ClientToken::APlus2, 0)]),
        ],
    )
    .only(PEIOS),
    script(
        "P10",
        "closing the source handle ends nothing",
        ServerToken::S,
        &[
            token(0, ClientToken::A2, TOKEN_IMPERSONATE),
            set_own(0, Status::SUCCESS),
            Step::Program(Program::Close(0)),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[]),
        ],
    )
    .only(PEIOS),
];
