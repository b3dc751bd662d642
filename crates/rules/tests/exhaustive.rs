//! Every combination of what the rules read, in distinct classes: what must hold
//! in all of them.

use psimp_rules::{
    DOC, Decision, Effect, Level, Luid, PROFILES, Package, PlatformFacts, Restriction, Rule, Sid, Step,
    TokenFacts, TokenType, Verdict, W10, decide_traced, integrity, raises,
};
use std::collections::HashSet;

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
        [integrity::LOW, integrity::HIGH].into_iter().flat_map(move |integrity| {
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

/// What holds of one decision, whatever the profile.
fn check(asked: Level, token: &TokenFacts, decision: Decision, steps: &[Step]) {
    let (last, before) = steps.split_last().expect("at least one rule is tried");
    assert_eq!(last.rule, decision.rule, "the deciding rule is the last one tried");
    assert!(before.iter().all(|step| step.effect != Effect::Keep), "nothing follows a rule that keeps");
    match decision.verdict {
        Verdict::Kept(level) => {
            assert_eq!((level, last.effect), (asked, Effect::Keep));
        }
        Verdict::Copied(level) => {
            assert_eq!(last.effect, Effect::Deny);
            assert!(level <= Level::Identification, "a downgrade lets nothing be opened");
            // Only the two profiles that always copy at Identification raise an
            // Anonymous token that way; no copy is above what was asked for.
            assert!(level <= asked);
            let raised = token.token_type == TokenType::Impersonation && level > token.level;
            assert!(!raised || (token.level, level) == (Level::Anonymous, Level::Identification));
        }
        Verdict::Refused(why) => panic!("no profile here refuses: {why:?}"),
    }
}

#[test]
fn every_state_of_every_profile() {
    let servers: Vec<_> = servers().collect();
    let tokens: Vec<_> = tokens().collect();
    let mut states = 0_u64;
    let mut seen = HashSet::new();
    let mut steps = Vec::with_capacity(16);
    for server in &servers {
        for token in &tokens {
            for asked in Level::ALL {
                let decisions = PROFILES.map(|profile| {
                    steps.clear();
                    let decision =
                        decide_traced(profile, Some(server), token, asked, |step| steps.push(step));
                    check(asked, token, decision, &steps);
                    seen.insert((profile.name, decision.rule));
                    states += 1;
                    decision
                });
                let of = |name| PROFILES.iter().position(|p| p.name == name).map(|i| decisions[i]);
                let (doc, w10) = (of(DOC.name).expect("DOC"), of(W10.name).expect("W10"));
                // The driver refuses to raise before any rule is asked, and what
                // the documented rule then stores is within the token's level.
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
            }
        }
    }
    // Every rule that a profile knows decides somewhere.
    let rules = |name| seen.iter().filter(|(profile, _)| *profile == name).count();
    assert_eq!(
        PROFILES.map(|profile| (profile.name, rules(profile.name))),
        [("DOC", 5), ("DOC-ANY", 4), ("UM", 5), ("NT52", 8), ("W10", 13), ("W10-recent", 13),]
    );
    println!(
        "{states} states: {} servers, {} tokens, 4 levels, {} profiles",
        servers.len(),
        tokens.len(),
        PROFILES.len()
    );
}
