//! Group R: many repetitions leave nothing behind.

use crate::rights::THREAD_QUERY_INFORMATION;
use crate::script::{
    DELETE, Memory, Object, Program, Script, Step, Who, check, create, exit, idle, imp, imp_fails, on,
    open_own, script, slot, thread,
};
use crate::{ClientToken, ServerToken};
use psimp_nt::Status;
use psimp_rules::Family;

const NO_COPY: Step = Step::Memory(Memory::FailDuplicate(Status::INSUFFICIENT_RESOURCES));
const fn context(dynamic: bool) -> Step {
    create(Who::T2, 2, dynamic, false, Status::SUCCESS)
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "R01",
        "impersonating and reverting 10,000 times",
        ServerToken::S,
        &[
            Step::Repeat(10_000, &[imp(ClientToken::A2, false, false, 2), Step::Revert]),
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "R02",
        "being denied and reverting 10,000 times",
        ServerToken::S,
        &[
            Step::Repeat(10_000, &[imp(ClientToken::B2, false, false, 2), Step::Revert]),
            idle(&[(ClientToken::B2, 0)]),
        ],
    ),
    script(
        "R03",
        "referencing and dereferencing 10,000 times",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Repeat(10_000, &[Step::Save(0), Step::Discard(0, Status::SUCCESS)]),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "R04",
        "the same token 1,000 times holds one reference",
        ServerToken::S,
        &[
            Step::Repeat(1_000, &[imp(ClientToken::A2, false, false, 2)]),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "R05",
        "the slot's token stays valid when every handle of it is closed",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Object(Object::Forget),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[]),
        ],
    ),
    script(
        "R06",
        "ways to fail, 1,000 times each",
        ServerToken::S,
        &[
            Step::Repeat(1_000, &[NO_COPY, imp_fails(ClientToken::B2, 2, Status::INSUFFICIENT_RESOURCES)]),
            imp(ClientToken::A2, true, false, 2),
            Step::Repeat(1_000, &[NO_COPY, open_own(true, "STATUS_INSUFFICIENT_RESOURCES")]),
            Step::Revert,
            Step::Object(Object::AssignJob(1)),
            Step::OnKernels(
                &[Family::Documented, Family::Nt52],
                &[Step::Repeat(1_000, &[imp_fails(ClientToken::Aa2, 2, Status::ACCESS_DENIED)])],
            ),
            idle(&[(ClientToken::A2, 0), (ClientToken::B2, 0), (ClientToken::Aa2, 0)]),
        ],
    ),
    script(
        "R07",
        "opening a copy 1,000 times, armed anew each time",
        ServerToken::S,
        &[
            Step::Repeat(1_000, &[imp(ClientToken::A2, true, false, 2), open_own(true, "new imp/2 all")]),
            Step::Revert,
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "R10",
        "a file object closed with 16 saves outstanding drops them",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            // Every case ends with a close, after which leaks are checked.
            Step::OnlyDriver(&[
                Step::SaveMany(16),
                check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 17)]),
            ]),
        ],
    ),
    script(
        "R08",
        "client contexts made and deleted 1,000 times, static and dynamic",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            Step::Repeat(1_000, &[context(false), DELETE, context(true), DELETE]),
            idle(&[(ClientToken::A2, 1)]),
            on(Who::T2, &[Step::Revert]),
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "R09",
        "the anonymous token impersonated and reverted 1,000 times",
        ServerToken::S,
        &[
            Step::Object(Object::AnonymousReferences(0)),
            Step::Repeat(
                1_000,
                &[Step::Program(Program::ImpersonateAnonymous(Status::SUCCESS)), Step::Revert],
            ),
            // ReactOS leaks one reference each time.
            Step::OnKernels(&[Family::Nt52], &[Step::Object(Object::AnonymousReferences(1_000))]),
            Step::OnKernels(
                &[Family::Documented, Family::Win10],
                &[Step::Object(Object::AnonymousReferences(0))],
            ),
        ],
    ),
    script(
        "R11",
        "a thread that exits while impersonating lets go of the token",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            idle(&[(ClientToken::A2, 1)]),
            exit(Who::T2),
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "R12",
        "but not while somebody has a handle of the thread",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2)]),
            thread(0, Who::T2, THREAD_QUERY_INFORMATION),
            exit(Who::T2),
            idle(&[(ClientToken::A2, 1)]),
            Step::Program(Program::Close(0)),
            idle(&[(ClientToken::A2, 0)]),
        ],
    ),
    script(
        "R13",
        "unloading after a close with saves outstanding leaves nothing, and threads as they are",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            on(Who::T2, &[imp(ClientToken::B2, false, false, 2)]),
            // Every case ends with a close and an unload.
            Step::OnlyDriver(&[
                Step::SaveMany(8),
                Step::Toward(Who::T2, &[Step::SaveMany(8)]),
                slot("A2 co0 eo0 L2"),
            ]),
            on(Who::T2, &[slot("copy of B2 imp/1 co0 eo0 L1")]),
        ],
    ),
];
