//! Group J: jobs with security limits. Windows 10 has none: there every row is as
//! without a job.

use crate::script::{Memory, Object, Script, Step, check, end, idle, imp, imp_fails, script, slot};
use crate::{ClientToken, Logon, ServerToken};
use psimp_nt::Status;
use psimp_rules::Family;

/// `JOB_OBJECT_SECURITY_NO_ADMIN`.
const NO_ADMIN: Step = Step::Object(Object::AssignJob(1));
/// `JOB_OBJECT_SECURITY_RESTRICTED_TOKEN`.
const RESTRICTED_TOKEN: Step = Step::Object(Object::AssignJob(2));
/// `JOB_OBJECT_SECURITY_ONLY_TOKEN`.
const ONLY_TOKEN: Step = Step::Object(Object::AssignJob(4));
/// `JOB_OBJECT_SECURITY_FILTER_TOKENS`.
const FILTER_TOKENS: Step = Step::Object(Object::AssignJob(8));

const WITH_JOBS: &[Family] = &[Family::Documented, Family::Nt52];
const DOCUMENTED: &[Family] = &[Family::Documented];
const NT52: &[Family] = &[Family::Nt52];
const WIN10: &[Family] = &[Family::Win10];

const fn refused(token: ClientToken) -> Step {
    imp_fails(token, 2, Status::ACCESS_DENIED)
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "J01",
        "NO_ADMIN refuses an administrator's token",
        ServerToken::S,
        &[
            NO_ADMIN,
            Step::OnKernels(WITH_JOBS, &[refused(ClientToken::Aa2), idle(&[(ClientToken::Aa2, 0)])]),
            Step::OnKernels(WIN10, &[imp(ClientToken::Aa2, false, false, 2), slot("Aa2 co0 eo0 L2")]),
        ],
    ),
    script(
        "J02",
        "and no other",
        ServerToken::S,
        &[NO_ADMIN, imp(ClientToken::A2, false, false, 2), slot("A2 co0 eo0 L2")],
    ),
    script(
        "J03",
        "also the downgrade copy of an administrator's token",
        ServerToken::S,
        &[
            NO_ADMIN,
            Step::OnKernels(
                WITH_JOBS,
                &[
                    refused(ClientToken::Ba2),
                    idle(&[(ClientToken::Ba2, 0)]),
                    Step::Object(Object::Forget),
                    Step::Object(Object::SessionAlive(Logon::B1, false)),
                ],
            ),
            Step::OnKernels(
                WIN10,
                &[imp(ClientToken::Ba2, false, false, 2), slot("copy of Ba2 imp/1 co0 eo0 L1")],
            ),
        ],
    ),
    script(
        "J04",
        "a refusal leaves the impersonation before it",
        ServerToken::S,
        &[
            NO_ADMIN,
            imp(ClientToken::A2, true, false, 2),
            Step::OnKernels(WITH_JOBS, &[refused(ClientToken::Aa2), slot("A2 co1 eo0 L2")]),
            Step::OnKernels(WIN10, &[imp(ClientToken::Aa2, false, false, 2), slot("Aa2 co0 eo0 L2")]),
        ],
    ),
    script(
        "J05",
        "ending an impersonation is free",
        ServerToken::S,
        &[NO_ADMIN, imp(ClientToken::A2, false, false, 2), end(), idle(&[(ClientToken::A2, 0)])],
    ),
    script(
        "J06",
        "RESTRICTED_TOKEN and an unrestricted token",
        ServerToken::S,
        &[
            RESTRICTED_TOKEN,
            Step::OnKernels(DOCUMENTED, &[refused(ClientToken::A2), idle(&[(ClientToken::A2, 0)])]),
            // ReactOS has the condition inverted.
            Step::OnKernels(NT52, &[imp(ClientToken::A2, false, false, 2), slot("A2 co0 eo0 L2")]),
            Step::OnKernels(WIN10, &[imp(ClientToken::A2, false, false, 2), slot("A2 co0 eo0 L2")]),
        ],
    ),
    script(
        "J07",
        "RESTRICTED_TOKEN and a restricted token",
        ServerToken::SR,
        &[
            RESTRICTED_TOKEN,
            Step::OnKernels(NT52, &[refused(ClientToken::AR2), slot("idle")]),
            Step::OnKernels(
                &[Family::Documented, Family::Win10],
                &[
                    imp(ClientToken::AR2, false, false, 2),
                    Step::WhereDocumented(&[slot("copy of AR2 imp/1 co0 eo0 L1")]),
                    Step::WhereNotDocumented(&[slot("AR2 co0 eo0 L2")]),
                ],
            ),
        ],
    ),
    script(
        "J08",
        "FILTER_TOKENS takes a privilege out of what is stored",
        ServerToken::S,
        &[
            FILTER_TOKENS,
            Step::OnKernels(
                DOCUMENTED,
                &[
                    Step::Memory(Memory::FailFilter),
                    imp_fails(ClientToken::Ax2, 2, Status::INSUFFICIENT_RESOURCES),
                    idle(&[(ClientToken::Ax2, 0)]),
                ],
            ),
            imp(ClientToken::Ax2, false, false, 2),
            Step::OnKernels(
                DOCUMENTED,
                &[
                    check("copy of Ax2 imp/2 co0 eo0 L2", "", "as A", &[(ClientToken::Ax2, 0)]),
                    Step::Object(Object::SlotHasPrivilege(false)),
                ],
            ),
            Step::OnKernels(
                &[Family::Nt52, Family::Win10],
                &[
                    check("Ax2 co0 eo0 L2", "", "as A", &[(ClientToken::Ax2, 1)]),
                    Step::Object(Object::SlotHasPrivilege(true)),
                ],
            ),
        ],
    ),
    script(
        "J09",
        "ONLY_TOKEN does not concern impersonation",
        ServerToken::S,
        &[ONLY_TOKEN, imp(ClientToken::Aa2, false, false, 2), slot("Aa2 co0 eo0 L2")],
    ),
    script(
        "J10",
        "PsRestoreImpersonation tests no job",
        ServerToken::S,
        &[
            imp(ClientToken::Aa2, false, false, 2),
            Step::Disable(0),
            NO_ADMIN,
            Step::RestoreDisabled(0),
            slot("Aa2 co0 eo0 L2"),
        ],
    ),
    script(
        "J11",
        "joining a job changes no slot, only later calls",
        ServerToken::S,
        &[
            imp(ClientToken::Aa2, true, false, 2),
            NO_ADMIN,
            slot("Aa2 co1 eo0 L2"),
            Step::OnKernels(WITH_JOBS, &[refused(ClientToken::Aa2), slot("Aa2 co1 eo0 L2")]),
            Step::OnKernels(WIN10, &[imp(ClientToken::Aa2, false, false, 2), slot("Aa2 co0 eo0 L2")]),
        ],
    ),
];
