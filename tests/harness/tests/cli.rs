//! psimp's own parsers of arguments. The arguments of each command are in `golden/help`.

use clap::{CommandFactory, Parser};
use psimp_harness::cli::{Choice, Cli, Command, Rules, ThreadRef};
use psimp_rules::Kernel;

fn parse(line: &str) -> Command {
    let cli = Cli::try_parse_from(line.split_whitespace());
    cli.unwrap_or_else(|error| panic!("{line}: {error}")).into_command()
}

#[test]
fn definitions_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn without_a_command_it_runs_with_defaults() {
    assert_eq!(format!("{:?}", parse("psimp")), format!("{:?}", parse("psimp run")));
}

#[test]
fn run_takes_several_kernels_and_rules() {
    let of = |line| match parse(line) {
        Command::Run(run) => (Choice::expand(&run.kernels), Choice::expand(&run.rules)),
        other => panic!("{line} is {other:?}"),
    };
    let (kernels, rules) = of("psimp run --kernel peios,nt52 --kernel peios --rules all");
    assert_eq!(kernels, [Kernel::Peios, Kernel::Nt52]);
    assert_eq!(rules, [Rules::Documented, Rules::Kernel]);
    let others = Kernel::ALL.iter().copied().filter(|kernel| *kernel != Kernel::Nt52);
    let all: Vec<_> = [Kernel::Nt52].into_iter().chain(others).collect();
    assert_eq!(of("psimp run --kernel nt52,all"), (all, vec![Rules::Documented]));
}

#[test]
fn show_takes_a_process_or_a_thread() {
    assert_eq!("640".parse(), Ok(ThreadRef { pid: 640, tid: None }));
    assert_eq!("self".parse(), Ok(ThreadRef { pid: std::process::id(), tid: None }));
    assert_eq!("640/12".parse(), Ok(ThreadRef { pid: 640, tid: Some(12) }));
}
