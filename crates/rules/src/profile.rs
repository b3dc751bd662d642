//! Profiles: the rule according to each source, as data.

use psimp_nt::Level;

/// One reading of the rule. Every field is a setting of [`crate::decide`] or
/// of the kernel model around it; none is code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Short name for tables.
    pub name: &'static str,
    /// The source of the rule.
    pub describes: &'static str,
    /// A token of primary type is an error, for any requested level.
    pub refuses_primary: bool,
    /// A request below this level is granted without checking the tokens.
    pub free_below: Level,
    /// The meaning of a token of the anonymous logon session.
    pub anonymous: Anonymous,
    /// An unrestricted token of its own user is an error for a restricted server,
    /// with or without the privilege: the server would escape its restriction.
    pub refuses_shedding: bool,
    /// `SeImpersonatePrivilege`, enabled in the server's primary token, grants.
    pub privilege: bool,
    /// A request above the level recorded in the token is downgraded.
    pub token_level_cap: bool,
    /// A token logged on from the server's own logon session is granted.
    pub origin: bool,
    /// The two user SIDs must be equal.
    pub same_user: bool,
    /// The meaning of restricting SIDs.
    pub restricted: Restricted,
    /// The servers whose integrity must dominate the token's.
    pub integrity: Integrity,
    /// A UAC-filtered server may not take an elevated or unfiltered token.
    pub elevation: bool,
    /// An `AppContainer` server may only take tokens of its own package, of its
    /// parent or of a child.
    pub package: bool,
    /// A server outside session 0 may not take a token of session 0.
    pub session: bool,
    /// How objections combine.
    pub combine: Combine,
    /// The level of the downgrade copy.
    pub copy_level: CopyLevel,
    /// The result of a denied request.
    pub deny_action: DenyAction,
    /// The behaviour when the server process no longer has a primary token.
    pub no_primary: NoPrimary,
    /// The job restrictions that apply to the token about to be stored.
    pub job: Job,
    /// The storage of a thread's impersonation.
    pub slot_storage: SlotStorage,
}

/// The meaning of a token of the anonymous logon session (0x3E6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// None: it is checked like any other token.
    Ignored,
    /// It is an objection (the documentation).
    Deny,
    /// It is granted immediately (kernels).
    Allow,
    /// Granted immediately, but an `AppContainer` server must be of the token's
    /// package.
    AllowIfPackage,
}

/// The meaning of restricting SIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restricted {
    /// Nothing.
    Ignored,
    /// Neither token may be restricted.
    Neither,
    /// Both or none may be restricted.
    Equal,
    /// A restricted server may only take restricted tokens, and a fully
    /// restricted one no write-restricted token.
    ServerSubset,
}

/// The servers that the integrity ceiling binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// None.
    Ignored,
    /// Those for which the privilege has not granted the token already.
    Unprivileged,
    /// All servers: it is tested before the privilege can grant.
    Everyone,
}

/// How objections combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// The first objection denies.
    First,
    /// Only all objections together deny: the literal reading of "none of the
    /// conditions are met".
    All,
}

/// The level of the downgrade copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyLevel {
    /// Always Identification, even where the token was below it.
    Identification,
    /// Identification, or the token's own level if that is lower.
    AtMostOwn,
}

/// The result of a denied request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyAction {
    /// Success with a weaker copy.
    Downgrade,
    /// An error.
    Error,
}

/// The behaviour when the server process no longer has a primary token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPrimary {
    /// The call fails.
    Refuse,
    /// The check is skipped and the token is stored as requested.
    Keep,
}

/// The job restrictions that apply to the token about to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// None.
    Off,
    /// As `JOBOBJECT_SECURITY_LIMIT_INFORMATION` documents them.
    Documented,
    /// As `ReactOS` has them, with the restricted-token test inverted.
    ReactOs,
}

/// The storage of a thread's impersonation, and the error when it cannot be
/// allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotStorage {
    /// In the thread object: no allocation.
    Inline,
    /// In a block; without memory `STATUS_NO_MEMORY`.
    BlockNoMemory,
    /// In a block; without memory `STATUS_INSUFFICIENT_RESOURCES`.
    BlockInsufficientResources,
}

/// The documented rule of `PsImpersonateClient`, read conjunctively: any
/// objection denies, no privilege helps, and levels below Impersonation are
/// free as they are for the documented user-mode callers.
pub const DOC: Profile = Profile {
    name: "DOC",
    describes: "the documentation of PsImpersonateClient, any violated condition downgrades",
    refuses_primary: false,
    free_below: Level::Impersonation,
    anonymous: Anonymous::Deny,
    refuses_shedding: false,
    privilege: false,
    token_level_cap: false,
    origin: false,
    same_user: true,
    restricted: Restricted::Neither,
    integrity: Integrity::Ignored,
    elevation: false,
    package: false,
    session: false,
    combine: Combine::First,
    copy_level: CopyLevel::AtMostOwn,
    deny_action: DenyAction::Downgrade,
    no_primary: NoPrimary::Refuse,
    job: Job::Documented,
    slot_storage: SlotStorage::BlockNoMemory,
};

/// [`DOC`] with its closing sentence read literally: only when all three
/// conditions fail is the token downgraded. Unsafe; kept for comparison.
pub const DOC_ANY: Profile = Profile {
    name: "DOC-ANY",
    describes: "the documentation to the letter: only all violated conditions together downgrade",
    combine: Combine::All,
    ..DOC
};

/// What is documented for the user-mode callers (`ImpersonateLoggedOnUser` …).
pub const UM: Profile = Profile {
    name: "UM",
    describes: "the documentation of the user-mode callers",
    anonymous: Anonymous::Ignored,
    privilege: true,
    origin: true,
    restricted: Restricted::Ignored,
    copy_level: CopyLevel::Identification,
    job: Job::Off,
    slot_storage: SlotStorage::Inline,
    ..DOC
};

/// NT 5.2 as `ReactOS` models it.
pub const NT52: Profile = Profile {
    name: "NT52",
    describes: "NT 5.2 as ReactOS models it",
    free_below: Level::Identification,
    anonymous: Anonymous::Allow,
    privilege: true,
    token_level_cap: true,
    origin: true,
    restricted: Restricted::Equal,
    copy_level: CopyLevel::Identification,
    job: Job::ReactOs,
    slot_storage: SlotStorage::BlockInsufficientResources,
    ..DOC
};

/// Windows 10 and 11 as reported by public reverse engineering. A hypothesis
/// until a run on a Windows machine confirms it. Trust labels and the session
/// impersonation capabilities are not part of it.
pub const W10: Profile = Profile {
    name: "W10",
    describes: "Windows 10/11 as publicly reported; unconfirmed",
    anonymous: Anonymous::Allow,
    privilege: true,
    origin: true,
    restricted: Restricted::ServerSubset,
    integrity: Integrity::Unprivileged,
    elevation: true,
    package: true,
    session: true,
    no_primary: NoPrimary::Keep,
    job: Job::Off,
    slot_storage: SlotStorage::Inline,
    ..DOC
};

/// [`W10`] as recent Windows 11 builds are reported: an `AppContainer` server
/// takes an anonymous token only of its own package, its parent or a child.
pub const W10_RECENT: Profile = Profile {
    name: "W10-recent",
    describes: "recent Windows 11 builds as publicly reported; unconfirmed",
    anonymous: Anonymous::AllowIfPackage,
    ..W10
};

/// Peios' KACS as publicly documented. Two gates: the same user and restriction, or
/// the privilege; and the integrity ceiling, which applies despite the privilege. A
/// token that fails either is capped to Identification; Anonymous is free. Peios
/// takes the level from the token alone; here it is requested, as everywhere.
pub const PEIOS: Profile = Profile {
    name: "Peios",
    describes: "Peios' KACS as publicly documented",
    refuses_primary: true,
    free_below: Level::Identification,
    anonymous: Anonymous::Ignored,
    refuses_shedding: true,
    origin: false,
    restricted: Restricted::Equal,
    integrity: Integrity::Everyone,
    elevation: false,
    package: false,
    session: false,
    no_primary: NoPrimary::Refuse,
    ..W10
};

/// An early page of Peios' documentation: without the privilege the call fails. What
/// [`PEIOS`] caps is therefore an error here.
pub const PEIOS_STRICT: Profile = Profile {
    name: "Peios-strict",
    describes: "Peios with an error where it caps the level",
    deny_action: DenyAction::Error,
    ..PEIOS
};

/// Every profile, in the order of tables.
pub const PROFILES: [&Profile; 8] = [&DOC, &DOC_ANY, &UM, &NT52, &W10, &W10_RECENT, &PEIOS, &PEIOS_STRICT];
