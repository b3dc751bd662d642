//! Group A: access and privilege checks of a thread that impersonates.

use crate::rights::{
    FILE_READ_DATA, FILE_WRITE_DATA, GENERIC_ALL, GENERIC_READ, TOKEN_ASSIGN_PRIMARY, TOKEN_DUPLICATE,
    TOKEN_QUERY,
};
use crate::script::{Judge, Program, Script, Securable, Step, imp, open, open_process, script, token};
use crate::{ClientToken, Logon, ServerToken, User};
use psimp_nt::{Sid, Status};
use psimp_rules::Family;

const A5: Status = Status::BAD_IMPERSONATION_LEVEL;
const EVERYONE: Securable = Securable::Granting(&[Sid::EVERYONE]);
const A_ONLY: Securable = Securable::Granting(&[User::A.sid()]);
const B_ONLY: Securable = Securable::Granting(&[User::B.sid()]);
/// S-1-5-12.
const RESTRICTED: Sid = Sid::new(5, &[12]);
/// An object that A and restricted code may use.
const A_AND_RESTRICTED: Securable = Securable::Granting(&[User::A.sid(), RESTRICTED]);

/// What `CreateProcessAsUser` needs of a handle.
const FOR_PROCESS: u32 = TOKEN_ASSIGN_PRIMARY | TOKEN_DUPLICATE | TOKEN_QUERY;

const fn write(object: Securable, status: Status) -> Step {
    Step::Judge(Judge::Open(object, FILE_WRITE_DATA, status))
}

const fn process(token: usize, runs_as: Result<User, Status>) -> Step {
    Step::Program(Program::CreateProcessAsUser { token, runs_as })
}

pub(crate) static SCRIPTS: &[Script] = &[
    script(
        "A01",
        "at Identification nothing opens, whatever the DACL",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 1), open(EVERYONE, A5), open(A_ONLY, A5)],
    ),
    script(
        "A02",
        "nor what has no DACL",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 1), open(Securable::NullDacl, A5)],
    ),
    script(
        "A03",
        "what has no security descriptor opens at any level",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            open(Securable::NoDescriptor, Status::SUCCESS),
            imp(ClientToken::A2, false, false, 0),
            open(Securable::NoDescriptor, Status::SUCCESS),
        ],
    ),
    script(
        "A04",
        "at Anonymous nothing opens either",
        ServerToken::S,
        &[imp(ClientToken::A2, false, false, 0), open(EVERYONE, A5), open(Securable::NullDacl, A5)],
    ),
    script(
        "A05",
        "at Impersonation what only the server may use stays closed",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::WhereDocumented(&[open(A_ONLY, A5)]),
            Step::WhereNotDocumented(&[open(A_ONLY, Status::ACCESS_DENIED)]),
        ],
    ),
    script(
        "A06",
        "and what only the client may use opens",
        ServerToken::SPlus,
        &[
            imp(ClientToken::B2, false, false, 2),
            Step::WhereDocumented(&[open(B_ONLY, A5)]),
            Step::WhereNotDocumented(&[open(B_ONLY, Status::SUCCESS)]),
        ],
    ),
    script(
        "A07",
        "restricting SIDs must be granted access too",
        ServerToken::SR,
        &[
            imp(ClientToken::AR2, false, false, 2),
            Step::WhereDocumented(&[open(A_AND_RESTRICTED, A5)]),
            Step::WhereNotDocumented(&[
                open(A_ONLY, Status::ACCESS_DENIED),
                open(Securable::Granting(&[RESTRICTED]), Status::ACCESS_DENIED),
                open(A_AND_RESTRICTED, Status::SUCCESS),
                open(Securable::NullDacl, Status::SUCCESS),
            ]),
        ],
    ),
    script(
        "A08",
        "the anonymous logon is not everyone, but S-1-5-7",
        ServerToken::S,
        &[
            imp(ClientToken::N2, false, false, 2),
            Step::WhereDocumented(&[open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), A5)]),
            Step::WhereNotDocumented(&[
                open(EVERYONE, Status::ACCESS_DENIED),
                open(Securable::Granting(&[Sid::ANONYMOUS_LOGON]), Status::SUCCESS),
            ]),
        ],
    ),
    script(
        "A09",
        "kernel mode is granted everything at any level",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            Step::Judge(Judge::KernelMode(Securable::Granting(&[]), Status::SUCCESS)),
        ],
    ),
    script(
        "A10",
        "the level is tested before anything is asked for",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            Step::Judge(Judge::Open(EVERYONE, 0, A5)),
            imp(ClientToken::A2, false, false, 2),
            Step::Judge(Judge::Open(EVERYONE, 0, Status::ACCESS_DENIED)),
        ],
    ),
    script(
        "A11",
        "at Identification there are no privileges, not even the server's",
        ServerToken::Sx,
        &[
            Step::Judge(Judge::Privilege(true)),
            imp(ClientToken::Ax2, false, false, 1),
            Step::Judge(Judge::Privilege(false)),
        ],
    ),
    script(
        "A12",
        "the server's privileges are not the client's",
        ServerToken::SPlusx,
        &[imp(ClientToken::B2, false, false, 2), Step::Judge(Judge::Privilege(false))],
    ),
    script(
        "A13",
        "the client's are its own",
        ServerToken::SPlus,
        &[
            imp(ClientToken::Bx2, false, false, 2),
            Step::WhereDocumented(&[Step::Judge(Judge::Privilege(false))]),
            Step::WhereNotDocumented(&[Step::Judge(Judge::Privilege(true))]),
        ],
    ),
    script(
        "A14",
        "NtAccessCheck judges an Identification token by the DACL",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            token(0, ClientToken::B1, TOKEN_QUERY),
            Step::Judge(Judge::Token(0, B_ONLY, Status::SUCCESS)),
            Step::Judge(Judge::Token(0, A_ONLY, Status::ACCESS_DENIED)),
        ],
    ),
    script(
        "A15",
        "NtAccessCheck takes no Anonymous and no primary token",
        ServerToken::S,
        &[
            token(0, ClientToken::B0, TOKEN_QUERY),
            Step::Judge(Judge::Token(0, B_ONLY, A5)),
            token(1, ClientToken::Bp0, TOKEN_QUERY),
            Step::Judge(Judge::Token(1, B_ONLY, Status::NO_IMPERSONATION_TOKEN)),
        ],
    ),
    script(
        "A16",
        "a handle opened before keeps its rights",
        ServerToken::S,
        &[
            Step::Program(Program::Open(0, A_ONLY, FILE_READ_DATA)),
            imp(ClientToken::A2, false, false, 1),
            open(A_ONLY, A5),
            Step::Program(Program::Grants(0, FILE_READ_DATA)),
        ],
    ),
    script(
        "A17",
        "a new process runs as the server",
        ServerToken::SPlus,
        &[imp(ClientToken::B2, false, false, 2), Step::Program(Program::ChildRunsAs(User::A))],
    ),
    script(
        "A18",
        "a new thread does not impersonate",
        ServerToken::SPlus,
        &[imp(ClientToken::B2, false, false, 2), Step::Program(Program::NewThreadIsIdle)],
    ),
    script(
        "A19",
        "drive letters are those of the client's logon session",
        ServerToken::SPlus,
        &[
            Step::Program(Program::DefineDrive(Logon::A1)),
            Step::Program(Program::ResolveDrive(Status::SUCCESS)),
            imp(ClientToken::B2, false, false, 2),
            Step::Program(Program::ResolveDrive(Status::OBJECT_NAME_NOT_FOUND)),
            // Global drive letters are visible in every session.
            Step::Program(Program::DefineDrive(Logon::System)),
            Step::Program(Program::ResolveDrive(Status::SUCCESS)),
        ],
    ),
    script(
        "A20",
        "traversal may pass where the object does not open",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 1),
            Step::Judge(Judge::OpenNested(EVERYONE, A5)),
            imp(ClientToken::A2, false, false, 2),
            Step::Judge(Judge::OpenNested(EVERYONE, Status::SUCCESS)),
        ],
    ),
    script(
        "A21",
        "generic rights are mapped as for files",
        ServerToken::S,
        &[
            imp(ClientToken::A2, false, false, 2),
            Step::Judge(Judge::Open(A_ONLY, GENERIC_READ, Status::SUCCESS)),
            Step::Judge(Judge::Open(A_ONLY, GENERIC_ALL, Status::SUCCESS)),
            Step::Judge(Judge::Open(B_ONLY, GENERIC_READ, Status::ACCESS_DENIED)),
            Step::Judge(Judge::Open(B_ONLY, GENERIC_ALL, Status::ACCESS_DENIED)),
        ],
    ),
    // CreateRestrictedToken, WRITE_RESTRICTED: the restricting SIDs count for write access only.
    script(
        "A22",
        "write-restricted: restricting SIDs must grant what writes, and are not asked for what reads",
        ServerToken::SWR,
        &[
            imp(ClientToken::AW2, false, false, 2),
            Step::WhereDocumented(&[open(A_ONLY, A5), write(A_AND_RESTRICTED, A5)]),
            Step::WhereNotDocumented(&[
                open(A_ONLY, Status::SUCCESS),
                write(A_ONLY, Status::ACCESS_DENIED),
                Step::Judge(Judge::Open(A_ONLY, GENERIC_READ, Status::SUCCESS)),
                Step::Judge(Judge::Open(A_ONLY, GENERIC_ALL, Status::ACCESS_DENIED)),
                // The first pass is the user's own.
                open(Securable::Granting(&[RESTRICTED]), Status::ACCESS_DENIED),
                write(Securable::Granting(&[RESTRICTED]), Status::ACCESS_DENIED),
                write(A_AND_RESTRICTED, Status::SUCCESS),
                write(Securable::NullDacl, Status::SUCCESS),
            ]),
        ],
    ),
    // The page of CreateProcessAsUser: SE_ASSIGNPRIMARYTOKEN_NAME if the token is not assignable. NT 5.2 and reported
    // of Windows 10: SeSinglePrivilegeCheck, which reads the effective token.
    script(
        "A23",
        "CreateProcessAsUser: the process is the token's user, and for another user's token needs a privilege",
        ServerToken::Sx,
        &[
            token(0, ClientToken::Bp0, FOR_PROCESS),
            process(0, Ok(User::B)),
            Step::BecomeServer(ServerToken::S),
            process(0, Err(Status::PRIVILEGE_NOT_HELD)),
            token(1, ClientToken::Bp0, TOKEN_DUPLICATE | TOKEN_QUERY),
            process(1, Err(Status::ACCESS_DENIED)),
        ],
    ),
    script(
        "A24",
        "CreateProcessAsUser while impersonating: the client's privileges count, the server's do not",
        ServerToken::SPlusx,
        &[
            token(0, ClientToken::Bp0, FOR_PROCESS),
            imp(ClientToken::B2, false, false, 2),
            process(0, Err(Status::PRIVILEGE_NOT_HELD)),
            imp(ClientToken::Bx2, false, false, 2),
            Step::WhereDocumented(&[process(0, Err(Status::PRIVILEGE_NOT_HELD))]),
            Step::WhereNotDocumented(&[process(0, Ok(User::B))]),
            imp(ClientToken::Bx2, false, false, 1),
            process(0, Err(Status::PRIVILEGE_NOT_HELD)),
            Step::Revert,
            process(0, Ok(User::B)),
        ],
    ),
    script(
        "A25",
        "CreateProcessAsUser of the server's own token, restricted: no privilege, whatever the thread impersonates",
        ServerToken::SPlus,
        &[
            open_process(FOR_PROCESS, Status::SUCCESS),
            Step::Program(Program::Restrict { token: 8, keep: 0 }),
            token(1, ClientToken::Ap0, FOR_PROCESS),
            imp(ClientToken::B2, false, false, 2),
            process(0, Ok(User::A)),
            // Of the same logon session, and not made from the server's token.
            Step::OnKernels(&[Family::Nt52], &[process(1, Err(Status::PRIVILEGE_NOT_HELD))]),
            Step::OnKernels(&[Family::Documented, Family::Win10], &[process(1, Ok(User::A))]),
        ],
    ),
];
