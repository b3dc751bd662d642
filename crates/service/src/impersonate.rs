//! IMPERSONATE: the documented rule, the kernel routine and the read-back.

use crate::{Kernel, Statistics, Token, TokenRef, rights, slot};
use psimp_nt::{Level, Luid, Status, TokenType};
use psimp_protocol::wire::{self, decided_by, slot_flags, verdict};
use psimp_protocol::{ImpersonateRequest, RulesMode, not_assigned};
use psimp_rules::{
    DOC, Decision, PlatformFacts, Restriction, Step, TokenFacts, Verdict, decide_lazy, raises,
};

pub(crate) fn impersonate<K: Kernel>(
    kernel: &K,
    request: ImpersonateRequest,
) -> Result<wire::Outcome, Status> {
    let thread = slot::open_thread(
        kernel,
        request.thread,
        rights::THREAD_SET_THREAD_TOKEN | rights::THREAD_IMPERSONATE,
    )?;
    let (token, granted) = kernel.open_token(request.token, rights::TOKEN_IMPERSONATE)?;
    let asked = token.statistics()?;
    check_primary_access(&asked, granted)?;
    // The kernel would store the level unchecked: its in-box callers pass the
    // token's own. Here it comes from user mode.
    if raises(asked.token_type, asked.level, request.level) {
        return Err(Status::BAD_IMPERSONATION_LEVEL);
    }
    let ImpersonateRequest { copy_on_open, effective_only, level, rules, .. } = request;
    let (thread, token, statistics) = (&thread, TokenRef::Handle(&token), &asked);
    let client = None;
    assign(kernel, &Asked { thread, token, statistics, client, copy_on_open, effective_only, level, rules })
}

/// The thread, the token and the level, which the token allows.
pub(crate) struct Asked<'a, K: Kernel + ?Sized> {
    pub(crate) thread: &'a K::Thread,
    pub(crate) token: TokenRef<'a, K>,
    /// Of that token.
    pub(crate) statistics: &'a Statistics,
    /// Whose token it is, when the kernel captured it from a client.
    pub(crate) client: Option<&'a K::Client>,
    /// Of the slot. For a client the kernel sets both, except where a copy is stored.
    pub(crate) copy_on_open: bool,
    pub(crate) effective_only: bool,
    pub(crate) level: Level,
    pub(crate) rules: RulesMode,
}

/// Decides by the rules of that mode, puts the result into the slot, and reads back the outcome.
pub(crate) fn assign<K: Kernel>(kernel: &K, asked: &Asked<'_, K>) -> Result<wire::Outcome, Status> {
    let Asked { thread, token, statistics, client, copy_on_open, effective_only, level, rules } = *asked;
    let store = |token: TokenRef<'_, K>, level| {
        kernel.impersonate(thread, token, copy_on_open, effective_only, level)
    };
    let decision = match rules {
        RulesMode::Documented => Some(decide(kernel, asked)?),
        RulesMode::Kernel => None,
    };
    let stored = match decision.map(|decision| decision.verdict) {
        Some(Verdict::Copied(level)) => {
            let copy = kernel.duplicate(token, level);
            copy.and_then(|copy| store(TokenRef::Handle(&copy), level))
        }
        Some(Verdict::Refused(_)) => Err(Status::ACCESS_DENIED),
        Some(Verdict::Kept(_)) | None => match client {
            Some(client) => kernel.impersonate_client(client, level),
            None => store(token, level),
        },
    };
    stored.map_err(not_assigned)?;
    Ok(read_back(kernel, thread, token, statistics, level, decision))
}

/// The documented rule's decision.
fn decide<K: Kernel>(kernel: &K, asked: &Asked<'_, K>) -> Result<Decision, Status> {
    documented(kernel, asked.thread, asked.token, asked.statistics, asked.level, |_| ())
}

/// As `ImpersonateLoggedOnUser` asks of a primary token.
fn check_primary_access(token: &Statistics, granted: u32) -> Result<(), Status> {
    const NEEDED: u32 = rights::TOKEN_DUPLICATE | rights::TOKEN_QUERY;
    if token.token_type == TokenType::Primary && granted & NEEDED != NEEDED {
        return Err(Status::ACCESS_DENIED);
    }
    Ok(())
}

/// The documented rule's decision; `observe` is called for every rule tried. If the level alone
/// decides, no token is read, so that no lack of memory can fail it.
pub(crate) fn documented<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    token: TokenRef<'_, K>,
    statistics: &Statistics,
    level: Level,
    observe: impl FnMut(Step),
) -> Result<Decision, Status> {
    decide_lazy(&DOC, level, || facts(kernel, thread, token, statistics), observe)
}

/// The properties of the thread's process and of the token that the documented rule reads.
fn facts<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    token: TokenRef<'_, K>,
    statistics: &Statistics,
) -> Result<(TokenFacts, TokenFacts), Status> {
    let primary = kernel.primary_token(thread);
    let server = TokenFacts {
        user: primary.user()?,
        restriction: restriction(&primary),
        // The only property of the server that the documented rule reads.
        authentication_id: Luid::SYSTEM,
        token_type: TokenType::Primary,
        level: Level::Anonymous,
        platform: PlatformFacts::default(),
    };
    let client = TokenFacts {
        user: token.user()?,
        restriction: restriction(&token),
        authentication_id: statistics.authentication_id,
        token_type: statistics.token_type,
        level: statistics.level,
        platform: PlatformFacts::default(),
    };
    Ok((server, client))
}

/// Restricted or not: the documented rule does not distinguish further.
fn restriction(token: &impl Token) -> Restriction {
    if token.is_restricted() { Restriction::Restricted } else { Restriction::None }
}

/// Reports what the slot holds now. Success of `PsImpersonateClient` is no proof: the kernel
/// may have stored less than requested. The thread already impersonates, so nothing here may
/// fail; a token that cannot be read is reported as unread.
pub(crate) fn read_back<K: Kernel>(
    kernel: &K,
    thread: &K::Thread,
    token: TokenRef<'_, K>,
    asked: &Statistics,
    level_asked: Level,
    decision: Option<Decision>,
) -> wire::Outcome {
    let mut outcome = wire::Outcome {
        status: Status::SUCCESS.0,
        level_asked: level_asked as u32,
        level_stored: 0,
        verdict: verdict::ENDED,
        rule: 0,
        decided_by: decided_by::KERNEL,
        flags: 0,
        reserved: 0,
        token_asked: asked.token_id.0,
        token_stored: 0,
        authentication_id: 0,
    };
    let Some(slot) = kernel.slot(thread) else { return outcome };
    let kept = kernel.is_same(&slot.token, token);
    outcome.verdict = if kept { verdict::KEPT } else { verdict::COPIED };
    outcome.level_stored = slot.level;
    outcome.flags = slot::flags(&slot);
    match if kept { Ok(*asked) } else { slot.token.statistics() } {
        Ok(stored) => {
            outcome.token_stored = stored.token_id.0;
            outcome.authentication_id = stored.authentication_id.0;
        }
        Err(_) => outcome.flags |= slot_flags::UNREAD,
    }
    // The driver's decision is reported if the kernel stored exactly what the driver decided.
    let driver = decision.filter(|decision| match decision.verdict {
        Verdict::Kept(level) => kept && slot.level == level as u32,
        Verdict::Copied(level) => !kept && slot.level == level as u32,
        Verdict::Refused(_) => false,
    });
    if let Some(decision) = driver {
        outcome.rule = decision.rule as u32;
        outcome.decided_by = decided_by::DRIVER;
    }
    outcome
}
