//! Group X: other threads and processes, and routines that take one.

use crate::rights::{
    THREAD_ALL_ACCESS, THREAD_DIRECT_IMPERSONATION, THREAD_IMPERSONATE, THREAD_SET_THREAD_TOKEN,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_ALL_ACCESS, TOKEN_IMPERSONATE, TOKEN_QUERY,
};
use crate::script::{
    DELETE, Program, Script, Step, USE, Who, check, create, end, idle, imp, imp_fails, on, open_own, script,
    set_own, slot, thread, token,
};
use crate::{ClientToken, ServerToken};
use psimp_nt::Status;
use psimp_rules::Family;

const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const DENIED: Status = Status::ACCESS_DENIED;
const NT52: &[Family] = &[Family::Nt52];
const NOT_NT52: &[Family] = &[Family::Documented, Family::Win10];

const fn impersonate_thread(server: usize, client: usize, level: u32, status: Status) -> Step {
    Step::Program(Program::ImpersonateThread { server, client, level, status })
}

const fn set(thread: usize, token: usize, status: Status) -> Step {
    Step::Program(Program::SetThreadToken { thread, token, status })
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "X01",
        "a thread impersonates for another one",
        ServerToken::S,
        &[
            Step::Toward(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            on(Who::T2, &[check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)])]),
            idle(&[(ClientToken::A2, 1)]),
            Step::Toward(Who::T2, &[slot("A2 co0 eo0 L2"), end(), slot("idle")]),
        ],
    ),
    script(
        "X02",
        "the process of the target decides; the driver takes own threads only",
        ServerToken::S,
        &[
            Step::Toward(
                Who::Q,
                &[
                    Step::OnlyKernel(&[imp(ClientToken::B2, false, false, 2)]),
                    Step::OnlyDriver(&[imp_fails(ClientToken::B2, 2, DENIED)]),
                ],
            ),
            Step::OnlyKernel(&[on(
                Who::Q,
                &[
                    Step::WhereDocumented(&[slot("copy of B2 imp/1 co0 eo0 L1")]),
                    Step::WhereNotDocumented(&[slot("B2 co0 eo0 L2")]),
                ],
            )]),
            Step::OnlyDriver(&[on(Who::Q, &[slot("idle")])]),
            imp(ClientToken::B2, false, false, 2),
            slot("copy of B2 imp/1 co0 eo0 L1"),
        ],
    ),
    script(
        "X03",
        "a revert concerns one thread",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            imp(ClientToken::A2, false, false, 2),
            Step::Revert,
            on(Who::T2, &[check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)])]),
        ],
    ),
    script(
        "X04",
        "copy-on-open moves the opened thread's slot only",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, true, false, 2)]),
            imp(ClientToken::A2, true, false, 2),
            open_own(false, "new imp/2 all"),
            check("copy of A2 imp/2 co0 eo0 L2", "", "as A", &[(ClientToken::A2, 1)]),
            on(Who::T2, &[slot("A2 co1 eo0 L2")]),
        ],
    ),
    script(
        "X05",
        "threads that hold one token see what is adjusted in it",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            imp(ClientToken::A2, false, false, 2),
            token(0, ClientToken::A2, TOKEN_ADJUST_PRIVILEGES),
            Step::Program(Program::EnableDisabled(0)),
            check("A2 co0 eo0 L2", "same imp/2 effective", "", &[]),
            on(Who::T2, &[check("A2 co0 eo0 L2", "same imp/2 effective", "", &[])]),
        ],
    ),
    script(
        "X06",
        "setting a thread's token needs THREAD_SET_THREAD_TOKEN",
        ServerToken::S,
        &[
            thread(0, Who::T2, THREAD_ALL_ACCESS & !THREAD_SET_THREAD_TOKEN),
            token(1, ClientToken::A2, TOKEN_IMPERSONATE),
            set(0, 1, DENIED),
            on(Who::T2, &[slot("idle")]),
            thread(2, Who::T2, THREAD_SET_THREAD_TOKEN),
            set(2, 1, Status::SUCCESS),
            on(Who::T2, &[slot("A2 co0 eo0 L2")]),
        ],
    ),
    script(
        "X07",
        "and TOKEN_IMPERSONATE",
        ServerToken::S,
        &[token(0, ClientToken::A2, TOKEN_QUERY), set_own(0, DENIED), slot("idle")],
    ),
    script(
        "X08",
        "a primary token cannot be set, but impersonated",
        ServerToken::S,
        &[
            token(0, ClientToken::Ap2, TOKEN_ALL_ACCESS),
            set_own(0, Status::BAD_TOKEN_TYPE),
            slot("idle"),
            imp(ClientToken::Ap2, false, false, 2),
            slot("Ap2 co0 eo0 L2"),
        ],
    ),
    script(
        "X09",
        "a handle has eight bytes",
        ServerToken::S,
        &[
            token(0, ClientToken::A2, TOKEN_IMPERSONATE),
            Step::Program(Program::SetInformation {
                token: 0,
                length: 4,
                status: Status::INFO_LENGTH_MISMATCH,
            }),
            slot("idle"),
            Step::Program(Program::SetInformation { token: 0, length: 8, status: Status::SUCCESS }),
            slot("A2 co0 eo0 L2"),
        ],
    ),
    script(
        "X10",
        "NtImpersonateThread: which right on which thread",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            thread(0, Who::T1, THREAD_IMPERSONATE),
            thread(1, Who::T2, THREAD_DIRECT_IMPERSONATION),
            thread(2, Who::T1, THREAD_DIRECT_IMPERSONATION),
            thread(3, Who::T2, THREAD_IMPERSONATE),
            Step::OnKernels(
                NOT_NT52,
                &[
                    impersonate_thread(2, 3, 2, DENIED),
                    slot("idle"),
                    impersonate_thread(0, 1, 2, Status::SUCCESS),
                ],
            ),
            Step::OnKernels(
                NT52,
                &[
                    impersonate_thread(0, 1, 2, DENIED),
                    slot("idle"),
                    impersonate_thread(2, 3, 2, Status::SUCCESS),
                ],
            ),
            slot("A2 co1 eo0 L2"),
        ],
    ),
    script(
        "X11",
        "a client at Identification cannot be handed on",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 1)]),
            thread(0, Who::T1, THREAD_ALL_ACCESS),
            thread(1, Who::T2, THREAD_ALL_ACCESS),
            impersonate_thread(0, 1, 1, A5),
            slot("idle"),
        ],
    ),
    script(
        "X12",
        "a context cannot be above the client's slot",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            create(Who::T2, 3, true, false, A5),
            create(Who::T2, 2, true, false, Status::SUCCESS),
            DELETE,
            idle(&[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "X13",
        "a remote server needs a client at Delegation",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            create(Who::T2, 2, true, true, A5),
            on(Who::T2, &[imp(ClientToken::A3, false, false, 3)]),
            create(Who::T2, 3, true, true, Status::SUCCESS),
            DELETE,
            idle(&[(ClientToken::A2, 0), (ClientToken::A3, 1)]),
        ],
    ),
    script(
        "X14",
        "a context of an idle client: a copy, or the primary token itself",
        ServerToken::S,
        &[
            create(Who::T2, 2, false, false, Status::SUCCESS),
            USE,
            DELETE,
            slot("copy of the primary token imp/2 co1 eo0 L2"),
            create(Who::T2, 2, true, false, Status::SUCCESS),
            USE,
            DELETE,
            // NT 5.2 compares with the level recorded in the primary token, which is 0.
            Step::OnKernels(NT52, &[slot("copy of the primary token imp/1 co1 eo0 L1")]),
            Step::OnKernels(NOT_NT52, &[slot("the primary token co1 eo0 L2")]),
        ],
    ),
    script(
        "X15",
        "slots outlive the context they came from",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            create(Who::T2, 2, true, false, Status::SUCCESS),
            on(Who::T2, &[Step::Revert]),
            USE,
            Step::Toward(Who::T3, &[USE]),
            check("A2 co1 eo0 L2", "", "as A", &[(ClientToken::A2, 3)]),
            DELETE,
            check("A2 co1 eo0 L2", "", "as A", &[(ClientToken::A2, 2)]),
            on(Who::T3, &[slot("A2 co1 eo0 L2")]),
        ],
    ),
    script(
        "X16",
        "a level that is none",
        ServerToken::S,
        &[
            Step::OnKernels(NT52, &[create(Who::T2, 7, true, false, Status::INVALID_PARAMETER)]),
            Step::OnKernels(NOT_NT52, &[create(Who::T2, 7, true, false, A5)]),
        ],
    ),
    script(
        "X17",
        "a system thread has no TEB to be told",
        ServerToken::S,
        &[
            Step::Toward(
                Who::System,
                &[
                    imp(ClientToken::A2, false, false, 2),
                    slot("A2 co0 eo0 L2"),
                    Step::Program(Program::TebImpersonating(false)),
                    end(),
                    slot("idle"),
                ],
            ),
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
];
