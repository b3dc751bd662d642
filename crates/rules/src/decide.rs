//! The one function that reads a [`Profile`].

use crate::facts::{Restriction, TokenFacts};
use crate::profile::{Anonymous, Combine, CopyLevel, DenyAction, Integrity, NoPrimary, Profile, Restricted};
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
    let case = Case { profile, primary, token, asked };
    let mut objections = Objections { last: None, held: false };
    if let Some(decision) = case.tried(BEFORE_PRIVILEGE, &mut objections, &mut observe) {
        return decision;
    }
    if let Some(decision) = case.tried(FROM_PRIVILEGE, &mut objections, &mut observe) {
        return decision;
    }
    let rule = match objections.last {
        Some(rule) if !objections.held => return denied(profile, token, rule),
        Some(_) => Rule::OneConditionHeld,
        None => Rule::NoObjection,
    };
    observe(Step { rule, effect: Effect::Keep });
    Decision { verdict: Verdict::Kept(asked), rule }
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
    let (primary, token) = facts()?;
    Ok(decide_traced(profile, Some(&primary), &token, asked, observe))
}

/// Whether every token is stored unchanged at this level.
const fn is_free(profile: &Profile, asked: Level) -> bool {
    (asked as u8) < profile.free_below as u8
}

/// The input of the decision.
struct Case<'a> {
    profile: &'a Profile,
    primary: &'a TokenFacts,
    token: &'a TokenFacts,
    asked: Level,
}

/// Objections that deny only together ([`Combine::All`]).
struct Objections {
    last: Option<Rule>,
    /// Whether one of the conditions held.
    held: bool,
}

impl Case<'_> {
    /// Tries rules until one decides.
    fn tried<const N: usize>(
        &self,
        tests: [(Rule, Test); N],
        objections: &mut Objections,
        observe: &mut impl FnMut(Step),
    ) -> Option<Decision> {
        let Self { profile, primary, token, asked } = *self;
        for (rule, test) in tests {
            let Some(effect) = test(profile, primary, token, asked) else { continue };
            observe(Step { rule, effect });
            match (effect, profile.combine) {
                (Effect::Keep, _) => return Some(Decision { verdict: Verdict::Kept(asked), rule }),
                (Effect::Deny, Combine::All) if rule.refusal().is_none() => {
                    objections.last = Some(rule);
                }
                (Effect::Deny, _) => return Some(denied(profile, token, rule)),
                (Effect::Pass, _) => objections.held |= rule.is_condition(),
            }
        }
        None
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

/// `None`: the profile does not have the rule.
type Test = fn(&Profile, &TokenFacts, &TokenFacts, Level) -> Option<Effect>;

/// The rules before the privilege, in the order that all profiles share. The integrity ceiling has
/// a place here and one after the privilege.
///
/// Two tables, because the compiler unrolls loops over these, but not over one of their combined
/// length: the driver would then contain all rules that [`crate::DOC`] does not use.
const BEFORE_PRIVILEGE: [(Rule, Test); 5] = [
    (Rule::TokenType, |profile, _, t, _| {
        profile.refuses_primary.then(|| deny_if(t.token_type == TokenType::Primary))
    }),
    (Rule::LevelBelowThreshold, |profile, _, _, asked| Some(keep_if(is_free(profile, asked)))),
    (Rule::AnonymousLogon, anonymous),
    (Rule::RestrictedServer, |profile, p, t, _| {
        profile.refuses_shedding.then(|| {
            deny_if(p.user == t.user && p.restriction.is_restricted() && !t.restriction.is_restricted())
        })
    }),
    (Rule::Integrity, |profile, p, t, _| integrity(profile, Integrity::Everyone, p, t)),
];

/// The rules starting with the privilege.
const FROM_PRIVILEGE: [(Rule, Test); 11] = [
    (Rule::ImpersonatePrivilege, |profile, p, _, _| {
        profile.privilege.then(|| keep_if(p.platform.impersonate_privilege))
    }),
    (Rule::TokenLevel, |profile, _, t, asked| profile.token_level_cap.then(|| deny_if(asked > t.level))),
    (Rule::Integrity, |profile, p, t, _| integrity(profile, Integrity::Unprivileged, p, t)),
    (Rule::OriginSession, |profile, p, t, _| {
        profile.origin.then(|| keep_if(p.authentication_id == t.platform.origin))
    }),
    (Rule::UserSid, |profile, p, t, _| profile.same_user.then(|| deny_if(p.user != t.user))),
    (Rule::Elevation, |profile, p, t, _| {
        profile
            .elevation
            .then(|| deny_if(t.platform.elevated && !p.platform.elevated && p.platform.filtered_logon))
    }),
    (Rule::FilteredLogon, |profile, p, t, _| {
        profile.elevation.then(|| deny_if(p.platform.filtered_logon && !t.platform.filtered_logon))
    }),
    (Rule::Package, |profile, p, t, _| profile.package.then(|| deny_if(!package_related(p, t)))),
    (Rule::Restricted, restricted),
    (Rule::WriteRestricted, |profile, p, t, _| {
        (profile.restricted == Restricted::ServerSubset).then(|| {
            deny_if(p.restriction == Restriction::Restricted && t.restriction == Restriction::WriteRestricted)
        })
    }),
    (Rule::TerminalSession, |profile, p, t, _| {
        profile.session.then(|| deny_if(t.platform.session == 0 && p.platform.session != 0))
    }),
];

const fn keep_if(condition: bool) -> Effect {
    if condition { Effect::Keep } else { Effect::Pass }
}

const fn deny_if(condition: bool) -> Effect {
    if condition { Effect::Deny } else { Effect::Pass }
}

fn anonymous(profile: &Profile, p: &TokenFacts, t: &TokenFacts, _: Level) -> Option<Effect> {
    if profile.anonymous == Anonymous::Ignored {
        return None;
    }
    if t.authentication_id != Luid::ANONYMOUS_LOGON {
        return Some(Effect::Pass);
    }
    Some(match profile.anonymous {
        Anonymous::Deny => Effect::Deny,
        Anonymous::AllowIfPackage if !package_related(p, t) => Effect::Deny,
        Anonymous::Allow | Anonymous::AllowIfPackage | Anonymous::Ignored => Effect::Keep,
    })
}

/// The ceiling, at the position for profiles in which it binds these servers.
fn integrity(profile: &Profile, binds: Integrity, p: &TokenFacts, t: &TokenFacts) -> Option<Effect> {
    (profile.integrity == binds).then(|| deny_if(p.platform.integrity < t.platform.integrity))
}

/// A server outside any `AppContainer` is related to every token.
fn package_related(p: &TokenFacts, t: &TokenFacts) -> bool {
    match (&p.platform.package, &t.platform.package) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(server), Some(client)) => server.is_related(client),
    }
}

fn restricted(profile: &Profile, p: &TokenFacts, t: &TokenFacts, _: Level) -> Option<Effect> {
    let (server, client) = (p.restriction.is_restricted(), t.restriction.is_restricted());
    match profile.restricted {
        Restricted::Ignored => None,
        Restricted::Neither => Some(deny_if(server || client)),
        Restricted::Equal => Some(deny_if(server != client)),
        Restricted::ServerSubset => Some(deny_if(server && !client)),
    }
}
