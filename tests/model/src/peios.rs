//! Peios' rule, as far as the knobs of a profile reach.

use psimp_rules::{Anonymous, CopyLevel, DenyAction, Level, Profile, Restricted, W10};

/// The identity gate of Peios: same user and same restriction, or the privilege
/// enabled in the primary token; and its integrity ceiling. What fails is capped
/// to Identification; Anonymous is free.
///
/// Three things no knob can say, and this profile does not do: the privilege
/// does not lift the integrity ceiling there; a restricted server that takes an
/// unrestricted token of its own user gets an error, privilege or not; tokens of
/// primary type are refused. And [`crate::SubjectContext`] refuses Anonymous as
/// NT does, where Peios judges it as S-1-5-7.
pub const PEIOS: Profile = Profile {
    name: "Peios",
    describes: "Peios' identity gate and integrity ceiling, without its hard errors",
    free_below: Level::Identification,
    anonymous: Anonymous::Ignored,
    origin: false,
    restricted: Restricted::Equal,
    elevation: false,
    package: false,
    session: false,
    copy_level: CopyLevel::AtMostOwn,
    ..W10
};

/// The reading of seed 002: whoever may not impersonate gets an error.
pub const PEIOS_STRICT: Profile = Profile {
    name: "Peios-strict",
    describes: "Peios with an error where it caps the level",
    deny_action: DenyAction::Error,
    ..PEIOS
};
