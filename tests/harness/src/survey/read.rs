//! A survey that is read back.

use super::Survey;
use crate::report::text;
use psimp_rules::PROFILES;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What only a survey has.
#[derive(Deserialize)]
struct Shape {
    decisions: Option<IgnoredAny>,
    profiles: Option<IgnoredAny>,
}

/// Reads what `psimp survey --format json` wrote; nothing if it is no survey.
///
/// # Errors
/// What is wrong with the survey, as a message for the user.
pub fn read(bytes: &[u8]) -> Result<Option<Survey>, String> {
    let Ok(text) = text(bytes) else { return Ok(None) };
    match serde_json::from_str::<Shape>(&text) {
        Ok(Shape { decisions: Some(_), profiles: Some(_) }) => (),
        _ => return Ok(None),
    }
    let survey: Survey = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let asked = survey.decisions.iter().filter(|row| row.observed.asked()).count();
    if asked != survey.asked {
        return Err(format!("it says that {} decisions were asked, and has {asked}", survey.asked));
    }
    let unknown = |name: &&String| !PROFILES.iter().any(|profile| profile.name == *name);
    if let Some(name) = survey.best.iter().find(unknown) {
        return Err(format!("there is no profile {name:?}"));
    }
    Ok(Some(survey))
}
