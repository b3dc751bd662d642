//! The one function that reads a [`Profile`].

use crate::facts::{Restriction, TokenFacts};
use crate::profile::{Anonymous, Combine, CopyLevel, DenyAction, Integrity, NoPrimary, Profile, Restricted};
use core::ops::ControlFlow;
use psimp_nt::{Level, Luid, TokenType};

/// A rule, named after the property that it checks. The numbers are part of the IOCTL contract and
/// are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rule {
    /// The requested level is below the profile's threshold.
    LevelBelowThreshold = 1,
    /// The token belongs to the anonymous logon session (0x3E6).
    AnonymousLogon = 2,
    /// `SeImpersonatePrivilege` is enabled in the server's primary token.
    ImpersonatePrivilege = 3,
    /// The requested level is above the level recorded in the token.
    TokenLevel = 4,
    /// The server's integrity does not dominate the token's.
    Integrity = 5,
    /// The token was logged on from the server's own logon session.
    OriginSession = 6,
    /// The two user SIDs differ.
    UserSid = 7,
    /// The token is elevated, the server filtered and not elevated.
    Elevation = 8,
    /// The server's logon session is the filtered one, the token's is not.
    FilteredLogon = 9,
    /// The server is in an `AppContainer`, the token not in a related one.
    Package = 10,
    /// Restricting SIDs on the server, on the token or on only one of them.
    Restricted = 11,
    /// The token is write-restricted, the server fully restricted.
    WriteRestricted = 12,
    /// The token belongs to session 0, the server does not.
    TerminalSession = 13,
    /// No rule objected.
    NoObjection = 14,
    /// One condition held, and the profile requires no more ([`Combine::All`]).
    OneConditionHeld = 15,
    /// The server process has no primary token.
    NoPrimaryToken = 16,
    /// The token is of primary type.
    TokenType = 17,
    /// The server is restricted, the token an unrestricted one of its own user.
    RestrictedServer = 18,
}

impl Rule {
    /// All rules, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::LevelBelowThreshold,
        Self::AnonymousLogon,
        Self::ImpersonatePrivilege,
        Self::TokenLevel,
        Self::Integrity,
        Self::OriginSession,
        Self::UserSid,
        Self::Elevation,
        Self::FilteredLogon,
        Self::Package,
        Self::Restricted,
        Self::WriteRestricted,
        Self::TerminalSession,
        Self::NoObjection,
        Self::OneConditionHeld,
        Self::NoPrimaryToken,
        Self::TokenType,
        Self::RestrictedServer,
    ];

    /// The rule with this number.
    pub fn from_raw(raw: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| *rule as u32 == raw)
    }

    /// A short description for a table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LevelBelowThreshold => "level below threshold",
            Self::AnonymousLogon => "anonymous logon",
            Self::ImpersonatePrivilege => "impersonate privilege",
            Self::TokenLevel => "token level",
            Self::Integrity => "integrity",
            Self::OriginSession => "origin session",
            Self::UserSid => "user SID",
            Self::Elevation => "elevation",
            Self::FilteredLogon => "filtered logon",
            Self::Package => "package",
            Self::Restricted => "restricted",
            Self::WriteRestricted => "write-restricted",
            Self::TerminalSession => "terminal session",
            Self::NoObjection => "no objection",
            Self::OneConditionHeld => "one condition held",
            Self::NoPrimaryToken => "no primary token",
            Self::TokenType => "token type",
            Self::RestrictedServer => "restricted server",
        }
    }

    /// Whether it is one of the conditions that [`Combine::All`] combines: not a rule that only
    /// grants, nor one whose objection is an error.
    const fn is_condition(self) -> bool {
        let only_keeps =
            matches!(self, Self::LevelBelowThreshold | Self::ImpersonatePrivilege | Self::OriginSession);
        !only_keeps && self.refusal().is_none()
    }

    /// The error that an objection by this rule is in every profile. The profile decides the effect
    /// of other objections.
    const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::TokenType => Some(Refusal::TokenType),
            Self::RestrictedServer => Some(Refusal::RestrictedServer),
            _ => None,
        }
    }
}

/// What is stored in the thread's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The token itself, at this level.
    Kept(Level),
    /// An impersonation-type copy of it, at this level.
    Copied(Level),
    /// Nothing: the call fails and the slot is unchanged.
    Refused(Refusal),
}

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server process has no primary token for the decision.
    NoPrimaryToken,
    /// The profile turns a denied request into an error.
    Denied,
    /// The profile accepts no token of primary type.
    TokenType,
    /// A restricted server would shed its restriction.
    RestrictedServer,
}

/// A verdict and the rule that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is stored.
    pub verdict: Verdict,
    /// The first rule that decided it.
    pub rule: Rule,
}

/// The result of one rule, in the order the rules were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: Rule,
    /// Its result.
    pub effect: Effect,
}

/// The result of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It did not apply; the next rule is tried.
    Pass,
    /// The token is stored unchanged.
    Keep,
    /// The token must not be stored unchanged.
    Deny,
}

/// Whether `asked` would raise a token above the level recorded in it.
///
/// Kernels allow a trusted caller to do that, so a driver that takes the level from user mode must
/// refuse it first. A primary token records a level too, but it represents its own process and is
/// not limited by it.
pub const fn raises(token_type: TokenType, own: Level, asked: Level) -> bool {
    matches!(token_type, TokenType::Impersonation) && asked as u8 > own as u8
}

/// Decides what `PsImpersonateClient` stores for `token` at level `asked` in a
/// thread of the process whose primary token is `primary`.
pub fn decide(profile: &Profile, primary: Option<&TokenFacts>, token: &TokenFacts, asked: Level) -> Decision {
    decide_traced(profile, primary, token, asked, |_| ())
}

/// [`decide`], calling `observe` for every rule tried.
pub fn decide_traced(
    profile: &Profile,
    primary: Option<&TokenFacts>,
    token: &TokenFacts,
    asked: Level,
    mut observe: impl FnMut(Step),
) -> Decision {
    let Some(primary) = primary else {
        let (verdict, effect) = match profile.no_primary {
            NoPrimary::Refuse => (Verdict::Refused(Refusal::NoPrimaryToken), Effect::Deny),
            NoPrimary::Keep => (Verdict::Kept(asked), Effect::Keep),
        };
        observe(Step { rule: Rule::NoPrimaryToken, effect });
        return Decision { verdict, rule: Rule::NoPrimaryToken };
    };
    let mut trial = Trial { observe, last: None, held: false };
    let Step { rule, effect } = match trial.run(profile, primary, token, asked) {
        ControlFlow::Break(step) => step,
        ControlFlow::Continue(()) => trial.undecided(),
    };
    match effect {
        Effect::Deny => denied(profile, token, rule),
        Effect::Keep | Effect::Pass => Decision { verdict: Verdict::Kept(asked), rule },
    }
}

/// [`decide_traced`] for a process that has a primary token, reading `facts` of it and of the token
/// only when the requested level does not decide alone.
///
/// # Errors
/// The error of `facts`.
pub fn decide_lazy<E>(
    profile: &Profile,
    asked: Level,
    facts: impl FnOnce() -> Result<(TokenFacts, TokenFacts), E>,
    mut observe: impl FnMut(Step),
) -> Result<Decision, E> {
    if !profile.refuses_primary && is_free(profile, asked) {
        let rule = Rule::LevelBelowThreshold;
        observe(Step { rule, effect: Effect::Keep });
        return Ok(Decision { verdict: Verdict::Kept(asked), rule });
    }
    match facts() {
        // By reference: they are too large to be moved once more.
        Ok((ref primary, ref token)) => Ok(decide_traced(profile, Some(primary), token, asked, observe)),
        Err(error) => Err(error),
    }
}

/// Whether every token is stored unchanged at this level.
const fn is_free(profile: &Profile, asked: Level) -> bool {
    (asked as u8) < profile.free_below as u8
}

/// What the rules tried so far had to say.
struct Trial<O> {
    observe: O,
    /// The last objection of those that deny only together ([`Combine::All`]).
    last: Option<Rule>,
    /// Whether one of the conditions held.
    held: bool,
}

impl<O: FnMut(Step)> Trial<O> {
    /// Tries the rules that the profile has, in the order that all profiles share, until one
    /// decides. The integrity ceiling has a place before the privilege and one after it.
    ///
    /// A sequence, and no table of functions: for the one profile of the driver the compiler drops
    /// the rules that it does not have.
    fn run(&mut self, profile: &Profile, p: &TokenFacts, t: &TokenFacts, asked: Level) -> ControlFlow<Step> {
        let mut tried = |rule, effect| self.tried(profile.combine, Step { rule, effect });
        if profile.refuses_primary {
            tried(Rule::TokenType, deny_if(t.token_type == TokenType::Primary))?;
        }
        tried(Rule::LevelBelowThreshold, keep_if(is_free(profile, asked)))?;
        if profile.anonymous != Anonymous::Ignored {
            tried(Rule::AnonymousLogon, anonymous(profile, p, t))?;
        }
        if profile.refuses_shedding {
            let sheds = p.restriction.is_restricted() && !t.restriction.is_restricted();
            tried(Rule::RestrictedServer, deny_if(p.user == t.user && sheds))?;
        }
        let above = p.platform.integrity < t.platform.integrity;
        if profile.integrity == Integrity::Everyone {
            tried(Rule::Integrity, deny_if(above))?;
        }
        if profile.privilege {
            tried(Rule::ImpersonatePrivilege, keep_if(p.platform.impersonate_privilege))?;
        }
        if profile.token_level_cap {
            tried(Rule::TokenLevel, deny_if(asked > t.level))?;
        }
        if profile.integrity == Integrity::Unprivileged {
            tried(Rule::Integrity, deny_if(above))?;
        }
        if profile.origin {
            tried(Rule::OriginSession, keep_if(p.authentication_id == t.platform.origin))?;
        }
        if profile.same_user {
            tried(Rule::UserSid, deny_if(p.user != t.user))?;
        }
        if profile.elevation {
            let limited = !p.platform.elevated && p.platform.filtered_logon;
            tried(Rule::Elevation, deny_if(t.platform.elevated && limited))?;
            tried(Rule::FilteredLogon, deny_if(p.platform.filtered_logon && !t.platform.filtered_logon))?;
        }
        if profile.package {
            tried(Rule::Package, deny_if(!package_related(p, t)))?;
        }
        if let Some(effect) = restricted(profile, p, t) {
            tried(Rule::Restricted, effect)?;
        }
        if profile.restricted == Restricted::ServerSubset {
            let (server, client) = (p.restriction, t.restriction);
            let both = server == Restriction::Restricted && client == Restriction::WriteRestricted;
            tried(Rule::WriteRestricted, deny_if(both))?;
        }
        if profile.session {
            tried(Rule::TerminalSession, deny_if(t.platform.session == 0 && p.platform.session != 0))?;
        }
        ControlFlow::Continue(())
    }

    /// Notes what a rule says; breaks when that decides.
    fn tried(&mut self, combine: Combine, step: Step) -> ControlFlow<Step> {
        (self.observe)(step);
        let Step { rule, effect } = step;
        match (effect, combine) {
            (Effect::Deny, Combine::All) if rule.refusal().is_none() => self.last = Some(rule),
            (Effect::Keep | Effect::Deny, _) => return ControlFlow::Break(step),
            (Effect::Pass, _) => self.held |= rule.is_condition(),
        }
        ControlFlow::Continue(())
    }

    /// The end of a trial in which no rule decided alone.
    fn undecided(mut self) -> Step {
        let rule = match self.last {
            // Its objection has been observed.
            Some(rule) if !self.held => return Step { rule, effect: Effect::Deny },
            Some(_) => Rule::OneConditionHeld,
            None => Rule::NoObjection,
        };
        let step = Step { rule, effect: Effect::Keep };
        (self.observe)(step);
        step
    }
}

fn denied(profile: &Profile, token: &TokenFacts, rule: Rule) -> Decision {
    let verdict = match (rule.refusal(), profile.deny_action) {
        (Some(refusal), _) => Verdict::Refused(refusal),
        (None, DenyAction::Error) => Verdict::Refused(Refusal::Denied),
        (None, DenyAction::Downgrade) => Verdict::Copied(copy_level(profile.copy_level, token)),
    };
    Decision { verdict, rule }
}

fn copy_level(knob: CopyLevel, token: &TokenFacts) -> Level {
    match (knob, token.token_type) {
        (CopyLevel::AtMostOwn, TokenType::Impersonation) => token.level.min(Level::Identification),
        _ => Level::Identification,
    }
}

const fn keep_if(condition: bool) -> Effect {
    if condition { Effect::Keep } else { Effect::Pass }
}

const fn deny_if(condition: bool) -> Effect {
    if condition { Effect::Deny } else { Effect::Pass }
}

fn anonymous(profile: &Profile, p: &TokenFacts, t: &TokenFacts) -> Effect {
    if t.authentication_id != Luid::ANONYMOUS_LOGON {
        return Effect::Pass;
    }
    match profile.anonymous {
        Anonymous::Deny => Effect::Deny,
        Anonymous::AllowIfPackage if !package_related(p, t) => Effect::Deny,
        Anonymous::Allow | Anonymous::AllowIfPackage | Anonymous::Ignored => Effect::Keep,
    }
}

/// A server outside any `AppContainer` is related to every token.
fn package_related(p: &TokenFacts, t: &TokenFacts) -> bool {
    match (&p.platform.package, &t.platform.package) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(server), Some(client)) => server.is_related(client),
    }
}

/// `None`: the profile does not have the rule.
fn restricted(profile: &Profile, p: &TokenFacts, t: &TokenFacts) -> Option<Effect> {
    let (server, client) = (p.restriction.is_restricted(), t.restriction.is_restricted());
    match profile.restricted {
        Restricted::Ignored => None,
        Restricted::Neither => Some(deny_if(server || client)),
        Restricted::Equal => Some(deny_if(server != client)),
        Restricted::ServerSubset => Some(deny_if(server && !client)),
    }
}
