//! Peios' profiles, with literal expectations, and the numbers of the rules.

use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::Rule::{
    ImpersonatePrivilege as Privilege, Integrity, LevelBelowThreshold, NoObjection, Restricted,
    RestrictedServer, TokenType as Type, UserSid,
};
use psimp_rules::Verdict::{Copied, Kept, Refused};
use psimp_rules::{
    DOC, Effect, NT52, PEIOS, PEIOS_STRICT, PlatformFacts, Profile, Refusal, Restriction, Rule, TokenFacts,
    UM, Verdict, W10, decide, decide_traced,
};

const A: Sid = Sid::new(5, &[21, 1, 2, 3, 1001]);
const B: Sid = Sid::new(5, &[21, 1, 2, 3, 1002]);

/// A token of the specification: `S` and `p` are primary, `B` is another user's,
/// `R` restricted, `W` write-restricted, `H` and `L` of high and low integrity,
/// `+` has the privilege, a digit is the level.
fn facts(name: &str) -> TokenFacts {
    let mut facts = TokenFacts {
        user: if name.starts_with('B') { B } else { A },
        authentication_id: Luid(0xA1),
        token_type: TokenType::Impersonation,
        level: Level::Impersonation,
        restriction: Restriction::None,
        platform: PlatformFacts::default(),
    };
    for letter in name.chars() {
        match letter {
            'A' | 'B' => (),
            'S' | 'p' => (facts.token_type, facts.level) = (TokenType::Primary, Level::Anonymous),
            'R' => facts.restriction = Restriction::Restricted,
            'W' => facts.restriction = Restriction::WriteRestricted,
            'H' => facts.platform.integrity = integrity::HIGH,
            'L' => facts.platform.integrity = integrity::LOW,
            '+' => facts.platform.impersonate_privilege = true,
            digit => facts.level = level(digit),
        }
    }
    facts
}

fn level(digit: char) -> Level {
    digit.to_digit(10).and_then(Level::from_raw).expect("a letter of the notation")
}

fn decided(profile: &Profile, server: &str, token: &str, asked: char) -> (Verdict, Rule) {
    let decision = decide(profile, Some(&facts(server)), &facts(token), level(asked));
    (decision.verdict, decision.rule)
}

const K0: Verdict = Kept(Level::Anonymous);
const K1: Verdict = Kept(Level::Identification);
const K2: Verdict = Kept(Level::Impersonation);
const K3: Verdict = Kept(Level::Delegation);
const C0: Verdict = Copied(Level::Anonymous);
const C1: Verdict = Copied(Level::Identification);
const TYPE: Verdict = Refused(Refusal::TokenType);
const SHED: Verdict = Refused(Refusal::RestrictedServer);
const DENIED: Verdict = Refused(Refusal::Denied);

#[test]
fn peios_decides_as_its_code() {
    let rows = [
        // A token of primary type takes precedence, including at level 0.
        ("S", "Ap", '2', TYPE, Type),
        ("S+", "Bp", '2', TYPE, Type),
        ("S", "Ap", '0', TYPE, Type),
        ("SR", "Ap2", '2', TYPE, Type),
        // Anonymous is free; Identification is not.
        ("S", "B2", '0', K0, LevelBelowThreshold),
        ("SR", "A2", '0', K0, LevelBelowThreshold),
        ("SL", "BH2", '0', K0, LevelBelowThreshold),
        ("S", "B2", '1', C1, UserSid),
        ("S", "A2", '1', K1, NoObjection),
        // A restricted server and an unrestricted token of its own user.
        ("SR", "A2", '2', SHED, RestrictedServer),
        ("SR+", "A2", '2', SHED, RestrictedServer),
        ("SW", "A2", '1', SHED, RestrictedServer),
        ("SR", "AH2", '2', SHED, RestrictedServer),
        ("SR", "B2", '2', C1, UserSid),
        ("SR+", "B2", '2', K2, Privilege),
        // The identity gate.
        ("S", "A2", '2', K2, NoObjection),
        ("S", "A3", '3', K3, NoObjection),
        ("S", "B2", '2', C1, UserSid),
        ("S", "B0", '2', C0, UserSid),
        ("S+", "B2", '2', K2, Privilege),
        ("S", "AR2", '2', C1, Restricted),
        ("S+", "AR2", '2', K2, Privilege),
        ("SR", "AR2", '2', K2, NoObjection),
        ("SR", "AW2", '2', K2, NoObjection),
        // The integrity ceiling, with and without the privilege.
        ("S", "AH2", '2', C1, Integrity),
        ("S+", "BH2", '2', C1, Integrity),
        ("S+", "BH0", '2', C0, Integrity),
        ("SL+", "B2", '2', C1, Integrity),
        ("SH+", "BH2", '2', K2, Privilege),
        ("S", "AL2", '2', K2, NoObjection),
    ];
    for (server, token, asked, verdict, rule) in rows {
        let found = decided(&PEIOS, server, token, asked);
        assert_eq!(found, (verdict, rule), "{server} takes {token} at {asked}");
        // The strict reading differs exactly where the level is capped.
        let strict = if matches!(verdict, Copied(_)) { DENIED } else { verdict };
        let found = decided(&PEIOS_STRICT, server, token, asked);
        assert_eq!(found, (strict, rule), "{server} takes {token} at {asked}, strictly");
    }
}

#[test]
fn without_a_primary_token_peios_refuses() {
    let decision = decide(&PEIOS, None, &facts("A2"), Level::Impersonation);
    assert_eq!((decision.verdict, decision.rule), (Refused(Refusal::NoPrimaryToken), Rule::NoPrimaryToken));
}

#[test]
fn the_rules_are_tried_in_the_order_of_the_code() {
    let tried = |server, token| {
        let mut tried = Vec::new();
        decide_traced(&PEIOS, Some(&facts(server)), &facts(token), Level::Impersonation, |step| {
            tried.push((step.rule, step.effect));
        });
        tried
    };
    let pass = |rule| (rule, Effect::Pass);
    let before = [pass(Type), pass(LevelBelowThreshold), pass(RestrictedServer), pass(Integrity)];
    let own = [pass(Privilege), pass(UserSid), pass(Restricted), (NoObjection, Effect::Keep)];
    assert_eq!(tried("S", "A2"), [before, own].concat());
    assert_eq!(tried("S+", "B2"), [&before[..], &[(Privilege, Effect::Keep)]].concat());
    assert_eq!(tried("S+", "BH2"), [&before[..3], &[(Integrity, Effect::Deny)]].concat());
    assert_eq!(tried("SR+", "A2"), [&before[..2], &[(RestrictedServer, Effect::Deny)]].concat());
    assert_eq!(tried("S", "Ap"), [(Type, Effect::Deny)]);
}

#[test]
fn the_other_profiles_have_none_of_it() {
    for profile in [&DOC, &UM, &NT52, &W10] {
        let (verdict, _) = decided(profile, "S", "Ap2", '2');
        assert_eq!(verdict, K2, "{}: a primary token", profile.name);
    }
    assert_eq!(decided(&DOC, "SR+", "A2", '2'), (C1, Restricted));
    assert_eq!(decided(&W10, "SR", "A2", '2'), (C1, Restricted));
    for profile in [&UM, &NT52, &W10] {
        assert_eq!(decided(profile, "SR+", "A2", '2').0, K2, "{}: the privilege first", profile.name);
        assert_eq!(decided(profile, "S+", "BH2", '2').0, K2, "{}: the privilege first", profile.name);
    }
    assert_eq!(decided(&W10, "S", "AH2", '2'), (C1, Integrity));
}

/// Each knob alone, on a profile without other rules; and a refusal remains one
/// where objections must combine to deny.
#[test]
fn each_knob_works_alone() {
    let ceiling = Profile { integrity: psimp_rules::Integrity::Everyone, ..W10 };
    assert_eq!(decided(&ceiling, "S+", "BH2", '2'), (C1, Integrity));
    assert_eq!(decided(&ceiling, "S+", "B2", '2').0, K2);
    let shedding = Profile { refuses_shedding: true, ..psimp_rules::DOC_ANY };
    assert_eq!(decided(&shedding, "SR", "A2", '2'), (SHED, RestrictedServer));
    assert_eq!(decided(&shedding, "S", "B2", '2').0, K2);
    let primary = Profile { refuses_primary: true, ..psimp_rules::DOC_ANY };
    assert_eq!(decided(&primary, "S", "Ap", '0'), (TYPE, Type));
    assert_eq!(decided(&primary, "S", "A2", '2').0, K2);
}

#[test]
fn rules_keep_their_numbers_and_names() {
    let expected = [
        (1, "level below threshold"),
        (2, "anonymous logon"),
        (3, "impersonate privilege"),
        (4, "token level"),
        (5, "integrity"),
        (6, "origin session"),
        (7, "user SID"),
        (8, "elevation"),
        (9, "filtered logon"),
        (10, "package"),
        (11, "restricted"),
        (12, "write-restricted"),
        (13, "terminal session"),
        (14, "no objection"),
        (15, "one condition held"),
        (16, "no primary token"),
        (17, "token type"),
        (18, "restricted server"),
    ];
    assert_eq!(Rule::ALL.map(|rule| (rule as u32, rule.name())), expected);
    for (number, _) in expected {
        assert_eq!(Rule::from_raw(number).map(|rule| rule as u32), Some(number));
    }
    assert_eq!((Rule::from_raw(0), Rule::from_raw(19)), (None, None));
}
