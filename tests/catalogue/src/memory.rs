//! Group M: allocations that fail.

use crate::bad_input::{Output, output, row};
use crate::script::{Memory, Script, Step, check, end, idle, imp, imp_fails, open_own, script, slot};
use crate::{AppliesTo, ClientToken, Requests, ServerToken};
use psimp_nt::Status;
use psimp_protocol::Operation;
use psimp_rules::{Family, Kernel};

const NONE: Status = Status::INSUFFICIENT_RESOURCES;
const NO_COPY: Step = Step::Memory(Memory::FailDuplicate(NONE));
const NO_BLOCK: Step = Step::Memory(Memory::FailBlock);
/// Removes an injected failure that was not reached.
const UNREACHED: Step = Step::Memory(Memory::Recover);
const NO_A2: &[(ClientToken, i64)] = &[(ClientToken::A2, 0)];

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "M01",
        "no block for the first impersonation of a thread",
        ServerToken::S,
        &[
            NO_BLOCK,
            Step::OnKernels(&[Family::Nt52], &[imp_fails(ClientToken::A2, 2, NONE), idle(NO_A2)]),
            Step::OnKernels(
                &[Family::Documented],
                &[imp_fails(ClientToken::A2, 2, Status::NO_MEMORY), idle(NO_A2)],
            ),
            Step::OnKernels(
                &[Family::Win10],
                &[imp(ClientToken::A2, false, false, 2), slot("A2 co0 eo0 L2")],
            ),
        ],
    ),
    script(
        "M02",
        "the block stays with a thread that has impersonated",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Revert,
            NO_BLOCK,
            imp(ClientToken::A2, false, false, 2),
            slot("A2 co0 eo0 L2"),
        ],
    ),
    script(
        "M03",
        "no memory for the downgrade copy",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 2),
            NO_COPY,
            imp_fails(ClientToken::B2, 2, NONE),
            check("A2 co1 eo0 L2", "", "as A", &[(ClientToken::A2, 1), (ClientToken::B2, 0)]),
        ],
    ),
    script(
        "M04",
        "Windows 10 keeps a token without any memory",
        ServerToken::S,
        &[
            NO_BLOCK,
            imp(ClientToken::A2, false, false, 2),
            UNREACHED,
            NO_COPY,
            imp(ClientToken::A2, true, false, 2),
            UNREACHED,
            Step::Memory(Memory::FailFilter),
            imp(ClientToken::A2, false, true, 2),
            slot("A2 co0 eo1 L2"),
        ],
    )
    .only(AppliesTo::on(&[Kernel::Win10], "needs the kernel win10: it allocates nothing to keep a token")),
    script(
        "M05",
        "ending needs no memory",
        ServerToken::S,
        &[
            NO_BLOCK,
            end(),
            Step::Revert,
            UNREACHED,
            imp(ClientToken::A2, false, false, 2),
            NO_COPY,
            end(),
            idle(NO_A2),
            UNREACHED,
            imp(ClientToken::A2, false, false, 2),
            NO_BLOCK,
            Step::Revert,
            idle(NO_A2),
        ],
    ),
    script(
        "M06",
        "no memory for the copy of an open",
        ServerToken::S,
        &[
            imp(ClientToken::A2, true, false, 2),
            NO_COPY,
            open_own(true, "STATUS_INSUFFICIENT_RESOURCES"),
            check("A2 co1 eo0 L2", "", "as A", &[(ClientToken::A2, 1)]),
        ],
    ),
    script(
        "M07",
        "no room for a save drops the reference that was to be kept",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            // The driver allocates nothing for a save; only a full table can refuse it.
            Step::OnlyDriver(&[Step::SaveMany(16), Step::SaveRefused(NONE)]),
            Step::OnlyDriver(&[check("A2 co0 eo0 L2", "", "as A", &[(ClientToken::A2, 17)])]),
            Step::OnlyKernel(&[check("A2 co0 eo0 L2", "", "as A", &[(ClientToken::A2, 1)])]),
        ],
    ),
    script(
        "M09",
        "the descriptor of a downgrade copy cannot be extended",
        ServerToken::SX,
        &[
            Step::Memory(Memory::FailCopyDescriptor(NONE)),
            imp_fails(ClientToken::AY2, 2, NONE),
            idle(&[(ClientToken::AY2, 0)]),
        ],
    )
    .only(AppliesTo::on(&[Kernel::Win10], "needs the kernel win10: it extends the descriptor of a copy")),
];

pub(crate) static ROWS: &[Requests] = &[row(
    "M08",
    "no room for the output of a request that references a token",
    &[
        output(Operation::Query, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
        output(Operation::Save, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
        output(Operation::Impersonate, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
        output(Operation::Restore, Output::Missing, Status::BUFFER_TOO_SMALL),
        output(Operation::End, Output::Missing, Status::BUFFER_TOO_SMALL),
        output(Operation::Revert, Output::Shorter(1), Status::BUFFER_TOO_SMALL),
    ],
)];
