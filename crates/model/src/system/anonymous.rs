//! The system's own anonymous tokens.

use crate::object::thread_by_handle;
use crate::{Group, System, Thread, Token, TokenSpec, rights};
use parking_lot::Mutex;
use psimp_nt::{Level, Luid, Sid, Status, TokenType, integrity};
use psimp_rules::{PlatformFacts, Restriction};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// The two anonymous tokens, created on first use, and which one is used.
#[derive(Debug, Default)]
pub(crate) struct AnonymousTokens {
    everyone_included: AtomicBool,
    with_everyone: OnceLock<Arc<Token>>,
    alone: OnceLock<Arc<Token>>,
    /// References that NT 5.2 leaks.
    leaked: Mutex<Vec<Arc<Token>>>,
}

impl System {
    /// The registry value `EveryoneIncludesAnonymous`; off by default.
    pub fn set_everyone_includes_anonymous(&self, included: bool) {
        self.anonymous().everyone_included.store(included, Ordering::Release);
    }

    /// The token that [`System::nt_impersonate_anonymous_token`] uses: primary
    /// (unless the profile refuses such tokens), recorded level 0, S-1-5-7, logon
    /// session 0x3E6. The system keeps it.
    pub fn anonymous_token(&self) -> &Arc<Token> {
        let tokens = self.anonymous();
        if tokens.everyone_included.load(Ordering::Acquire) {
            tokens.with_everyone.get_or_init(|| self.make_anonymous(vec![Sid::EVERYONE]))
        } else {
            tokens.alone.get_or_init(|| self.make_anonymous(Vec::new()))
        }
    }

    fn make_anonymous(&self, groups: Vec<Sid>) -> Arc<Token> {
        let token_type =
            if self.profile().refuses_primary { TokenType::Impersonation } else { TokenType::Primary };
        self.create_token(TokenSpec {
            groups: groups.into_iter().map(|sid| Group { sid, enabled: true }).collect(),
            platform: PlatformFacts {
                integrity: integrity::UNTRUSTED,
                session: 0,
                ..PlatformFacts::default()
            },
            ..TokenSpec::new(Sid::ANONYMOUS_LOGON, Luid::ANONYMOUS_LOGON, token_type, Level::Anonymous)
        })
    }

    /// `NtImpersonateAnonymousToken` (`ImpersonateAnonymousToken`): the thread
    /// impersonates the anonymous logon at Impersonation level, copy-on-open. On
    /// NT 5.2 each success leaks one reference on the anonymous token.
    ///
    /// # Errors
    /// Those of the handle, which needs `THREAD_IMPERSONATE`; `ACCESS_DENIED` for
    /// a caller whose process is restricted (since Windows Vista fully
    /// restricted); those of [`System::ps_impersonate_client`].
    pub fn nt_impersonate_anonymous_token(&self, caller: &Arc<Thread>, target: u64) -> Result<(), Status> {
        let target = thread_by_handle(caller, target, rights::THREAD_IMPERSONATE)?;
        let old = self.is_nt52();
        let restricted = match caller.with_current_process(|p| p.primary().restriction()) {
            Restriction::None => false,
            Restriction::Restricted => true,
            Restriction::WriteRestricted => old,
        };
        if restricted {
            return Err(Status::ACCESS_DENIED);
        }
        let token = self.anonymous_token();
        self.ps_impersonate_client(&target, Some(token), true, false, Level::Impersonation as u32)?;
        if old {
            self.anonymous().leaked.lock().push(token.clone());
        }
        Ok(())
    }
}
