//! The bytes of every request and reply.
//!
//! All integers are little-endian and naturally aligned; `reserved` fields are
//! zero in both directions. Field values of a request are claims.

use crate::event::{EventLevel, Record};
use crate::layout::Kind::{
    AccessMask, Array, BuildId, ConnectionId, ConnectionIdOrZero, Handle, Level, Luid, Plain, ProcessId,
    SaveId, Status, Structure, TokenId,
};
use crate::layout::{structure, values};
use crate::{PROTOCOL_VERSION, SERVER_SECURITY};

structure! {
    /// No input, or no output.
    pub struct Nothing: 0 {}
}

structure! {
    /// Input of IMPERSONATE and EVALUATE.
    pub struct Impersonate: 32 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// `SECURITY_IMPERSONATION_LEVEL`, 0 to 3, compared unsigned.
        pub level: u32 as Level,
        /// Thread handle with `THREAD_SET_THREAD_TOKEN` and `THREAD_IMPERSONATE`, for EVALUATE
        /// as for QUERY in [`Thread`]; or 0 for the calling thread.
        pub thread: u64 as Handle,
        /// Token handle with `TOKEN_IMPERSONATE`, for a primary token also `TOKEN_DUPLICATE`
        /// and `TOKEN_QUERY`; of EVALUATE with `TOKEN_QUERY`.
        pub token: u64 as Handle,
        /// [`impersonate_flags`]; EVALUATE takes them and ignores them.
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
    }
    values "Flags": impersonate_flags;
    example { version: PROTOCOL_VERSION, level: 2, thread: 0, token: 24, flags: 0, reserved: 0 }
    event |request, event| { event.asked(request.level, request.flags); }
}

values! {
    /// Flags of [`Impersonate`].
    pub flags impersonate_flags: u32 {
        /// An open of the thread's token gets a copy.
        COPY_ON_OPEN = 1, "copy-on-open";
        /// Disabled groups and privileges cannot be enabled.
        EFFECTIVE_ONLY = 2, "effective-only";
        /// The kernel decides alone; otherwise the documented rule decides first.
        KERNEL_RULES = 4, "the kernel decides alone";
    }
}

structure! {
    /// Input of QUERY, SAVE and END.
    pub struct Thread: 16 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// Zero.
        pub reserved: u32,
        /// Thread handle with `THREAD_QUERY_LIMITED_INFORMATION` or, as kernels before
        /// Windows Vista have it, `THREAD_QUERY_INFORMATION` (QUERY); one of them and
        /// `THREAD_IMPERSONATE` (SAVE); `THREAD_SET_THREAD_TOKEN` and `THREAD_IMPERSONATE`
        /// (END); or 0 for the calling thread.
        pub thread: u64 as Handle,
    }
    example { version: PROTOCOL_VERSION, reserved: 0, thread: 0 }
}

structure! {
    /// Input of RESTORE.
    pub struct Restore: 24 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// [`rules_flags`].
        pub flags: u32,
        /// As in [`Impersonate`].
        pub thread: u64 as Handle,
        /// What SAVE returned, on the same file object.
        pub save: u64 as SaveId,
    }
    values "Flags": rules_flags;
    example { version: PROTOCOL_VERSION, flags: 0, thread: 0, save: 1 }
    event |request, event| {
        event.payload.flags_asked = request.flags;
        event.payload.id = request.save;
    }
}

structure! {
    /// Input of DISCARD.
    pub struct Discard: 16 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// Zero.
        pub reserved: u32,
        /// What SAVE returned, on the same file object.
        pub save: u64 as SaveId,
    }
    example { version: PROTOCOL_VERSION, reserved: 0, save: 1 }
    event |request, event| { event.payload.id = request.save; }
}

structure! {
    /// Input of `NEXT_CLIENT`.
    pub struct NextClient: 16 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// Zero.
        pub reserved: u32,
        /// The connection returned before, 0 for the first. It may have ended since. Ids rise
        /// in the order in which clients connected.
        pub after: u64 as ConnectionIdOrZero,
    }
    example { version: PROTOCOL_VERSION, reserved: 0, after: 0 }
}

structure! {
    /// Input of SERVE.
    pub struct Serve: 24 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// `SECURITY_IMPERSONATION_LEVEL`, 0 to 3, compared unsigned; at most the client's.
        pub level: u32 as Level,
        /// [`Connection::id`].
        pub connection: u64 as ConnectionId,
        /// [`rules_flags`]. Copy-on-open is always set; the client decides on effective-only.
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
    }
    values "Flags": rules_flags;
    example { version: PROTOCOL_VERSION, level: 2, connection: 1, flags: 0, reserved: 0 }
    event |request, event| {
        event.asked(request.level, request.flags);
        event.payload.id = request.connection;
    }
}

values! {
    /// Flags of [`Restore`] and [`Serve`].
    pub flags rules_flags: u32 {
        /// The kernel decides alone; otherwise the documented rule decides first.
        KERNEL_RULES = super::impersonate_flags::KERNEL_RULES, "the kernel decides alone";
    }
}

#[allow(clippy::cast_possible_truncation)] // 96
const LENGTH: u32 = SERVER_SECURITY.len() as u32;

structure! {
    /// Input of `ACCESS_CHECK` and `WORKER_CHECK`; a self-relative security descriptor follows.
    pub struct AccessCheck: 16 {
        /// [`crate::PROTOCOL_VERSION`].
        pub version: u32,
        /// Access asked for, of which 0 is denied; generic rights are mapped as for files.
        pub desired: u32 as AccessMask,
        /// Length of the descriptor in bytes: all that follows, at most
        /// [`MAX_DESCRIPTOR`].
        pub length: u32,
        /// Zero.
        pub reserved: u32,
    }
    example { version: PROTOCOL_VERSION, desired: 3, length: LENGTH, reserved: 0 }
    then "the descriptor": &SERVER_SECURITY;
}

/// Longest security descriptor that `ACCESS_CHECK` and `WORKER_CHECK` take, in bytes.
pub const MAX_DESCRIPTOR: usize = 0x1_0000;

structure! {
    /// Output of VERSION.
    pub struct Version: 32 {
        /// Protocol version of the driver.
        pub protocol: u32,
        /// Driver version, one number a part.
        pub driver: [u16; 3] as Plain("3 × u16"),
        /// Zero.
        pub reserved: u16,
        /// Saves that a file object can hold at one time.
        pub max_saves: u32,
        /// First 16 hexadecimal digits of the source revision, as text without a terminator;
        /// zeros if unknown.
        pub build_id: [u8; 16] as BuildId,
    }
}

structure! {
    /// Output of QUERY; of REVERT and END the slot as it was before.
    pub struct Slot: 104 {
        /// [`slot_flags`]; zero, like every other field, when the thread does not
        /// impersonate.
        pub flags: u32,
        /// Level of the slot.
        pub level: u32,
        /// `TOKEN_TYPE` of the token object: 1 primary, 2 impersonation.
        pub token_type: u32,
        /// Level recorded in the token object; of a primary token it means nothing to access checks.
        pub own_level: u32,
        /// `TokenId` of the token object.
        pub token_id: u64 as TokenId,
        /// Its logon session.
        pub authentication_id: u64 as Luid,
        /// Length of `user` in bytes.
        pub user_length: u32,
        /// Its user SID, zero-filled.
        pub user: [u8; 68] as Plain("SID, zero-filled"),
    }
    values "Flags": slot_flags;
    event |slot, event| { event.slot(slot); }
}

values! {
    /// Flags of [`Slot`].
    pub flags slot_flags: u32 {
        /// The thread impersonates.
        ACTIVE = 1, "active";
        /// An open of the token gets a copy.
        COPY_ON_OPEN = 2, "copy-on-open";
        /// Disabled groups and privileges cannot be enabled.
        EFFECTIVE_ONLY = 4, "effective-only";
        /// The token has restricting SIDs.
        RESTRICTED = 8, "restricted";
        /// The token could not be read (no memory): its fields are zero. In replies
        /// of IMPERSONATE, REVERT and END, whose change is done by then.
        UNREAD = 16, "the token could not be read";
    }
}

structure! {
    /// Output of SAVE.
    pub struct Saved: 112 {
        /// Names the save in RESTORE and DISCARD. Never used again for another.
        pub save: u64 as SaveId,
        /// What was saved.
        pub slot: Slot as Structure(&Slot::TABLE),
    }
    event |saved, event| {
        event.payload.id = saved.save;
        event.slot(&saved.slot);
    }
}

structure! {
    /// Output of `ACCESS_CHECK`.
    pub struct Access: 8 {
        /// Access granted; zero when it was not.
        pub granted: u32 as AccessMask,
        /// `AccessStatus` of `SeAccessCheck`: 0 when all of it was granted.
        pub status: u32 as Status,
    }
    event |access, event| { event.payload.granted = access.granted; }
}

structure! {
    /// Output of `WORKER_CHECK`.
    pub struct WorkerAccess: 16 {
        /// What the calling thread may, as it now is.
        pub caller: Access as Structure(&Access::TABLE),
        /// What a thread of the system may that impersonates nobody.
        pub worker: Access as Structure(&Access::TABLE),
    }
    event |access, event| { event.payload.granted = access.caller.granted; }
}

structure! {
    /// Output of `NEXT_CLIENT`: a client, and what it allows a server.
    pub struct Connection: 24 {
        /// Names the connection in SERVE. Never used again for another.
        pub id: u64 as ConnectionId,
        /// Process id of the client.
        pub process: u32 as ProcessId,
        /// The level that it allows.
        pub level: u32,
        /// [`connection_flags`].
        pub flags: u32,
        /// Zero.
        pub reserved: u32,
    }
    values "Flags": connection_flags;
    event |client, event| {
        event.payload.id = client.id;
        event.payload.level_stored = client.level.cast_signed();
    }
}

values! {
    /// Flags of [`Connection`].
    pub flags connection_flags: u32 {
        /// Dynamic tracking: the client's own token, as it is when it is used.
        DYNAMIC = 1, "dynamic tracking";
        /// Disabled groups and privileges cannot be enabled.
        EFFECTIVE_ONLY = 2, "effective-only";
        /// The server that asks serves it; otherwise it waits for one.
        SERVED = 4, "this server serves it; otherwise it waits";
    }
}

structure! {
    /// Output of EVALUATE: what the documented rule decides, nothing done.
    pub struct Evaluation: 80 {
        /// [`verdict`].
        pub verdict: u32,
        /// The level that would be stored.
        pub level: u32,
        /// Number of the deciding rule.
        pub rule: u32,
        /// How many of `trace` were tried.
        pub steps: u32,
        /// The rules in the order they were tried; zeros after the last.
        pub trace: [TraceStep; 16] as Array(&TraceStep::TABLE),
    }
    values "Verdict": verdict;
    values "Effect": effect;
    event |evaluation, event| {
        event.decided(evaluation.verdict, evaluation.rule, decided_by::DRIVER);
        event.payload.level_stored = evaluation.level.cast_signed();
    }
}

structure! {
    /// A rule that was tried.
    pub struct TraceStep: 4 {
        /// Number of the rule.
        pub rule: u16,
        /// [`effect`].
        pub effect: u16,
    }
}

values! {
    /// Values of [`TraceStep::effect`].
    pub mod effect: u16 {
        /// The rule did not apply.
        PASS = 1, "passes";
        /// It keeps the token.
        KEEP = 2, "keeps";
        /// It objects.
        DENY = 3, "objects";
    }
}

structure! {
    /// Output of IMPERSONATE, RESTORE and SERVE: the slot as it was read back, and who decided.
    pub struct Outcome: 56 {
        /// What the kernel routine returned; a failure fails the IOCTL instead.
        pub status: u32 as Status,
        /// The level asked for.
        pub level_asked: u32,
        /// The level read back from the slot.
        pub level_stored: u32,
        /// [`verdict`].
        pub verdict: u32,
        /// Number of the deciding rule, 0 when the kernel decided, which does not
        /// report its rule.
        pub rule: u32,
        /// [`decided_by`].
        pub decided_by: u32,
        /// [`slot_flags`] as read back.
        pub flags: u32 as Plain("u32, as in Slot"),
        /// Zero.
        pub reserved: u32,
        /// `TokenId` of the token behind the handle.
        pub token_asked: u64 as TokenId,
        /// `TokenId` of the token in the slot.
        pub token_stored: u64 as TokenId,
        /// Logon session of the token in the slot.
        pub authentication_id: u64 as Luid,
    }
    values "Verdict": verdict;
    values "Decided by": decided_by;
    event |outcome, event| { event.outcome(outcome); }
}

values! {
    /// Values of [`Outcome::verdict`].
    pub mod verdict: u32 {
        /// Nothing is in the slot: what was restored was an idle thread, or another
        /// thread ended the impersonation before it could be read back.
        ENDED = 0, "nothing in the slot";
        /// The token itself is in the slot.
        KEPT = 1, "kept";
        /// A copy is in the slot.
        COPIED = 2, "copied";
    }
}

values! {
    /// Values of [`Outcome::decided_by`].
    pub mod decided_by: u32 {
        /// The documented rule, in the driver.
        DRIVER = 1, "the driver";
        /// `PsImpersonateClient` itself.
        KERNEL = 2, "the kernel";
    }
}

impl Record {
    fn decided(&mut self, verdict: u32, rule: u32, by: u32) {
        self.verdict = match verdict {
            verdict::KEPT => "kept",
            verdict::COPIED => "copied",
            _ => "ended",
        };
        self.payload.rule = rule;
        self.decided_by = if by == decided_by::DRIVER { "driver" } else { "kernel" };
    }

    fn outcome(&mut self, outcome: &Outcome) {
        // No token was asked for where an idle thread is restored, and so no level.
        if outcome.token_asked != 0 {
            self.payload.level_asked = outcome.level_asked.cast_signed();
        }
        self.payload.flags_stored = outcome.flags;
        self.decided(outcome.verdict, outcome.rule, outcome.decided_by);
        self.payload.token_asked = outcome.token_asked;
        self.payload.token_stored = outcome.token_stored;
        if outcome.flags & slot_flags::ACTIVE != 0 {
            self.payload.level_stored = outcome.level_stored.cast_signed();
            if outcome.level_stored < outcome.level_asked {
                self.level = EventLevel::Warning;
            }
        }
    }

    fn slot(&mut self, slot: &Slot) {
        if slot.flags & slot_flags::ACTIVE != 0 {
            self.payload.level_stored = slot.level.cast_signed();
            self.payload.flags_stored = slot.flags;
            self.payload.token_stored = slot.token_id;
        }
    }
}
