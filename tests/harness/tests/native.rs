//! How a running Windows carries out cases, in user mode alone and through the driver.
//! `golden/counts.txt` lists the cases that it can carry out.

use psimp_catalogue::{Device, cases};
use psimp_harness::native::feature::Feature;
use psimp_harness::native::plan::Plan;
use psimp_harness::native::route::Route;
use psimp_protocol::RulesMode;
use psimp_rules::Kernel;
use std::path::Path;

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

#[test]
fn a_process_is_not_started_at_identification() {
    let documented = plan("A17", Route::Driver(RulesMode::Documented));
    assert_eq!(
        documented.expect_err("its image does not open"),
        "needs to start a process at Identification, where its image does not open"
    );
    assert!(plan("A17", Route::Driver(RulesMode::Kernel)).is_ok());
}

#[test]
fn a_plan_names_its_client_processes_and_their_tokens() {
    let clients = |id| {
        let plan = plan(id, Route::Driver(RulesMode::Documented)).expect("the device carries it out");
        let clients = plan.clients().map(|(who, tokens)| {
            let tokens: Vec<_> = tokens.iter().map(|tok| tok.name()).collect();
            format!("{who:?} {}", tokens.join(" "))
        });
        (clients.collect::<Vec<_>>(), plan.setting)
    };
    assert_eq!(clients("B18"), (vec!["Q ".to_owned()], Device::Any));
    assert_eq!(clients("K01"), (vec!["ClientA ".to_owned()], Device::Needed(Some(1))));
    assert_eq!(
        clients("K19"),
        (vec!["ClientA A1".to_owned(), "ClientB A0".to_owned()], Device::Needed(Some(1)))
    );
    assert_eq!(clients("K25").1, Device::Needed(None));
    assert_eq!(clients("K32"), (vec![], Device::Any));
    assert_eq!(clients("Z12").0, ["Q "]);
    assert_eq!(clients("L11").0, ["Q "]);
}

#[test]
fn what_user_mode_cannot_do_is_named() {
    let why = |id| plan(id, Route::Driver(RulesMode::Kernel)).expect_err("it is skipped");
    assert_eq!(why("B19"), "needs kernel code: a requestor in kernel mode");
    assert_eq!(why("K14"), "needs a stop in the middle of a kernel routine");
    assert_eq!(why("L12"), "needs a service on another machine");
    assert_eq!(why("D56"), "needs to open the device, which a process in an AppContainer cannot");
    assert_eq!(why("Z11"), "needs requests on a handle that is closed, which the I/O manager refuses");
    assert_eq!(why("Z13"), "needs the driver unloaded, which others may use");
    let user_mode = plan("B01", Route::UserMode).expect_err("there is no device");
    assert_eq!(user_mode, "needs the driver: its requests go to the device");
}

/// A thread that impersonates opens nothing of its own process: the clerk does, which never impersonates.
#[test]
fn steps_leave_to_the_clerk_what_belongs_to_the_process() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/native/server");
    let mut read = 0;
    for file in std::fs::read_dir(folder).expect("the server's modules") {
        let path = file.expect("a module").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // No step of a case runs in these: the clerk, what begins a case, and the probes.
        if ["clerk.rs", "env.rs", "mod.rs", "probe.rs"].contains(&name.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        for call in ["thread::open(", "open_process(", "Token::of_process(", "Event::create("] {
            // OpenProcessToken is itself a step.
            let steps = usize::from(name == "program.rs" && call == "Token::of_process(");
            assert_eq!(text.matches(call).count(), steps, "{name} calls {call}…)");
        }
        read += 1;
    }
    assert!(read >= 5, "only {read} modules were read");
}
