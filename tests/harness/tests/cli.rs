//! What the command line takes, and what it means.

use clap::{CommandFactory, Parser};
use psimp_harness::cli::{
    Choice, Cli, Command, DemoTarget, DriverAction, Rules, Target, TextFormat, ThreadRef,
};
use psimp_harness::report::Format;
use psimp_rules::Kernel;
use std::path::Path;

fn parse(line: &str) -> Command {
    let cli = Cli::try_parse_from(line.split_whitespace());
    cli.unwrap_or_else(|error| panic!("{line}: {error}")).into_command()
}

fn refused(line: &str) -> bool {
    Cli::try_parse_from(line.split_whitespace()).is_err_and(|error| error.exit_code() == 2)
}

#[test]
fn definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_command_it_runs_with_defaults() {
    for line in ["psimp", "psimp run"] {
        let Command::Run(run) = parse(line) else { panic!("{line} is not run") };
        assert_eq!(
            (run.target, Choice::expand(&run.kernels), Choice::expand(&run.rules)),
            (Target::Model, vec![Kernel::Win10], vec![Rules::Documented])
        );
        assert_eq!(run.format, Format::Table);
        assert!(run.filter.filters.is_empty() && run.report.is_none());
    }
}

#[test]
fn run_takes_everything() {
    let line = "psimp run --target image --image a.sys --kernel nt52 --rules kernel \
                --filter D --filter copy --seed 0x1F --format junit --report r.html";
    let Command::Run(run) = parse(line) else { panic!("not run") };
    assert_eq!(run.target, Target::Image);
    assert_eq!(
        (&*run.kernels, &*run.rules),
        (&[Choice::One(Kernel::Nt52)][..], &[Choice::One(Rules::Kernel)][..])
    );
    assert_eq!(run.image.path.to_str(), Some("a.sys"));
    assert_eq!(run.filter.filters, ["D", "copy"]);
    assert_eq!(run.report.as_deref().and_then(Path::to_str), Some("r.html"));
    assert_eq!(run.seed, Some(0x1F));
    assert_eq!(run.format, Format::Junit);
}

#[test]
fn run_takes_several_kernels_and_rules() {
    let Command::Run(run) = parse("psimp run --kernel peios,nt52 --kernel peios --rules all") else {
        panic!("not run")
    };
    assert_eq!(Choice::expand(&run.kernels), [Kernel::Peios, Kernel::Nt52]);
    assert_eq!(Choice::expand(&run.rules), [Rules::Documented, Rules::Kernel]);
    let Command::Run(run) = parse("psimp run --kernel nt52,all") else { panic!("not run") };
    let others = Kernel::ALL.iter().copied().filter(|kernel| *kernel != Kernel::Nt52);
    assert_eq!(Choice::expand(&run.kernels), [Kernel::Nt52].into_iter().chain(others).collect::<Vec<_>>());
    for wrong in ["psimp run --kernel nt4", "psimp run --kernel win10,", "psimp run --rules ALL"] {
        assert!(refused(wrong), "{wrong}");
    }
}

#[test]
fn report_takes_files() {
    let Command::Report(report) = parse("psimp report a.json b.json --html p.html") else {
        panic!("not report")
    };
    assert_eq!(report.files, [Path::new("a.json"), Path::new("b.json")]);
    assert_eq!(report.html.as_deref(), Some(Path::new("p.html")));
    assert!(refused("psimp report --html p.html"));
}

#[test]
fn demo_takes_a_target_a_kernel_and_rules() {
    let Command::Demo(demo) = parse("psimp demo") else { panic!("not demo") };
    assert_eq!((demo.target, demo.kernel, demo.rules), (DemoTarget::Model, Kernel::Win10, Rules::Documented));
    let line = "psimp demo --target image --image a.sys --kernel nt52 --rules kernel";
    let Command::Demo(demo) = parse(line) else { panic!("not demo") };
    assert_eq!((demo.target, demo.kernel, demo.rules), (DemoTarget::Image, Kernel::Nt52, Rules::Kernel));
    assert_eq!(demo.image.path.to_str(), Some("a.sys"));
    assert!(refused("psimp demo --target native"));
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("demo  ") || help.contains("  demo\n"), "{help}");
}

#[test]
fn other_commands() {
    let Command::List(list) = parse("psimp list --filter D13 --format json") else { panic!("not list") };
    assert!(list.filter.matches("D13", "") && !list.filter.matches("D14", ""));
    assert_eq!(list.format, TextFormat::Json);
    let Command::Explain(explain) = parse("psimp explain D13") else { panic!("not explain") };
    assert_eq!(explain.case.as_deref(), Some("D13"));
    let Command::Explain(explain) = parse("psimp explain --token user=B --level identification") else {
        panic!("not explain")
    };
    assert_eq!((explain.case, explain.level), (None, Some(psimp_nt::Level::Identification)));
    assert!(explain.token.is_some() && explain.process.is_none());
    let Command::Man(man) = parse("psimp man pages") else { panic!("not man") };
    assert_eq!(man.folder.as_deref(), Some(std::path::Path::new("pages")));
    let Command::Driver(driver) = parse("psimp driver status") else { panic!("not driver") };
    assert_eq!(driver.action, DriverAction::Status);
    let Command::Mutants(mutants) = parse("psimp mutants --image-dir m") else { panic!("not mutants") };
    assert_eq!(mutants.image_dir.to_str(), Some("m"));
    let Command::Bench(bench) = parse("psimp bench --image b.sys") else { panic!("not bench") };
    assert_eq!(bench.image.path.to_str(), Some("b.sys"));
    let Command::Soak(soak) = parse("psimp soak --threads 3 --image b.sys") else { panic!("not soak") };
    assert_eq!((soak.seconds, soak.threads.map(u8::from)), (60, Some(3)));
    let Command::Faults(faults) = parse("psimp faults --filter D --rules kernel") else {
        panic!("not faults")
    };
    assert_eq!(
        (faults.cases.kernel, faults.cases.rules, faults.replay),
        (Kernel::Win10, Rules::Kernel, None)
    );
}

#[test]
fn an_id_to_replay_says_all_there_is_to_say() {
    let line = "psimp faults --replay D13@nt52/kernel:9f3a12c4.2+1b22c0de";
    let Command::Faults(faults) = parse(line) else { panic!("not faults") };
    let id = faults.replay.expect("an id");
    assert_eq!(id.to_string(), "D13@nt52/kernel:9f3a12c4.2+1b22c0de");
    assert!(refused("psimp faults --replay D13:9f3a12c4 --kernel nt52"));
    assert!(refused("psimp faults --replay D13:9f3a12c4 --filter D13"));
    assert!(refused("psimp faults --replay D13:nonsense"));
}

#[test]
fn show_takes_a_process_or_a_thread() {
    let thread = |line| match parse(line) {
        Command::Show(show) => show.thread,
        other => panic!("{line} is {other:?}"),
    };
    assert_eq!(thread("psimp show 640"), ThreadRef { pid: 640, tid: None });
    assert_eq!(thread("psimp show self"), ThreadRef { pid: std::process::id(), tid: None });
    assert_eq!(thread("psimp show 640/12"), ThreadRef { pid: 640, tid: Some(12) });
}

#[test]
fn usage_errors_exit_with_2() {
    for line in [
        "psimp walk",
        "psimp run --target moon",
        "psimp run --filter=",
        "psimp list --format junit",
        "psimp explain",
        "psimp explain D13 --token user=B",
        "psimp explain --token usr=B",
        "psimp explain --level 4",
        "psimp completions",
        "psimp show 640/",
        "psimp show 0x10",
        "psimp driver",
        "psimp soak --threads 0",
        "psimp run --seed x",
    ] {
        assert!(refused(line), "{line}");
    }
}

#[test]
fn values_are_named_as_they_are_written() {
    assert_eq!(Target::Native.to_string(), "native");
    assert_eq!(Kernel::Win10.to_string(), "win10");
    assert_eq!(Rules::Documented.to_string(), "documented");
}

#[test]
fn long_help_tells_the_exit_codes_and_hides_the_inner_commands() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("3  the target is not available here"));
    assert!(["mutants", "bench", "soak", "  impersonate"].iter().all(|inner| !help.contains(inner)));
}

#[test]
fn show_takes_what_to_show_beside_the_tokens() {
    let Command::Show(show) = parse("psimp show 640 --groups --format json") else { panic!("not show") };
    assert!(show.groups && !show.privileges);
    assert_eq!(show.format, TextFormat::Json);
    let Command::Impersonate(subject) = parse("psimp impersonate --level 3") else {
        panic!("not impersonate")
    };
    assert_eq!(subject.level, 3);
    assert!(refused("psimp impersonate --level 4"));
}
