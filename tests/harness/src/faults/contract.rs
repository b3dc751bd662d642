//! What must hold after every request, whatever failed below the driver.

use super::id::request_name;
use crate::observe::SlotView;
use psimp_model::{Object, Thread};
use psimp_nt::Status;
use psimp_protocol::wire::{self, impersonate_flags, slot_flags, verdict};
use psimp_protocol::{Changes, Ioctl, Operation, is_documented};
use std::collections::BTreeMap;
use std::sync::Arc;
use zerocopy::FromBytes;

/// A request, as far as the contract needs it.
pub(super) struct Request {
    code: u32,
    operation: Option<Operation>,
    /// The thread whose slot it may change.
    pub(super) target: Option<Arc<Thread>>,
    /// IMPERSONATE and SERVE.
    asked: Option<Asked>,
    /// RESTORE.
    save: Option<u64>,
}

/// What may be in the slot at most.
struct Asked {
    level: u32,
    copy_on_open: bool,
    /// None when the client decides.
    effective_only: Option<bool>,
}

impl From<wire::Impersonate> for Asked {
    fn from(request: wire::Impersonate) -> Self {
        let flag = |flag| request.flags & flag != 0;
        Self {
            level: request.level,
            copy_on_open: flag(impersonate_flags::COPY_ON_OPEN),
            effective_only: Some(flag(impersonate_flags::EFFECTIVE_ONLY)),
        }
    }
}

impl From<wire::Serve> for Asked {
    fn from(request: wire::Serve) -> Self {
        Self { level: request.level, copy_on_open: true, effective_only: None }
    }
}

/// The levels of what was saved, by the id of the save; none for an idle thread.
pub(super) type Levels = BTreeMap<u64, Option<u32>>;

impl Request {
    pub(super) fn new(thread: &Arc<Thread>, code: u32, input: &[u8]) -> Self {
        let row = Ioctl::by_code(code);
        let operation = row.map(|row| row.operation);
        let asked = match operation {
            Some(Operation::Impersonate) => wire::Impersonate::read_from_bytes(input).ok().map(Asked::from),
            Some(Operation::Serve) => wire::Serve::read_from_bytes(input).ok().map(Asked::from),
            _ => None,
        };
        let taken = row.filter(|row| row.input.takes(input.len()));
        let field = |name| taken?.about().input.field(name)?.read(input);
        let save = field("save");
        // A request that changes a slot and names no thread changes the caller's.
        let handle =
            taken.filter(|row| row.changes == Changes::Slot).map(|_| field("thread").unwrap_or_default());
        let target = match handle {
            Some(0) => Some(thread.clone()),
            Some(handle) => match thread.current_process().handles().get(handle) {
                Some((Object::Thread(thread), _)) => Some(thread),
                _ => None,
            },
            None => None,
        };
        Self { code, operation, target, asked, save }
    }

    /// The name of the request.
    pub(super) fn name(&self) -> String {
        request_name(self.code)
    }

    /// Notes what was saved.
    pub(super) fn remember(&self, reply: &[u8], levels: &mut Levels) {
        if let (Some(Operation::Save), Ok((saved, _))) =
            (self.operation, wire::Saved::read_from_prefix(reply))
        {
            let active = saved.slot.flags & slot_flags::ACTIVE != 0;
            levels.insert(saved.save, active.then_some(saved.slot.level));
        }
    }

    /// The status and the length of the reply.
    pub(super) fn check_end(&self, result: Result<&[u8], Status>) -> Result<(), String> {
        let status = result.err().unwrap_or(Status::SUCCESS);
        if !is_documented(self.code, status) {
            return Err(format!("ended with {status}, which is not documented for it"));
        }
        match (result, Ioctl::by_code(self.code)) {
            (Ok(reply), Some(row)) if reply.len() != row.output() => {
                Err(format!("returned {} bytes of {}", reply.len(), row.output()))
            }
            _ => Ok(()),
        }
    }

    /// Checks the slot of the thread that the request names. `failed` is the
    /// function that was made to fail. A request changes no other slot.
    pub(super) fn check_slot(
        &self,
        before: Option<&SlotView>,
        after: Option<&SlotView>,
        result: Result<&[u8], Status>,
        failed: Option<&str>,
        levels: &Levels,
    ) -> Result<(), String> {
        // What RESTORE calls once it has found the save.
        const ASSIGNING: [&str; 2] = ["SeQueryInformationToken", "PsImpersonateClient"];
        match (self.operation, result) {
            (Some(Operation::Impersonate | Operation::Serve), Ok(reply)) => self.check_assigned(after, reply),
            (Some(Operation::Restore), Ok(reply)) => {
                let saved = self.save.and_then(|save| levels.get(&save)).copied().flatten();
                match (saved, after) {
                    (None, None) => Ok(()),
                    (None, Some(_)) => Err("restored more than an idle thread".to_owned()),
                    (Some(level), Some(slot)) if slot.level > level => {
                        Err(format!("raised the saved level {level} to {}", slot.level))
                    }
                    (Some(_), _) => check_outcome(after, reply),
                }
            }
            (Some(Operation::Revert | Operation::End), Ok(_)) => match after {
                None => Ok(()),
                Some(_) => Err("ended no impersonation".to_owned()),
            },
            // A failed RESTORE may end the impersonation rather than leave the
            // slot that it was to replace, and a failed REVERT may end it too.
            (Some(Operation::Restore | Operation::Revert), Err(_)) if after.is_none() => Ok(()),
            (Some(Operation::Restore), Err(_)) if failed.is_some_and(|call| ASSIGNING.contains(&call)) => {
                Err("left the client that was to be replaced".to_owned())
            }
            (Some(Operation::Revert), Err(Status::INSUFFICIENT_RESOURCES))
                if failed == Some("WdfRequestRetrieveOutputBuffer") =>
            {
                Err("did not end the impersonation".to_owned())
            }
            _ if after == before => Ok(()),
            _ => Err("changed the slot".to_owned()),
        }
    }

    /// Checks the slot after IMPERSONATE or SERVE succeeded.
    fn check_assigned(&self, after: Option<&SlotView>, reply: &[u8]) -> Result<(), String> {
        let Some(asked) = &self.asked else { return Err("took another input".to_owned()) };
        let Some(slot) = after else { return Err("left the thread idle".to_owned()) };
        if slot.level > asked.level {
            return Err(format!("asked for level {} and got {}", asked.level, slot.level));
        }
        let effective_only = asked.effective_only.unwrap_or(slot.effective_only);
        if (asked.copy_on_open, effective_only) != (slot.copy_on_open, slot.effective_only) {
            return Err("stored other flags than were asked for".to_owned());
        }
        check_outcome(after, reply)
    }
}

/// Checks that the outcome describes the slot.
fn check_outcome(after: Option<&SlotView>, reply: &[u8]) -> Result<(), String> {
    let Ok(outcome) = wire::Outcome::read_from_bytes(reply) else {
        return Err("returned no outcome".to_owned());
    };
    let told = match after {
        None => outcome.verdict == verdict::ENDED && outcome.flags == 0,
        Some(slot) => {
            let kept = outcome.verdict == verdict::KEPT;
            let unread = outcome.flags & slot_flags::UNREAD != 0;
            outcome.verdict != verdict::ENDED
                && kept == (slot.token_id == outcome.token_asked)
                && outcome.level_stored == slot.level
                && (unread || outcome.token_stored == slot.token_id)
        }
    };
    if told { Ok(()) } else { Err(format!("reports another slot than there is: {outcome:?}")) }
}

/// A slot in brief.
pub(super) fn brief(slot: Option<&SlotView>) -> String {
    slot.map_or_else(
        || "idle".to_owned(),
        |slot| {
            format!(
                "token 0x{:X} co{} eo{} L{}",
                slot.token_id,
                u8::from(slot.copy_on_open),
                u8::from(slot.effective_only),
                slot.level
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use psimp_nt::Sid;
    use zerocopy::{FromZeros, IntoBytes};

    const FAILED: Result<&[u8], Status> = Err(Status::INSUFFICIENT_RESOURCES);

    fn request(operation: Operation) -> Request {
        let impersonate = wire::Impersonate { level: 1, flags: 2, ..wire::Impersonate::EXAMPLE };
        Request {
            code: Ioctl::of(operation).code(),
            operation: Some(operation),
            target: None,
            asked: Some(impersonate.into()),
            save: Some(7),
        }
    }

    fn slot(token_id: u64, level: u32) -> SlotView {
        SlotView {
            level,
            copy_on_open: false,
            effective_only: true,
            token_id,
            token_type: 2,
            own_level: 2,
            authentication_id: 0xA1,
            user: Sid::EVERYONE,
            restricted: false,
        }
    }

    fn outcome(asked: u64, stored: u64, level: u32) -> wire::Outcome {
        let verdict = if asked == stored { 1 } else { 2 };
        wire::Outcome {
            verdict,
            level_stored: level,
            token_asked: asked,
            token_stored: stored,
            ..FromZeros::new_zeroed()
        }
    }

    #[test]
    fn a_refusal_leaves_the_slot() {
        let (old, new) = (slot(1, 1), slot(2, 1));
        for operation in [Operation::Impersonate, Operation::Query, Operation::Save, Operation::End] {
            let check =
                |before, after| request(operation).check_slot(before, after, FAILED, None, &Levels::new());
            assert_eq!(check(Some(&old), Some(&old)), Ok(()));
            for (before, after) in [(Some(&old), Some(&new)), (Some(&old), None), (None, Some(&new))] {
                assert_eq!(check(before, after), Err("changed the slot".to_owned()), "{operation:?}");
            }
        }
    }

    #[test]
    fn a_restore_that_fails_while_it_assigns_leaves_nothing() {
        let (old, new) = (slot(1, 1), slot(2, 1));
        let check = |after, failed| {
            request(Operation::Restore).check_slot(Some(&old), after, FAILED, failed, &Levels::new())
        };
        assert_eq!(check(None, Some("PsImpersonateClient")), Ok(()));
        assert_eq!(check(Some(&old), Some("ObReferenceObjectByHandle")), Ok(()));
        assert!(check(Some(&old), Some("PsImpersonateClient")).is_err());
        assert!(check(Some(&old), Some("SeQueryInformationToken")).is_err());
        assert!(check(Some(&new), Some("WdfRequestRetrieveOutputBuffer")).is_err());
    }

    #[test]
    fn a_revert_reverts_unless_it_is_refused() {
        const NO_MEMORY: Status = Status::INSUFFICIENT_RESOURCES;
        let old = slot(1, 1);
        let check = |after, status, failed| {
            request(Operation::Revert).check_slot(
                Some(&old),
                after,
                Err(status),
                Some(failed),
                &Levels::new(),
            )
        };
        assert_eq!(check(None, NO_MEMORY, "WdfRequestRetrieveOutputBuffer"), Ok(()));
        assert!(check(Some(&old), NO_MEMORY, "WdfRequestRetrieveOutputBuffer").is_err());
        // Input that is refused.
        assert_eq!(check(Some(&old), NO_MEMORY, "WdfRequestRetrieveInputBuffer"), Ok(()));
        let length = Status::INFO_LENGTH_MISMATCH;
        assert_eq!(check(Some(&old), length, "WdfRequestRetrieveOutputBuffer"), Ok(()));
    }

    #[test]
    fn an_impersonation_is_what_was_asked_for_or_less() {
        let check = |after: Option<&SlotView>, outcome: &wire::Outcome| {
            let reply = outcome.as_bytes();
            request(Operation::Impersonate).check_slot(None, after, Ok(reply), None, &Levels::new())
        };
        assert_eq!(check(Some(&slot(1, 1)), &outcome(1, 1, 1)), Ok(()));
        assert_eq!(check(Some(&slot(2, 0)), &outcome(1, 2, 0)), Ok(()));
        // More than asked for; other flags; nothing; a token other than the one reported.
        assert!(check(Some(&slot(1, 2)), &outcome(1, 1, 2)).is_err());
        assert!(check(Some(&SlotView { copy_on_open: true, ..slot(1, 1) }), &outcome(1, 1, 1)).is_err());
        assert!(check(None, &outcome(1, 1, 1)).is_err());
        assert!(check(Some(&slot(2, 1)), &outcome(1, 1, 1)).is_err());
        assert!(check(Some(&slot(3, 1)), &outcome(1, 2, 1)).is_err());
    }

    #[test]
    fn a_client_is_served_copy_on_open_and_as_effective_as_it_said() {
        let serve = wire::Serve { level: 1, ..wire::Serve::EXAMPLE };
        let check = |after: &SlotView, outcome: &wire::Outcome| {
            let request = Request { asked: Some(serve.into()), ..request(Operation::Serve) };
            request.check_slot(None, Some(after), Ok(outcome.as_bytes()), None, &Levels::new())
        };
        let copy_on_open = |slot| SlotView { copy_on_open: true, ..slot };
        assert_eq!(check(&copy_on_open(slot(1, 1)), &outcome(1, 1, 1)), Ok(()));
        let all = SlotView { effective_only: false, ..copy_on_open(slot(1, 1)) };
        assert_eq!(check(&all, &outcome(1, 1, 1)), Ok(()));
        assert!(check(&slot(1, 1), &outcome(1, 1, 1)).is_err());
        assert!(check(&copy_on_open(slot(1, 2)), &outcome(1, 1, 2)).is_err());
    }

    #[test]
    fn a_restore_never_raises() {
        let levels = Levels::from([(7, Some(1)), (8, None)]);
        let check = |save, after: Option<&SlotView>, outcome: &wire::Outcome| {
            let request = Request { save: Some(save), ..request(Operation::Restore) };
            request.check_slot(None, after, Ok(outcome.as_bytes()), None, &levels)
        };
        assert_eq!(check(7, Some(&slot(1, 1)), &outcome(1, 1, 1)), Ok(()));
        assert!(check(7, Some(&slot(1, 2)), &outcome(1, 1, 2)).is_err());
        assert_eq!(check(8, None, &FromZeros::new_zeroed()), Ok(()));
        assert!(check(8, Some(&slot(1, 0)), &outcome(1, 1, 0)).is_err());
    }

    #[test]
    fn a_request_ends_as_documented() {
        let end = |operation, result| request(operation).check_end(result);
        assert_eq!(end(Operation::Query, FAILED), Ok(()));
        assert!(end(Operation::Query, Err(Status::NO_MEMORY)).is_err());
        assert_eq!(end(Operation::Impersonate, Err(Status::NO_MEMORY)), Ok(()));
        assert_eq!(end(Operation::Discard, Ok(&[])), Ok(()));
        assert_eq!(end(Operation::Query, Ok(&[0; 8])), Err("returned 8 bytes of 104".to_owned()));
    }
}
