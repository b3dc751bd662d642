//! Client security contexts: the clients that a server may impersonate, as the kernel captures
//! them.

use super::check;
use super::token::{HandleToken, TokenPtr};
use crate::ntoskrnl::{
    PsDereferenceImpersonationToken, PsDereferencePrimaryToken, PsGetCurrentThread, SeCreateClientSecurity,
    SeImpersonateClientEx, SeTokenType,
};
use core::ptr;
use psimp_nt::{Level, Sid, Status};
use psimp_service::Qos;
use wdk_sys::{
    _TOKEN_TYPE::TokenPrimary, SECURITY_CLIENT_CONTEXT, SECURITY_DYNAMIC_TRACKING,
    SECURITY_QUALITY_OF_SERVICE,
};

/// The quality of service of a client that passes none: that of a named pipe's client.
const DEFAULT_QOS: SECURITY_QUALITY_OF_SERVICE = SECURITY_QUALITY_OF_SERVICE {
    #[allow(clippy::cast_possible_truncation)] // 12
    Length: size_of::<SECURITY_QUALITY_OF_SERVICE>() as u32,
    ImpersonationLevel: Level::Impersonation as i32,
    #[allow(clippy::cast_possible_truncation)] // 1
    ContextTrackingMode: SECURITY_DYNAMIC_TRACKING as u8,
    EffectiveOnly: 1,
};

/// A client's security context, with one reference on the token in it; deleted on drop.
pub(crate) struct ClientSecurity(SECURITY_CLIENT_CONTEXT);

impl ClientSecurity {
    /// Captures the calling thread's effective token. `PASSIVE_LEVEL`.
    ///
    /// `SeCreateClientSecurityFromSubjectContext` would take the context that the I/O manager checked.
    /// But a subject context does not record whether its client is effective-only, and what the client
    /// has disabled could be enabled by the server.
    ///
    /// # Errors
    /// The error of `SeCreateClientSecurity`: `BAD_IMPERSONATION_LEVEL` for an invalid level or
    /// one that the thread's own impersonation does not allow, or out of memory.
    pub(crate) fn of_caller(quality: Option<SECURITY_QUALITY_OF_SERVICE>) -> Result<Self, Status> {
        let mut quality = quality.unwrap_or(DEFAULT_QOS);
        let mut context = SECURITY_CLIENT_CONTEXT::default();
        // SAFETY: callable at any IRQL.
        let thread = unsafe { PsGetCurrentThread() };
        // SAFETY: the current thread; the pointers are to locals. The client is on this machine.
        check(unsafe { SeCreateClientSecurity(thread, &raw mut quality, 0, &raw mut context) })?;
        Ok(Self(context))
    }

    /// The client's quality of service. Called on the client's thread, whose process is recorded
    /// as the client's.
    pub(crate) fn qos(&self) -> Qos {
        let SECURITY_CLIENT_CONTEXT { SecurityQos: quality, .. } = self.0;
        let dynamic = self.0.DirectlyAccessClientToken != 0;
        Qos {
            process: super::current_process_id(),
            // A context never has a level out of range; the weakest level is the safe fallback.
            level: Level::from_raw(quality.ImpersonationLevel.cast_unsigned()).unwrap_or(Level::Anonymous),
            dynamic,
            effective_only: 0
                != if dynamic { self.0.DirectAccessEffectiveOnly } else { quality.EffectiveOnly },
        }
    }

    /// The user of the client's token.
    ///
    /// # Errors
    /// The error of the query, for example out of memory.
    pub(crate) fn user(&self) -> Result<Sid, Status> {
        // SAFETY: the context has a reference on its token.
        unsafe { TokenPtr::new(self.0.ClientToken) }.user()
    }

    /// The client with its own reference, which outlives `self`.
    pub(crate) fn share(&self) -> ServedClient {
        // SAFETY: the context's own reference keeps its token alive.
        let token = unsafe { HandleToken::another(self.0.ClientToken) };
        ServedClient { token, context: self.0 }
    }
}

impl Drop for ClientSecurity {
    /// `SeDeleteClientSecurity`. Before `NTDDI_WIN10_FE` that is a macro of `ntifs.h` which does this, and
    /// kernels do not export it.
    fn drop(&mut self) {
        let token = self.0.ClientToken;
        // SAFETY: the context has a reference on its token.
        let token_type = unsafe { SeTokenType(token) };
        if token_type == TokenPrimary {
            // SAFETY: that reference is released once.
            unsafe { PsDereferencePrimaryToken(token) };
        } else {
            // SAFETY: that reference is released once.
            unsafe { PsDereferenceImpersonationToken(token) };
        }
    }
}

/// A client that a server impersonates: a copy of its context, and a reference on the token in it.
pub(crate) struct ServedClient {
    token: HandleToken,
    context: SECURITY_CLIENT_CONTEXT,
}

impl ServedClient {
    /// The client's token, or the copy that was made of it.
    pub(crate) fn token(&self) -> &HandleToken {
        &self.token
    }

    /// `SeImpersonateClientEx` on the calling thread at this level.
    ///
    /// # Errors
    /// The routine's error; the slot is unchanged.
    pub(crate) fn impersonate(&self, level: Level) -> Result<(), Status> {
        // A copy, because the routine takes the level from the context.
        let mut context = self.context;
        context.SecurityQos.ImpersonationLevel = i32::from(level as u8);
        // SAFETY: the token in the context is the one beside it, which is referenced; the pointer
        // is to a local; a null thread stands for the calling one.
        check(unsafe { SeImpersonateClientEx(&raw mut context, ptr::null_mut()) })
    }
}
