//! What the page offers to choose from.

use psimp_explain::{Fact, Said, Side, facts};
use psimp_nt::Level;
use psimp_rules::PROFILES;
use serde::Serialize;

use crate::presets::{PRESETS, Preset};

#[derive(Serialize)]
pub(crate) struct Form {
    process: Tokens,
    token: Tokens,
    level: Levels,
    profiles: Vec<Profile>,
    presets: &'static [Preset],
}

/// One of the two tokens.
#[derive(Serialize)]
struct Tokens {
    title: &'static str,
    facts: Vec<Control>,
}

/// A fact, for a control of the page.
#[derive(Serialize)]
struct Control {
    name: &'static str,
    about: &'static str,
    choices: Vec<&'static str>,
    /// It is said by its name alone; its choices are yes and no.
    flag: bool,
    /// All that can be written, if that is more than the choices.
    values: Option<&'static str>,
}

#[derive(Serialize)]
struct Levels {
    title: &'static str,
    values: Vec<LevelChoice>,
}

#[derive(Serialize)]
struct LevelChoice {
    value: String,
    label: String,
}

#[derive(Serialize)]
struct Profile {
    name: &'static str,
    describes: &'static str,
}

impl Form {
    pub(crate) fn new() -> Self {
        let own = LevelChoice { value: String::new(), label: "the token's own".to_owned() };
        let level = |level: Level| LevelChoice {
            value: level.name().to_lowercase(),
            label: format!("{} {}", level as u8, level.name()),
        };
        Self {
            process: Tokens { title: "The process", facts: offered(Side::Process) },
            token: Tokens { title: "The token", facts: offered(Side::Token) },
            level: Levels {
                title: "The level",
                values: std::iter::once(own).chain(Level::ALL.map(level)).collect(),
            },
            profiles: PROFILES
                .map(|profile| Profile { name: profile.name, describes: profile.describes })
                .into(),
            presets: PRESETS,
        }
    }
}

/// The facts that one of the tokens has a choice of.
fn offered(side: Side) -> Vec<Control> {
    facts().iter().filter_map(|fact| control(side, fact)).collect()
}

fn control(side: Side, fact: &'static Fact) -> Option<Control> {
    let taken = |choice: &&&str| Said::parse(side, &format!("{}={choice}", fact.name)).is_ok();
    let choices: Vec<_> = fact.choices.iter().filter(taken).copied().collect();
    // Of which every value, or every one but what it is anyway, is refused.
    if !fact.choices.is_empty() && choices.len() < 2 {
        return None;
    }
    let values = (!fact.flag).then_some(fact.values);
    Some(Control { name: fact.name, about: fact.about, choices, flag: fact.flag, values })
}

#[cfg(test)]
mod tests {
    use super::{Form, offered};
    use crate::presets::PRESETS;
    use psimp_explain::{Question, Side, facts};
    use std::collections::BTreeSet;

    #[test]
    fn each_token_has_the_facts_that_can_be_said_of_it() {
        let names = |side| offered(side).iter().map(|control| control.name).collect::<Vec<_>>();
        let all: Vec<_> = facts().iter().map(|fact| fact.name).collect();
        assert_eq!(names(Side::Token), all);
        // The token of a process is primary.
        let of_process: Vec<_> =
            all.into_iter().filter(|name| !["type", "level", "recorded"].contains(name)).collect();
        assert_eq!(names(Side::Process), of_process);
    }

    #[test]
    fn every_preset_is_a_question_of_its_own() {
        let commands: BTreeSet<_> = PRESETS
            .iter()
            .map(|preset| {
                let level = (!preset.level.is_empty()).then_some(preset.level);
                Question::parse(preset.process, preset.token, level).expect(preset.title).command()
            })
            .collect();
        let titles: BTreeSet<_> = PRESETS.iter().map(|preset| preset.title).collect();
        assert_eq!((commands.len(), titles.len()), (PRESETS.len(), PRESETS.len()));
        assert_eq!(Form::new().presets.len(), 10);
    }
}
