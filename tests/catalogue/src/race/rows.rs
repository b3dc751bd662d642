//! Group Z: races.

use super::{Act, Race, RaceOutcome, RaceOutcomes, ThreadArg, TokenArg};
use crate::{AppliesTo, ClientToken, ServerToken, Who};
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;

const OK: &[Status] = &[Status::SUCCESS];
const DENIED: &[Status] = &[Status::ACCESS_DENIED];
const NO_HANDLE: &[Status] = &[Status::INVALID_HANDLE];
const OK_OR_NO_HANDLE: &[Status] = &[Status::SUCCESS, Status::INVALID_HANDLE];
const OK_OR_CLOSED: &[Status] = &[Status::SUCCESS, Status::FILE_CLOSED];
const OK_OR_TERMINATING: &[Status] = &[Status::SUCCESS, Status::THREAD_IS_TERMINATING];

/// IMPERSONATE without flags at Impersonation level.
const fn imp(on: ThreadArg, token: TokenArg, allowed: &'static [Status]) -> Act {
    flagged(on, token, false, false, 2, allowed)
}

const fn flagged(
    on: ThreadArg,
    token: TokenArg,
    copy_on_open: bool,
    effective_only: bool,
    level: u32,
    allowed: &'static [Status],
) -> Act {
    Act::Impersonate { on, token, copy_on_open, effective_only, level, allowed }
}

const A2: TokenArg = TokenArg::Token(ClientToken::A2);
const T2: ThreadArg = ThreadArg::Of(Who::T2);
const T3: ThreadArg = ThreadArg::Of(Who::T3);

/// An end state that a run must reach.
const fn occurs(
    slots: &'static [(Who, &'static str)],
    references: &'static [(ClientToken, i64)],
) -> RaceOutcome {
    RaceOutcome { slots, references, must_occur: true }
}

/// Two writers of one slot, each with its own flags and level.
const FIRST: Act = flagged(T3, A2, true, false, 2, OK);
const SECOND: Act = flagged(T3, TokenArg::Token(ClientToken::A3), false, true, 3, OK);
const ONE_OF_TWO: RaceOutcomes = RaceOutcomes::Same(&[
    occurs(&[(Who::T3, "A2 co1 eo0 L2")], &[(ClientToken::A2, 1), (ClientToken::A3, 0)]),
    occurs(&[(Who::T3, "A3 co0 eo1 L3")], &[(ClientToken::A2, 0), (ClientToken::A3, 1)]),
]);

/// A race of server S on the NT kernels, in both rules modes.
const fn race(
    id: &'static str,
    title: &'static str,
    before: &'static [Act],
    parts: &'static [(Who, &'static [Act])],
    after: &'static [Act],
    ends: RaceOutcomes,
) -> Race {
    Race { id, title, server: ServerToken::S, only: AppliesTo::NT, rules: None, before, parts, after, ends }
}

pub(crate) static RACES: &[Race] = &[
    race(
        "Z01",
        "a slot replaced and cleared by another thread, while its own reads, saves and discards it",
        &[],
        &[
            (Who::T1, &[Act::Repeat(3, &[flagged(T2, A2, true, true, 2, OK), Act::End(T2, OK)])]),
            (
                Who::T2,
                &[Act::Repeat(
                    3,
                    &[
                        Act::Query(ThreadArg::Own, &["idle", "A2 co1 eo1 L2"], &[]),
                        Act::Save(ThreadArg::Own, 0, &["idle", "A2 co1 eo1 L2"], &[]),
                        Act::Discard(0, OK),
                    ],
                )],
            ),
        ],
        &[],
        RaceOutcomes::Same(&[occurs(&[(Who::T1, "idle"), (Who::T2, "idle")], &[(ClientToken::A2, 0)])]),
    ),
    race(
        "Z02",
        "two threads impersonate different tokens on a third: its slot is never a mixture",
        &[FIRST, Act::End(T3, OK)],
        &[
            (Who::T1, &[Act::Repeat(4, &[FIRST])]),
            (Who::T2, &[Act::Repeat(4, &[SECOND])]),
            (
                Who::T3,
                &[Act::Repeat(
                    6,
                    &[Act::Query(ThreadArg::Own, &["idle", "A2 co1 eo0 L2", "A3 co0 eo1 L3"], &[])],
                )],
            ),
        ],
        &[],
        ONE_OF_TWO,
    ),
    Race {
        only: AppliesTo::on(
            &[Kernel::Documented, Kernel::Nt52],
            "needs a kernel that allocates a block for the first impersonation",
        ),
        ..race(
            "Z03",
            "the first impersonation of a thread, by two at once",
            &[],
            &[(Who::T1, &[FIRST]), (Who::T2, &[SECOND])],
            &[],
            ONE_OF_TWO,
        )
    },
    race(
        "Z04",
        "a thread exits while another impersonates on it",
        &[Act::ThreadHandle(0, Who::T2)],
        &[
            (Who::T1, &[Act::Repeat(2, &[imp(ThreadArg::Handle(0), A2, OK_OR_TERMINATING)])]),
            (Who::T2, &[Act::Query(ThreadArg::Own, &["idle", "A2 co0 eo0 L2"], &[]), Act::Exit]),
        ],
        &[
            // The handle keeps the thread object, which keeps its slot.
            Act::References(ClientToken::A2, &[0, 1]),
            Act::Query(ThreadArg::Handle(0), &[], &[Status::THREAD_IS_TERMINATING]),
            Act::CloseHandle(0),
        ],
        RaceOutcomes::Same(&[occurs(&[(Who::T1, "idle")], &[(ClientToken::A2, 0)])]),
    ),
    race(
        "Z05",
        "a token handle closed while IMPERSONATE is on its way with it",
        &[Act::TokenHandle(0, ClientToken::A2)],
        &[
            (Who::T1, &[imp(ThreadArg::Own, TokenArg::Handle(0), OK_OR_NO_HANDLE)]),
            (Who::T2, &[Act::CloseHandle(0)]),
        ],
        &[],
        RaceOutcomes::Same(&[
            occurs(&[(Who::T1, "A2 co0 eo0 L2")], &[(ClientToken::A2, 1)]),
            occurs(&[(Who::T1, "idle")], &[(ClientToken::A2, 0)]),
        ]),
    ),
    Race {
        // The kernel would store all three tokens unchanged.
        server: ServerToken::SPlus,
        ..race(
            "Z06",
            "a handle closed and used again for other tokens: what was checked is what is used",
            &[Act::TokenHandle(0, ClientToken::A2)],
            &[
                (
                    Who::T1,
                    &[Act::Repeat(
                        2,
                        &[imp(
                            ThreadArg::Own,
                            TokenArg::Handle(0),
                            &[Status::SUCCESS, Status::INVALID_HANDLE, Status::BAD_IMPERSONATION_LEVEL],
                        )],
                    )],
                ),
                (
                    Who::T2,
                    &[
                        Act::CloseHandle(0),
                        Act::ReuseHandle(0, ClientToken::B2),
                        Act::CloseHandle(0),
                        // The driver refuses to raise its level, the kernel would not.
                        Act::ReuseHandle(0, ClientToken::A1),
                    ],
                ),
            ],
            &[Act::CloseHandle(0)],
            RaceOutcomes::ByDocument(
                &[
                    occurs(
                        &[(Who::T1, "A2 co0 eo0 L2")],
                        &[(ClientToken::A2, 1), (ClientToken::B2, 0), (ClientToken::A1, 0)],
                    ),
                    occurs(
                        &[(Who::T1, "copy of B2 imp/1 co0 eo0 L1")],
                        &[(ClientToken::A2, 0), (ClientToken::B2, 0), (ClientToken::A1, 0)],
                    ),
                    occurs(
                        &[(Who::T1, "idle")],
                        &[(ClientToken::A2, 0), (ClientToken::B2, 0), (ClientToken::A1, 0)],
                    ),
                ],
                &[
                    occurs(
                        &[(Who::T1, "A2 co0 eo0 L2")],
                        &[(ClientToken::A2, 1), (ClientToken::B2, 0), (ClientToken::A1, 0)],
                    ),
                    occurs(
                        &[(Who::T1, "B2 co0 eo0 L2")],
                        &[(ClientToken::A2, 0), (ClientToken::B2, 1), (ClientToken::A1, 0)],
                    ),
                    occurs(
                        &[(Who::T1, "idle")],
                        &[(ClientToken::A2, 0), (ClientToken::B2, 0), (ClientToken::A1, 0)],
                    ),
                ],
            ),
        )
    },
    race(
        "Z07",
        "an open of a copy against a revert: NT 5.2 brings the impersonation back",
        &[flagged(T2, A2, true, false, 2, OK)],
        &[(Who::T1, &[Act::Open(Who::T2, &["imp/2 all", "7C"])]), (Who::T2, &[Act::Revert])],
        &[],
        RaceOutcomes::ByNt52(
            &[
                occurs(&[(Who::T2, "copy of A2 imp/2 co0 eo0 L2")], &[(ClientToken::A2, 0)]),
                occurs(&[(Who::T2, "idle")], &[(ClientToken::A2, 0)]),
            ],
            &[occurs(&[(Who::T2, "idle")], &[(ClientToken::A2, 0)])],
        ),
    ),
    race(
        "Z08",
        "two opens of a copy at once, while another thread looks",
        &[flagged(T2, A2, true, false, 2, OK)],
        &[
            (Who::T1, &[Act::Open(Who::T2, &["imp/2 all"])]),
            (Who::T3, &[Act::Open(Who::T2, &["imp/2 all"])]),
            (
                Who::T2,
                &[Act::Repeat(
                    3,
                    &[Act::Query(ThreadArg::Own, &["A2 co1 eo0 L2", "copy of A2 imp/2 co0 eo0 L2"], &[])],
                )],
            ),
        ],
        &[],
        RaceOutcomes::Same(&[occurs(&[(Who::T2, "copy of A2 imp/2 co0 eo0 L2")], &[(ClientToken::A2, 0)])]),
    ),
    Race {
        server: ServerToken::SPlus,
        rules: Some(RulesMode::Kernel),
        ..race(
            "Z09",
            "the server's privilege goes during the decision: kept or copied, never torn",
            &[],
            &[
                (Who::T1, &[imp(ThreadArg::Own, TokenArg::Token(ClientToken::B2), OK)]),
                (Who::T2, &[Act::Privilege(false)]),
            ],
            &[],
            RaceOutcomes::ByDocument(
                &[occurs(&[(Who::T1, "copy of B2 imp/1 co0 eo0 L1")], &[(ClientToken::B2, 0)])],
                &[
                    occurs(&[(Who::T1, "B2 co0 eo0 L2")], &[(ClientToken::B2, 1)]),
                    occurs(&[(Who::T1, "copy of B2 imp/1 co0 eo0 L1")], &[(ClientToken::B2, 0)]),
                ],
            ),
        )
    },
    race(
        "Z10",
        "the primary token replaced during the decision: the old one's verdict or the new one's",
        &[],
        &[(Who::T1, &[imp(ThreadArg::Own, A2, OK)]), (Who::T2, &[Act::BecomeServer(ServerToken::SR)])],
        &[],
        RaceOutcomes::Same(&[
            occurs(&[(Who::T1, "A2 co0 eo0 L2")], &[(ClientToken::A2, 1)]),
            occurs(&[(Who::T1, "copy of A2 imp/1 co0 eo0 L1")], &[(ClientToken::A2, 0)]),
        ]),
    ),
    race(
        "Z11",
        "the device's last handle closed while saves come and go: each reference dropped once",
        &[
            imp(ThreadArg::Own, TokenArg::Token(ClientToken::A3), OK),
            imp(T2, A2, OK),
            Act::Save(T2, 0, &["A2 co0 eo0 L2"], &[]),
        ],
        &[
            (Who::T1, &[Act::Cleanup]),
            (
                Who::T2,
                &[
                    Act::Save(ThreadArg::Own, 1, &["A2 co0 eo0 L2"], &[Status::FILE_CLOSED]),
                    Act::Save(ThreadArg::Own, 2, &["A2 co0 eo0 L2"], &[Status::FILE_CLOSED]),
                ],
            ),
            (
                Who::T3,
                &[
                    Act::Repeat(3, &[Act::Restore(ThreadArg::Own, 0, OK_OR_CLOSED)]),
                    Act::Discard(0, OK_OR_CLOSED),
                ],
            ),
        ],
        &[Act::Save(T2, 3, &[], &[Status::FILE_CLOSED])],
        // No slot changes, not even the closing thread's.
        RaceOutcomes::Same(&[
            occurs(
                &[(Who::T1, "A3 co0 eo0 L2"), (Who::T2, "A2 co0 eo0 L2"), (Who::T3, "A2 co0 eo0 L2")],
                &[(ClientToken::A2, 2), (ClientToken::A3, 1)],
            ),
            occurs(
                &[(Who::T1, "A3 co0 eo0 L2"), (Who::T2, "A2 co0 eo0 L2"), (Who::T3, "idle")],
                &[(ClientToken::A2, 1), (ClientToken::A3, 1)],
            ),
        ]),
    ),
    race(
        "Z12",
        "another process has the handle by inheritance: its requests are always refused",
        &[imp(ThreadArg::Own, A2, OK), Act::Save(ThreadArg::Own, 1, &["A2 co0 eo0 L2"], &[])],
        &[
            (
                Who::T1,
                &[Act::Repeat(
                    2,
                    &[
                        Act::Save(ThreadArg::Own, 0, &["A2 co0 eo0 L2"], &[]),
                        Act::Restore(ThreadArg::Own, 0, OK),
                        Act::Discard(0, OK),
                    ],
                )],
            ),
            (
                Who::Q,
                &[Act::Repeat(
                    2,
                    &[
                        Act::Save(ThreadArg::Own, 2, &[], DENIED),
                        Act::Restore(ThreadArg::Own, 1, DENIED),
                        Act::Discard(1, DENIED),
                        Act::Query(ThreadArg::Own, &[], DENIED),
                    ],
                )],
            ),
        ],
        &[Act::Discard(1, OK)],
        RaceOutcomes::Same(&[occurs(
            &[(Who::T1, "A2 co0 eo0 L2"), (Who::Q, "idle")],
            &[(ClientToken::A2, 1)],
        )]),
    ),
    race(
        "Z13",
        "the driver unloaded while a thread impersonates, which goes on doing so",
        &[imp(T2, A2, OK), Act::Save(T2, 0, &["A2 co0 eo0 L2"], &[])],
        &[(Who::T1, &[Act::Unload]), (Who::T2, &[Act::Repeat(6, &[Act::Open(Who::T2, &["imp/2 all"])])])],
        &[],
        RaceOutcomes::Same(&[occurs(&[(Who::T2, "A2 co0 eo0 L2")], &[(ClientToken::A2, 1)])]),
    ),
    race(
        "Z14",
        "a thread id is no handle, also when the thread is about to go",
        &[],
        &[
            (
                Who::T1,
                &[
                    Act::Query(ThreadArg::Id(Who::T2), &[], NO_HANDLE),
                    imp(ThreadArg::Id(Who::T2), A2, NO_HANDLE),
                    Act::Save(ThreadArg::Id(Who::T2), 0, &[], NO_HANDLE),
                    Act::End(ThreadArg::Id(Who::T2), NO_HANDLE),
                ],
            ),
            (Who::T2, &[Act::Query(ThreadArg::Own, &["idle"], &[]), Act::Exit]),
        ],
        &[],
        RaceOutcomes::Same(&[occurs(&[(Who::T1, "idle")], &[(ClientToken::A2, 0)])]),
    ),
    race(
        "Z15",
        "a slot disabled by its thread and set by another, then restored: what was moved out wins",
        &[imp(ThreadArg::Own, A2, OK)],
        &[
            (Who::T1, &[Act::Disable(0), Act::Query(ThreadArg::Own, &["idle", "A3 co1 eo1 L3"], &[])]),
            (
                Who::T2,
                &[flagged(ThreadArg::Of(Who::T1), TokenArg::Token(ClientToken::A3), true, true, 3, OK)],
            ),
        ],
        &[Act::RestoreDisabled(0)],
        RaceOutcomes::Same(&[
            // It was assigned after the slot was moved out, and the restored slot replaces it.
            occurs(&[(Who::T1, "A2 co0 eo0 L2")], &[(ClientToken::A2, 1), (ClientToken::A3, 0)]),
            // It was assigned before, and was moved out.
            occurs(&[(Who::T1, "A3 co1 eo1 L3")], &[(ClientToken::A2, 0), (ClientToken::A3, 1)]),
        ]),
    ),
    race(
        "Z16",
        "a request cancelled on its way completes as if nothing had happened",
        &[],
        &[
            (
                Who::T1,
                &[
                    imp(ThreadArg::Own, A2, OK),
                    Act::Save(ThreadArg::Own, 0, &["A2 co0 eo0 L2"], &[]),
                    Act::Restore(ThreadArg::Own, 0, OK),
                    Act::Discard(0, OK),
                ],
            ),
            (Who::T2, &[Act::Repeat(4, &[Act::Cancel(&[Status::SUCCESS, Status::NOT_FOUND])])]),
        ],
        &[],
        RaceOutcomes::Same(&[occurs(&[(Who::T1, "A2 co0 eo0 L2")], &[(ClientToken::A2, 1)])]),
    ),
];
