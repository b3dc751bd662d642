//! Group C: the downgrade copy.

use crate::rights::{
    THREAD_QUERY_LIMITED_INFORMATION, THREAD_SET_THREAD_TOKEN, TOKEN_ALL_ACCESS, TOKEN_DUPLICATE,
    TOKEN_IMPERSONATE, TOKEN_QUERY,
};
use crate::script::{
    ByKernel, Object, Program, Script, State, Step, Who, all, check, idle, imp, imp_fails, make_primary, on,
    open_own, opened, script, slot, thread,
};
use crate::{ClientToken, Logon, ServerToken};
use psimp_nt::Status;
use psimp_rules::Family;

const NO_B2: &[(ClientToken, i64)] = &[(ClientToken::B2, 0)];

/// C10: NT 5.2 copies although nothing is reduced; the others keep.
const KEPT_AT_1: State = State {
    slot: "B2 co0 eo0 L1",
    open: "same imp/2 all",
    access: "A5",
    references: &[(ClientToken::B2, 1)],
    after_open: "",
};
const COPIED_AT_1: State =
    State { slot: "copy of B2 imp/1 co0 eo0 L1", open: "same imp/1 all", references: NO_B2, ..KEPT_AT_1 };

/// C09: an Anonymous token stays at Anonymous, but NT 5.2 raises its copy.
const COPIED_AT_0: State = State {
    slot: "copy of B0 imp/0 co0 eo0 L0",
    open: "A6",
    access: "A5",
    references: &[(ClientToken::B0, 0)],
    after_open: "",
};
const RAISED_TO_1: State =
    State { slot: "copy of B0 imp/1 co0 eo0 L1", open: "same imp/1 all", ..COPIED_AT_0 };

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "C01",
        "the copy is another object of the same user, logon, session and source",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", NO_B2),
            Step::Object(Object::SameOrigin(ClientToken::B2)),
        ],
    ),
    script(
        "C02",
        "the copy is an impersonation token at Identification",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "", &[]),
        ],
    ),
    script(
        "C03",
        "also of a primary token",
        ServerToken::S,
        &[
            imp(ClientToken::Bp0, false, false, 2),
            check("copy of Bp0 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[(ClientToken::Bp0, 0)]),
        ],
    ),
    script(
        "C04",
        "effective-only marks the slot, the copy keeps what is disabled",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, true, 2),
            check("copy of B2 imp/1 co0 eo1 L1", "same imp/1 all", "A5", NO_B2),
        ],
    ),
    script(
        "C05",
        "the copy outlives every other reference, and with it the logon session",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::Object(Object::Forget),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[]),
            Step::Object(Object::SessionAlive(Logon::B1, true)),
        ],
    ),
    script(
        "C06",
        "a revert lets go of the copy, which ends the logon session",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::Object(Object::Forget),
            Step::Revert,
            Step::Object(Object::SessionAlive(Logon::B1, false)),
        ],
    ),
    script(
        "C07",
        "privileges adjusted in the original do not reach the copy",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::Object(Object::EnableDisabled(ClientToken::B2)),
            check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", NO_B2),
        ],
    ),
    script(
        "C08",
        "they do reach a token that was kept: it is the same object",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
            Step::Object(Object::EnableDisabled(ClientToken::A2)),
            check("A2 co0 eo0 L2", "same imp/2 effective", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "C09",
        "the copy of an Anonymous token",
        ServerToken::S,
        &[
            // The driver refuses to ask for more than the token's own level.
            Step::OnlyKernel(&[
                imp(ClientToken::B0, false, false, 2),
                Step::Check(ByKernel { nt52: RAISED_TO_1, ..all(COPIED_AT_0) }),
            ]),
            Step::OnlyDriver(&[
                imp_fails(ClientToken::B0, 2, Status::BAD_IMPERSONATION_LEVEL),
                idle(&[(ClientToken::B0, 0)]),
            ]),
        ],
    ),
    script(
        "C10",
        "NT 5.2 copies at Identification what others keep there",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 1),
            Step::Check(ByKernel { nt52: COPIED_AT_1, ..all(KEPT_AT_1) }),
        ],
    ),
    script(
        "C12",
        "the copy set on another thread stays where it is",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            opened(Program::SELF, TOKEN_QUERY | TOKEN_IMPERSONATE, true, Status::SUCCESS),
            thread(1, Who::T2, THREAD_SET_THREAD_TOKEN),
            Step::Program(Program::SetThreadToken { thread: 1, token: 9, status: Status::SUCCESS }),
            on(Who::T2, &[check("copy of B2 imp/1 co0 eo0 L1", "same imp/1 all", "A5", &[])]),
            // NT 5.2 copies at Identification too.
            Step::OnKernels(&[Family::Nt52], &[Step::Object(Object::SameToken(Who::T1, Who::T2, false))]),
            Step::OnKernels(
                &[Family::Documented, Family::Win10],
                &[Step::Object(Object::SameToken(Who::T1, Who::T2, true))],
            ),
        ],
    ),
    script(
        "C13",
        "a copy cannot be raised",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            opened(Program::SELF, TOKEN_QUERY | TOKEN_DUPLICATE, true, Status::SUCCESS),
            Step::Program(Program::Duplicate { token: 9, level: 2, status: Status::BAD_IMPERSONATION_LEVEL }),
            Step::Program(Program::Duplicate { token: 9, level: 1, status: Status::SUCCESS }),
        ],
    ),
    // Reported of Windows 10: the token that the thread impersonates determines who may open the
    // kernel's own copy.
    script(
        "C14",
        "the server may open the driver's copy, and the client that its thread impersonated may not",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            imp(ClientToken::NS, false, false, 2),
            slot("copy of NS imp/1 co0 eo0 L1"),
            Step::WhereDocumented(&[
                open_own(true, "same imp/1 all"),
                opened(Program::SELF, TOKEN_ALL_ACCESS, true, Status::SUCCESS),
                // NT 5.2 copies it once more, and the documentation is silent.
                Step::OnKernels(
                    &[Family::Win10],
                    &[on(
                        Who::ClientB,
                        &[
                            thread(1, Who::T1, THREAD_QUERY_LIMITED_INFORMATION),
                            opened(1, TOKEN_QUERY, true, Status::ACCESS_DENIED),
                        ],
                    )],
                ),
            ]),
        ],
    )
    .through_driver(None),
    script(
        "C15",
        "a copy for another thread, too; what the calling thread impersonates stays",
        ServerToken::S,
        &[
            imp(ClientToken::B2, true, true, 2),
            Step::Toward(Who::T2, &[imp(ClientToken::NS, false, false, 2)]),
            slot("copy of B2 imp/1 co1 eo1 L1"),
            on(
                Who::T2,
                &[
                    slot("copy of NS imp/1 co0 eo0 L1"),
                    Step::WhereDocumented(&[opened(Program::SELF, TOKEN_ALL_ACCESS, true, Status::SUCCESS)]),
                ],
            ),
        ],
    )
    .through_driver(None),
    script(
        "C16",
        "no primary token can be made of a copy",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            opened(Program::SELF, TOKEN_QUERY | TOKEN_DUPLICATE, true, Status::SUCCESS),
            make_primary(9, Status::BAD_IMPERSONATION_LEVEL),
            slot("copy of B2 imp/1 co0 eo0 L1"),
        ],
    ),
    script(
        "C17",
        "of the client's token it can, if the server may have that: here by the privilege",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            opened(Program::SELF, TOKEN_QUERY | TOKEN_DUPLICATE, true, Status::SUCCESS),
            Step::WhereDocumented(&[make_primary(9, Status::BAD_IMPERSONATION_LEVEL)]),
            Step::WhereNotDocumented(&[make_primary(9, Status::SUCCESS)]),
        ],
    ),
];
