//! Reading tokens.

use super::pool::{SECURITY_TAG, allocate};
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{FaultPoint, Token};
use psimp_nt::Status;

/// `TOKEN_INFORMATION_CLASS`: the modelled ones.
mod class {
    pub(super) const USER: u32 = 1;
    pub(super) const STATISTICS: u32 = 10;
}

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn SeQueryInformationToken[PASSIVE, fails RESOURCES](
        cx, token: Address, class: u32, information: Address
    ) -> Status {
        let token = cx.token(token)?;
        let query = match class {
            class::USER => user,
            class::STATISTICS => statistics,
            class => return cx.not_modelled(format_args!("queries information class {class}")),
        };
        if let Err(status) = cx.machine().system.faults().check(FaultPoint::QueryToken) {
            return Ok(status);
        }
        let Some(block) = query(cx, &token)?.non_null() else { return Ok(Status::INSUFFICIENT_RESOURCES) };
        cx.write(information, &block.0, "the block's address")?;
        Ok(Status::SUCCESS)
    }

    fn SeTokenIsRestricted[PASSIVE, fails NEVER](cx, token: Address) -> bool {
        Ok(cx.token(token)?.is_restricted())
    }
}

/// `TOKEN_STATISTICS`. Fields that the model does not have stay unwritten.
fn statistics(cx: &Context<'_>, token: &Token) -> Outcome<Address> {
    const SIZE: usize = 56;
    allocate(cx, SIZE, SECURITY_TAG, true, |block| {
        block.write(0, &token.id().0.to_le_bytes());
        block.write(8, &token.authentication_id().0.to_le_bytes());
        block.write(24, &(token.token_type() as u32).to_le_bytes());
        block.write(28, &(token.level() as u32).to_le_bytes());
    })
}

/// `TOKEN_USER` followed by the SID.
fn user(cx: &Context<'_>, token: &Token) -> Outcome<Address> {
    const HEADER: usize = 16;
    let user = token.user();
    let sid = user.as_bytes();
    allocate(cx, HEADER + sid.len(), SECURITY_TAG, true, |block| {
        block.write(0, &(block.address() + HEADER as u64).to_le_bytes());
        // The user has no attributes.
        block.write(8, &0_u32.to_le_bytes());
        block.write(HEADER, sid);
    })
}
