//! `psimp run --rehearse`: the targets of Windows, over the model of the kernel.

use crate::configuration::Injection;
use crate::native::Setting;
use crate::result::CaseResult;
use psimp_catalogue::Case;
use psimp_host::Image;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) use here::{run, unavailable};

/// Why there is no rehearsal here.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[allow(clippy::unnecessary_wraps)] // as where there is one
pub(super) fn unavailable() -> Option<String> {
    Some("a rehearsal takes x86-64 Linux".to_owned())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn run(
    _: &[Case],
    _: &Setting<'_>,
    _: Option<&Image>,
    _: Option<&Injection>,
) -> Result<(Vec<CaseResult>, Vec<String>), String> {
    Err(unavailable().unwrap_or_default())
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod here {
    use super::{Case, CaseResult, Image, Injection, Setting};
    use crate::cli::{Cli, Command};
    use crate::configuration::Injected;
    use crate::native;
    use clap::Parser as _;
    use psimp_rehearsal::Rehearsal;
    use std::fs;

    #[allow(clippy::unnecessary_wraps)] // as elsewhere
    pub(in crate::commands) const fn unavailable() -> Option<String> {
        None
    }

    /// Runs the cases on a machine of the model; also returns what is left there.
    pub(in crate::commands) fn run(
        cases: &[Case],
        setting: &Setting<'_>,
        image: Option<&Image>,
        injection: Option<&Injection>,
    ) -> Result<(Vec<CaseResult>, Vec<String>), String> {
        let rehearsal = Rehearsal::start(setting.kernel, image, program)?;
        if let Some(injection) = injection {
            rehearsal.inject(psimp_rehearsal::Injection {
                kind: kind(injection.kind),
                case: injection.case.clone(),
            });
        }
        let begins = |case: &Case| {
            rehearsal.begins(case.id);
            (setting.begins)(case);
        };
        let results = rehearsal.run(|| {
            let results = native::run(cases, &Setting { begins: &begins, ..*setting });
            native::clear();
            results
        })?;
        let mut left = Vec::new();
        if rehearsal.is_pending() {
            left.push("what --inject asks for, as no case got so far".to_owned());
        }
        left.extend(rehearsal.end());
        let folder = psimp_rehearsal::process::data_folder();
        if folder.join("psimp/journal.jsonl").exists() {
            left.push("a line of the journal".to_owned());
        }
        let _ = fs::remove_dir_all(folder);
        Ok((results, left))
    }

    const fn kind(injected: Injected) -> psimp_rehearsal::Injected {
        match injected {
            Injected::Dies => psimp_rehearsal::Injected::Dies,
            Injected::Hangs => psimp_rehearsal::Injected::Hangs,
            Injected::Nonsense => psimp_rehearsal::Injected::Nonsense,
            Injected::NoAnswer => psimp_rehearsal::Injected::NoAnswer,
            Injected::NoToken => psimp_rehearsal::Injected::NoToken,
            Injected::NoProcess => psimp_rehearsal::Injected::NoProcess,
            Injected::BrokenPipe => psimp_rehearsal::Injected::BrokenPipe,
        }
    }

    /// What another instance of this program does, as a process of the rehearsal.
    fn program(arguments: &[String]) -> u32 {
        let words = std::iter::once("psimp").chain(arguments.iter().map(String::as_str));
        match Cli::try_parse_from(words).map(Cli::into_command) {
            Ok(Command::NativeServer) => ended(native::serve()),
            Ok(Command::NativeClient) => ended(native::serve_as_client()),
            _ => 2,
        }
    }

    /// The exit code.
    fn ended(served: anyhow::Result<()>) -> u32 {
        match served {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("psimp: {error:#}");
                1
            }
        }
    }
}
