//! Group K: clients that connect to the driver, and servers that impersonate them.
//!
//! The client's thread opens the client's name of the device. The flags of its `CreateFile` limit
//! what a server may do, as they do for the client of a named pipe.

use crate::script::{
    Broker, ByKernel, Judge, Object, Securable, State, Step, Who, check, idle, imp, on, script, slot,
};
use crate::{ClientToken, ServerToken, User};
use psimp_nt::{Sid, Status};
use psimp_protocol::CLIENTS_AUTHENTICATED;
use psimp_rules::Family;

const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const DENIED: Status = Status::ACCESS_DENIED;
const GONE: Status = Status::NOT_FOUND;
const NO_NAME: Status = Status::OBJECT_NAME_NOT_FOUND;
const OK: Status = Status::SUCCESS;
const EVERYONE: Securable = Securable::Granting(&[Sid::EVERYONE]);
const A_ONLY: Securable = Securable::Granting(&[User::A.sid()]);

/// `SECURITY_SQOS_PRESENT`: the other flags count.
const PRESENT: u32 = 0x0010_0000;
/// The same with `SECURITY_IDENTIFICATION`, and so on.
const IDENTIFICATION: u32 = PRESENT | 0x0001_0000;
const IMPERSONATION: u32 = PRESENT | 0x0002_0000;
const DELEGATION: u32 = PRESENT | 0x0003_0000;
/// `SECURITY_CONTEXT_TRACKING`: dynamic tracking.
const DYNAMIC: u32 = 0x0004_0000;
/// `SECURITY_EFFECTIVE_ONLY`.
const EFFECTIVE_ONLY: u32 = 0x0008_0000;

/// `JOB_OBJECT_SECURITY_NO_ADMIN`.
const NO_ADMIN: u32 = 1;

/// The value of the setting `Clients` that lets every authenticated user connect.
const ALL: Option<u32> = Some(CLIENTS_AUTHENTICATED);

/// The client of B, served as it is.
const B_SERVED: State =
    State { slot: "Bp0 co1 eo0 L2", open: "", access: "as B", references: &[], after_open: "" };
/// A copy of its token.
const B_COPIED: State = State { slot: "copy of Bp0 imp/1 co1 eo0 L1", access: "A5", ..B_SERVED };

/// A thread connects as the client with this number.
const fn connects(keep: usize, flags: u32, status: Status) -> Step {
    Step::Broker(Broker::Connect { keep, flags, status })
}

/// Client 1, a process of A, connects with these flags.
macro_rules! client {
    ($flags:expr) => {
        on(Who::ClientA, &[connects(1, $flags, OK)])
    };
}

const fn leaves(client: usize) -> Step {
    Step::Broker(Broker::Leave(client))
}

/// `NEXT_CLIENT` reports this of a client to the script's own server.
const fn sees(client: usize, terms: &'static str) -> Step {
    Step::Broker(Broker::Sees(0, client, terms))
}

const fn serve(client: usize, level: u32, status: Status) -> Step {
    Step::Broker(Broker::Serve { server: 0, client, level, status })
}

const fn serve_by(server: usize, client: usize, level: u32, status: Status) -> Step {
    Step::Broker(Broker::Serve { server, client, level, status })
}

const fn opens(name: &'static str, level: u32, status: Status) -> Step {
    Step::Broker(Broker::OpenName(name, level, status))
}

const fn worker(object: Securable, caller: Status, worker: Status) -> Step {
    Step::Judge(Judge::Worker(object, caller, worker))
}

pub(crate) static SCRIPTS: &[crate::Script] = &[
    script(
        "K01",
        "no quality of service: Impersonation, dynamic, effective-only",
        ServerToken::SPlus,
        &[
            client!(0),
            sees(1, "L2 dynamic eo1"),
            serve(1, 2, OK),
            check("Ap0 co1 eo1 L2", "new imp/2 effective", "as A", &[]),
            sees(1, "L2 dynamic eo1 served"),
        ],
    )
    .through_driver(ALL),
    script(
        "K02",
        "a client at Anonymous",
        ServerToken::SPlus,
        &[
            client!(PRESENT),
            sees(1, "L0 static eo0"),
            serve(1, 0, OK),
            check("copy of Ap0 imp/0 co1 eo0 L0", "A6", "A5", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K03",
        "a client at Identification",
        ServerToken::SPlus,
        &[
            client!(IDENTIFICATION),
            sees(1, "L1 static eo0"),
            serve(1, 1, OK),
            check("copy of Ap0 imp/1 co1 eo0 L1", "new imp/1 all", "A5", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K04",
        "a client at Impersonation",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION),
            sees(1, "L2 static eo0"),
            serve(1, 2, OK),
            check("copy of Ap0 imp/2 co1 eo0 L2", "new imp/2 all", "as A", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K05",
        "a client at Delegation",
        ServerToken::SPlus,
        &[
            client!(DELEGATION),
            sees(1, "L3 static eo0"),
            serve(1, 3, OK),
            check("copy of Ap0 imp/3 co1 eo0 L3", "new imp/3 all", "as A", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K06",
        "effective-only: what the client has disabled stays out",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION | EFFECTIVE_ONLY),
            sees(1, "L2 static eo1"),
            serve(1, 2, OK),
            check("copy of Ap0 imp/2 co1 eo1 L2", "new imp/2 effective", "as A", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K07",
        "dynamic tracking: the client's own token",
        ServerToken::SPlus,
        &[
            client!(IDENTIFICATION | DYNAMIC),
            sees(1, "L1 dynamic eo0"),
            serve(1, 1, OK),
            check("Ap0 co1 eo0 L1", "new imp/1 all", "A5", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K08",
        "without SECURITY_SQOS_PRESENT the other flags are ignored",
        ServerToken::SPlus,
        &[
            on(Who::ClientA, &[connects(1, 0x0001_0000, OK), connects(2, EFFECTIVE_ONLY | 0x0003_0000, OK)]),
            sees(1, "L2 dynamic eo1"),
            sees(2, "L2 dynamic eo1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K09",
        "a server that asks for more than the client gave",
        ServerToken::SPlus,
        &[
            on(
                Who::ClientA,
                &[
                    connects(1, PRESENT, OK),
                    connects(2, IDENTIFICATION, OK),
                    connects(3, IMPERSONATION | DYNAMIC, OK),
                ],
            ),
            serve(1, 1, A5),
            serve(1, 3, A5),
            serve(2, 2, A5),
            serve(3, 3, A5),
            slot("idle"),
            sees(1, "L0 static eo0"),
            sees(2, "L1 static eo0"),
            sees(3, "L2 dynamic eo0"),
        ],
    )
    .through_driver(ALL),
    script(
        "K10",
        "a server that asks for less gets less",
        ServerToken::SPlus,
        &[
            on(Who::ClientA, &[connects(1, DELEGATION, OK), connects(2, DELEGATION | DYNAMIC, OK)]),
            serve(1, 1, OK),
            check("copy of Ap0 imp/3 co1 eo0 L1", "new imp/1 all", "A5", &[]),
            serve(2, 2, OK),
            check("Ap0 co1 eo0 L2", "new imp/2 all", "as A", &[]),
            sees(1, "L3 static eo0 served"),
        ],
    )
    .through_driver(ALL),
    script(
        "K11",
        "a client that names a level that is none",
        ServerToken::SPlus,
        &[on(
            Who::ClientA,
            &[
                Step::OnKernels(&[Family::Nt52], &[opens(r"\Client", 7, Status::INVALID_PARAMETER)]),
                Step::OnKernels(&[Family::Documented, Family::Win10], &[opens(r"\Client", 7, A5)]),
                opens(r"\Client", 2, OK),
            ],
        )],
    )
    .through_driver(ALL),
    script(
        "K12",
        "the name below the device, in any case, and no other",
        ServerToken::SPlus,
        &[on(
            Who::ClientA,
            &[
                opens(r"\client", 2, OK),
                opens(r"\CLIENT", 2, OK),
                opens(r"\Clients", 2, NO_NAME),
                opens(r"\Clien", 2, NO_NAME),
                opens(r"\Client\", 2, NO_NAME),
                opens(r"\Client\x", 2, NO_NAME),
                opens(r"\Server", 2, NO_NAME),
                opens(r"\", 2, NO_NAME),
            ],
        )],
    )
    .through_driver(ALL),
    script(
        "K13",
        "a client that is gone before it is served",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION | DYNAMIC),
            leaves(1),
            sees(1, "none"),
            serve(1, 2, GONE),
            idle(&[(ClientToken::Ap0, 1)]),
        ],
    )
    .through_driver(ALL),
    script(
        "K14",
        "a client that goes while it is served",
        ServerToken::S,
        &[
            on(Who::ClientB, &[connects(1, IMPERSONATION, OK)]),
            Step::Meanwhile(Who::ClientB, &[leaves(1)]),
            serve(1, 2, OK),
            slot("copy of Bp0 imp/1 co1 eo0 L1"),
            sees(1, "none"),
            serve(1, 2, GONE),
            slot("copy of Bp0 imp/1 co1 eo0 L1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K15",
        "a client that is gone: the thread stays it until it reverts",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION | DYNAMIC),
            serve(1, 2, OK),
            check("Ap0 co1 eo0 L2", "", "as A", &[(ClientToken::Ap0, 3)]),
            leaves(1),
            check("Ap0 co1 eo0 L2", "", "as A", &[(ClientToken::Ap0, 2)]),
            sees(1, "none"),
            serve(1, 2, GONE),
            Step::Revert,
            idle(&[(ClientToken::Ap0, 1)]),
        ],
    )
    .through_driver(ALL),
    script(
        "K16",
        "static tracking is the client as it was, dynamic as it is",
        ServerToken::SPlus,
        &[
            on(Who::ClientA, &[connects(1, IMPERSONATION, OK), connects(2, IMPERSONATION | DYNAMIC, OK)]),
            Step::Object(Object::EnableDisabled(ClientToken::Ap0)),
            serve(1, 2, OK),
            check("copy of Ap0 imp/2 co1 eo0 L2", "new imp/2 all", "as A", &[]),
            serve(2, 2, OK),
            check("Ap0 co1 eo0 L2", "new imp/2 effective", "as A", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K17",
        "whom the client impersonates later is not told, static or dynamic",
        ServerToken::SPlus,
        &[
            on(
                Who::ClientA,
                &[
                    connects(1, IMPERSONATION, OK),
                    connects(2, IMPERSONATION | DYNAMIC, OK),
                    imp(ClientToken::A1, false, false, 1),
                ],
            ),
            serve(1, 2, OK),
            slot("copy of Ap0 imp/2 co1 eo0 L2"),
            serve(2, 2, OK),
            slot("Ap0 co1 eo0 L2"),
        ],
    )
    .through_driver(ALL),
    script(
        "K18",
        "whom the client impersonates as it connects is the client",
        ServerToken::SPlus,
        &[
            on(
                Who::Q,
                &[
                    imp(ClientToken::A2, false, false, 2),
                    connects(1, DELEGATION, A5),
                    connects(1, IMPERSONATION | DYNAMIC, OK),
                    connects(2, IDENTIFICATION, OK),
                    Step::Revert,
                ],
            ),
            serve(1, 2, OK),
            slot("A2 co1 eo0 L2"),
            serve(2, 1, OK),
            slot("copy of A2 imp/1 co1 eo0 L1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K19",
        "a thread below Impersonation cannot connect as its client",
        ServerToken::SPlus,
        &[
            on(
                Who::ClientA,
                &[
                    imp(ClientToken::A1, false, false, 1),
                    connects(1, IDENTIFICATION, A5),
                    connects(1, PRESENT, A5),
                ],
            ),
            on(Who::ClientB, &[imp(ClientToken::A0, false, false, 0), connects(2, PRESENT, A5)]),
        ],
    )
    .through_driver(ALL),
    script(
        "K20",
        "of two servers the first to impersonate a client has it",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION),
            Step::Broker(Broker::OpenServer(1, OK)),
            Step::Broker(Broker::OpenServer(2, OK)),
            Step::Broker(Broker::Sees(2, 1, "L2 static eo0")),
            serve_by(1, 1, 2, OK),
            slot("copy of Ap0 imp/2 co1 eo0 L2"),
            Step::Broker(Broker::Sees(1, 1, "L2 static eo0 served")),
            Step::Broker(Broker::Sees(2, 1, "none")),
            serve_by(2, 1, 1, GONE),
            slot("copy of Ap0 imp/2 co1 eo0 L2"),
            Step::Broker(Broker::CloseServer(1)),
            Step::Broker(Broker::Sees(2, 1, "none")),
            serve_by(2, 1, 1, GONE),
            slot("copy of Ap0 imp/2 co1 eo0 L2"),
        ],
    )
    .through_driver(ALL),
    script(
        "K21",
        "a server that is refused leaves the client to others, unless it has it",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION),
            Step::Broker(Broker::OpenServer(1, OK)),
            serve_by(1, 1, 3, A5),
            Step::Broker(Broker::CloseServer(1)),
            serve(1, 1, OK),
            serve(1, 3, A5),
            sees(1, "L2 static eo0 served"),
            slot("copy of Ap0 imp/2 co1 eo0 L1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K22",
        "many clients of one server, in any order",
        ServerToken::SPlus,
        &[
            client!(DELEGATION),
            on(Who::ClientB, &[connects(2, PRESENT, OK)]),
            on(Who::Q, &[imp(ClientToken::A2, false, false, 2), connects(3, IDENTIFICATION, OK)]),
            sees(1, "L3 static eo0"),
            sees(2, "L0 static eo0"),
            sees(3, "L1 static eo0"),
            serve(3, 1, OK),
            slot("copy of A2 imp/1 co1 eo0 L1"),
            serve(2, 0, OK),
            slot("copy of Bp0 imp/0 co1 eo0 L0"),
            leaves(2),
            serve(1, 3, OK),
            slot("copy of Ap0 imp/3 co1 eo0 L3"),
            sees(3, "L1 static eo0 served"),
            sees(2, "none"),
            Step::Broker(Broker::Crowd(64)),
        ],
    )
    .through_driver(ALL),
    script(
        "K23",
        "two threads of a server are one client at the same time",
        ServerToken::SPlus,
        &[
            client!(DELEGATION),
            serve(1, 3, OK),
            on(Who::T2, &[serve(1, 2, OK), slot("copy of Ap0 imp/3 co1 eo0 L2")]),
            Step::Revert,
            on(Who::T2, &[slot("copy of Ap0 imp/3 co1 eo0 L2"), Step::Revert]),
            serve(1, 1, OK),
            slot("copy of Ap0 imp/3 co1 eo0 L1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K24",
        "the client's end serves nobody",
        ServerToken::SPlus,
        &[
            on(Who::ClientA, &[connects(1, 0, OK), Step::Broker(Broker::ClientIsNoServer(1))]),
            sees(1, "L2 dynamic eo1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K25",
        "by default only administrators and the system can connect",
        ServerToken::SPlus,
        &[
            on(Who::ClientA, &[connects(1, 0, DENIED)]),
            on(
                Who::ClientB,
                &[imp(ClientToken::Ba2, false, false, 2), Step::Revert, connects(2, PRESENT, DENIED)],
            ),
            on(Who::Q, &[imp(ClientToken::Aa2, false, false, 2), connects(3, IMPERSONATION, OK)]),
            sees(3, "L2 static eo0"),
        ],
    )
    .through_driver(None),
    script(
        "K26",
        "a setting other than 1 changes nothing",
        ServerToken::SPlus,
        &[on(Who::ClientA, &[connects(1, 0, DENIED)])],
    )
    .through_driver(Some(2)),
    script(
        "K27",
        "permission to connect is not permission to serve, and takes an authenticated user",
        ServerToken::SPlus,
        &[
            on(
                Who::ClientA,
                &[connects(1, 0, OK), opens("", 2, DENIED), Step::Broker(Broker::OpenServer(1, DENIED))],
            ),
            on(Who::ClientB, &[imp(ClientToken::N2, false, false, 1), connects(2, PRESENT, A5)]),
            on(
                Who::T2,
                &[
                    imp(ClientToken::N2, false, false, 2),
                    // There an anonymous client of another user is one at Identification.
                    Step::WhereDocumented(&[connects(2, PRESENT, A5)]),
                    Step::WhereNotDocumented(&[connects(2, PRESENT, DENIED)]),
                ],
            ),
            on(Who::Q, &[imp(ClientToken::Aa2, false, false, 2), Step::Broker(Broker::OpenServer(1, OK))]),
        ],
    )
    .through_driver(ALL),
    script(
        "K28",
        "another user's client: a server without the privilege sees who it is, and no more",
        ServerToken::S,
        &[
            on(Who::ClientB, &[connects(1, IMPERSONATION, OK), connects(2, DELEGATION | DYNAMIC, OK)]),
            serve(1, 2, OK),
            check("copy of Bp0 imp/1 co1 eo0 L1", "new imp/1 all", "A5", &[]),
            serve(2, 3, OK),
            check("copy of Bp0 imp/1 co1 eo0 L1", "new imp/1 all", "A5", &[]),
            serve(1, 1, OK),
            Step::OnKernels(&[Family::Nt52], &[slot("copy of Bp0 imp/1 co1 eo0 L1")]),
            Step::OnKernels(&[Family::Documented, Family::Win10], &[slot("copy of Bp0 imp/2 co1 eo0 L1")]),
        ],
    )
    .through_driver(ALL),
    script(
        "K29",
        "a restricted server and its own user's client",
        ServerToken::SR,
        &[client!(IMPERSONATION), serve(1, 2, OK), check("copy of Ap0 imp/1 co1 eo0 L1", "", "A5", &[])],
    )
    .through_driver(ALL),
    script(
        "K30",
        "REVERT ends it, and the client can be served again",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION),
            serve(1, 2, OK),
            Step::Revert,
            idle(&[]),
            sees(1, "L2 static eo0 served"),
            serve(1, 1, OK),
            slot("copy of Ap0 imp/2 co1 eo0 L1"),
        ],
    )
    .through_driver(ALL),
    script(
        "K31",
        "connections that there are none of",
        ServerToken::SPlus,
        &[
            client!(IMPERSONATION),
            Step::Broker(Broker::ServeId(0, GONE)),
            Step::Broker(Broker::ServeId(u64::MAX, GONE)),
            slot("idle"),
        ],
    )
    .through_driver(ALL),
    script(
        "K32",
        "a worker runs as the system, whatever the thread impersonates",
        ServerToken::S,
        &[
            worker(EVERYONE, OK, OK),
            worker(A_ONLY, OK, DENIED),
            imp(ClientToken::A1, false, false, 1),
            worker(EVERYONE, A5, OK),
            worker(A_ONLY, A5, DENIED),
            slot("A1 co0 eo0 L1"),
        ],
    )
    .through_driver(None),
    script(
        "K33",
        "a server whose one thread is refused keeps the client that another one got meanwhile",
        ServerToken::SR,
        &[
            on(Who::Q, &[imp(ClientToken::Aa2, false, false, 2), connects(1, IMPERSONATION, OK)]),
            Step::Meanwhile(Who::T2, &[serve(1, 1, OK), Step::Object(Object::AssignJob(NO_ADMIN))]),
            Step::OnKernels(&[Family::Documented, Family::Nt52], &[serve(1, 2, DENIED), slot("idle")]),
            // Windows 10 has no such jobs.
            Step::OnKernels(&[Family::Win10], &[serve(1, 2, OK), slot("copy of Aa2 imp/1 co1 eo0 L1")]),
            Step::Broker(Broker::OpenServer(1, OK)),
            Step::Broker(Broker::Sees(1, 1, "none")),
            sees(1, "L2 static eo0 served"),
        ],
    )
    .through_driver(ALL),
    script(
        "K34",
        "a server that closes ends the connections of all its clients",
        ServerToken::SPlus,
        &[
            on(
                Who::ClientA,
                &[connects(1, IMPERSONATION | DYNAMIC, OK), connects(2, IMPERSONATION | DYNAMIC, OK)],
            ),
            Step::Broker(Broker::OpenServer(1, OK)),
            serve_by(1, 1, 2, OK),
            serve_by(1, 2, 2, OK),
            check("Ap0 co1 eo0 L2", "", "as A", &[(ClientToken::Ap0, 4)]),
            Step::Broker(Broker::CloseServer(1)),
            // Each connection had a reference on its client's token.
            check("Ap0 co1 eo0 L2", "", "as A", &[(ClientToken::Ap0, 2)]),
        ],
    )
    .through_driver(ALL),
    script(
        "K35",
        "another user's client that is effective-only: so is the copy that is stored",
        ServerToken::S,
        &[
            on(Who::ClientB, &[connects(1, IMPERSONATION | EFFECTIVE_ONLY, OK)]),
            serve(1, 2, OK),
            check("copy of Bp0 imp/1 co1 eo1 L1", "new imp/1 effective", "A5", &[]),
        ],
    )
    .through_driver(ALL),
    script(
        "K36",
        "another user's client, served with the privilege: the kernels keep it, the documented rule does not",
        ServerToken::SPlus,
        &[
            on(Who::ClientB, &[connects(1, IMPERSONATION | DYNAMIC, OK)]),
            serve(1, 2, OK),
            Step::Check(ByKernel { documented: B_COPIED, nt52: B_SERVED, win10: B_SERVED }),
        ],
    )
    .through_driver(ALL),
    script(
        "K37",
        "nothing is opened relative to a handle of the device",
        ServerToken::S,
        &[
            Step::Broker(Broker::OpenRelative("", NO_NAME)),
            Step::Broker(Broker::OpenRelative("Client", NO_NAME)),
            Step::Broker(Broker::OpenRelative(r"\Client", NO_NAME)),
            opens(r"\Client", 2, OK),
        ],
    )
    .through_driver(ALL),
];
