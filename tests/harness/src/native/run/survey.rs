//! `psimp survey`: the decisions that can be asked of this system, each by a server process of its own.

use super::{Native, PATIENCE};
use crate::native::feature::Feature;
use crate::native::plan::Plan;
use crate::native::route::Route;
use crate::native::server::{Answer, Question};
use crate::native::system::machine;
use crate::survey::{Observation, decisions};
use psimp_catalogue::{Body, Case, DecisionRow};
use psimp_rules::Kernel;

/// Asks for every decision. `ended` is called after each.
///
/// # Errors
/// Why none can be asked.
pub fn survey(route: Route, ended: &dyn Fn()) -> Result<Vec<(&'static DecisionRow, Observation)>, String> {
    // What the kernel of the catalogue's values would do is not read.
    let mut native = Native::new(Kernel::Win10, route)?;
    let one = |row: &'static DecisionRow| {
        let observed = match (native.observation(row), machine::lacks()) {
            (_, Some(why)) => Observation::not_asked(why),
            (observed, None) => observed,
        };
        ended();
        (row, observed)
    };
    Ok(decisions().into_iter().map(one).collect())
}

impl Native {
    fn observation(&mut self, row: &'static DecisionRow) -> Observation {
        let all = psimp_catalogue::cases();
        let is_it = |case: &&Case| matches!(case.body, Body::Decision(of) if of.id == row.id);
        let planned = all.iter().find(is_it).map(|case| Plan::of(case, self.kernel, self.route));
        let plan = match planned {
            Some(Ok(plan)) => plan,
            Some(Err(why)) => return Observation::not_asked(why),
            None => return Observation::not_asked("no case of the catalogue"),
        };
        // What the kernel does with the tokens is what is asked; that they are what they should be is needed.
        let needed = plan.features.iter().filter(|feature| {
            matches!(feature, Feature::RestrictingSids | Feature::Integrity | Feature::Anonymous)
        });
        for feature in needed {
            if let Some(why) = self.lacks(*feature) {
                return Observation::not_asked(why);
            }
        }
        let tokens: Vec<_> = plan.tokens().collect();
        let (id, driver) = (row.id.to_owned(), self.route != Route::UserMode);
        let question = |tokens, _| Question::Decision { id, driver, tokens };
        match self.question(plan.server, &tokens, &[], PATIENCE, question) {
            Ok(Answer::Decided(observed)) => observed,
            Ok(Answer::Unable(why)) => Observation::not_asked(why),
            Err(trouble) => Observation::not_asked(trouble.words()),
            Ok(_) => Observation::not_asked("the server answered another question"),
        }
    }
}
