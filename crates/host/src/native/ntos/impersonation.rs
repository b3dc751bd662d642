//! Impersonation.

use crate::native::contracts::references::RefSource;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{ImpersonationState, Object, SlotState};
use psimp_nt::{Level, Status};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// `SE_IMPERSONATION_STATE`. The driver may move it: the reference on its token identifies it.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
struct DisabledState {
    token: u64,
    copy_on_open: u8,
    effective_only: u8,
    padding: u16,
    level: u32,
}

const STATE: &str = "SE_IMPERSONATION_STATE";

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn PsReferencePrimaryToken[PASSIVE, fails NEVER](cx, process: Address) -> Address {
        let token = cx.process(process)?.primary();
        Ok(cx.give(Object::Token(token), RefSource::Primary))
    }

    fn PsDereferencePrimaryToken[PASSIVE, fails NEVER](cx, token: Address) {
        cx.take_back(token, RefSource::Primary)
    }

    /// Writes nothing when the thread does not impersonate.
    fn PsReferenceImpersonationToken[PASSIVE, fails NEVER](
        cx, thread: Address, copy_on_open: Address, effective_only: Address, level: Address
    ) -> Address {
        let Some(slot) = cx.thread(thread)?.slot() else { return Ok(Address::NULL) };
        cx.write(copy_on_open, &u8::from(slot.copy_on_open), "CopyOnOpen")?;
        cx.write(effective_only, &u8::from(slot.effective_only), "EffectiveOnly")?;
        cx.write(level, &slot.level, "ImpersonationLevel")?;
        Ok(cx.give(Object::Token(slot.token), RefSource::Impersonation))
    }

    fn PsDereferenceImpersonationToken[PASSIVE, fails NEVER](cx, token: Address) {
        match token.non_null() {
            Some(token) => cx.take_back(token, RefSource::Impersonation),
            None => Ok(()),
        }
    }

    /// Without a token it takes no reference and cannot fail.
    fn PsImpersonateClient[PASSIVE, fails RESOURCES if token.non_null().is_some()](
        cx, thread: Address, token: Address, copy_on_open: u8, effective_only: u8, level: u32
    ) -> Status {
        let thread = cx.thread(thread)?;
        let system = &cx.machine().system;
        let result = match token.non_null() {
            // The rest is ignored.
            None => system.ps_impersonate_client(&thread, None, false, false, 0),
            Some(token) => {
                let token = cx.token(token)?;
                check_level(cx, level)?;
                let (copy_on_open, effective_only) = (copy_on_open != 0, effective_only != 0);
                system.ps_impersonate_client(&thread, Some(&token), copy_on_open, effective_only, level)
            }
        };
        Ok(result.err().unwrap_or(Status::SUCCESS))
    }

    /// The state owns the slot's reference until it is restored.
    fn PsDisableImpersonation[PASSIVE, fails NEVER](cx, thread: Address, state: Address) -> bool {
        let thread = cx.thread(thread)?;
        let moved = thread.disable_impersonation().into_slot();
        let mut written =
            DisabledState { token: 0, copy_on_open: 0, effective_only: 0, padding: 0, level: 0 };
        let impersonated = moved.is_some();
        if let Some(slot) = moved {
            written = DisabledState {
                token: cx.give(Object::Token(slot.token), RefSource::Disabled(thread.id())).0,
                copy_on_open: slot.copy_on_open.into(),
                effective_only: slot.effective_only.into(),
                padding: 0,
                level: slot.level,
            };
        }
        cx.write(state, &written, STATE)?;
        Ok(impersonated)
    }

    /// A state without a token is refused: kernels differ in what they do with it.
    fn PsRestoreImpersonation[PASSIVE, fails NEVER](cx, thread: Address, state: Address) {
        let thread = cx.thread(thread)?;
        let given: DisabledState = cx.read(state, STATE)?;
        if given.token == 0 {
            return cx.bad_argument(format_args!(
                "was given a {STATE} without a token, and kernels differ in what they do with it"
            ));
        }
        let token = cx.token(Address(given.token))?.clone();
        cx.take_back(Address(given.token), RefSource::Disabled(thread.id()))?;
        thread.restore_impersonation(ImpersonationState::from(SlotState {
            token,
            copy_on_open: given.copy_on_open != 0,
            effective_only: given.effective_only != 0,
            level: given.level,
        }));
        Ok(())
    }

    fn PsRevertToSelf[PASSIVE, fails NEVER](cx) {
        cx.machine().system.ps_revert_to_self(cx.dispatch.thread);
        Ok(())
    }
}

/// The kernel does not check the level, and treats some invalid ones as
/// Delegation; a driver that passes them is wrong.
fn check_level(cx: &Context<'_>, level: u32) -> Outcome<()> {
    match Level::from_raw(level) {
        Some(_) => Ok(()),
        None => cx.bad_argument(format_args!("was given {level}, which is no impersonation level")),
    }
}
