//! Which cases a real Windows can be asked, by user mode alone and through the
//! driver.

use psimp_catalogue::cases;
use psimp_harness::native::feature::Feature;
use psimp_harness::native::plan::Plan;
use psimp_harness::native::route::Means;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;

fn expressed(kernel: Kernel, means: Means) -> String {
    let cases = cases();
    let ids = cases.iter().filter(|case| Plan::of(case, kernel, means).is_ok()).map(|case| case.id);
    ids.collect::<Vec<_>>().join(" ")
}

fn plan(id: &str, means: Means) -> Result<Plan, &'static str> {
    let case = cases().into_iter().find(|case| case.id == id).expect("a case of the catalogue");
    Plan::of(&case, Kernel::Win10, means)
}

#[test]
fn user_mode_stores_tokens_at_their_own_level_and_without_flags() {
    assert_eq!(
        expressed(Kernel::Win10, Means::UserMode),
        "D01 D03 D08 D09 D13 D17 D22 D27 D28 D29 D33 D34 D35 D36 D37 D39 D40 D41 D42 D43 D44 D45 \
         D46 D47 D48 D50 D51 D52 D53 D54 D55 D56 D57 D58 D59 D60 D61 D62 \
         N01 N03 N04 N05 N06 N10 \
         T01 T06 T12 T16 T18 \
         C02 C07 C08 C12 C13 \
         O03 O09 O10 O11 O12 \
         A05 A06 A07 A08 A15 A17 A18 \
         X01 X03 X05 X06 X07 X09 X10 \
         \
         R01 R02 R04 R11 R12 \
         U01 U02 U03 U04 U05 U06 U07 U08 U09 U10 U11 U12 U13 U14 U15 \
         L01 L02 L05 L06 L09 L10 L13 L14 L17 L18"
    );
}

#[test]
fn the_driver_takes_any_level_and_flag_but_not_what_needs_kernel_code() {
    assert_eq!(
        expressed(Kernel::Win10, Means::Driver(RulesMode::Documented)),
        "D01 D02 D03 D04 D05 D06 D07 D08 D09 D10 D11 D12 D13 D14 D15 D16 D17 D18 D19 D20 D21 D22 \
         D23 D24 D25 D26 D27 D28 D29 D30 D31 D32 D34 D35 D36 D37 D38 D39 D40 D41 D42 D43 D44 D45 \
         D46 D47 D48 D49 D50 D51 D52 D55 D59 D61 D62 \
         N01 N02 N03 N04 N05 N06 N08 N09 N10 N13 \
         T01 T02 T03 T04 T05 T06 T07 T08 T09 T10 T11 T12 T13 T14 T16 T18 \
         C02 C03 C04 C07 C08 C09 C10 C12 C13 \
         O01 O02 O03 O04 O05 O06 O08 O09 O10 O11 O12 O13 \
         A01 A02 A04 A05 A06 A07 A08 A10 A14 A15 A17 A18 \
         S01 S02 S03 S04 S05 S08 S09 S10 S17 S18 \
         X01 X03 X04 X05 X06 X07 X08 X09 X10 X11 \
         M07 \
         R01 R02 R03 R04 R07 R10 R11 R12 R13 \
         U01 U02 U03 U04 U05 U06 U07 U13 U14 U15 U16 \
         L01 L02 L05 L06 L09 L10 L13 L14 L17 L18"
    );
}

#[test]
fn what_cannot_be_asked_says_what_it_needs() {
    for case in cases() {
        for means in [Means::UserMode, Means::Driver(RulesMode::Documented), Means::Driver(RulesMode::Kernel)]
        {
            if let Err(why) = Plan::of(&case, Kernel::Win10, means) {
                assert!(why.starts_with("needs"), "{}: {why}", case.id);
            }
        }
    }
}

#[test]
fn a_plan_names_what_the_kernel_must_have() {
    let features = |id, means| plan(id, means).map(|plan| plan.features.into_iter().collect::<Vec<_>>());
    assert_eq!(features("D01", Means::UserMode), Ok(vec![]));
    assert_eq!(features("D13", Means::UserMode), Ok(vec![Feature::Downgrade, Feature::LevelOfOpens]));
    assert_eq!(
        features("U15", Means::UserMode),
        Ok(vec![Feature::Downgrade, Feature::LevelOfOpens, Feature::RestrictingSids])
    );
    assert_eq!(
        features("D02", Means::UserMode),
        Err("needs the driver: user mode cannot name a level other than the token's own")
    );
}
