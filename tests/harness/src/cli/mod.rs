//! The command line: what can be asked of psimp. Nothing in here acts.

mod effect;
mod exit;
mod filter;
mod question;
mod survey;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use psimp_nt::Level;
use psimp_rules::{Kernel, Profile};

pub use exit::Exit;
use exit::exit_codes;
pub use filter::{FilterArg, matches};
pub use question::{Running, TokenArg};
use question::{level, process, token};
pub use survey::SurveyArgs;
pub use values::{Choice, DemoTarget, DriverAction, LoadTarget, TextFormat, ThreadRef};
use values::{kernel, number, one_or_all, profile, seed};

use crate::configuration::Injection;
pub use crate::configuration::{Rules, Target};
use crate::faults::RunId;
use crate::report::Format;

const SURVEY_NOTES: &str = "\
Every case of group D is requested that can be, and nothing is judged: which of the rule's
profiles says what came is counted. The target image is asked in the rules mode kernel.";

const SHOW_NOTES: &str = "\
Shown is what user mode can see: each thread's token beside that of the process. Level
is that of the token as it opens. What cannot be opened or read has the reason in its
row; a token at Anonymous level never opens, which is how it is known.";

const DRIVER_NOTES: &str = "\
install, start, stop and uninstall need an elevated prompt. The image stays where it
is: Windows loads it from there.";

const FILTERS: &str = "\
A case is selected if any --filter matches it. S is, in upper or lower case:
  D13             the case with this id
  D, D1           the cases whose ids start so: group D, D10 to D19
  \"user copy\"     the cases whose titles have all these words
A filter that no case matches is a mistake.";

/// Notes, and below them the exit codes of a command.
fn notes(notes: &str, command: &str) -> String {
    format!("{notes}\n\n{}", exit_codes(command))
}

/// Show what a thread holds after impersonation, and which rule decided.
///
/// psimp runs psimp.sys, or the same service code over a model of the kernel, through a catalogue of
/// cases, and compares the results with the documentation and with the known behaviour of kernels.
/// Without a command it runs the whole catalogue on the model.
#[derive(Debug, Parser)]
#[command(name = "psimp", version, after_long_help = exit_codes("psimp"))]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// Reads a command line, with sentences about it for the person. Words may be in any case.
    ///
    /// # Errors
    /// What clap says of it, or which option has no effect.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> clap::error::Result<(Command, Vec<String>)> {
        let mut all = tolerant(Self::command());
        let matches = all.try_get_matches_from_mut(arguments)?;
        let said = effect::check(&all, &matches).map_err(|why| {
            match matches.subcommand_name().and_then(|name| all.find_subcommand_mut(name)) {
                Some(command) => command.error(ErrorKind::ArgumentConflict, why),
                None => Self::command().error(ErrorKind::ArgumentConflict, why),
            }
        })?;
        Ok((Self::from_arg_matches(&matches)?.into_command(), said))
    }

    /// What to do: the command given, or `run` with its defaults.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Self::parse_from(["psimp", "run"]).into_command())
    }
}

/// Takes words in any case; a number below zero is an argument that is wrong, and not an unknown option.
fn tolerant(command: clap::Command) -> clap::Command {
    let tolerant_argument = |argument: Arg| {
        let takes_values = argument.get_action().takes_values();
        argument.ignore_case(takes_values).allow_negative_numbers(takes_values)
    };
    command.mut_args(tolerant_argument).mut_subcommands(tolerant)
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the catalogue, or some of it, and report the results
    #[command(after_help = FILTERS, after_long_help = notes(FILTERS, "run"))]
    Run(RunArgs),
    /// Record what this kernel decides, and which profile of the rule says the same
    #[command(after_help = notes(SURVEY_NOTES, "survey"))]
    Survey(SurveyArgs),
    /// Compare the results of several runs, or several surveys, and report the differences
    #[command(after_help = exit_codes("report"))]
    Report(ReportArgs),
    /// List the cases
    #[command(after_help = FILTERS, after_long_help = notes(FILTERS, "list"))]
    List(ListArgs),
    /// Print what a case does, what it expects and which rule decides, or what the rules decide for
    /// two tokens and a level
    #[command(override_usage = EXPLAIN_USAGE, after_help = notes(&question::help(), "explain"))]
    Explain(Box<ExplainArgs>),
    /// Show, step by step, what a server may do with a client at each of the four levels
    #[command(after_help = exit_codes("demo"))]
    Demo(DemoArgs),
    /// Show which threads of a process impersonate, and whom (Windows only)
    #[command(after_help = notes(SHOW_NOTES, "show"))]
    Show(ShowArgs),
    /// Install, start, stop or uninstall psimp.sys, or print its status (Windows only)
    #[command(after_help = notes(DRIVER_NOTES, "driver"))]
    Driver(DriverArgs),
    /// Write a script that completes psimp's commands in a shell
    #[command(after_help = exit_codes("completions"))]
    Completions(CompletionsArgs),
    /// Write psimp's manual page
    #[command(after_help = exit_codes("man"))]
    Man(ManArgs),
    /// Impersonate on a thread, print its ids, and wait until standard input ends, for tests of `show`
    #[command(hide = true, after_help = exit_codes("impersonate"))]
    Impersonate(ImpersonateArgs),
    /// Measure the calls of an image, or of the driver that Windows has loaded
    #[command(hide = true, after_help = exit_codes("bench"))]
    Bench(BenchArgs),
    /// Make the calls whose instructions `bench` counts, when it requests them
    #[command(hide = true, after_help = exit_codes("bench-steps"))]
    BenchSteps(BenchStepsArgs),
    /// Check that each deliberately wrong image is detected
    #[command(hide = true, after_help = exit_codes("mutants"))]
    Mutants(MutantsArgs),
    /// Make every call below the driver fail that can, and check what the driver guarantees
    #[command(hide = true, after_help = notes(FILTERS, "faults"))]
    Faults(FaultsArgs),
    /// Answer one question of a harness that runs the target native, as a server process
    #[command(hide = true, after_help = exit_codes("native-server"))]
    NativeServer,
    /// Carry out what a server process of a case orders, as a client process
    #[command(hide = true, after_help = exit_codes("native-client"))]
    NativeClient,
    /// Keep a server process of the target native waiting, so that it can be seen to end with this one
    #[command(hide = true, after_help = exit_codes("native-wait"))]
    NativeWait,
    /// Let threads make random calls on an image, or on the driver that Windows has loaded, and look for leaks and
    /// torn slots
    #[command(hide = true, after_help = exit_codes("soak"))]
    Soak(SoakArgs),
}

/// Cases, and what is below the driver.
#[derive(Clone, Debug, Args)]
pub struct CasesArg {
    /// The driver image to load.
    #[command(flatten)]
    pub image: ImageArg,
    /// The simulated kernel below the driver
    #[arg(long, value_parser = kernel(), default_value_t)]
    pub kernel: Kernel,
    /// Which rules the driver applies before it calls the kernel
    #[arg(long, value_enum, default_value_t)]
    pub rules: Rules,
    /// Which cases.
    #[command(flatten)]
    pub filter: FilterArg,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// What the cases run against
    #[arg(long, value_enum, default_value_t)]
    pub target: Target,
    /// The driver image to load.
    #[command(flatten)]
    pub image: ImageArg,
    /// The simulated kernel below the driver, and on Windows the one whose results are expected; with
    /// --report several, or all
    #[arg(long = "kernel", value_name = "KERNEL", value_delimiter = ',', default_value = "win10")]
    #[arg(value_parser = one_or_all::<Kernel>())]
    pub kernels: Vec<Choice<Kernel>>,
    /// Which rules the driver applies before it calls the kernel; with --report several, or all
    #[arg(long, value_name = "RULES", value_delimiter = ',', default_value = "documented")]
    #[arg(value_parser = one_or_all::<Rules>())]
    pub rules: Vec<Choice<Rules>>,
    /// Which cases.
    #[command(flatten)]
    pub filter: FilterArg,
    /// Run races under the schedule of this seed alone, and show it
    #[arg(long, value_name = "N", value_parser = seed)]
    pub seed: Option<u64>,
    /// Rehearse the target device or native here: over the simulated kernel, with the driver image as the loaded one
    /// (x86-64 Linux)
    #[arg(long)]
    pub rehearse: bool,
    /// Let something fail once for each kernel and rules of a rehearsal, in that case: dies, hangs, nonsense,
    /// no-answer, no-token, wrong-token, no-process or broken-pipe
    #[arg(long, value_name = "KIND[@CASE]", requires = "rehearse")]
    pub inject: Option<Injection>,
    /// How many seconds a server process of the target device or native may take for a case
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = number(1..=u16::MAX))]
    pub patience: u16,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Also write a page that shows every case on every selected kernel and rules mode
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// Results of `psimp run --format json`, or surveys of `psimp survey --format json`
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Also write a page that shows them side by side, the differences first
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// Which cases.
    #[command(flatten)]
    pub filter: FilterArg,
    /// Also say which of them this target does not carry out, and why not
    #[arg(long, value_enum)]
    pub target: Option<Target>,
    /// The kernel of the target
    #[arg(long, value_parser = kernel(), default_value_t, requires = "target")]
    pub kernel: Kernel,
    /// Which rules the driver applies before it calls the kernel
    #[arg(long, value_enum, default_value_t, requires = "target")]
    pub rules: Rules,
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

const EXPLAIN_USAGE: &str = "\
psimp explain [--format <FORMAT>] <CASE>
       psimp explain [OPTIONS] [--process <FACTS>] [--token <FACTS>] [--level <LEVEL>]";

/// The arguments of `explain` that ask about the rules instead of a case.
const OWN_QUESTION: &[&str] = &["process", "token", "level"];

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Id of the case, such as D13
    #[arg(required_unless_present_any = OWN_QUESTION, conflicts_with_all = OWN_QUESTION)]
    pub case: Option<String>,
    /// Instead of a case: the primary token of the server's process
    #[arg(long, value_name = "FACTS", value_parser = process)]
    pub process: Option<TokenArg>,
    /// Instead of a case: the token that its thread impersonates
    #[arg(long, value_name = "FACTS", value_parser = token)]
    pub token: Option<TokenArg>,
    /// Instead of a case: the level that a driver passes, by name or from 0 to 3; by default the
    /// token's own, as in user mode
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub level: Option<Level>,
    /// Answer a question for these profiles only
    #[arg(long = "profile", value_name = "PROFILE", value_delimiter = ',')]
    #[arg(value_parser = profile(), conflicts_with = "case")]
    pub profiles: Vec<&'static Profile>,
    /// Answer a question for the profiles of these kernels only
    #[arg(long = "kernel", value_name = "KERNEL", value_delimiter = ',')]
    #[arg(value_parser = kernel(), conflicts_with = "case")]
    pub kernels: Vec<Kernel>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// What the demo runs on
    #[arg(long, value_enum, default_value_t)]
    pub target: DemoTarget,
    /// The simulated kernel below the driver
    #[arg(long, value_parser = kernel(), default_value_t)]
    pub kernel: Kernel,
    /// Which rules the driver applies before it calls the kernel
    #[arg(long, value_enum, default_value_t)]
    pub rules: Rules,
    /// The driver image to load.
    #[command(flatten)]
    pub image: ImageArg,
}

/// Arguments of `show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Process id, or process id and thread id, in decimal; self means psimp itself
    #[arg(value_name = "PID[/TID]")]
    pub thread: ThreadRef,
    /// Show the groups of each token too
    #[arg(long)]
    pub groups: bool,
    /// Show the privileges of each token too
    #[arg(long)]
    pub privileges: bool,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Folder for this page and one for each command; standard output, and this page alone, without it
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Arguments of `impersonate`.
#[derive(Clone, Debug, Args)]
pub struct ImpersonateArgs {
    /// Level of the token, from 0 (Anonymous) to 3 (Delegation)
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = number(0..=3_u32))]
    pub level: u32,
}

/// Arguments of `driver`.
#[derive(Clone, Debug, Args)]
pub struct DriverArgs {
    /// What to do with the driver
    #[arg(value_enum)]
    pub action: DriverAction,
    /// The driver image that `install` installs.
    #[command(flatten)]
    pub image: ImageArg,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// What is measured
    #[arg(long, value_enum, default_value_t)]
    pub target: LoadTarget,
    /// Rehearse the target device here: with the image as the loaded driver, over the model of the kernel (x86-64
    /// Linux)
    #[arg(long)]
    pub rehearse: bool,
    /// The driver image to measure.
    #[command(flatten)]
    pub image: ImageArg,
    /// The figures to compare with
    #[arg(long, value_name = "PATH", default_value = "tests/harness/bench/baseline.json")]
    pub baseline: PathBuf,
    /// Write the figures there, as the new baseline
    #[arg(long)]
    pub save: bool,
    /// Measure a little of everything, to see that it can be measured; the figures mean nothing
    #[arg(long, conflicts_with = "save")]
    pub short: bool,
    /// How long the target device is measured
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = number(1..=u32::MAX))]
    pub seconds: u32,
    /// How the numbers are written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `bench-steps`.
#[derive(Clone, Debug, Args)]
pub struct BenchStepsArgs {
    /// The driver image whose calls are made.
    #[command(flatten)]
    pub image: ImageArg,
    /// Make them of the service over the model instead
    #[arg(long)]
    pub model: bool,
    /// How often each call is made
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repetitions: usize,
}

/// Arguments of `mutants`.
#[derive(Clone, Debug, Args)]
pub struct MutantsArgs {
    /// Folder with the wrong images
    #[arg(long, value_name = "DIR")]
    pub image_dir: PathBuf,
    /// Check those that are in the folder only; otherwise each must be there
    #[arg(long)]
    pub sample: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `faults`.
#[derive(Clone, Debug, Args)]
pub struct FaultsArgs {
    /// The cases whose calls fail, and the setting.
    #[command(flatten)]
    pub cases: CasesArg,
    /// Run this only, and print each request; the id includes kernel and rules
    #[arg(long, value_name = "ID", conflicts_with_all = ["filters", "kernel", "rules", "format"])]
    pub replay: Option<RunId>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// Arguments of `soak`.
#[derive(Clone, Debug, Args)]
pub struct SoakArgs {
    /// Whose calls are made
    #[arg(long, value_enum, default_value_t)]
    pub target: LoadTarget,
    /// Rehearse the target device here: with the image as the loaded driver, over the model of the kernel (x86-64
    /// Linux)
    #[arg(long)]
    pub rehearse: bool,
    /// How long the threads run
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = number(1..=u32::MAX))]
    pub seconds: u32,
    /// How many threads; one per core by default
    #[arg(long, value_name = "N", value_parser = number(1..=u8::MAX))]
    pub threads: Option<u8>,
    /// The driver image to run.
    #[command(flatten)]
    pub image: ImageArg,
    /// How the figures are written
    #[arg(long, value_enum, default_value_t)]
    pub format: TextFormat,
}

/// The driver image.
#[derive(Clone, Debug, Args)]
pub struct ImageArg {
    /// The driver image
    #[arg(long = "image", value_name = "PATH", env = "PSIMP_SYS", hide_env_values = true)]
    #[arg(default_value = "target/psimp.sys")]
    pub path: PathBuf,
}
