//! Every combination of the properties that the rules read, in distinct classes, with the
//! invariants that hold for all of them.

use psimp_nt::{Level, Luid, Sid, TokenType, integrity};
use psimp_rules::{
    CopyLevel, DOC, Decision, DenyAction, Effect, Integrity, PEIOS, PEIOS_STRICT, PROFILES, Package,
    PlatformFacts, Profile, Refusal, Restriction, Rule, Step, TokenFacts, Verdict, W10, decide_lazy,
    decide_traced, raises,
};

const USER: Sid = Sid::new(5, &[21, 1, 2, 3, 1001]);
const OTHER: Sid = Sid::new(5, &[21, 1, 2, 3, 1002]);
const SERVER_LOGON: Luid = Luid(0xA1);
const RESTRICTIONS: [Restriction; 3] =
    [Restriction::None, Restriction::Restricted, Restriction::WriteRestricted];
const PACKAGES: [Option<Package>; 4] = [
    None,
    Some(Package { id: 1, parent: None }),
    Some(Package { id: 2, parent: None }),
    Some(Package { id: 3, parent: Some(1) }),
];
const BOTH: [bool; 2] = [false, true];

/// Every server, by what distinguishes it.
fn servers() -> impl Iterator<Item = TokenFacts> {
    let classes = RESTRICTIONS.into_iter().flat_map(|restriction| {
        BOTH.into_iter().flat_map(move |privilege| {
            PACKAGES.into_iter().take(2).flat_map(move |package| {
                BOTH.into_iter().flat_map(move |elevated| {
                    BOTH.into_iter().flat_map(move |filtered_logon| {
                        [0, 1].into_iter().map(move |session| {
                            (restriction, privilege, package, elevated, filtered_logon, session)
                        })
                    })
                })
            })
        })
    });
    classes.map(|(restriction, impersonate_privilege, package, elevated, filtered_logon, session)| {
        TokenFacts {
            user: USER,
            authentication_id: SERVER_LOGON,
            token_type: TokenType::Primary,
            level: Level::Anonymous,
            restriction,
            platform: PlatformFacts {
                impersonate_privilege,
                package,
                elevated,
                filtered_logon,
                session,
                ..PlatformFacts::default()
            },
        }
    })
}

/// Every token to impersonate.
fn tokens() -> impl Iterator<Item = TokenFacts> {
    let identities = [USER, OTHER].into_iter().flat_map(|user| {
        [Luid(0xB1), Luid::ANONYMOUS_LOGON].into_iter().flat_map(move |authentication_id| {
            [Luid::SYSTEM, SERVER_LOGON].into_iter().flat_map(move |origin| {
                [TokenType::Primary, TokenType::Impersonation].into_iter().flat_map(move |token_type| {
                    Level::ALL
                        .into_iter()
                        .map(move |level| (user, authentication_id, origin, token_type, level))
                })
            })
        })
    });
    identities.flat_map(|(user, authentication_id, origin, token_type, level)| {
        contexts(origin).map(move |(restriction, platform)| TokenFacts {
            user,
            authentication_id,
            token_type,
            level,
            restriction,
            platform,
        })
    })
}

fn contexts(origin: Luid) -> impl Iterator<Item = (Restriction, PlatformFacts)> {
    RESTRICTIONS.into_iter().flat_map(move |restriction| {
        // The server is Medium.
        [integrity::LOW, integrity::MEDIUM, integrity::HIGH].into_iter().flat_map(move |integrity| {
            PACKAGES.into_iter().flat_map(move |package| {
                BOTH.into_iter().flat_map(move |elevated| {
                    BOTH.into_iter().flat_map(move |filtered_logon| {
                        [0, 1].into_iter().map(move |session| {
                            let platform = PlatformFacts {
                                origin,
                                integrity,
                                package,
                                elevated,
                                filtered_logon,
                                session,
                                impersonate_privilege: false,
                            };
                            (restriction, platform)
                        })
                    })
                })
            })
        })
    })
}

/// The invariants of one decision, for any profile.
fn check(profile: &Profile, asked: Level, token: &TokenFacts, decision: Decision, steps: &[Step]) {
    let (last, before) = steps.split_last().expect("at least one rule is tried");
    assert_eq!(last.rule, decision.rule, "the deciding rule is the last one tried");
    assert!(before.iter().all(|step| step.effect != Effect::Keep), "nothing follows a rule that keeps");
    let tried = steps.iter().fold(0_u32, |tried, step| tried | 1 << step.rule as u32);
    assert_eq!(tried.count_ones() as usize, steps.len(), "no rule is tried twice");
    match decision.verdict {
        Verdict::Kept(level) => {
            assert_eq!((level, last.effect), (asked, Effect::Keep));
        }
        Verdict::Copied(level) => {
            assert_eq!((last.effect, profile.deny_action), (Effect::Deny, DenyAction::Downgrade));
            assert!(level <= Level::Identification, "a downgrade lets nothing be opened");
            // Only the two profiles that always copy at Identification raise an
            // Anonymous token that way; no copy is above what was asked for.
            assert!(level <= asked);
            let raised = token.token_type == TokenType::Impersonation && level > token.level;
            assert!(!raised || (token.level, level) == (Level::Anonymous, Level::Identification));
            assert!(!raised || profile.copy_level == CopyLevel::Identification);
        }
        Verdict::Refused(why) => {
            assert_eq!(last.effect, Effect::Deny);
            let known = match why {
                Refusal::Denied => profile.deny_action == DenyAction::Error,
                Refusal::TokenType => profile.refuses_primary && decision.rule == Rule::TokenType,
                Refusal::RestrictedServer => {
                    profile.refuses_shedding && decision.rule == Rule::RestrictedServer
                }
                Refusal::NoPrimaryToken => false,
            };
            assert!(known, "{} has no {why:?} by {:?}", profile.name, decision.rule);
        }
    }
}

/// Peios' decision, derived from its code and not from the profile.
fn peios(server: &TokenFacts, token: &TokenFacts, asked: Level) -> Verdict {
    let same_user = server.user == token.user;
    let (restricted, token_restricted) =
        (server.restriction.is_restricted(), token.restriction.is_restricted());
    let higher = token.platform.integrity > server.platform.integrity;
    let identity = (same_user && restricted == token_restricted) || server.platform.impersonate_privilege;
    if token.token_type == TokenType::Primary {
        Verdict::Refused(Refusal::TokenType)
    } else if asked == Level::Anonymous {
        Verdict::Kept(asked)
    } else if same_user && restricted && !token_restricted {
        Verdict::Refused(Refusal::RestrictedServer)
    } else if identity && !higher {
        Verdict::Kept(asked)
    } else {
        Verdict::Copied(token.level.min(Level::Identification))
    }
}

/// The effect of each additional knob on W10, and that it changes nothing else.
const CEILING: Profile = Profile { name: "ceiling", integrity: Integrity::Everyone, ..W10 };
const IMPERSONATION_ONLY: Profile = Profile { name: "impersonation only", refuses_primary: true, ..W10 };
const NO_SHEDDING: Profile = Profile { name: "no shedding", refuses_shedding: true, ..W10 };

/// The effect on W10 of each knob that was added for Peios.
fn check_knobs(
    server: &TokenFacts,
    token: &TokenFacts,
    asked: Level,
    w10: Decision,
    [ceiling, impersonation_only, no_shedding]: [Decision; 3],
) {
    let free = asked < W10.free_below || token.authentication_id == Luid::ANONYMOUS_LOGON;
    let bound = !free
        && server.platform.impersonate_privilege
        && token.platform.integrity > server.platform.integrity;
    if bound {
        assert!(matches!(w10.verdict, Verdict::Kept(_)));
        assert_eq!(ceiling.rule, Rule::Integrity);
        assert!(matches!(ceiling.verdict, Verdict::Copied(_)));
    } else {
        assert_eq!(ceiling, w10);
    }
    if token.token_type == TokenType::Primary {
        assert_eq!(impersonation_only.verdict, Verdict::Refused(Refusal::TokenType));
    } else {
        assert_eq!(impersonation_only, w10);
    }
    let sheds = server.user == token.user
        && server.restriction != Restriction::None
        && token.restriction == Restriction::None;
    if sheds && !free {
        assert_eq!(no_shedding.verdict, Verdict::Refused(Refusal::RestrictedServer));
    } else {
        assert_eq!(no_shedding, w10);
    }
}

#[test]
fn every_state_of_every_profile() {
    let servers: Vec<_> = servers().collect();
    let tokens: Vec<_> = tokens().collect();
    let profiles = [&[&CEILING, &IMPERSONATION_ONLY, &NO_SHEDDING], &PROFILES[..]].concat();
    let index = |name| profiles.iter().position(|profile| profile.name == name).expect("one of them");
    let [doc, w10, kacs, strict] = [&DOC, &W10, &PEIOS, &PEIOS_STRICT].map(|profile| index(profile.name));
    let mut states = 0_u64;
    // By profile, a bit for each rule that decided.
    let mut seen = vec![0_u32; profiles.len()];
    let mut decisions = Vec::with_capacity(profiles.len());
    let mut steps = Vec::with_capacity(16);
    for server in &servers {
        for token in &tokens {
            for asked in Level::ALL {
                decisions.clear();
                for (profile, seen) in profiles.iter().zip(&mut seen) {
                    steps.clear();
                    let decision =
                        decide_traced(profile, Some(server), token, asked, |step| steps.push(step));
                    check(profile, asked, token, decision, &steps);
                    *seen |= 1 << decision.rule as u32;
                    decisions.push(decision);
                    states += 1;
                }
                let (doc, w10) = (decisions[doc], decisions[w10]);
                // The driver refuses to raise before it evaluates any rule, and what the
                // documented rule then stores is within the token's level.
                if !raises(token.token_type, token.level, asked)
                    && token.token_type == TokenType::Impersonation
                {
                    let (Verdict::Kept(level) | Verdict::Copied(level)) = doc.verdict else { unreachable!() };
                    assert!(level <= token.level);
                }
                // What W10 copies for another user or for a restricted server,
                // the documented rule never keeps.
                let foreign = matches!(w10.verdict, Verdict::Copied(_))
                    && matches!(w10.rule, Rule::UserSid | Rule::Restricted);
                assert!(
                    !foreign || matches!(doc.verdict, Verdict::Copied(_)),
                    "{server:?} {token:?} {asked:?}"
                );
                let expected = peios(server, token, asked);
                assert_eq!(decisions[kacs].verdict, expected, "{server:?} {token:?} {asked:?}");
                let expected = match expected {
                    Verdict::Copied(_) => Verdict::Refused(Refusal::Denied),
                    other => other,
                };
                assert_eq!(decisions[strict], Decision { verdict: expected, ..decisions[kacs] });
                check_knobs(server, token, asked, w10, [decisions[0], decisions[1], decisions[2]]);
            }
        }
    }
    // Every rule of a profile decides some case.
    let rules = profiles.iter().zip(seen).map(|(profile, rules)| (profile.name, rules.count_ones()));
    assert_eq!(
        rules.collect::<Vec<_>>(),
        [
            ("ceiling", 13),
            ("impersonation only", 14),
            // Its new rule decides every case of the rule on restriction.
            ("no shedding", 13),
            ("DOC", 5),
            ("DOC-ANY", 4),
            ("UM", 5),
            ("NT52", 8),
            ("W10", 13),
            ("W10-recent", 13),
            ("Peios", 8),
            ("Peios-strict", 8),
        ]
    );
    println!(
        "{states} states: {} servers, {} tokens, 4 levels, {} profiles",
        servers.len(),
        tokens.len(),
        profiles.len()
    );
}

/// Facts that are read when they are needed change no decision, and a level that is free for every
/// token needs none.
#[test]
fn a_decision_is_the_same_when_facts_are_read_late() {
    let server = servers().next().expect("there is one");
    for (profile, asked) in PROFILES.iter().flat_map(|profile| Level::ALL.map(|level| (profile, level))) {
        for token in tokens().step_by(31) {
            let (mut early, mut late) = (Vec::new(), Vec::new());
            let expected = decide_traced(profile, Some(&server), &token, asked, |step| early.push(step));
            let facts = || Ok::<_, ()>((server, token));
            assert_eq!(decide_lazy(profile, asked, facts, |step| late.push(step)), Ok(expected));
            assert_eq!(early, late, "{} at {asked:?}", profile.name);
        }
    }
    let unread = |asked| decide_lazy(&DOC, asked, || Err("read"), |_| ()).map(|decision| decision.verdict);
    assert_eq!(unread(Level::Anonymous), Ok(Verdict::Kept(Level::Anonymous)));
    assert_eq!(unread(Level::Identification), Ok(Verdict::Kept(Level::Identification)));
    assert_eq!(unread(Level::Impersonation), Err("read"));
}
