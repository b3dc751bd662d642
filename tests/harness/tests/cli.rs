//! psimp's own parsers of arguments. The arguments of each command are in `golden/help`.

use clap::CommandFactory;
use psimp_harness::cli::{Choice, Cli, Command, Rules, ThreadRef};
use psimp_rules::Kernel;
use std::ffi::OsString;

fn parse(line: &str) -> Command {
    let read = Cli::read(line.split_whitespace().map(OsString::from));
    read.unwrap_or_else(|error| panic!("{line}: {error}")).0
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
    assert_eq!(
        of("psimp run --kernel WIN10,Nt52 --rules ALL"),
        of("psimp run --kernel win10,nt52 --rules all")
    );
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
