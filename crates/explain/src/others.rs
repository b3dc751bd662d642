//! What questions name and no rule reads, with what there is to say of it.

use crate::names::{Named, find, name_of, named, plain};
use crate::sid::below;
use psimp_nt::Sid;

/// Groups that questions name as a user, with what counts of them.
pub(crate) static GROUPS: &[Named<Sid>] = &[
    named("Everyone", &["WD", "World", "WinWorldSid", "WorldSid"], Sid::new(1, &[0])),
    named(
        "Administrators",
        &[
            "BA",
            r"BUILTIN\Administrators",
            "WinBuiltinAdministratorsSid",
            "BuiltinAdministratorsSid",
            "WindowsBuiltInRole.Administrator",
            "DOMAIN_ALIAS_RID_ADMINS",
        ],
        Sid::new(5, &[32, 544]),
    ),
    named(
        "Users",
        &["BU", r"BUILTIN\Users", "WinBuiltinUsersSid", "BuiltinUsersSid", "WindowsBuiltInRole.User"],
        Sid::new(5, &[32, 545]),
    ),
    named("Guests", &["BG", r"BUILTIN\Guests", "WindowsBuiltInRole.Guest"], Sid::new(5, &[32, 546])),
    named(
        "Power Users",
        &["PU", r"BUILTIN\Power Users", "WindowsBuiltInRole.PowerUser"],
        Sid::new(5, &[32, 547]),
    ),
    named(
        "Authenticated Users",
        &["AU", r"NT AUTHORITY\Authenticated Users", "WinAuthenticatedUserSid", "AuthenticatedUserSid"],
        Sid::new(5, &[11]),
    ),
    named("INTERACTIVE", &["IU", r"NT AUTHORITY\INTERACTIVE"], Sid::new(5, &[4])),
    named("NETWORK", &["NU", r"NT AUTHORITY\NETWORK"], Sid::new(5, &[2])),
    named("BATCH", &[r"NT AUTHORITY\BATCH"], Sid::new(5, &[3])),
    named("SERVICE", &["SU", r"NT AUTHORITY\SERVICE"], Sid::new(5, &[6])),
    named("RESTRICTED", &["RC", r"NT AUTHORITY\RESTRICTED"], Sid::new(5, &[12])),
    named("WRITE RESTRICTED", &["WR", r"NT AUTHORITY\WRITE RESTRICTED"], Sid::new(5, &[33])),
    named(
        "ALL APPLICATION PACKAGES",
        &["AC", r"APPLICATION PACKAGE AUTHORITY\ALL APPLICATION PACKAGES"],
        Sid::new(15, &[2, 1]),
    ),
];

/// What people write for a level and is none, with what there is to say and to write.
pub(crate) static NO_LEVELS: &[Named<(&str, &str)>] = &[
    named(
        "None",
        &["TokenImpersonationLevel.None"],
        ("None is what .NET says of a primary token, and of no token", "type=primary for a primary token"),
    ),
    named(
        "RPC_C_IMP_LEVEL_DEFAULT",
        &["default"],
        (
            "COM puts another level in the place of RPC_C_IMP_LEVEL_DEFAULT",
            "the level that the token comes with",
        ),
    ),
    named(
        "4",
        &[],
        (
            "RPC, WMI and .NET count the levels from 1, so that 4 is delegation; here they are counted from 0, as in \
             SECURITY_IMPERSONATION_LEVEL",
            "level=delegation",
        ),
    ),
];

/// What tools print and headers name of a token beside the facts, and no rule reads; `TokenX` is X too.
const NOT_READ: &[&str] = &[
    "logon type",
    "ID",
    "ParentToken ID",
    "Modified ID",
    "Source",
    "Statistics",
    "Flags",
    "Groups",
    "User Groups",
    "Primary Group",
    "Owner",
    "Default DACL",
    "Privs",
    "Device Groups",
    "Capabilities",
    "CapabilityCount",
    "AppContainer Number",
    "Has Restrictions",
    "SandBoxInert",
    "DISABLE_MAX_PRIVILEGE",
    "LUA_TOKEN",
    "Linked Token",
    "Mandatory Policy",
    "UIAccess",
    "Virtualized",
    "Virtualization Allowed",
    "Virtualization Enabled",
    "Audit Policy",
    "Logon SID",
    "Trust level",
    "Process Trust Level",
    "Security Attributes",
];

/// Privileges that a question meets and that no rule reads, with what there is to say.
pub(crate) static OTHER_PRIVILEGES: &[Named<&str>] = &[
    named(
        "SeDelegateSessionUserImpersonatePrivilege",
        &["SeDelegateSessionUserImpersonate", "SE_DELEGATE_SESSION_USER_IMPERSONATE_NAME", "36"],
        "it lets a process get the token of another user of its terminal session; no page documents a rule that \
         reads it in PsImpersonateClient, so it is left out",
    ),
    named(
        "SeTcbPrivilege",
        &["SeTcb", "SE_TCB_NAME"],
        "no rule reads it. It counts before: LSA logs a user on without a password (S4U) at Impersonation for its \
         holder alone, and at Identification for others; say level=identification or not in --token",
    ),
    named(
        "SeAssignPrimaryTokenPrivilege",
        &["SeAssignPrimaryToken", "SE_ASSIGNPRIMARYTOKEN_NAME"],
        "no rule reads it. It counts when a process is created with a token (CreateProcessAsUser)",
    ),
    named(
        "SeCreateTokenPrivilege",
        &["SeCreateToken", "SE_CREATE_TOKEN_NAME"],
        "no rule reads it. It counts when a token is made (NtCreateToken)",
    ),
    named(
        "SeDebugPrivilege",
        &["SeDebug", "SE_DEBUG_NAME"],
        "no rule reads it. It counts when another process is opened",
    ),
];

/// What a SID is that is no user's, and what to write.
pub(crate) fn no_user(sid: &Sid) -> Option<(String, String)> {
    let is = |prefix: &str| below(sid, prefix).is_some();
    let text = sid.to_string();
    if let Some(name) = name_of(GROUPS, sid) {
        let write = match name {
            "Administrators" => {
                "elevated for a token in which it is enabled, filtered for one that UAC took it from"
            }
            "RESTRICTED" => "restricted",
            "WRITE RESTRICTED" => "write-restricted",
            "ALL APPLICATION PACKAGES" => "package=1 for a token in an AppContainer",
            _ => MEMBER,
        };
        return Some((format!("the SID of the group {name}"), write.to_owned()));
    }
    Some(if is("S-1-16-") {
        ("an integrity level".to_owned(), format!("integrity={text}"))
    } else if is("S-1-15-2-") {
        ("an AppContainer package".to_owned(), format!("package={text}"))
    } else if is("S-1-15-3-") {
        ("a capability of an AppContainer".to_owned(), "package=1 for a token in an AppContainer".to_owned())
    } else if is("S-1-5-5-") {
        ("a logon SID".to_owned(), MEMBER.to_owned())
    } else if ["S-1-2-", "S-1-3-", "S-1-4-", "S-1-18-", "S-1-19-", "S-1-5-32-", "S-1-5-64-"]
        .into_iter()
        .any(is)
        || below(sid, "S-1-5-").is_some_and(|subs| matches!(subs[..], [1..=6 | 8..=16 | 33 | 113 | 114] | [21, _, _, _, 512..=521 | 525..=527]))
    {
        ("a group".to_owned(), MEMBER.to_owned())
    } else {
        return None;
    })
}

const MEMBER: &str = "nothing of it, since no rule reads groups; user=… says whose token it is";

/// The group of this name.
pub(crate) fn group(text: &str) -> Option<Sid> {
    find(GROUPS, text)
}

/// What there is to say and to write of a word that is taken for a level.
pub(crate) fn no_level(text: &str) -> Option<(&'static str, &'static str)> {
    let authentication = plain(text).starts_with(AUTHENTICATION);
    let why = (
        "RPC's authentication level says how calls are protected, and is no impersonation level",
        "the level that the token comes with",
    );
    find(NO_LEVELS, text).or_else(|| authentication.then_some(why))
}

/// `RPC_C_AUTHN_LEVEL_…`.
const AUTHENTICATION: &str = "rpccauthnlevel";

/// Whether it is known and no rule reads it.
pub(crate) fn is_not_read(name: &str) -> bool {
    let name = plain(name);
    let is = |name: &str| NOT_READ.iter().any(|other| plain(other) == name);
    is(&name) || name.strip_prefix("token").is_some_and(is) || name.starts_with(AUTHENTICATION)
}
