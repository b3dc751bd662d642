//! EVALUATE: the documented rule's decision and its trace, without changes.

use crate::impersonate::documented;
use crate::{Kernel, Token, TokenRef, rights, slot};
use psimp_nt::Status;
use psimp_protocol::ImpersonateRequest;
use psimp_protocol::wire::{self, TraceStep, effect, verdict};
use psimp_rules::{Effect, Verdict, raises};

/// The decision of IMPERSONATE in the mode `documented`. What that would refuse
/// immediately is refused here with the same status.
pub(crate) fn evaluate<K: Kernel>(
    kernel: &K,
    request: ImpersonateRequest,
) -> Result<wire::Evaluation, Status> {
    let thread = slot::open_to_query(kernel, request.thread, 0)?;
    let (token, _) = kernel.open_token(request.token, rights::TOKEN_QUERY)?;
    let asked = token.statistics()?;
    if raises(asked.token_type, asked.level, request.level) {
        return Err(Status::BAD_IMPERSONATION_LEVEL);
    }
    let mut trace = [TraceStep { rule: 0, effect: 0 }; _];
    let mut steps = 0;
    let decision = documented(kernel, &thread, TokenRef::Handle(&token), &asked, request.level, |step| {
        if let Some(entry) = trace.get_mut(steps) {
            *entry = TraceStep { rule: step.rule as u16, effect: number(step.effect) };
            steps += 1;
        }
    })?;
    let (verdict, level) = match decision.verdict {
        Verdict::Kept(level) => (verdict::KEPT, level),
        Verdict::Copied(level) => (verdict::COPIED, level),
        Verdict::Refused(_) => return Err(Status::ACCESS_DENIED),
    };
    #[allow(clippy::cast_possible_truncation)] // at most 16
    let steps = steps as u32;
    Ok(wire::Evaluation { verdict, level: level as u32, rule: decision.rule as u32, steps, trace })
}

const fn number(effect: Effect) -> u16 {
    match effect {
        Effect::Pass => effect::PASS,
        Effect::Keep => effect::KEEP,
        Effect::Deny => effect::DENY,
    }
}
