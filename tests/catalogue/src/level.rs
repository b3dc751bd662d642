//! Group L: what a service may do with a client at each level.
//!
//! Four questions a level: may it read the client's identity, open objects as the client, act as
//! the client towards another service of the machine, and towards a service on another machine.
//! `docs/levels.md` has a table of the answers.

use crate::rights::TOKEN_QUERY;
use crate::script::{
    DELETE, Program, Script, Securable, Step, USE, Who, create, imp, on, open, opened, script, slot,
};
use crate::{ClientToken, ServerToken, User};
use psimp_nt::{Sid, Status, integrity};
use psimp_rules::Family;

const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const A6: Status = Status::CANT_OPEN_ANONYMOUS;
const DENIED: Status = Status::ACCESS_DENIED;
const EVERYONE: Securable = Securable::Granting(&[Sid::EVERYONE]);
const A_ONLY: Securable = Securable::Granting(&[User::A.sid()]);
const B_ONLY: Securable = Securable::Granting(&[User::B.sid()]);

/// The service opens the token of its own thread.
const fn opens(as_self: bool, status: Status) -> Step {
    opened(Program::SELF, TOKEN_QUERY, as_self, status)
}

/// The service reads that token.
const fn reads(user: User) -> Step {
    Step::Program(Program::Tells { token: 9, user, integrity: integrity::MEDIUM })
}

/// The service's thread becomes the client of another service, at this level.
const fn client(level: u32, remote: bool, status: Status) -> Step {
    create(Who::T1, level, false, remote, status)
}

/// The other service impersonates that client.
const fn served(slot_then: &'static [Step]) -> Step {
    on(Who::Q, slot_then)
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "L01",
        "Anonymous: who the client is stays hidden",
        ServerToken::S,
        &[imp(ClientToken::A0, false, false, 0), opens(true, A6), opens(false, A6)],
    ),
    script(
        "L02",
        "Anonymous: nothing opens, not even as the anonymous user",
        ServerToken::S,
        &[
            imp(ClientToken::A0, false, false, 0),
            open(EVERYONE, A5),
            open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), A5),
            open(A_ONLY, A5),
        ],
    ),
    script(
        "L03",
        "Anonymous: to another service the thread is no client",
        ServerToken::S,
        &[imp(ClientToken::A0, false, false, 0), client(0, false, A5)],
    ),
    script(
        "L04",
        "Anonymous: nor to one on another machine",
        ServerToken::S,
        &[imp(ClientToken::A0, false, false, 0), client(0, true, A5)],
    ),
    script(
        "L05",
        "Identification: user, groups, privileges and integrity can be read",
        ServerToken::S,
        &[imp(ClientToken::A1, false, false, 1), opens(true, Status::SUCCESS), reads(User::A)],
    ),
    script(
        "L06",
        "Identification: nothing opens, not even as the anonymous user",
        ServerToken::S,
        &[
            imp(ClientToken::A1, false, false, 1),
            open(EVERYONE, A5),
            open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), A5),
            open(A_ONLY, A5),
        ],
    ),
    script(
        "L07",
        "Identification: to another service the thread is no client",
        ServerToken::S,
        &[imp(ClientToken::A1, false, false, 1), client(1, false, A5)],
    ),
    script(
        "L08",
        "Identification: nor to one on another machine",
        ServerToken::S,
        &[imp(ClientToken::A1, false, false, 1), client(1, true, A5)],
    ),
    script(
        "L09",
        "Impersonation: user, groups, privileges and integrity can be read",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), opens(true, Status::SUCCESS), reads(User::A)],
    ),
    script(
        "L10",
        "Impersonation: what the client may open opens, and nothing else",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), open(A_ONLY, Status::SUCCESS), open(B_ONLY, DENIED)],
    ),
    script(
        "L11",
        "Impersonation: another service of the machine sees the client",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            client(3, false, A5),
            client(2, false, Status::SUCCESS),
            served(&[USE, slot("copy of A2 imp/2 co1 eo0 L2"), open(A_ONLY, Status::SUCCESS)]),
            DELETE,
        ],
    ),
    script(
        "L12",
        "Impersonation: a service on another machine does not",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 2), client(2, true, A5)],
    ),
    script(
        "L13",
        "Delegation: user, groups, privileges and integrity can be read",
        ServerToken::S,
        &[imp(ClientToken::A3, false, false, 3), opens(true, Status::SUCCESS), reads(User::A)],
    ),
    script(
        "L14",
        "Delegation: what the client may open opens, and nothing else",
        ServerToken::S,
        &[imp(ClientToken::A3, false, false, 3), open(A_ONLY, Status::SUCCESS), open(B_ONLY, DENIED)],
    ),
    script(
        "L15",
        "Delegation: another service of the machine sees the client",
        ServerToken::S,
        &[
            imp(ClientToken::A3, false, false, 3),
            client(1, false, Status::SUCCESS),
            served(&[USE, slot("copy of A3 imp/1 co1 eo0 L1"), open(A_ONLY, A5)]),
            DELETE,
            client(3, false, Status::SUCCESS),
            served(&[USE, slot("copy of A3 imp/3 co1 eo0 L3"), open(A_ONLY, Status::SUCCESS)]),
            DELETE,
        ],
    ),
    script(
        "L16",
        "Delegation: so does a service on another machine",
        ServerToken::S,
        &[
            imp(ClientToken::A3, false, false, 3),
            client(3, true, Status::SUCCESS),
            served(&[USE, slot("copy of A3 imp/3 co1 eo0 L3")]),
            DELETE,
        ],
    ),
    script(
        "L17",
        "below Impersonation the service may be anybody",
        ServerToken::S,
        &[
            imp(ClientToken::B1, false, false, 1),
            Step::OnKernels(&[Family::Nt52], &[slot("copy of B1 imp/1 co0 eo0 L1")]),
            Step::OnKernels(&[Family::Documented, Family::Win10], &[slot("B1 co0 eo0 L1")]),
            opens(true, Status::SUCCESS),
            reads(User::B),
            open(B_ONLY, A5),
        ],
    ),
    script(
        "L18",
        "from Impersonation on it takes the client's user, or the privilege",
        ServerToken::S,
        &[
            imp(ClientToken::B2, false, false, 2),
            slot("copy of B2 imp/1 co0 eo0 L1"),
            opens(true, Status::SUCCESS),
            reads(User::B),
            open(B_ONLY, A5),
        ],
    ),
];
