//! Client security contexts.

use super::duplicate::QualityOfService;
use crate::native::contracts::references::RefSource;
use crate::native::engine::address::Address;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;
use psimp_model::{ClientContext, Object, SecurityQos};
use psimp_nt::{Level, Status, TokenType};
use zerocopy::{FromBytes, IntoBytes};

/// `SECURITY_CLIENT_CONTEXT`. The driver may copy it: it only has to hold a
/// reference on the token when it uses it.
#[derive(Clone, Copy, FromBytes, IntoBytes)]
#[repr(C)]
struct ClientSecurity {
    quality: QualityOfService,
    padding: u32,
    token: u64,
    /// `DirectlyAccessClientToken`: the token is the client's own, not a copy.
    direct: u8,
    direct_effective_only: u8,
    server_is_remote: u8,
    more_padding: u8,
    /// `TOKEN_CONTROL`, which is set for remote servers only.
    control: [u8; 40],
    end: u32,
}

/// Offsets in it.
mod offsets {
    pub(super) const QUALITY: u64 = 0;
    pub(super) const TOKEN: u64 = 16;
    pub(super) const FLAGS: u64 = 24;
}

const WHAT: &str = "SECURITY_CLIENT_CONTEXT";

exports! {
    /// The exports that are modelled.
    EXPORTS:

    /// The reference that it takes is released as the header's
    /// `SeDeleteClientSecurity` does, which depends on the type of the token.
    fn SeCreateClientSecurity[PASSIVE, fails RESOURCES](
        cx, client: Address, quality: Address, remote: u8, context: Address
    ) -> Status {
        let client = cx.thread(client)?;
        let given: QualityOfService = cx.read(quality, "SECURITY_QUALITY_OF_SERVICE")?;
        if remote != 0 {
            return cx.not_modelled("was given ServerIsRemote");
        }
        let quality = SecurityQos {
            level: given.level,
            tracking: given.tracking,
            effective_only: given.effective_only != 0,
        };
        let created = match cx.machine().system.se_create_client_security(&client, &quality, false) {
            Ok(created) => created,
            Err(status) => return Ok(status),
        };
        drop(client);
        let field = |offset| Address(context.0.wrapping_add(offset));
        let flags = [u8::from(created.dynamic), u8::from(created.direct_effective_only), 0];
        let reference = match created.token.token_type() {
            TokenType::Primary => RefSource::Primary,
            TokenType::Impersonation => RefSource::Impersonation,
        };
        let token = cx.give(Object::Token(created.token), reference);
        cx.write(field(offsets::QUALITY), &given, WHAT)?;
        cx.write(field(offsets::TOKEN), &token.0, WHAT)?;
        cx.write(field(offsets::FLAGS), &flags, WHAT)?;
        Ok(Status::SUCCESS)
    }

    /// Without a thread, the calling one impersonates.
    fn SeImpersonateClientEx[PASSIVE, fails RESOURCES](cx, context: Address, server: Address) -> Status {
        let context = read(cx, context)?;
        let system = &cx.machine().system;
        let result = match server.non_null() {
            None => system.se_impersonate_client_ex(&context, cx.dispatch.thread),
            Some(server) => system.se_impersonate_client_ex(&context, &*cx.thread(server)?),
        };
        Ok(result.err().unwrap_or(Status::SUCCESS))
    }

    /// `TokenPrimary` is 1, `TokenImpersonation` 2.
    fn SeTokenType[PASSIVE, fails NEVER](cx, token: Address) -> i32 {
        Ok(match cx.token(token)?.token_type() {
            TokenType::Primary => 1,
            TokenType::Impersonation => 2,
        })
    }
}

/// The context in a structure, whose token the driver has to hold.
fn read(cx: &Context<'_>, at: Address) -> Outcome<ClientContext> {
    let given: ClientSecurity = cx.read(at, WHAT)?;
    let token = cx.token(Address(given.token))?.clone();
    // As with `PsImpersonateClient`: the kernel does not check.
    let Some(level) = Level::from_raw(given.quality.level) else {
        let level = given.quality.level;
        return cx.bad_argument(format_args!("was given {level}, which is no impersonation level"));
    };
    Ok(ClientContext {
        token,
        level,
        dynamic: given.direct != 0,
        effective_only: given.quality.effective_only != 0,
        direct_effective_only: given.direct_effective_only != 0,
    })
}
