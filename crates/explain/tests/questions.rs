//! Questions that people asked, with the right answers.

use psimp_explain::{Question, Side, answer};

fn question(process: &str, token: &str, level: Option<&str>) -> Question {
    Question::parse(process, token, level).unwrap_or_else(|refusal| panic!("{process} | {token}: {refusal}"))
}

/// The first line, and each profile's verdict in words.
fn told(process: &str, token: &str, level: Option<&str>) -> (String, Vec<(&'static str, String)>) {
    let answer = answer(&question(process, token, level));
    (
        answer.first_line(),
        answer.judged.iter().map(|judged| (judged.profile.name, judged.verdict())).collect(),
    )
}

fn verdict(process: &str, token: &str, level: Option<&str>, profile: &str) -> String {
    let (_, verdicts) = told(process, token, level);
    verdicts.into_iter().find(|(name, _)| *name == profile).expect("a profile").1
}

const KEPT: &str = "kept at Impersonation";
const COPY: &str = "a copy at Identification";

#[test]
fn what_one_fact_implies_is_implied() {
    for (process, token, right) in [
        ("user=A", "user=A,elevated", COPY),
        ("user=A,elevated", "user=A,elevated", KEPT),
        ("user=A,elevated", "user=A,integrity=system", COPY),
        ("user=S-1-5-18", "user=B,integrity=high", KEPT),
        ("user=SYSTEM,privilege=none", "user=S-1-5-18", KEPT),
        ("logon=0x3e7", "user=B,integrity=system", KEPT),
        ("user=LOCAL SERVICE", "user=B,integrity=high", COPY),
        ("user=NETWORK SERVICE,privilege=SeImpersonate", "user=SYSTEM", KEPT),
        ("user=S-1-5-20,integrity=system,session=0", "user=S-1-5-18,integrity=system,session=0", COPY),
        ("package=1", "user=A", COPY),
        ("user=A", "package=1", KEPT),
        ("integrity=untrusted", "user=anonymous", KEPT),
        ("user=S-1-5-80-1-2-3-4-5,privilege=SeImpersonate", "user=A,elevated", KEPT),
    ] {
        assert_eq!(verdict(process, token, None, "W10"), right, "{process} | {token}");
    }
    let implied = |process: &str| {
        let implied = answer(&question(process, "", None)).implied();
        let implied = implied.into_iter().filter(|(side, _)| *side == Side::Process);
        implied.map(|(_, stated)| stated.text).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(implied("user=SYSTEM"), "logon=system privilege=SeImpersonate integrity=system session=0");
    assert_eq!(implied("user=LOCAL-SERVICE"), "logon=local-service integrity=system session=0");
    assert_eq!(
        implied(r"user=NT AUTHORITY\NETWORK SERVICE"),
        "logon=network-service integrity=system session=0"
    );
    for user in ["user=S-1-5-80-1-2-3-4-5", "user=S-1-5-82-1-2-3-4-5"] {
        assert_eq!(implied(user), "integrity=high session=0");
        assert_eq!(verdict(&format!("{user},privilege=none"), "user=A,elevated", None, "UM"), COPY);
    }
    assert_eq!(implied("elevated"), "integrity=high");
    assert_eq!(implied("elevated,integrity=medium"), "");
    assert_eq!(implied("appcontainer"), "integrity=low");
    assert_eq!(implied("filtered"), "logon=0xa1f");
    assert_eq!(implied("logon=anonymous"), "user=anonymous integrity=untrusted");
    assert_eq!(
        implied("package=S-1-15-2-1-2-3-4-5-6-7-8-9-10-11"),
        "integrity=low parent=S-1-15-2-1-2-3-4-5-6-7"
    );
}

#[test]
fn a_level_that_is_not_asked_for_is_the_tokens_own() {
    for profile in ["DOC", "UM", "NT52", "W10", "W10-recent"] {
        let kept = verdict("privilege=SeImpersonate", "user=A,level=identification", None, profile);
        assert_eq!(kept, "kept at Identification", "{profile}");
    }
    assert_eq!(
        verdict("privilege=SeImpersonate", "user=B,level=identification", None, "UM"),
        "kept at Identification"
    );
    assert_eq!(
        verdict("privilege=SeImpersonate", "user=B,level=identification", None, "W10"),
        "kept at Identification"
    );
    assert_eq!(verdict("user=A", "user=A,level=anonymous", None, "W10"), "kept at Anonymous");
    assert_eq!(verdict("user=A", "user=A,level=delegation", None, "W10"), "kept at Delegation");
    // A driver chooses, user mode does not.
    let raised = Some("impersonation");
    assert_eq!(verdict("privilege=SeImpersonate", "user=B,level=identification", raised, "W10"), KEPT);
    assert_eq!(
        verdict("privilege=SeImpersonate", "user=B,level=identification", raised, "UM"),
        "kept at Identification"
    );
    // D11 and D12: the level that a primary token records.
    assert_eq!(verdict("", "type=primary", Some("2"), "NT52"), "a copy at Identification");
    assert_eq!(verdict("", "recorded=impersonation", Some("2"), "NT52"), "kept at Impersonation");
    let words = |token: &str, level| answer(&question("", token, level)).level_words();
    assert!(
        words("level=identification", None).starts_with("Identification: the token's own, which user mode")
    );
    assert!(
        words("type=primary", None).starts_with("Impersonation, at which ImpersonateLoggedOnUser duplicates")
    );
    assert!(words("", Some("3")).starts_with("Delegation: the one that a driver passes"));
    assert!(words("", Some("3")).ends_with(
        "by UM, Peios, Peios-strict the caller cannot choose it, and it is the token's own, Impersonation"
    ));
}

#[test]
fn a_token_that_cannot_be_is_refused() {
    for (process, token, why) in [
        (
            "",
            "elevated,filtered",
            "--token: a token is elevated or filtered, not both: of the two tokens that UAC makes of a logon, the filtered one is not elevated; write one of them",
        ),
        (
            "",
            "package=1,parent=1",
            "--token: a package is not its own parent; write another number for one of them",
        ),
        (
            "",
            "type=primary,level=2",
            "--token: level: a primary token has no level; write type=primary alone, with --level for the one that a driver passes; or type=impersonation",
        ),
        (
            "level=2",
            "",
            "--process: level: the token of a process is primary, and has no level; write level=… in --token for that of the client's token, or --level for the one that a driver passes",
        ),
        (
            "recorded=2",
            "",
            "--process: recorded: no rule reads the level that the token of a process records",
        ),
        (
            "",
            "type=impersonation,recorded=2",
            "--token: recorded: it is the level of a primary token; write level=… for that of an impersonation token",
        ),
        ("type=impersonation", "", "--process: type: the token of a process is primary"),
        ("restricted,write-restricted", "", "--process: a token is restricted or write-restricted, not both"),
        ("parent=1", "", "--process: parent is the parent of a package; write package=… too"),
        (
            "user=SYSTEM,filtered",
            "",
            "--process: SYSTEM has no filtered logon session: UAC makes one for people who are administrators; write filtered of another user, or not at all",
        ),
        (
            "",
            "user=anonymous,elevated",
            "--token: the anonymous logon is never elevated; write elevated of another user, or not at all",
        ),
        (
            "user=S-1-5-7,privilege=SeImpersonate",
            "",
            "--process: the anonymous logon has no privileges; write privilege=… of another user, or not at all",
        ),
        (
            "",
            "TokenElevationType=Limited,elevated",
            "--token: a token is elevated or filtered, not both: of the two tokens that UAC makes of a logon, the filtered one is not elevated; write one of them",
        ),
    ] {
        assert_eq!(Question::parse(process, token, None).expect_err(why).to_string(), why);
    }
}

/// Two texts that say the same.
fn same(one: &str, other: &str) {
    let of = |text: &str| question("", text, None).said(Side::Token).clone();
    assert_eq!(of(one), of(other), "{one} | {other}");
}

#[test]
fn names_are_taken_as_windows_and_its_tools_print_them() {
    for name in [
        "NT AUTHORITY\\SYSTEM",
        "nt authority\\system",
        "LocalSystem",
        "S-1-5-18",
        "s-1-5-18",
        "S-1-5-18 (Well Known Group: NT AUTHORITY\\SYSTEM)",
    ] {
        same(&format!("user={name}"), "user=SYSTEM");
    }
    same("user=NT AUTHORITY\\LOCAL SERVICE", "user=S-1-5-19");
    same("User: S-1-5-20", "user=network-service");
    same("user=NT AUTHORITY\\ANONYMOUS LOGON", "user=anonymous");
    for name in [
        "SeImpersonate",
        "SeImpersonatePrivilege",
        "seimpersonateprivilege",
        "SE_IMPERSONATE_NAME",
        "SE_IMPERSONATE_PRIVILEGE",
        "Impersonate a client after authentication",
        "enabled",
        "29",
    ] {
        same(&format!("privilege={name}"), "privilege=SeImpersonate");
    }
    same("SeImpersonatePrivilege", "privilege=SeImpersonate");
    same("SeImpersonatePrivilege=Disabled", "privilege=disabled");
    same("SeImpersonatePrivilege: Enabled", "privilege=SeImpersonate");
    for name in [
        "SecurityIdentification",
        "SECURITYIDENTIFICATION",
        "SECURITY_IDENTIFICATION",
        "identify",
        "RPC_C_IMP_LEVEL_IDENTIFY",
        "1",
        "0x1",
    ] {
        same(&format!("level={name}"), "level=identification");
        assert_eq!(question("", "", Some(name)), question("", "", Some("identification")), "{name}");
    }
    for name in [
        "S-1-16-8192",
        "Medium",
        "8192",
        "0x2000",
        "Medium Mandatory Level",
        "Mandatory Label\\Medium Mandatory Level",
        "SECURITY_MANDATORY_MEDIUM_RID",
        "S-1-16-8192 (Label: Mandatory Label\\Medium Mandatory Level)",
    ] {
        same(&format!("integrity={name}"), "integrity=medium");
    }
    same("S-1-16-12288", "integrity=high");
    for name in ["medium-plus", "Medium Plus", "MEDIUM_PLUS", "MediumPlus", "S-1-16-8448", "0x2100"] {
        same(&format!("IL={name}"), "integrity=medium-plus");
    }
    for name in ["0x3e7", "999", "0:3e7", "00000000:000003e7", "0x0:0x3e7", "SYSTEM_LUID", "System"] {
        same(&format!("Auth ID={name}"), "logon=system");
    }
    same("AuthenticationId=0x3e5", "logon=local-service");
    same("logon=NETWORKSERVICE_LUID", "logon=0x3e4");
    same("TokenPrimary", "type=primary");
    same("TokenType=TokenImpersonation", "type=impersonation");
    same("TokenElevationTypeFull", "elevated");
    same("TokenElevationTypeLimited", "filtered");
    same("elevation type=limited", "filtered");
    same("TokenElevation=1", "elevated");
    same("Elevated: Yes", "elevated");
    same("elevated=no", "ELEVATED=False");
    same("AppContainer", "package=1");
    same("Write_Restricted", "write-restricted");
    same("TokenSessionId=0", "session=0");
    same("user = B ; restricted", "user=B,restricted");
}

#[test]
fn a_name_that_is_not_known_comes_with_what_is_meant() {
    let facts = "the facts are user, logon, type, level, recorded, restricted, write-restricted, privilege, origin, integrity, \
                 elevated, filtered, package, parent and session";
    let users = "it is A, B, anonymous, SYSTEM, LOCAL-SERVICE, NETWORK-SERVICE or a SID";
    for (token, why) in [
        ("usr=B", format!("there is no fact usr; {facts}; write user=B")),
        ("privlege=SeImpersonate", format!("there is no fact privlege; {facts}; write privilege=SeImpersonate")),
        ("elevatd", format!("there is no fact elevatd; {facts}; write elevated")),
        ("system", format!("there is no fact system; {facts}; write user=SYSTEM or logon=system or origin=system or integrity=system")),
        ("user=C", format!("user: there is no C; {users}; write user=S-1-… as `whoami /user` prints it; or user=A and user=B for two users that differ")),
        ("user=Sytem", format!("user: there is no Sytem; {users}; write user=SYSTEM")),
        ("integrity=hihg", "integrity: there is no hihg; it is untrusted, low, medium, medium-plus, high, system, protected, S-1-16-N or a number; write integrity=high".to_owned()),
        ("level=SecurityImpersonaton", "level: there is no SecurityImpersonaton; it is anonymous, identification, impersonation, delegation or 0 to 3; write level=impersonation".to_owned()),
        ("level=0x10000", "level: there is no 0x10000; it is anonymous, identification, impersonation, delegation or 0 to 3; write level=identification".to_owned()),
        ("privilege=SeDelegateSessionUserImpersonate", "privilege: SeDelegateSessionUserImpersonatePrivilege is known, but it lets a process get the token of another user of its terminal session; no page documents a rule that reads it in PsImpersonateClient, so it is left out; write privilege=SeImpersonate, the one that the rules read".to_owned()),
        ("privilege=SeBackupPrivilege", "privilege: no rule reads SeBackupPrivilege; it is SeImpersonate, disabled or none; write nothing of it; or privilege=SeImpersonate, the one that the rules read".to_owned()),
        ("logon=S-1-5-5-0-161", "logon: S-1-5-5-0-161 is a logon SID, whose numbers are not those of the logon session; it is own, system, local-service, network-service, anonymous or a number; write logon=N with the authentication id, as `klist` and WinDbg's !token print it".to_owned()),
    ] {
        assert_eq!(Question::parse("", token, None).expect_err(token).to_string(), format!("--token: {why}"));
    }
    let level = Question::parse("", "", Some("-1")).expect_err("no level");
    assert_eq!(
        level.to_string(),
        "--level: there is no -1; it is anonymous, identification, impersonation, delegation or 0 to 3"
    );
}

#[test]
fn the_first_line_is_the_answer() {
    let line = |process: &str, token: &str| told(process, token, None).0;
    assert_eq!(
        line("user=A,filtered", "user=S-1-5-18,integrity=system,session=0"),
        "Windows 10 and 11: a copy at Identification, since the token's integrity is above the process's (system \
         above medium). With SeImpersonatePrivilege: kept."
    );
    assert_eq!(
        line("user=A,privilege=SeImpersonate", "user=B"),
        "Windows 10 and 11: kept at Impersonation, since the process holds SeImpersonatePrivilege, enabled. Without \
         SeImpersonatePrivilege: a copy at Identification."
    );
    assert_eq!(
        line("user=A", "user=A,elevated"),
        "Windows 10 and 11: a copy at Identification, since the token's integrity is above the process's (high above \
         medium). With SeImpersonatePrivilege: kept."
    );
    assert_eq!(
        line("user=S-1-5-82-1-2-3-4-5", "user=A,elevated"),
        "Windows 10 and 11: a copy at Identification, since the users differ. With SeImpersonatePrivilege: kept."
    );
    assert_eq!(
        line("package=1", "user=anonymous"),
        "Windows 10 and 11: kept at Impersonation, since the token is of the anonymous logon. With a token of another \
         logon session: a copy at Identification. Recent builds of Windows 11: a copy at Identification, since the \
         token is of the anonymous logon and not of the process's package."
    );
}

#[test]
fn what_is_not_established_is_in_the_answer() {
    for (process, token, rules, line) in [
        (
            "user=A,filtered",
            "user=A,filtered,session=0",
            &["terminal session"][..],
            "Windows 10 and 11: a copy at Identification where there is the rule on terminal sessions, since the \
             token is of terminal session 0 and the process of session 1; kept at Impersonation where there is not. \
             Which builds have it is not established. With SeImpersonatePrivilege: kept.",
        ),
        (
            "user=A,filtered",
            "user=A,logon=0x999",
            &["filtered logon"],
            "Windows 10 and 11: a copy at Identification where there is the rule on filtered logon sessions, since \
             the process is of UAC's filtered logon session and the token is not; kept at Impersonation where there \
             is not. Which builds have it is not established. With SeImpersonatePrivilege: kept.",
        ),
        (
            "user=A,filtered",
            "user=A,elevated,integrity=medium,session=0",
            &["elevation", "filtered logon", "terminal session"],
            "Windows 10 and 11: a copy at Identification where there is the rule on elevation or that on filtered \
             logon sessions or that on terminal sessions, since the token is elevated and the process is of UAC's \
             filtered logon session; kept at Impersonation where there is none of them. Which builds have them is not \
             established. With SeImpersonatePrivilege: kept.",
        ),
        // Another rule refuses it all the same.
        (
            "filtered,restricted",
            "user=A",
            &[],
            "Windows 10 and 11: a copy at Identification, since the process is of UAC's filtered logon session and the token is not. With SeImpersonatePrivilege: kept.",
        ),
        (
            "user=A",
            "user=B,session=0",
            &[],
            "Windows 10 and 11: a copy at Identification, since the users differ. With SeImpersonatePrivilege: kept.",
        ),
    ] {
        let answer = answer(&question(process, token, None));
        let open: Vec<_> = answer.open_rules().iter().map(|open| open.rule.name()).collect();
        assert_eq!((answer.first_line().as_str(), open.as_slice()), (line, rules));
    }
}

#[test]
fn the_smallest_change_is_found_by_trying() {
    let changes = |process: &str, token: &str, level| {
        let answer = answer(&question(process, token, level));
        let told = |change: &psimp_explain::Change| {
            (change.with.clone(), psimp_explain::words::verdict(change.decision.verdict))
        };
        answer.changes.iter().map(told).collect::<Vec<_>>()
    };
    let is = |found: Vec<(String, String)>, right: &[(&str, &str)]| {
        let found: Vec<_> = found.iter().map(|(with, verdict)| (with.as_str(), verdict.as_str())).collect();
        assert_eq!(found, right);
    };
    is(
        changes("user=A", "user=B", None),
        &[("with SeImpersonatePrivilege", KEPT), ("with a token of the process's own user", KEPT)],
    );
    is(
        changes("user=A,privilege=SeImpersonate", "user=B,level=identification", None),
        &[("with a token at Impersonation", KEPT)],
    );
    is(
        changes("user=A", "user=B,level=identification", None),
        &[
            ("with SeImpersonatePrivilege and with a token at Impersonation", KEPT),
            ("with a token at Impersonation and with a token of the process's own user", KEPT),
        ],
    );
    // The privilege alone turns nothing: the users are the same.
    is(
        changes("user=A,privilege=SeImpersonate", "user=A", None),
        &[
            ("without SeImpersonatePrivilege and with a token of another user", COPY),
            ("without SeImpersonatePrivilege and with the token at high integrity", COPY),
        ],
    );
}

/// The documentation downgrades the anonymous logon whatever the process is in.
#[test]
fn a_package_is_no_reason_where_no_rule_asks_for_it() {
    let answer = answer(&question("package=1", "user=anonymous", None));
    let since = |name: &str| {
        let judged = answer.judged.iter().find(|judged| judged.profile.name == name).expect("a profile");
        answer.since(judged)
    };
    assert_eq!(since("DOC"), "the token is of the anonymous logon");
    assert_eq!(since("W10-recent"), "the token is of the anonymous logon and not of the process's package");
}

/// A primary token has no level, but a recorded one.
#[test]
fn what_is_taken_of_a_primary_token_can_be_said_of_it() {
    for token in ["type=primary", "type=primary,origin=server", "recorded=identification"] {
        let answer = answer(&question("", token, None));
        let taken = answer.defaults().into_iter().chain(answer.implied());
        for (side, stated) in taken.filter(|(side, _)| *side == Side::Token) {
            let said = if token.contains(stated.key.fact().name) { continue } else { &stated.text };
            let all = format!("{token},{said}");
            Question::parse("", &all, None).unwrap_or_else(|refusal| panic!("{side:?} {all}: {refusal}"));
        }
    }
}
