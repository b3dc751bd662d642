//! A survey: what a kernel decides in every case of group D that it can be asked, and which profile says the same.
//!
//! Nothing is judged: a survey records. Profiles are compared by what [`psimp_rules::decide`] says of the tokens'
//! facts, which are the catalogue's; the expected columns of the catalogue are not read.

mod about;
mod beside;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
mod explain;
mod fit;
mod here;
mod names;
mod observation;
mod page;
mod read;
mod text;

pub use about::{About, Windows};
pub use beside::Beside;
#[cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]
pub(crate) use explain::explained;
pub use here::{from_contract, here};
pub use observation::Observation;
pub use read::read;

use fit::says;
use psimp_catalogue::{Body, DecisionRow};
use psimp_rules::PROFILES;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A survey, as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survey {
    /// What was asked.
    #[serde(flatten)]
    pub about: About,
    /// How many decisions were asked.
    pub asked: usize,
    /// Every decision, in the order of the catalogue.
    pub decisions: Vec<Row>,
    /// Every profile, the best first.
    pub profiles: Vec<Fit>,
    /// The profiles that agree with the most decisions; several if they agree with equally many, none if
    /// no profile agrees with any.
    pub best: Vec<String>,
    /// The decisions on which those differ, if they are several.
    pub would_part: Vec<String>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Id of the case.
    #[schemars(regex(pattern = crate::result::CASE_ID))]
    pub id: String,
    /// One line on it.
    pub title: String,
    /// What came.
    #[serde(flatten)]
    pub observed: Observation,
    /// The profiles that say the same; none of a decision that was not asked.
    pub agree: Vec<String>,
}

/// One profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// Its name.
    pub profile: String,
    /// The source of its rule.
    pub describes: String,
    /// In how many of the decisions that were asked it says what came.
    pub agrees: usize,
    /// The others.
    pub otherwise: Vec<Otherwise>,
}

/// A decision of which a profile says something else than what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Otherwise {
    /// Id of the case.
    #[schemars(regex(pattern = crate::result::CASE_ID))]
    pub id: String,
    /// What the profile says.
    pub says: String,
    /// Its rule that decides.
    pub rule: String,
}

/// The decisions that a survey asks for.
pub fn decisions() -> Vec<&'static DecisionRow> {
    let row = |body| if let Body::Decision(row) = body { Some(row) } else { None };
    psimp_catalogue::cases().into_iter().filter_map(|case| row(case.body)).collect()
}

impl Survey {
    /// Compares what came with every profile.
    pub fn new(about: About, came: Vec<(&'static DecisionRow, Observation)>) -> Self {
        let fits = fit::fits(&came);
        let most = fits.first().map_or(0, |fit| fit.agrees);
        let best: Vec<_> = fits.iter().take_while(|fit| fit.agrees == most && most > 0).collect();
        let best: Vec<_> = best.iter().map(|fit| fit.profile.clone()).collect();
        let would_part = fit::would_part(&came, &best);
        let decisions = came.into_iter().map(|(row, observed)| {
            let agree = PROFILES.into_iter().filter(|profile| observed.agrees(&says(profile, row)));
            let agree = agree.map(|profile| profile.name.to_owned()).collect();
            Row { id: row.id.to_owned(), title: row.title(), observed: names::without(observed), agree }
        });
        let decisions: Vec<_> = decisions.collect();
        let asked = decisions.iter().filter(|row| row.observed.asked()).count();
        Self { about, asked, decisions, profiles: fits, best, would_part }
    }

    /// A decision by its id.
    fn decision(&self, id: &str) -> Option<&Row> {
        self.decisions.iter().find(|row| row.id == id)
    }
}
