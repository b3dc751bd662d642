//! Client security contexts: `SeCreateClientSecurity` and its companions.

use crate::object::thread_by_handle;
use crate::{System, Thread, Token, rights};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;

/// `SECURITY_QUALITY_OF_SERVICE`, not validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityQos {
    /// Level asked for.
    pub level: u32,
    /// `ContextTrackingMode`: [`SecurityQos::STATIC`] or [`SecurityQos::DYNAMIC`].
    pub tracking: u8,
    /// `EffectiveOnly`: disabled groups and privileges are left out.
    pub effective_only: bool,
}

impl SecurityQos {
    /// `SECURITY_STATIC_TRACKING`: a snapshot of the client.
    pub const STATIC: u8 = 0;
    /// `SECURITY_DYNAMIC_TRACKING`: the client's own token.
    pub const DYNAMIC: u8 = 1;

    /// The quality of service of a client that passes none: Impersonation, dynamic tracking,
    /// effective-only.
    pub const DEFAULT_QOS: Self =
        Self { level: Level::Impersonation as u32, tracking: Self::DYNAMIC, effective_only: true };

    /// The quality of service that `CreateFile` derives from its flags: none without
    /// `SECURITY_SQOS_PRESENT`.
    pub const fn of_create_file(flags: u32) -> Option<Self> {
        const SQOS_PRESENT: u32 = 0x0010_0000;
        const EFFECTIVE_ONLY: u32 = 0x0008_0000;
        const CONTEXT_TRACKING: u32 = 0x0004_0000;
        if flags & SQOS_PRESENT == 0 {
            return None;
        }
        let tracking = if flags & CONTEXT_TRACKING == 0 { Self::STATIC } else { Self::DYNAMIC };
        Some(Self { level: flags >> 16 & 3, tracking, effective_only: flags & EFFECTIVE_ONLY != 0 })
    }

    /// Static tracking at a level, not effective-only.
    pub const fn at(level: Level) -> Self {
        Self { level: level as u32, tracking: Self::STATIC, effective_only: false }
    }
}

/// `SECURITY_CLIENT_CONTEXT`. It holds one reference on its token;
/// `SeDeleteClientSecurity` is its drop.
#[derive(Clone, Debug)]
pub struct ClientContext {
    /// The client's token, or the copy made of it.
    pub token: Arc<Token>,
    /// The level of the quality of service. Drivers set a lower one in a copy.
    pub level: Level,
    /// Whether the token is the client's own, not a copy.
    pub dynamic: bool,
    /// From the quality of service: used with static tracking.
    pub effective_only: bool,
    /// From the quality of service or the client's slot: used with dynamic tracking.
    pub direct_effective_only: bool,
}

impl ClientContext {
    /// Whether a server that impersonates the client is effective-only.
    pub fn is_effective_only(&self) -> bool {
        if self.dynamic { self.direct_effective_only } else { self.effective_only }
    }

    /// A copy with another level in its quality of service, and its own reference.
    #[must_use]
    pub fn at(&self, level: Level) -> Self {
        Self { level, ..self.clone() }
    }
}

impl System {
    /// `SeCreateClientSecurity` of a thread's effective token.
    ///
    /// # Errors
    /// For an invalid level, `INVALID_PARAMETER` on NT 5.2 and `BAD_IMPERSONATION_LEVEL`
    /// since; `INVALID_PARAMETER` for an unknown tracking mode. For a client that
    /// impersonates: `BAD_IMPERSONATION_LEVEL` when the level is above its slot's, when the
    /// slot is below Impersonation, or for a remote server when it is not at Delegation.
    /// Then those of the copy.
    pub fn se_create_client_security(
        &self,
        client: &Thread,
        qos: &SecurityQos,
        remote: bool,
    ) -> Result<ClientContext, Status> {
        let old = self.is_nt52();
        let bad = if old { Status::INVALID_PARAMETER } else { Status::BAD_IMPERSONATION_LEVEL };
        let level = Level::from_raw(qos.level).ok_or(bad)?;
        let dynamic = match qos.tracking {
            SecurityQos::STATIC => false,
            // NT 5.2 treats every mode other than static as dynamic.
            tracking if tracking == SecurityQos::DYNAMIC || old => true,
            _ => return Err(Status::INVALID_PARAMETER),
        };
        let (token, _, slot_effective_only, slot) = self.ps_reference_effective_token(client);
        if let Some(slot) = slot {
            let too_weak = slot < Level::Impersonation as u32 || level as u32 > slot;
            if too_weak || (remote && slot != Level::Delegation as u32) {
                return Err(Status::BAD_IMPERSONATION_LEVEL);
            }
        }
        let token = if dynamic {
            token
        } else {
            self.duplicate_token(&token, TokenType::Impersonation, level, false)?
        };
        Ok(ClientContext {
            token,
            level,
            dynamic,
            effective_only: qos.effective_only,
            direct_effective_only: qos.effective_only || slot_effective_only,
        })
    }

    /// `SeImpersonateClientEx`: always copy-on-open. The context keeps its own
    /// reference and may be used again.
    ///
    /// # Errors
    /// Those of [`System::ps_impersonate_client`]; a server that may not
    /// impersonate the client gets a downgrade, not an error.
    pub fn se_impersonate_client_ex(&self, context: &ClientContext, server: &Thread) -> Result<(), Status> {
        let effective_only = context.is_effective_only();
        self.ps_impersonate_client(server, Some(&context.token), true, effective_only, context.level as u32)
    }

    /// `SeDeleteClientSecurity`: drops the context's reference.
    pub fn se_delete_client_security(&self, context: ClientContext) {
        drop(context);
    }

    /// `NtImpersonateThread`: the server thread takes on the client thread's
    /// effective context.
    ///
    /// # Errors
    /// Those of the handles: the server's needs `THREAD_IMPERSONATE`, the client's
    /// `THREAD_DIRECT_IMPERSONATION`; on NT 5.2, following `ReactOS`, the opposite. Then
    /// those of [`System::se_create_client_security`] and of
    /// [`System::ps_impersonate_client`], which NT 5.2 does not return.
    pub fn nt_impersonate_thread(
        &self,
        caller: &Arc<Thread>,
        server: u64,
        client: u64,
        qos: &SecurityQos,
    ) -> Result<(), Status> {
        let old = self.is_nt52();
        let (on_server, on_client) = if old {
            (rights::THREAD_DIRECT_IMPERSONATION, rights::THREAD_IMPERSONATE)
        } else {
            (rights::THREAD_IMPERSONATE, rights::THREAD_DIRECT_IMPERSONATION)
        };
        let server = thread_by_handle(caller, server, on_server)?;
        let client = thread_by_handle(caller, client, on_client)?;
        let context = self.se_create_client_security(&client, qos, false)?;
        match self.se_impersonate_client_ex(&context, &server) {
            Err(_) if old => Ok(()),
            result => result,
        }
    }

    /// `RtlImpersonateSelf`: a copy of the caller's primary token at this level, set on the
    /// calling thread as a program would.
    ///
    /// # Errors
    /// Those of the calls it is made of.
    pub fn rtl_impersonate_self(&self, caller: &Arc<Thread>, level: Level) -> Result<(), Status> {
        const CURRENT_PROCESS: u64 = u64::MAX;
        const CURRENT_THREAD: u64 = u64::MAX - 1;
        let own = self.nt_open_process_token(caller, CURRENT_PROCESS, rights::TOKEN_DUPLICATE)?;
        let qos = SecurityQos::at(level);
        let copy = self.nt_duplicate_token(
            caller,
            own,
            rights::TOKEN_IMPERSONATE,
            TokenType::Impersonation,
            Some(&qos),
            false,
        );
        self.nt_close(caller, own)?;
        let copy = copy?;
        let result = self.nt_set_thread_token(caller, CURRENT_THREAD, copy);
        self.nt_close(caller, copy)?;
        result
    }
}
