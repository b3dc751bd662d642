//! Names and lines as Windows, its tools and its headers print them, and what they are taken for.

use psimp_explain::{Question, Side, answer};

fn question(process: &str, token: &str, level: Option<&str>) -> Question {
    Question::parse(process, token, level).unwrap_or_else(|refusal| panic!("{process} | {token}: {refusal}"))
}

fn verdict(process: &str, token: &str, level: Option<&str>, profile: &str) -> String {
    let judged = answer(&question(process, token, level)).judged;
    judged.iter().find(|judged| judged.profile.name == profile).expect("a profile").verdict()
}

const KEPT: &str = "kept at Impersonation";
const COPY: &str = "a copy at Identification";

/// Two texts that say the same.
fn same(one: &str, other: &str) {
    let of = |text: &str| question("", text, None).said(Side::Token).clone();
    assert_eq!(of(one), of(other), "{one} | {other}");
}

#[test]
fn lines_of_tools_are_taken_as_they_are() {
    for line in [
        "SeImpersonatePrivilege        Impersonate a client after authentication Enabled",
        "29 0x00000001d SeImpersonatePrivilege            Attributes - Enabled Default",
        "SeImpersonatePrivilege (Enabled)",
        "privilege=SeImpersonatePrivilege enabled by default",
        "+SeImpersonatePrivilege",
    ] {
        same(line, "privilege=SeImpersonate");
    }
    same(
        "SeImpersonatePrivilege        Impersonate a client after authentication Disabled",
        "privilege=disabled",
    );
    same("29 0x00000001d SeImpersonatePrivilege            Attributes - ", "privilege=disabled");
    for line in [
        "-SeImpersonatePrivilege",
        "\u{2013}SeImpersonatePrivilege",
        "no SeImpersonatePrivilege",
        "without SeImpersonatePrivilege",
    ] {
        same(line, "privilege=none");
    }
    same(r"user=desktop\me S-1-5-21-1-2-3-1001", "user=S-1-5-21-1-2-3-1001");
    same(r"Mandatory Label\High Mandatory Level    Label   S-1-16-12288", "integrity=high");
    for line in [
        "Authentication ID: (0,3e7)",
        "logon=(0, 3e7)",
        "logon=0x00000000`000003e7",
        "logon=3e7",
        "logon=3E7h",
        "Logon ID:\t\t0x3E7",
    ] {
        same(line, "logon=system");
    }
    same("OriginatingLogonSession: 3e7", "origin=system");
    same("Elevation Type: 2 (Full)", "elevated");
    same("Elevation Type: 3 (Limited)", "filtered");
    same("Elevation Type: 1 (Default)", "filtered=no");
    same("Is restricted token: no", "restricted=no");
    same("TokenRestrictedSids=0", "restricted=no");
    same("RestrictedSids: 0x0000000000000000", "restricted=no");
    same("PackageSid: (null)", "package=none");
    same("user:B", "user=B");
    same(
        "User: S-1-5-18\r\nAuth ID: 0:3e7\r\n\r\nTokenType: Primary\n",
        "user=SYSTEM,logon=system,type=primary",
    );
    // From a web page or a document.
    same("“user=B”", "user=B");
    same(r"user=“NT AUTHORITY\SYSTEM”", "user=SYSTEM");
    same("integrity=medium–plus", "integrity=medium-plus");
    same("\u{FEFF}user=\u{200B}B", "user=B");
}

#[test]
fn abbreviations_and_constants_are_names() {
    for (name, user) in [
        ("SY", "SYSTEM"),
        ("LS", "LOCAL-SERVICE"),
        ("NS", "NETWORK-SERVICE"),
        ("AN", "anonymous"),
        ("LocalSystemSid", "SYSTEM"),
        ("WellKnownSidType.AnonymousSid", "anonymous"),
        ("WinAnonymousSid", "anonymous"),
        (r"NT AUTHORITY\IUSR", "S-1-5-17"),
        (r"NT AUTHORITY\\SYSTEM", "SYSTEM"),
        (r#"\"SYSTEM\""#, "SYSTEM"),
    ] {
        same(&format!("user={name}"), &format!("user={user}"));
    }
    same("SY", "user=SYSTEM");
    for (name, rid) in [("LW", 0x1000), ("ME", 0x2000), ("MP", 0x2100), ("HI", 0x3000), ("SI", 0x4000)] {
        same(&format!("integrity={name}"), &format!("integrity={rid}"));
    }
    for name in ["WinHighLabelSid", "ML_HIGH", "high integrity", "0x3000 (high)", "High Integrity Level"] {
        same(&format!("integrity={name}"), "integrity=high");
    }
    same("integrity=medium+", "integrity=medium-plus");
    for name in [
        "TokenImpersonationLevel.Impersonation",
        "System.Security.Principal.TokenImpersonationLevel.Impersonation",
        "[TokenImpersonationLevel]::Impersonation",
        "SECURITY_IMPERSONATION_LEVEL::SecurityImpersonation",
        "SecurityImpersonation (2)",
        "wbemImpersonationLevelImpersonate",
        "SECURITY_SQOS_PRESENT|SECURITY_IMPERSONATION",
    ] {
        same(&format!("level={name}"), "level=impersonation");
    }
    same("TokenImpersonationLevel.Impersonation", "level=impersonation");
    same("session=Services", "session=0");
    same("elevated=full", "elevated");
    same("elevated=TokenElevationTypeLimited", "filtered");
}

/// Of these two a token may be said to be in no `AppContainer` at all.
#[test]
fn a_token_can_be_said_to_be_in_no_app_container() {
    for fact in ["TokenIsAppContainer=0", "AppContainer=no", "LowBox=false", "package=none"] {
        same(fact, "package=none");
        assert_eq!(verdict(fact, "user=A", None, "W10"), KEPT, "{fact}");
    }
    for fact in ["TokenIsAppContainer=1", "AppContainer=yes", "LowBox"] {
        same(fact, "package=1");
        assert_eq!(verdict(fact, "user=A", None, "W10"), COPY, "{fact}");
    }
    assert_eq!(question("package=none", "", None).command(), "psimp explain --process package=none");
}

#[test]
fn what_is_no_user_no_level_and_no_fact_is_said_to_be_none() {
    let users = "it is A, B, anonymous, SYSTEM, LOCAL-SERVICE, NETWORK-SERVICE or a SID";
    let member = "nothing of it, since no rule reads groups; user=… says whose token it is";
    for (token, begins, ends) in [
        (
            "user=BA",
            format!("user: BA is the SID of the group Administrators, and no user; {users}"),
            "elevated for a token in which it is enabled, filtered for one that UAC took it from",
        ),
        (
            "user=S-1-5-32-544",
            "user: S-1-5-32-544 is the SID of the group Administrators".to_owned(),
            "took it from",
        ),
        (
            "WindowsBuiltInRole.Administrator",
            "WindowsBuiltInRole.Administrator is the SID".to_owned(),
            "took it from",
        ),
        ("user=WD", "user: WD is the SID of the group Everyone, and no user".to_owned(), member),
        ("user=S-1-5-32-551", "user: S-1-5-32-551 is a group, and no user".to_owned(), member),
        ("user=S-1-5-21-1-2-3-513", "user: S-1-5-21-1-2-3-513 is a group, and no user".to_owned(), member),
        ("user=S-1-5-5-0-999", "user: S-1-5-5-0-999 is a logon SID, and no user".to_owned(), member),
        (
            "user=S-1-15-2-1-2-3-4-5-6-7",
            "user: S-1-15-2-1-2-3-4-5-6-7 is an AppContainer package, and no user".to_owned(),
            "package=S-1-15-2-1-2-3-4-5-6-7",
        ),
        (
            "user=S-1-16-12288",
            "user: S-1-16-12288 is an integrity level, and no user".to_owned(),
            "integrity=S-1-16-12288",
        ),
        (
            "package=S-1-15-2-1",
            "package: there is no S-1-15-2-1".to_owned(),
            "package=1 or the package's SID",
        ),
        (
            r"user=NT SERVICE\MSSQLSERVER",
            "user: there is no NT SERVICE".to_owned(),
            "behind NT SERVICE prints it",
        ),
        ("level=high", "level: there is no high".to_owned(), "integrity=high"),
        ("integrity=Impersonation", "integrity: there is no Impersonation".to_owned(), "level=impersonation"),
        (
            "level=None",
            "level: None is what .NET says of a primary token".to_owned(),
            "type=primary for a primary token",
        ),
        (
            "level=4",
            "level: RPC, WMI and .NET count the levels from 1, so that 4 is delegation".to_owned(),
            "level=delegation",
        ),
        ("level=0x110000", "level: there is no 0x110000".to_owned(), "level=identification"),
        (
            "level=RPC_C_IMP_LEVEL_DEFAULT",
            "level: COM puts another level".to_owned(),
            "the level that the token comes with",
        ),
        ("logon type=3", "no rule reads logon type".to_owned(), "nothing of it"),
        ("TokenFlags: 0x2a00 ( Token in use )", "no rule reads TokenFlags".to_owned(), "nothing of it"),
        (
            "privilege=SE_BACKUP_NAME",
            "privilege: no rule reads SE_BACKUP_NAME".to_owned(),
            "the one that the rules read",
        ),
        (
            "session=console",
            "session: there is no console".to_owned(),
            "`query session` prints beside the name",
        ),
    ] {
        let why = Question::parse("", token, None).expect_err(token).to_string();
        assert!(why.starts_with(&format!("--token: {begins}")), "{why}");
        assert!(why.contains("; write ") && why.ends_with(ends), "{why}");
    }
    let level = Question::parse("", "", Some("high")).expect_err("no level").to_string();
    assert!(level.ends_with("; write --token integrity=high"), "{level}");
    // What is like nothing has no suggestion, or one that misleads nobody.
    for token in [
        "enabled",
        "none",
        "=B",
        "level=EOAC_STATIC_CLOAKING",
        "restricted=",
        "level= ",
        "level=\u{2212}1",
        "level=\"-1\"",
        "level=FILE_FLAG_OVERLAPPED|SECURITY_IDENTIFICATION",
        "user=B (x,restricted",
    ] {
        let refusal = Question::parse("", token, None).expect_err(token).to_string();
        assert!(!refusal.contains("; write "), "{refusal}");
        assert!(!refusal.contains("there is no ;"), "{refusal}");
    }
}

#[test]
fn tokens_that_windows_does_not_make_are_refused_or_noted() {
    for (token, why) in [
        (
            "user=LOCAL-SERVICE,logon=0x3e7",
            "the logon session 0x3e7 (system) is that of SYSTEM, and LOCAL-SERVICE has its own; write \
             user=LOCAL-SERVICE alone, or user=SYSTEM",
        ),
        (
            "package=1,integrity=high",
            "the integrity of a token in an AppContainer is low, whoever starts it; write package=… alone; or nothing \
             of a package for a packaged app of full trust, which is in no AppContainer",
        ),
    ] {
        assert_eq!(Question::parse("", token, None).expect_err(why).to_string(), format!("--token: {why}"));
    }
    let notes = |process: &str, token: &str| {
        let notes = answer(&question(process, token, None)).notes;
        notes.into_iter().map(|note| note.0).collect::<Vec<_>>().join("\n")
    };
    assert!(notes("", "user=A,logon=0x3e7").contains(
        "--token: the logon session 0x3e7 (system) is that of SYSTEM. Windows logs no other user on there; \
         NtCreateToken alone makes such a token."
    ));
    assert!(!notes("user=SYSTEM", "user=anonymous").contains("NtCreateToken"));
    assert!(
        notes("logon=3", "user=B").contains("--process: logon=3 is the id of a logon session. A logon type")
    );
    for user in ["S-1-5-80-1-2-3-4-5", "S-1-5-82-1-2-3-4-5"] {
        assert!(
            notes(&format!("user={user}"), "user=B")
                .contains("A service's virtual account usually holds SeImpersonatePrivilege"),
            "{user}"
        );
    }
}
