//! Impersonation.

use crate::native::contracts::references::RefSource;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::Object;
use psimp_nt::{Level, Status};

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
