//! Group O: `OpenThreadToken` and its side effect.

use crate::rights::{
    THREAD_ALL_ACCESS, THREAD_QUERY_INFORMATION, THREAD_QUERY_LIMITED_INFORMATION, TOKEN_QUERY,
};
use crate::script::{
    ByKernel, Program, Script, State, Step, Who, all, check, imp, on, open_own, open_process, opened, script,
    slot, thread,
};
use crate::{AppliesTo, ClientToken, ServerToken, User};
use psimp_nt::{Status, integrity};
use psimp_rules::{Family, Kernel};

const A2: &[(ClientToken, i64)] = &[(ClientToken::A2, 1)];
const NO_A2: &[(ClientToken, i64)] = &[(ClientToken::A2, 0)];

const ARMED: State = State {
    slot: "A2 co1 eo0 L2",
    open: "new imp/2 all",
    access: "as A",
    references: A2,
    after_open: "copy of A2 imp/2 co0 eo0 L2",
};
/// NT 5.2 as in `ReactOS`: a thread that opens its own token as itself undoes
/// the replacement.
const STILL_ARMED: State = State { after_open: "A2 co1 eo0 L2", ..ARMED };
const OPENED: State = State {
    slot: "copy of A2 imp/2 co0 eo0 L2",
    open: "same imp/2 all",
    access: "as A",
    references: NO_A2,
    after_open: "copy of A2 imp/2 co0 eo0 L2",
};

const FIRST_OPEN: Step = Step::Check(ByKernel { nt52: STILL_ARMED, ..all(ARMED) });
const SECOND_OPEN: Step = Step::Check(ByKernel { nt52: STILL_ARMED, ..all(OPENED) });

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "O01",
        "the first open puts the copy into the slot, the second opens that",
        ServerToken::S,
        &[imp(ClientToken::A2, true, false, 2), FIRST_OPEN, SECOND_OPEN],
    ),
    script(
        "O02",
        "after the first open the slot lets go of the original",
        ServerToken::S,
        &[imp(ClientToken::A2, true, false, 2), FIRST_OPEN, SECOND_OPEN, Step::Revert],
    ),
    script(
        "O03",
        "without copy-on-open every open is of the same object",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", A2),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", A2),
        ],
    ),
    script(
        "O04",
        "effective-only stays in the slot when the copy moves in",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, true, 2),
            Step::Check(ByKernel {
                nt52: State {
                    slot: "A2 co1 eo1 L2",
                    open: "new imp/2 effective",
                    after_open: "A2 co1 eo1 L2",
                    ..ARMED
                },
                ..all(State {
                    slot: "A2 co1 eo1 L2",
                    open: "new imp/2 effective",
                    after_open: "copy of A2 imp/2 co0 eo1 L2",
                    ..ARMED
                })
            }),
            Step::OnKernels(&[Family::Nt52], &[open_own(false, "new imp/2 effective")]),
            check("copy of A2 imp/2 co0 eo1 L2", "", "as A", NO_A2),
        ],
    ),
    script(
        "O05",
        "a thread at Identification cannot open its token as the client it is",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 1), open_own(false, "A5"), check("A2 co0 eo0 L1", "", "A5", A2)],
    ),
    script(
        "O06",
        "as itself it can",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            open_own(true, "same imp/2 all"),
            check("A2 co0 eo0 L1", "", "A5", A2),
        ],
    ),
    script(
        "O08",
        "a slot at Anonymous is not opened, as the process either",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 0),
            open_own(false, "A6"),
            open_own(true, "A6"),
            check("A2 co1 eo0 L0", "", "A5", A2),
        ],
    ),
    script(
        "O16",
        "opening as itself leaves IsImpersonating as it was",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Program(Program::TebImpersonating(true)),
            open_own(true, "same imp/2 all"),
            Step::Program(Program::TebImpersonating(true)),
            imp(ClientToken::A2, true, false, 2),
            open_own(true, "new imp/2 all"),
            Step::Program(Program::TebImpersonating(true)),
            Step::Revert,
            Step::Program(Program::TebImpersonating(false)),
        ],
    ),
    script(
        "O07",
        "at Identification the copy is opened without a check",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 1),
            open_own(false, "new imp/1 all"),
            check("copy of A2 imp/1 co0 eo0 L1", "", "A5", NO_A2),
        ],
    )
    .only(AppliesTo::on(
        &[Kernel::Nt52],
        "needs Windows: whether OpenAsSelf FALSE gets the copy at Identification is to be measured there",
    )),
    script(
        "O09",
        "an idle thread has no token, whatever access is asked for",
        ServerToken::S,
        &[opened(Program::SELF, 0xFF00_0000, true, Status::NO_TOKEN)],
    ),
    script(
        "O10",
        "as itself, the server needs access to the client's token",
        ServerToken::SPlus,
        &[
            imp(ClientToken::Bd2, false, false, 2),
            Step::WhereDocumented(&[slot("copy of Bd2 imp/1 co0 eo0 L1")]),
            Step::WhereNotDocumented(&[
                opened(Program::SELF, TOKEN_QUERY, true, Status::ACCESS_DENIED),
                slot("Bd2 co0 eo0 L2"),
            ]),
        ],
    ),
    script(
        "O11",
        "as the client, it has that access",
        ServerToken::SPlus,
        &[
            imp(ClientToken::Bd2, false, false, 2),
            Step::WhereDocumented(&[opened(
                Program::SELF,
                TOKEN_QUERY,
                false,
                Status::BAD_IMPERSONATION_LEVEL,
            )]),
            Step::WhereNotDocumented(&[
                opened(Program::SELF, TOKEN_QUERY, false, Status::SUCCESS),
                slot("Bd2 co0 eo0 L2"),
            ]),
        ],
    ),
    script(
        "O12",
        "which access to the thread an open needs",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            thread(0, Who::T1, THREAD_QUERY_LIMITED_INFORMATION),
            thread(1, Who::T1, THREAD_QUERY_INFORMATION),
            Step::OnKernels(&[Family::Nt52], &[opened(0, TOKEN_QUERY, true, Status::ACCESS_DENIED)]),
            Step::OnKernels(
                &[Family::Documented, Family::Win10],
                &[opened(0, TOKEN_QUERY, true, Status::SUCCESS)],
            ),
            opened(1, TOKEN_QUERY, true, Status::SUCCESS),
        ],
    ),
    script(
        "O13",
        "an open of another thread's copy changes that thread's slot",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, true, false, 2)]),
            thread(0, Who::T2, THREAD_ALL_ACCESS),
            opened(0, TOKEN_QUERY, true, Status::SUCCESS),
            on(Who::T2, &[check("copy of A2 imp/2 co0 eo0 L2", "same imp/2 all", "as A", NO_A2)]),
            slot("idle"),
        ],
    ),
    script(
        "O14",
        "the other thread reverts, or takes another token, while its copy is made",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, true, false, 2)]),
            thread(0, Who::T2, THREAD_ALL_ACCESS),
            Step::Meanwhile(Who::T2, &[Step::Revert, slot("idle")]),
            opened(0, TOKEN_QUERY, true, Status::SUCCESS),
            Step::OnKernels(&[Family::Nt52], &[on(Who::T2, &[slot("copy of A2 imp/2 co0 eo0 L2")])]),
            Step::OnKernels(
                &[Family::Documented, Family::Win10],
                &[
                    on(Who::T2, &[slot("idle"), imp(ClientToken::A2, true, false, 2)]),
                    Step::Meanwhile(Who::T2, &[imp(ClientToken::A3, true, false, 3)]),
                    opened(0, TOKEN_QUERY, true, Status::SUCCESS),
                    on(Who::T2, &[slot("A3 co1 eo0 L3")]),
                ],
            ),
        ],
    ),
    script(
        "O15",
        "an open as itself of the own copy does not reach the slot",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 2),
            open_own(true, "new imp/2 all"),
            check("A2 co1 eo0 L2", "", "as A", A2),
        ],
    )
    .only(AppliesTo::on(&[Kernel::Nt52], "needs the kernel nt52: a defect of ReactOS")),
    // NtOpenProcessToken opens the primary token by an access check of the calling thread (NT 5.2). It has no OpenAsSelf.
    script(
        "O18",
        "OpenProcessToken while impersonating: the client needs access to the server's token",
        ServerToken::SPlusd,
        &[
            open_process(TOKEN_QUERY, Status::SUCCESS),
            imp(ClientToken::B2, false, false, 2),
            Step::WhereDocumented(&[open_process(TOKEN_QUERY, Status::BAD_IMPERSONATION_LEVEL)]),
            Step::WhereNotDocumented(&[open_process(TOKEN_QUERY, Status::ACCESS_DENIED)]),
            imp(ClientToken::A2, false, false, 2),
            open_process(TOKEN_QUERY, Status::SUCCESS),
            Step::Revert,
            open_process(TOKEN_QUERY, Status::SUCCESS),
        ],
    ),
    script(
        "O19",
        "and what it opens is the server's own token, not the client's",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::WhereNotDocumented(&[
                open_process(TOKEN_QUERY, Status::SUCCESS),
                Step::Program(Program::Tells { token: 8, user: User::A, integrity: integrity::MEDIUM }),
            ]),
        ],
    ),
    script(
        "O20",
        "OpenProcessToken at Identification: a thread cannot open the token of its own process",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            open_process(TOKEN_QUERY, Status::BAD_IMPERSONATION_LEVEL),
            check("A2 co0 eo0 L1", "same imp/2 all", "A5", A2),
            Step::Revert,
            open_process(TOKEN_QUERY, Status::SUCCESS),
        ],
    ),
    script(
        "O21",
        "OpenThreadToken of another thread: OpenAsSelf chooses between the caller's client and the caller's process",
        ServerToken::SPlus,
        &[
            on(Who::T2, &[imp(ClientToken::Bd2, false, false, 2)]),
            thread(0, Who::T2, THREAD_ALL_ACCESS),
            imp(ClientToken::B2, false, false, 2),
            Step::WhereDocumented(&[
                opened(0, TOKEN_QUERY, false, Status::BAD_IMPERSONATION_LEVEL),
                opened(0, TOKEN_QUERY, true, Status::SUCCESS),
            ]),
            Step::WhereNotDocumented(&[
                opened(0, TOKEN_QUERY, false, Status::SUCCESS),
                opened(0, TOKEN_QUERY, true, Status::ACCESS_DENIED),
            ]),
        ],
    ),
];
