//! Questions to `psimp explain`: the parsing of token descriptions, and the answers.

use psimp_catalogue::{ClientToken, ServerToken};
use psimp_harness::cli::TokenSpec;
use psimp_nt::{Level, Luid, Sid, TokenType};
use psimp_rules::{Package, Restriction};
use std::process::Command;

fn spec(text: &str) -> TokenSpec {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The answer to a question, which must be valid.
fn explained(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_psimp"))
        .arg("explain")
        .args(arguments)
        .output()
        .expect("psimp runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_server_of_the_cases_can_be_said() {
    let said = [
        (ServerToken::S, "user=A"),
        (ServerToken::SPlus, "privilege=SeImpersonate"),
        (ServerToken::SMinus, "privilege=disabled"),
        (ServerToken::SR, "restricted"),
        (ServerToken::SRPlus, "restricted,privilege=seimpersonate"),
        (ServerToken::SWR, "write-restricted"),
        (ServerToken::SL, "integrity=low"),
        (ServerToken::SLPlus, "integrity=0x1000, privilege=SeImpersonate"),
        (ServerToken::SX, "package=1"),
        (ServerToken::SF, "filtered"),
        (ServerToken::S0, "session=0"),
    ];
    for (server, text) in said {
        assert_eq!(spec(text).server(), server.fixture().facts(), "{text}");
    }
    // Some differ only in what no rule reads.
    for server in ServerToken::ALL {
        let facts = server.fixture().facts();
        assert!(said.iter().any(|(said, _)| said.fixture().facts() == facts), "{}", server.name());
    }
    assert_eq!(TokenSpec::default().server(), ServerToken::S.fixture().facts());
}

#[test]
fn every_token_of_the_cases_can_be_said() {
    let server = ServerToken::S.fixture().facts();
    let said = [
        (ClientToken::A0, "level=anonymous"),
        (ClientToken::A1, "LEVEL=Identification"),
        (ClientToken::A2, "user=a"),
        (ClientToken::A3, "level=3"),
        (ClientToken::APlus2, "privilege=SeImpersonate"),
        (ClientToken::Ap0, "type=primary"),
        (ClientToken::Ap2, "type=primary,level=impersonation"),
        (ClientToken::B0, "user=B,level=0"),
        (ClientToken::B1, "level=1,user=B"),
        (ClientToken::B2, "user=S-1-5-21-1000-2000-3000-1002"),
        (ClientToken::Bp0, "user=B,type=primary"),
        (ClientToken::Bo2, "user=B,origin=server"),
        (ClientToken::Bop2, "user=B,type=primary,level=2,origin=0xA1"),
        (ClientToken::BoH2, "user=B,origin=161,integrity=high"),
        (ClientToken::BoR2, "user=B,origin=server,restricted"),
        (ClientToken::BH2, "user=B,integrity=12288"),
        (ClientToken::N2, "user=anonymous"),
        (ClientToken::N1, "user=S-1-5-7,level=identification"),
        (ClientToken::Np, "user=anonymous,type=primary"),
        (ClientToken::NS, "user=anonymous,logon=0xB1"),
        (ClientToken::NA, "user=B,logon=anonymous"),
        (ClientToken::AR2, "restricted"),
        (ClientToken::AW2, "write-restricted"),
        (ClientToken::AH2, "integrity=high,elevated"),
        (ClientToken::AHm2, "elevated"),
        (ClientToken::AL2, "integrity=low"),
        (ClientToken::AX2, "package=1"),
        (ClientToken::AY2, "package=2"),
        (ClientToken::As0, "session=0"),
        (ClientToken::Ac2, "logon=0xA1C,origin=server"),
        (ClientToken::Acf2, "logon=0xA1C,origin=0xA1F"),
    ];
    for (token, text) in said {
        assert_eq!(spec(text).client(&server), token.fixture().facts(), "{text}");
    }
    for token in ClientToken::ALL {
        let facts = token.fixture().facts();
        assert!(said.iter().any(|(said, _)| said.fixture().facts() == facts), "{}", token.name());
    }
    assert_eq!(TokenSpec::default().client(&server), ClientToken::A2.fixture().facts());
}

#[test]
fn what_the_cases_have_not_can_be_said_too() {
    let server = spec("user=S-1-5-18,logon=0x77,origin=server").server();
    assert_eq!(server.user, Sid::new(5, &[18]));
    assert_eq!((server.authentication_id, server.platform.origin), (Luid(0x77), Luid(0x77)));
    let token = spec("user=S-1-15-2-1,package=2,parent=1,integrity=medium,origin=server").client(&server);
    assert_eq!(token.user, Sid::new(15, &[2, 1]));
    assert_eq!(token.platform.package, Some(Package { id: 2, parent: Some(1) }));
    assert_eq!((token.platform.integrity, token.platform.origin), (0x2000, Luid(0x77)));
    // Each user has a filtered session of its own.
    let logon = |text: &str| spec(text).client(&server).authentication_id.0;
    assert_eq!(
        [logon("user=B"), logon("user=B,filtered"), logon("user=S-1-1-0"), logon("user=S-1-1-0,filtered")],
        [0xB1, 0xB1F, 0xC1, 0xC1F]
    );
    assert_eq!(logon("user=S-1-5-18"), 0x3E7);
    let token = spec("level=delegation,write-restricted,type=impersonation").client(&server);
    assert_eq!(
        (token.level, token.restriction, token.token_type),
        (Level::Delegation, Restriction::WriteRestricted, TokenType::Impersonation)
    );
    // An authority takes 48 bits, a SID 15 sub-authorities.
    assert_eq!(spec("user=S-1-281474976710655-1").server().user.to_string(), "S-1-281474976710655-1");
    for wrong in [
        "user=S-1-281474976710656-1",
        "user=S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        "user=S-1-5-4294967296",
        "user=S-2-5-1",
        "user=S-1-",
    ] {
        assert!(wrong.parse::<TokenSpec>().is_err(), "{wrong}");
    }
}

#[test]
fn an_unknown_fact_is_named_beside_those_there_are() {
    let error = |text: &str| text.parse::<TokenSpec>().expect_err(text).to_string();
    assert_eq!(
        error("user=B,usr=A"),
        "there is no fact usr; the facts are user, logon, type, level, restricted, write-restricted, \
         privilege, origin, integrity, elevated, filtered, package, parent and session"
    );
    assert_eq!(error("user=C"), "user: there is no C; it is A, B, anonymous or a SID");
    assert_eq!(
        error("integrity=tall"),
        "integrity: there is no tall; it is untrusted, low, medium, high, system or a number"
    );
    assert_eq!(error("session=-1"), "session: there is no -1; it is a number of 32 bits");
    assert_eq!(
        error("level"),
        "level needs a value: anonymous, identification, impersonation, delegation or 0 to 3"
    );
    assert_eq!(error("elevated=no"), "elevated takes no value: it is so when it is said");
    assert_eq!(error("user=A,user=A"), "user is said twice");
    assert!(error("").starts_with("a fact is empty; "));
}

#[test]
fn a_question_is_answered_in_every_profile_with_the_rules_tried() {
    let text = explained(&[
        "--process",
        "user=A,privilege=SeImpersonate",
        "--token",
        "user=B,level=impersonation,restricted",
        "--level",
        "impersonation",
    ]);
    let expected = "\
Setup
  process  primary, user S-1-5-21-1000-2000-3000-1001, logon 0xa1, own level Anonymous, integrity 0x2000, session 1, origin 0x3e7, SeImpersonatePrivilege
  token    impersonation, user S-1-5-21-1000-2000-3000-1002, logon 0xb1, own level Impersonation, integrity 0x2000, session 1, origin 0x3e7, Restricted
Call
  PsImpersonateClient(thread, token, CopyOnOpen FALSE, EffectiveOnly FALSE, level 2)
Rules (K2: the token is kept, at level 2; C1: a copy at level 1)
  DOC          decided C1: level below threshold → anonymous logon → user SID denies
  DOC-ANY      decided K2: level below threshold → anonymous logon → user SID denies → restricted denies → one condition held keeps
  UM           decided K2: level below threshold → impersonate privilege keeps
  NT52         decided K2: level below threshold → anonymous logon → impersonate privilege keeps
  W10          decided K2: level below threshold → anonymous logon → impersonate privilege keeps
  W10-recent   decided K2: level below threshold → anonymous logon → impersonate privilege keeps
  Peios        decided K2: token type → level below threshold → restricted server → integrity → impersonate privilege keeps
  Peios-strict decided K2: token type → level below threshold → restricted server → integrity → impersonate privilege keeps
What these rules compare
  level below threshold  level asked for Impersonation
  anonymous logon        token's logon 0xb1 (0x3e6 is the anonymous one)
  impersonate privilege  server's privilege enabled: true
  integrity              server 0x2000, token 0x2000
  user SID               server S-1-5-21-1000-2000-3000-1001, token S-1-5-21-1000-2000-3000-1002
  restricted             server None, token Restricted
  token type             token Impersonation
  restricted server      server None, token Restricted
First rule on which the profiles part: impersonate privilege
  decides for  UM K2, NT52 K2, W10 K2, W10-recent K2, Peios K2, Peios-strict K2
  goes on for  DOC C1, DOC-ANY K2
";
    assert_eq!(text, expected);
}

#[test]
fn where_the_profiles_part_is_told() {
    for (arguments, expected) in [
        // All profiles keep the token.
        (
            &["--level", "0"][..],
            "The profiles part nowhere: level below threshold decides K0 in all of them\n",
        ),
        // All decide the same, but not by one rule.
        (
            &["--process", "privilege=SeImpersonate"],
            "First rule on which the profiles part: impersonate privilege; yet all of them decide K2\n  \
             decides for  UM K2, NT52 K2, W10 K2, W10-recent K2, Peios K2, Peios-strict K2\n  \
             goes on for  DOC K2, DOC-ANY K2\n",
        ),
        // One rule, and copies at different levels.
        (
            &["--token", "user=B,level=0"],
            "First rule on which the profiles part: token level\n  decides for  NT52 C1\n  \
             goes on for  DOC C0, DOC-ANY K2, UM C1, W10 C0, W10-recent C0, Peios C0, Peios-strict Denied\n",
        ),
        // Peios checks the ceiling before the privilege, Windows after it.
        (
            &["--process", "integrity=low,privilege=SeImpersonate"],
            "First rule on which the profiles part: integrity\n  decides for  Peios C1, Peios-strict Denied\n  \
             goes on for  DOC K2, DOC-ANY K2, UM K2, NT52 K2, W10 K2, W10-recent K2\n",
        ),
        (
            &["--token", "integrity=high"],
            "First rule on which the profiles part: integrity\n  decides for  Peios C1, Peios-strict Denied\n  \
             goes on for  DOC K2, DOC-ANY K2, UM K2, NT52 K2, W10 C1, W10-recent C1\n",
        ),
        (
            &["--token", "type=primary"],
            "First rule on which the profiles part: token type\n  \
             decides for  Peios TokenType, Peios-strict TokenType\n  \
             goes on for  DOC K2, DOC-ANY K2, UM K2, NT52 C1, W10 K2, W10-recent K2\n",
        ),
    ] {
        let text = explained(arguments);
        assert!(text.ends_with(&format!("\n{expected}")), "{arguments:?}:\n{text}");
    }
}

#[test]
fn the_driver_refuses_a_level_above_the_tokens_own() {
    let refused = "  The driver refuses it: STATUS_BAD_IMPERSONATION_LEVEL";
    assert!(explained(&["--token", "level=1"]).contains(refused));
    assert!(!explained(&["--token", "level=1", "--level", "Identification"]).contains(refused));
    assert!(!explained(&["--token", "type=primary"]).contains(refused));
}

#[test]
fn json_has_what_the_text_has() {
    let text = explained(&["--token", "user=B,package=2,parent=1", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
    assert_eq!(object["level"], 2);
    assert_eq!((&object["token"]["package"], &object["token"]["parent"]), (&2.into(), &1.into()));
    assert_eq!(object["process"]["package"], serde_json::Value::Null);
    assert_eq!(object["profiles"].as_array().map(Vec::len), Some(8));
    let doc = &object["profiles"][0];
    assert_eq!(
        (&doc["profile"], &doc["decided"], &doc["rule"]),
        (&"DOC".into(), &"C1".into(), &"user SID".into())
    );
    assert_eq!(doc["tried"][2], serde_json::json!({"rule": "user SID", "effect": "denies"}));
    assert_eq!(object["parting"]["rule"], "user SID");
    assert_eq!(object["parting"]["goes_on"], serde_json::json!(["DOC-ANY"]));
    assert_eq!(object["refused_by_driver"], false);
}
