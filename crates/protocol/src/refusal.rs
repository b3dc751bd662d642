//! The one table of refusals: which statuses a request can end with, and why.

use crate::operations::{Ioctl, Step};
use psimp_nt::Status;

/// A reason to refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in words.
    pub what: &'static str,
    /// The status of the request is one of these.
    pub statuses: &'static [Status],
    /// What it depends on.
    pub cause: Cause,
    /// Which requests are refused for it.
    pub applies_to: AppliesTo,
}

/// What a refusal depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// How the request is sent: checked before its fields are read.
    Envelope,
    /// What its fields have or name.
    Content,
    /// The system: its memory, a file object that is being closed, what the kernel allows.
    System,
}

/// Which requests a refusal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliesTo {
    /// All, also those with an unknown control code.
    Every,
    /// Those with an unknown control code.
    UnknownCode,
    /// Those with a known one.
    KnownCode,
    /// Those that take input.
    WithInput,
    /// Those that return output.
    WithOutput,
    /// Those whose operation has one of these steps.
    Steps(&'static [Step]),
}

impl Refusal {
    /// Whether a request with this control code can be refused for it.
    pub fn is_of(&self, code: u32) -> bool {
        match (self.applies_to, Ioctl::by_code(code)) {
            (AppliesTo::Every, _) | (AppliesTo::UnknownCode, None) | (AppliesTo::KnownCode, Some(_)) => true,
            (AppliesTo::WithInput, Some(row)) => row.about().input.size != 0,
            (AppliesTo::WithOutput, Some(row)) => row.output() != 0,
            (AppliesTo::Steps(steps), Some(row)) => steps.iter().any(|step| row.about().steps.contains(step)),
            (AppliesTo::UnknownCode, Some(_)) | (_, None) => false,
        }
    }
}

/// The reasons to refuse a request with this control code, in the order in which they are checked.
pub fn refusals(code: u32) -> impl Iterator<Item = &'static Refusal> {
    REFUSALS.iter().filter(move |refusal| refusal.is_of(code))
}

/// Whether the contract knows a request with this control code to end so.
pub fn is_documented(code: u32, status: Status) -> bool {
    status == Status::SUCCESS && Ioctl::by_code(code).is_some()
        || refusals(code).any(|refusal| refusal.statuses.contains(&status))
}

/// What a request that assigns a token fails with when the kernel does not.
const NOT_ASSIGNED: &[Status] = &[
    Status::INSUFFICIENT_RESOURCES,
    Status::NO_MEMORY,
    Status::ACCESS_DENIED,
    Status::UNSUCCESSFUL,
    Status::PRIVILEGE_NOT_HELD,
];

/// The status of a request whose token the kernel did not copy or assign. A status that is not in
/// the contract, or has another meaning there, is `UNSUCCESSFUL`.
pub fn not_assigned(status: Status) -> Status {
    if NOT_ASSIGNED.contains(&status) { status } else { Status::UNSUCCESSFUL }
}

const fn row(
    what: &'static str,
    statuses: &'static [Status],
    cause: Cause,
    applies_to: AppliesTo,
) -> Refusal {
    Refusal { what, statuses, cause, applies_to }
}

/// Every reason to refuse a request, in the order in which they are checked.
pub const REFUSALS: &[Refusal] = {
    use AppliesTo::{Every, KnownCode, Steps, UnknownCode, WithInput, WithOutput};
    use Cause::{Content, Envelope, System};
    const DENIED: &[Status] = &[Status::ACCESS_DENIED];
    &[
        row("called above PASSIVE_LEVEL", &[Status::INVALID_DEVICE_STATE], Envelope, Every),
        row("the device handle lacks the access of the code (I/O manager)", DENIED, Envelope, Every),
        row("sent by the kernel, by another process, or on a client's file object", DENIED, Envelope, Every),
        row("an unknown control code", &[Status::INVALID_DEVICE_REQUEST], Envelope, UnknownCode),
        row("input of another length", &[Status::INFO_LENGTH_MISMATCH], Envelope, KnownCode),
        row("output buffer too small", &[Status::BUFFER_TOO_SMALL], Envelope, WithOutput),
        row(
            "`length` in the structure is not the number of bytes that follow",
            &[Status::INFO_LENGTH_MISMATCH],
            Content,
            Steps(&[Step::CheckAccess]),
        ),
        row(
            "unknown flag, reserved field, level above 3, version, descriptor too long",
            &[Status::INVALID_PARAMETER],
            Content,
            WithInput,
        ),
        row(
            "no such handle; another type; without the access",
            &[Status::INVALID_HANDLE, Status::OBJECT_TYPE_MISMATCH, Status::ACCESS_DENIED],
            Content,
            Steps(&[Step::OpenThread, Step::OpenToken]),
        ),
        row(
            "a thread of another process; one that is exiting",
            &[Status::ACCESS_DENIED, Status::THREAD_IS_TERMINATING],
            Content,
            Steps(&[Step::OpenThread]),
        ),
        row(
            "a primary token without duplicate and query access",
            DENIED,
            Content,
            Steps(&[Step::CheckPrimaryToken]),
        ),
        row(
            "a level above an impersonation token's own",
            &[Status::BAD_IMPERSONATION_LEVEL],
            Content,
            Steps(&[Step::CheckTokenLevel]),
        ),
        row("no further client", &[Status::NO_MORE_ENTRIES], Content, Steps(&[Step::FindClient])),
        row(
            "no such connection: it ended, or another server has it",
            &[Status::NOT_FOUND],
            Content,
            Steps(&[Step::AcceptClient]),
        ),
        row(
            "a level above the client's",
            &[Status::BAD_IMPERSONATION_LEVEL],
            Content,
            Steps(&[Step::AcceptClient]),
        ),
        row("no such save on this file object", &[Status::NOT_FOUND], Content, Steps(&[Step::FindSave])),
        row("no place for a save", &[Status::INSUFFICIENT_RESOURCES], Content, Steps(&[Step::AddSave])),
        row(
            "a request after the last handle was closed",
            &[Status::FILE_CLOSED],
            System,
            Steps(&[Step::UseSaves, Step::AcceptClient]),
        ),
        row(
            "bytes that are no security descriptor",
            &[Status::INVALID_SECURITY_DESCR],
            Content,
            Steps(&[Step::CheckAccess]),
        ),
        row(
            "the kernel does not copy or assign the token: no memory, a job, its own rules (Peios), anything else",
            NOT_ASSIGNED,
            System,
            Steps(&[Step::Assign]),
        ),
        row(
            "not enough memory for anything else on the way",
            &[Status::INSUFFICIENT_RESOURCES],
            System,
            Every,
        ),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

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
        // The kernel that assigns the token of a save does not compare levels.
        assert!(!documented(Operation::Restore, Status::BAD_IMPERSONATION_LEVEL));
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
