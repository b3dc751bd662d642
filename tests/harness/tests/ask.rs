//! Questions to `psimp explain`: the tokens of the cases can be said, and the answers.

mod support;

use psimp_catalogue::{ClientToken, ServerToken};
use psimp_explain::{Question, Side};
use psimp_nt::{Level, Luid, Sid, TokenType};
use psimp_rules::{Package, Restriction, TokenFacts};
use std::fmt::Write as _;
use std::process::{Command, Output};
use support::compare;

fn facts(process: &str, token: &str, side: Side) -> TokenFacts {
    let question = Question::parse(process, token, None);
    question.unwrap_or_else(|refusal| panic!("{process} | {token}: {refusal}")).token(side).facts
}

fn process(text: &str) -> TokenFacts {
    facts(text, "", Side::Process)
}

fn client(text: &str) -> TokenFacts {
    facts("", text, Side::Token)
}

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_psimp")).arg("explain").args(arguments).output().expect("psimp runs")
}

/// The answer to a question, which must be valid.
fn explained(arguments: &[&str]) -> String {
    let output = explain(arguments);
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
        assert_eq!(process(text), server.fixture().facts(), "{text}");
    }
    // Some differ only in what no rule reads.
    for server in ServerToken::ALL {
        let facts = server.fixture().facts();
        assert!(said.iter().any(|(said, _)| said.fixture().facts() == facts), "{}", server.name());
    }
    assert_eq!(process(""), ServerToken::S.fixture().facts());
}

#[test]
fn every_token_of_the_cases_can_be_said() {
    let said = [
        (ClientToken::A0, "level=anonymous"),
        (ClientToken::A1, "LEVEL=Identification"),
        (ClientToken::A2, "user=a"),
        (ClientToken::A3, "level=3"),
        (ClientToken::APlus2, "privilege=SeImpersonate"),
        (ClientToken::Ap0, "type=primary"),
        (ClientToken::Ap2, "type=primary,recorded=impersonation"),
        (ClientToken::B0, "user=B,level=0"),
        (ClientToken::B1, "level=1,user=B"),
        (ClientToken::B2, "user=S-1-5-21-1000-2000-3000-1002"),
        (ClientToken::Bp0, "user=B,type=primary"),
        (ClientToken::Bo2, "user=B,origin=server"),
        (ClientToken::Bop2, "user=B,type=primary,origin=0xA1"),
        (ClientToken::BoH2, "user=B,origin=161,integrity=high"),
        (ClientToken::BoR2, "user=B,origin=server,restricted"),
        (ClientToken::BH2, "user=B,integrity=12288"),
        (ClientToken::N2, "user=anonymous,integrity=medium"),
        (ClientToken::N1, "user=S-1-5-7,level=identification,integrity=medium"),
        (ClientToken::Np, "user=anonymous,type=primary,integrity=medium"),
        (ClientToken::NS, "user=anonymous,logon=0xB1,integrity=medium"),
        (ClientToken::NA, "user=B,logon=anonymous"),
        (ClientToken::AR2, "restricted"),
        (ClientToken::AW2, "write-restricted"),
        (ClientToken::AH2, "elevated"),
        (ClientToken::AHm2, "elevated,integrity=medium"),
        (ClientToken::AL2, "integrity=low"),
        (ClientToken::AX2, "package=1"),
        (ClientToken::AY2, "package=2"),
        (ClientToken::As0, "session=0"),
        (ClientToken::Ac2, "logon=0xA1C,origin=server"),
        (ClientToken::Acf2, "logon=0xA1C,origin=0xA1F"),
    ];
    for (token, text) in said {
        assert_eq!(client(text), token.fixture().facts(), "{text}");
    }
    for token in ClientToken::ALL {
        let facts = token.fixture().facts();
        assert!(said.iter().any(|(said, _)| said.fixture().facts() == facts), "{}", token.name());
    }
    assert_eq!(client(""), ClientToken::A2.fixture().facts());
}

#[test]
fn what_the_cases_have_not_can_be_said_too() {
    let of = |token: &str| facts("user=S-1-5-18,logon=0x77,origin=server", token, Side::Token);
    let system = process("user=S-1-5-18,logon=0x77,origin=server");
    assert_eq!(system.user, Sid::new(5, &[18]));
    assert_eq!((system.authentication_id, system.platform.origin), (Luid(0x77), Luid(0x77)));
    let token = of("user=S-1-5-80-1,package=2,parent=1,integrity=medium,origin=server");
    assert_eq!(token.user, Sid::new(5, &[80, 1]));
    assert_eq!(token.platform.package, Some(Package { id: 2, parent: Some(1) }));
    assert_eq!((token.platform.integrity, token.platform.origin), (0x2000, Luid(0x77)));
    // Each user has a filtered session of its own.
    let logon = |text: &str| client(text).authentication_id.0;
    assert_eq!(
        [
            logon("user=B"),
            logon("user=B,filtered"),
            logon("user=S-1-5-21-7"),
            logon("user=S-1-5-21-7,filtered")
        ],
        [0xB1, 0xB1F, 0xC1, 0xC1F]
    );
    assert_eq!(logon("user=S-1-5-18"), 0x3E7);
    let token = client("level=delegation,write-restricted,type=impersonation");
    assert_eq!(
        (token.level, token.restriction, token.token_type),
        (Level::Delegation, Restriction::WriteRestricted, TokenType::Impersonation)
    );
    // Packages by their SIDs are other ones than those by numbers, and the same on both sides.
    let sids = ("package=S-1-15-2-1-2-3-4-5-6-7", "package=S-1-15-2-1-2-3-4-5-6-7-8-9-10-11");
    let (parent, child) = (facts(sids.0, sids.1, Side::Process), facts(sids.0, sids.1, Side::Token));
    let (parent, child) = (parent.platform.package.expect("one"), child.platform.package.expect("one"));
    assert!(parent.id != child.id && child.parent == Some(parent.id));
    assert_ne!(facts("package=1", sids.1, Side::Token).platform.package.expect("one").id, 1);
    // An authority takes 48 bits, a SID 15 sub-authorities.
    assert_eq!(client("user=S-1-281474976710655-1").user.to_string(), "S-1-281474976710655-1");
    for wrong in [
        "user=S-1-281474976710656-1",
        "user=S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        "user=S-1-5-4294967296",
        "user=S-2-5-1",
        "user=S-1-",
    ] {
        assert!(Question::parse("", wrong, None).is_err(), "{wrong}");
    }
}

/// Questions of every kind, with their whole answers.
const ASKED: &[&[&str]] = &[
    &[
        "--process",
        "user=A,privilege=SeImpersonate",
        "--token",
        "user=B,restricted",
        "--level",
        "impersonation",
    ],
    &["--process", "user=A,filtered", "--token", r"user=NT AUTHORITY\SYSTEM"],
    &["--process", "user=A", "--token", "user=A,elevated"],
    &["--process", "privilege=SeImpersonate", "--token", "user=B,level=SecurityIdentification"],
    &["--process", "user=S-1-5-18", "--token", "user=B,integrity=S-1-16-12288"],
    &["--process", "user=A,filtered", "--token", "user=A,filtered,session=0"],
    &["--process", "user=A,filtered", "--token", "user=A,logon=0x999,origin=server"],
    &["--process", "user=A,restricted", "--token", "user=anonymous,type=primary"],
    &["--process", "package=1", "--token", "user=anonymous"],
    &["--process", "user=NETWORK SERVICE", "--token", "user=SYSTEM", "--profile", "UM,w10"],
    &["--process", "privilege=SeImpersonate", "--token", "user=B,level=1", "--level", "2"],
    &["--token", "type=primary", "--kernel", "NT52,peios"],
    &["--level", "0"],
];

#[test]
fn answers() {
    let mut text = String::new();
    for arguments in ASKED {
        let _ = writeln!(text, "$ psimp explain {}\n{}", arguments.join(" "), explained(arguments));
    }
    compare("tests/golden/explain.txt", text);
}

/// What a command that an answer prints is answered.
fn again(line: &str) -> String {
    let words = shlex::split(line.trim()).expect("words");
    explained(&words.iter().skip(2).map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_command_in_an_answer_asks_the_same() {
    for arguments in ASKED {
        let text = explained(arguments);
        let line = text.lines().skip_while(|line| *line != "The question").nth(1).expect("the command");
        assert_eq!(again(line), text, "{line}");
    }
}

#[test]
fn the_command_of_a_change_is_answered_as_the_change_says() {
    let mut count = 0;
    for arguments in ASKED {
        let text = explained(arguments);
        let changes: Vec<_> = text.lines().skip(3).take_while(|line| !line.is_empty()).collect();
        for change in changes.chunks_exact(2) {
            let (_, verdict) = change[0].rsplit_once(": ").expect("what it changes to");
            let whose = |text: &str| text.split(": ").next().unwrap_or_default().to_owned();
            let answer = again(change[1]);
            assert_eq!(whose(&answer), whose(&text), "{}", change[1]);
            assert!(answer.starts_with(&format!("{}: {verdict}", whose(&text))), "{}\n{answer}", change[1]);
            count += 1;
        }
    }
    assert_eq!(count, 20);
}

#[test]
fn where_the_profiles_part_is_told() {
    let part = |arguments: &[&str]| {
        let text = explained(arguments);
        let lines = text.lines().skip_while(|line| *line != "Where the profiles part").skip(1);
        lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n") + "\n"
    };
    assert_eq!(
        part(&["--process", "privilege=SeImpersonate"]),
        "  first at the rule «impersonate privilege», and yet all come to the same: kept at Impersonation\n  \
         it decides for  UM (kept at Impersonation), NT52 (kept at Impersonation), W10 (kept at\n                  \
         Impersonation), W10-recent (kept at Impersonation)\n  it does not for  DOC (kept at Impersonation)\n"
    );
    assert_eq!(
        part(&["--level", "0"]),
        "  nowhere: the rule «level below threshold» decides for them all: kept at Anonymous\n"
    );
    // Peios and the literal reading have no part in it unless they are asked for.
    assert!(part(&["--token", "type=primary"]).starts_with("  first at the rule «token level»\n"));
    assert!(
        part(&["--token", "type=primary", "--profile", "W10,Peios"])
            .starts_with("  first at the rule «token type»\n")
    );
}

#[test]
fn the_driver_refuses_a_level_above_the_tokens_own() {
    let refused = "  driver   refuses it: STATUS_BAD_IMPERSONATION_LEVEL";
    assert!(explained(&["--token", "level=1", "--level", "2"]).contains(refused));
    assert!(!explained(&["--token", "level=1"]).contains(refused));
    assert!(!explained(&["--token", "level=1", "--level", "Identification"]).contains(refused));
    assert!(!explained(&["--token", "type=primary", "--level", "2"]).contains(refused));
}

/// Neither the notation of the catalogue nor names of the source.
#[test]
fn statuses_and_restrictions_have_names() {
    assert!(explained(&["U11"]).contains("the server impersonates the client: STATUS_CANNOT_IMPERSONATE\n"));
    assert!(explained(&["U05"]).contains("access: STATUS_BAD_IMPERSONATION_LEVEL\n"));
    let primary = explained(&["--token", "type=primary"]);
    assert!(
        primary.contains("Peios: an error: it takes no primary token, since the token is of primary type\n")
    );
    let restricted = explained(&["--process", "restricted", "--token", "restricted"]);
    assert!(
        restricted.contains("  restricted             process: restricted; token: restricted\n"),
        "{restricted}"
    );
}

#[cfg(not(windows))]
#[test]
fn running_tokens_need_windows() {
    for arguments in [&["--process", "pid:640"][..], &["--token", "TID:0x32c,integrity=high"]] {
        let output = explain(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("Run psimp.exe there"), "{output:?}");
    }
    assert_eq!(explain(&["--token", "tid:812;integrity=high"]).status.code(), Some(3));
    assert_eq!(explain(&["--token", "pid:x"]).status.code(), Some(2));
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
    assert_eq!(
        (&doc["words"], &doc["since"]),
        (&"a copy at Identification".into(), &"the users differ".into())
    );
    assert_eq!(object["parting"], serde_json::Value::Null);
    assert_eq!(object["refused_by_driver"], false);
    assert_eq!(
        object["implied"],
        serde_json::json!([{"of": "token", "fact": "integrity=low", "by": "package=2"}])
    );
    assert_eq!(object["changes"][0]["with"], "with SeImpersonatePrivilege");
    let command = r#"psimp explain --process privilege=SeImpersonate --token "user=B,package=2,parent=1""#;
    assert_eq!(object["changes"][0]["command"], command);
    assert_eq!(
        object["answer"],
        "Windows 10 and 11: a copy at Identification, since the users differ. With SeImpersonatePrivilege: kept."
    );
}
