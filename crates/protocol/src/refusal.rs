//! The one table of refusals: which statuses a request can end with, and why.

use crate::{Ioctl, Operation};
use psimp_nt::Status;

/// A reason to refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in words.
    pub what: &'static str,
    /// What the caller is told: one of these.
    pub statuses: &'static [Status],
    /// Which requests are refused for it.
    pub of: Refused,
}

/// Which requests a refusal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All, also those with an unknown control code.
    Every,
    /// Those with an unknown control code.
    Unknown,
    /// Those with these operations.
    Only(&'static [Operation]),
    /// Those with all operations but these.
    Except(&'static [Operation]),
}

impl Refusal {
    /// Whether a request with this control code can be refused for it.
    pub fn is_of(&self, code: u32) -> bool {
        let operation = Ioctl::by_code(code).map(|row| row.operation);
        match (self.of, operation) {
            (Refused::Every, _) | (Refused::Unknown, None) => true,
            (Refused::Only(these), Some(operation)) => these.contains(&operation),
            (Refused::Except(these), Some(operation)) => !these.contains(&operation),
            (Refused::Unknown | Refused::Only(_) | Refused::Except(_), _) => false,
        }
    }
}

/// Whether the contract knows a request with this control code to end so.
pub fn is_documented(code: u32, status: Status) -> bool {
    let refused = |refusal: &Refusal| refusal.is_of(code) && refusal.statuses.contains(&status);
    status == Status::SUCCESS && Ioctl::by_code(code).is_some() || REFUSALS.iter().any(refused)
}

const fn row(what: &'static str, statuses: &'static [Status], of: Refused) -> Refusal {
    Refusal { what, statuses, of }
}

/// Every reason to refuse a request, in the order in which they are looked for.
pub const REFUSALS: [Refusal; 21] = {
    use Operation::{
        AccessCheck, Discard, End, Evaluate, Impersonate, NextClient, Query, Restore, Revert, Save, Serve,
        Version, WorkerCheck,
    };
    use Refused::{Every, Except, Only, Unknown};
    const HANDLES: Refused = Only(&[Impersonate, Query, Save, Restore, End, Evaluate]);
    const ASSIGN: Refused = Only(&[Impersonate, Restore, Serve]);
    const KEEPS: Refused = Only(&[Save, Restore, Discard, Serve]);
    const CHECKS: Refused = Only(&[AccessCheck, WorkerCheck]);
    const DENIED: &[Status] = &[Status::ACCESS_DENIED];
    [
        row("called above PASSIVE_LEVEL", &[Status::INVALID_DEVICE_STATE], Every),
        row("the device handle lacks the access of the code (I/O manager)", DENIED, Every),
        row("a requestor in the kernel, another process's file object, or a client's", DENIED, Every),
        row("an unknown control code", &[Status::INVALID_DEVICE_REQUEST], Unknown),
        row("input of another length", &[Status::INFO_LENGTH_MISMATCH], Except(&[])),
        row("output buffer too small", &[Status::BUFFER_TOO_SMALL], Except(&[Discard])),
        row("another `length` in the structure than follows", &[Status::INFO_LENGTH_MISMATCH], CHECKS),
        row(
            "unknown flag, reserved field, level above 3, version, descriptor too long",
            &[Status::INVALID_PARAMETER],
            Except(&[Version, Revert]),
        ),
        row(
            "no such handle; another type; without the access",
            &[Status::INVALID_HANDLE, Status::OBJECT_TYPE_MISMATCH, Status::ACCESS_DENIED],
            HANDLES,
        ),
        row(
            "a thread of another process; one that is exiting",
            &[Status::ACCESS_DENIED, Status::THREAD_IS_TERMINATING],
            HANDLES,
        ),
        row("a primary token without duplicate and query access", DENIED, Only(&[Impersonate])),
        row(
            "a level above an impersonation token's own",
            &[Status::BAD_IMPERSONATION_LEVEL],
            Only(&[Impersonate, Evaluate]),
        ),
        row("no further client", &[Status::NO_MORE_ENTRIES], Only(&[NextClient])),
        row("no such connection: it ended, or another server has it", &[Status::NOT_FOUND], Only(&[Serve])),
        row("a level above the client's", &[Status::BAD_IMPERSONATION_LEVEL], Only(&[Serve])),
        row("no such save on this file object", &[Status::NOT_FOUND], Only(&[Restore, Discard])),
        row("no room for a save", &[Status::INSUFFICIENT_RESOURCES], Only(&[Save])),
        row("a request after the last handle was closed", &[Status::FILE_CLOSED], KEEPS),
        row("bytes that are no security descriptor", &[Status::INVALID_SECURITY_DESCR], CHECKS),
        row(
            "the kernel does not assign the token: no memory, a job, no primary token, its own rules (Peios)",
            &[
                Status::INSUFFICIENT_RESOURCES,
                Status::NO_MEMORY,
                Status::ACCESS_DENIED,
                Status::UNSUCCESSFUL,
                Status::PRIVILEGE_NOT_HELD,
            ],
            ASSIGN,
        ),
        row("no memory for anything else on the way", &[Status::INSUFFICIENT_RESOURCES], Every),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn documented(operation: Operation, status: Status) -> bool {
        is_documented(Ioctl::of(operation).code(), status)
    }

    #[test]
    fn a_status_is_documented_for_some_operations_only() {
        assert!(documented(Operation::Restore, Status::NOT_FOUND));
        assert!(!documented(Operation::Save, Status::NOT_FOUND));
        assert!(documented(Operation::Revert, Status::INSUFFICIENT_RESOURCES));
        assert!(!documented(Operation::Revert, Status::INVALID_PARAMETER));
        assert!(!documented(Operation::Query, Status::NO_MEMORY));
        assert!(!documented(Operation::Discard, Status::BUFFER_TOO_SMALL));
        assert!(documented(Operation::Query, Status::SUCCESS));
    }

    #[test]
    fn an_unknown_code_never_succeeds() {
        const UNKNOWN: u32 = 0x0022_6004;
        assert!(is_documented(UNKNOWN, Status::INVALID_DEVICE_REQUEST));
        assert!(is_documented(UNKNOWN, Status::ACCESS_DENIED));
        assert!(!is_documented(UNKNOWN, Status::SUCCESS));
        assert!(!is_documented(UNKNOWN, Status::INFO_LENGTH_MISMATCH));
        assert!(!documented(Operation::Query, Status::INVALID_DEVICE_REQUEST));
    }
}
