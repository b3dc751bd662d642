//! How a running Windows carries out cases, in user mode alone and through the driver.
//! `golden/counts.txt` lists the cases that it can carry out.

use psimp_catalogue::cases;
use psimp_harness::native::feature::Feature;
use psimp_harness::native::plan::Plan;
use psimp_harness::native::route::Route;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;

fn plan(id: &str, route: Route) -> Result<Plan, &'static str> {
    let case = cases().into_iter().find(|case| case.id == id).expect("a case of the catalogue");
    Plan::of(&case, Kernel::Win10, route)
}

#[test]
fn what_cannot_be_asked_says_what_it_needs() {
    for case in cases() {
        for route in [Route::UserMode, Route::Driver(RulesMode::Documented), Route::Driver(RulesMode::Kernel)]
        {
            if let Err(why) = Plan::of(&case, Kernel::Win10, route) {
                assert!(why.starts_with("needs"), "{}: {why}", case.id);
            }
        }
    }
}

#[test]
fn a_plan_names_what_the_kernel_must_have() {
    let features = |id, route| plan(id, route).map(|plan| plan.features.into_iter().collect::<Vec<_>>());
    assert_eq!(features("D01", Route::UserMode), Ok(vec![]));
    assert_eq!(features("D13", Route::UserMode), Ok(vec![Feature::Downgrade, Feature::LevelOfOpens]));
    assert_eq!(
        features("U15", Route::UserMode),
        Ok(vec![Feature::Downgrade, Feature::LevelOfOpens, Feature::RestrictingSids])
    );
    assert_eq!(
        features("D02", Route::UserMode),
        Err("needs the driver: user mode cannot name a level other than the token's own")
    );
}
