//! Group S: saving and restoring a slot, and nesting.
//!
//! As kernel code does it: `PsReferenceImpersonationToken`, and later
//! `PsImpersonateClient` with the four saved values. Through the driver: SAVE,
//! RESTORE, DISCARD.

use crate::rights::TOKEN_IMPERSONATE;
use crate::script::{
    ByKernel, Memory, Script, State, Step, Who, check, end, exit, idle, imp, on, open_own, script, set_own,
    token,
};
use crate::{ClientToken, ServerToken};
use psimp_nt::Status;

const fn restore(save: usize) -> Step {
    Step::Restore(save, Status::SUCCESS)
}

const fn discard(save: usize) -> Step {
    Step::Discard(save, Status::SUCCESS)
}

const A2: (ClientToken, i64) = (ClientToken::A2, 1);
const NO_A2: (ClientToken, i64) = (ClientToken::A2, 0);
const NO_B2: (ClientToken, i64) = (ClientToken::B2, 0);

/// A slot that holds B2, and a save that does as well.
const B2_SAVED: State =
    State { slot: "B2 co0 eo0 L2", open: "same imp/2 all", access: "as B", references: &[], after_open: "" };
/// The documented rule copies B2, also where a kernel has stored it.
const B2_COPIED: State = State {
    slot: "copy of B2 imp/1 co0 eo0 L1",
    open: "same imp/1 all",
    access: "A5",
    references: &[],
    after_open: "",
};

/// S05: the privilege that let the kernels keep B2 is disabled when it is restored,
/// so they copy it. The documented rules do not depend on the privilege: B2 was
/// copied from the start, and that copy is restored.
const RESTORED_AS_COPY: State = State {
    slot: "copy of B2 imp/1 co0 eo0 L1",
    open: "same imp/1 all",
    access: "A5",
    references: &[NO_A2, (ClientToken::B2, 1)],
    after_open: "",
};

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "S01",
        "all four values come back",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A2, true, true, 2),
            Step::Save(0),
            imp(ClientToken::B2, false, false, 2),
            restore(0),
            discard(0),
            check("A2 co1 eo1 L2", "new imp/2 effective", "as A", &[A2, NO_B2]),
        ],
    ),
    script(
        "S02",
        "an idle thread comes back idle",
        ServerToken::S,
        &[Step::Save(0), imp(ClientToken::A2, false, false, 2), restore(0), discard(0), idle(&[NO_A2])],
    ),
    script(
        "S03",
        "a save that is not dropped holds one reference",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A2, true, true, 2),
            Step::Save(0),
            imp(ClientToken::B2, false, false, 2),
            restore(0),
            check("A2 co1 eo1 L2", "", "as A", &[(ClientToken::A2, 2), NO_B2]),
        ],
    ),
    script(
        "S04",
        "five nested saves unwind in reverse",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A2, true, false, 2),
            Step::Save(0),
            imp(ClientToken::A1, false, true, 1),
            Step::Save(1),
            imp(ClientToken::N2, true, true, 1),
            Step::Save(2),
            imp(ClientToken::AR2, false, false, 0),
            Step::Save(3),
            imp(ClientToken::A3, false, false, 3),
            Step::Save(4),
            imp(ClientToken::A2, false, false, 1),
            restore(4),
            check("A3 co0 eo0 L3", "", "", &[]),
            restore(3),
            check("AR2 co0 eo0 L0", "", "", &[]),
            restore(2),
            check("N2 co1 eo1 L1", "", "", &[]),
            restore(1),
            check("A1 co0 eo1 L1", "", "", &[]),
            restore(0),
            check("A2 co1 eo0 L2", "", "", &[]),
            discard(0),
            discard(1),
            discard(2),
            discard(3),
            discard(4),
            Step::Revert,
            idle(&[
                NO_A2,
                (ClientToken::A1, 0),
                (ClientToken::N2, 0),
                (ClientToken::AR2, 0),
                (ClientToken::A3, 0),
            ]),
        ],
    ),
    script(
        "S05",
        "restoring decides anew: a privilege lost meanwhile costs the level",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::DisablePrivilege,
            Step::Save(0),
            imp(ClientToken::A2, false, false, 2),
            restore(0),
            Step::Check(ByKernel {
                documented: State { references: &[NO_A2, NO_B2], ..RESTORED_AS_COPY },
                nt52: RESTORED_AS_COPY,
                win10: RESTORED_AS_COPY,
            }),
        ],
    ),
    script(
        "S19",
        "a restored token passes the same rules as one that is impersonated",
        ServerToken::SPlus,
        &[
            token(0, ClientToken::B2, TOKEN_IMPERSONATE),
            // Not through the driver: the kernel keeps it, because of the privilege.
            set_own(0, Status::SUCCESS),
            Step::Save(0),
            Step::Revert,
            restore(0),
            Step::Check(ByKernel { documented: B2_COPIED, nt52: B2_SAVED, win10: B2_SAVED }),
        ],
    ),
    script(
        "S06",
        "disabling and restoring decides nothing",
        ServerToken::SPlus,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Disable(0),
            imp(ClientToken::A2, true, true, 1),
            // From here on every kernel would copy it.
            Step::BecomeServer(ServerToken::SR),
            Step::RestoreDisabled(0),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[A2]),
        ],
    ),
    script(
        "S07",
        "a restore that fails leaves the inner token; the driver reverts",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Save(0),
            imp(ClientToken::A2, true, true, 1),
            // From here on every kernel copies the token, since the server is restricted.
            Step::BecomeServer(ServerToken::SR),
            Step::Memory(Memory::FailDuplicate(Status::INSUFFICIENT_RESOURCES)),
            Step::Restore(0, Status::INSUFFICIENT_RESOURCES),
            Step::OnlyKernel(&[check("A2 co1 eo1 L1", "", "A5", &[(ClientToken::A2, 2)])]),
            Step::OnlyDriver(&[check("idle", "7C", "", &[A2])]),
        ],
    ),
    script(
        "S09",
        "saved idle, restored after two impersonations",
        ServerToken::S,
        &[
            Step::Save(0),
            imp(ClientToken::A2, false, false, 2),
            imp(ClientToken::A1, false, false, 1),
            restore(0),
            idle(&[NO_A2, (ClientToken::A1, 0)]),
        ],
    ),
    script(
        "S10",
        "a saved token stays valid when the thread has let go of it",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Save(0),
            end(),
            check("idle", "7C", "as A", &[A2]),
            restore(0),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[(ClientToken::A2, 2)]),
            discard(0),
            Step::Revert,
            idle(&[NO_A2]),
        ],
    ),
    script(
        "S11",
        "restoring a disabled slot drops what came in between",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Disable(0),
            imp(ClientToken::B2, false, false, 2),
            Step::RestoreDisabled(0),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[A2, NO_B2]),
        ],
    ),
    script(
        "S12",
        "disabling and restoring an idle thread leaves it idle",
        ServerToken::S,
        &[Step::Disable(0), Step::RestoreDisabled(0), idle(&[])],
    ),
    script(
        "S13",
        "a revert does not reach a disabled slot",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Disable(0),
            Step::Revert,
            Step::RestoreDisabled(0),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[A2]),
        ],
    ),
    script(
        "S15",
        "disabling twice and restoring both, the idle one last",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Disable(0),
            Step::Disable(1),
            Step::RestoreDisabled(0),
            Step::RestoreDisabled(1),
            idle(&[NO_A2]),
        ],
    ),
    script(
        "S17",
        "the seventeenth save is refused and keeps no reference",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::OnlyDriver(&[
                Step::SaveMany(16),
                check("A2 co0 eo0 L2", "", "", &[(ClientToken::A2, 17)]),
                Step::SaveRefused(Status::INSUFFICIENT_RESOURCES),
                check("A2 co0 eo0 L2", "", "", &[(ClientToken::A2, 17)]),
            ]),
        ],
    ),
    script(
        "S18",
        "a save can be restored twice; unknown, discarded and foreign ids are not found",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Save(0),
            imp(ClientToken::A2, true, true, 1),
            restore(0),
            restore(0),
            check("A2 co0 eo0 L2", "", "as A", &[(ClientToken::A2, 2)]),
            Step::OnlyDriver(&[
                Step::RestoreId(0, Status::NOT_FOUND),
                Step::RestoreId(u64::MAX, Status::NOT_FOUND),
                Step::RestoreOnOtherFile(0, Status::NOT_FOUND),
                discard(0),
                Step::Discard(0, Status::NOT_FOUND),
                Step::Restore(0, Status::NOT_FOUND),
                check("A2 co0 eo0 L2", "", "as A", &[A2]),
            ]),
        ],
    ),
    script(
        "S08",
        "what one thread saved, another restores; the slots are independent",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, true, 2),
            Step::Save(0),
            Step::Toward(Who::T2, &[restore(0)]),
            discard(0),
            Step::Revert,
            idle(&[A2]),
            on(Who::T2, &[check("A2 co0 eo1 L2", "same imp/2 all", "as A", &[A2])]),
        ],
    ),
    script(
        "S14",
        "a thread that exits with its slot disabled leaves the reference behind",
        ServerToken::S,
        &[
            on(Who::T2, &[imp(ClientToken::A2, false, false, 2), Step::Disable(0)]),
            exit(Who::T2),
            idle(&[A2]),
        ],
    ),
    script(
        "S16",
        "an open as itself between disabling and restoring",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Disable(0),
            open_own(true, "7C"),
            Step::RestoreDisabled(0),
            check("A2 co0 eo0 L2", "same imp/2 all", "as A", &[A2]),
        ],
    ),
];
