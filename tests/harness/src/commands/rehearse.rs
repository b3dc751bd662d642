//! `--rehearse`: the targets of Windows, over the model of the kernel.

use crate::bench::OnDevice;
use crate::configuration::Injection;
use crate::native::Setting;
use crate::native::route::Route;
use crate::result::CaseResult;
use crate::soak::Figures;
use crate::survey::Observation;
use psimp_catalogue::{Case, DecisionRow};
use psimp_host::Image;
use psimp_rules::Kernel;
use std::time::Duration;

/// A decision, and what it came to.
type Decided = (&'static DecisionRow, Observation);

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(super) use here::{bench, run, soak, survey, unavailable};

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

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn survey(
    _: Kernel,
    _: Route,
    _: Option<&Image>,
    _: &dyn Fn(),
) -> Result<(Vec<Decided>, Vec<String>), String> {
    Err(unavailable().unwrap_or_default())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn soak(_: &Image, _: Duration, _: usize) -> Result<(Figures, Vec<String>), String> {
    Err(unavailable().unwrap_or_default())
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub(super) fn bench(_: &Image, _: Duration) -> Result<(OnDevice, Vec<String>), String> {
    Err(unavailable().unwrap_or_default())
}

/// Tells what a rehearsal left behind; returns whether it was nothing.
pub(super) fn tidy(left: &[String]) -> bool {
    for left in left {
        eprintln!("psimp: at the end of the rehearsal: {left}");
    }
    left.is_empty()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod here {
    use super::{
        Case, CaseResult, Decided, Duration, Figures, Image, Injection, Kernel, OnDevice, Route, Setting,
    };
    use crate::cli::{Cli, Command};
    use crate::configuration::Injected;
    use crate::native;
    use crate::native::plan::Plan;
    use clap::Parser as _;
    use psimp_catalogue::Device;
    use psimp_protocol::CLIENTS_SETTING;
    use psimp_rehearsal::Rehearsal;
    use std::collections::BTreeMap;
    use std::fs;

    #[allow(clippy::unnecessary_wraps)] // as elsewhere
    pub(in crate::commands) const fn unavailable() -> Option<String> {
        None
    }

    /// Runs the cases on machines of the model, one for each value of the driver's setting that they need; also returns
    /// what is left there.
    pub(in crate::commands) fn run(
        cases: &[Case],
        setting: &Setting<'_>,
        image: Option<&Image>,
        injection: Option<&Injection>,
    ) -> Result<(Vec<CaseResult>, Vec<String>), String> {
        let needs = |case: &Case| match Plan::of(case, setting.kernel, setting.route) {
            Ok(Plan { setting: Device::Needed(clients), .. }) => clients,
            _ => None,
        };
        let mut machines = BTreeMap::<_, Vec<_>>::new();
        for (place, case) in cases.iter().enumerate() {
            machines.entry(needs(case)).or_default().push((place, case.clone()));
        }
        let (mut results, mut left, mut injection) = (BTreeMap::new(), Vec::new(), injection);
        for (clients, cases) in machines {
            let rehearsal = start(setting.kernel, image, clients)?;
            if let Some(Injection { kind: of, case }) = injection {
                rehearsal.inject(psimp_rehearsal::Injection { kind: kind(*of), case: case.clone() });
            }
            let begins = |case: &Case| {
                rehearsal.begins(case.id);
                (setting.begins)(case);
            };
            let (places, cases): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
            let done = rehearsal.run(|| {
                let done = native::run(&cases, &Setting { begins: &begins, ..*setting });
                native::clear();
                done
            });
            injection = injection.filter(|_| rehearsal.is_pending());
            left.extend(end(rehearsal));
            results.extend(places.into_iter().zip(done?));
        }
        if injection.is_some() {
            left.push("--inject had no effect, as no case got so far".to_owned());
        }
        Ok((results.into_values().collect(), left))
    }

    /// A machine, and the driver with this value of its setting.
    fn start(kernel: Kernel, image: Option<&Image>, clients: Option<u32>) -> Result<Rehearsal, String> {
        let settings = clients.map(|value| (CLIENTS_SETTING.to_owned(), value)).into_iter().collect();
        Rehearsal::start(kernel, image, settings, program)
    }

    /// Asks the kernel of the model for every decision; also returns what is left.
    pub(in crate::commands) fn survey(
        kernel: Kernel,
        route: Route,
        image: Option<&Image>,
        ended: &dyn Fn(),
    ) -> Result<(Vec<Decided>, Vec<String>), String> {
        on_machine(kernel, image, || native::survey(route, ended))
    }

    /// Soaks an image; also returns what is left.
    pub(in crate::commands) fn soak(
        image: &Image,
        duration: Duration,
        threads: usize,
    ) -> Result<(Figures, Vec<String>), String> {
        on_machine(Kernel::Win10, Some(image), || native::soak(duration, threads))
    }

    /// Measures an image; also returns what is left.
    pub(in crate::commands) fn bench(
        image: &Image,
        duration: Duration,
    ) -> Result<(OnDevice, Vec<String>), String> {
        on_machine(Kernel::Win10, Some(image), || native::bench(duration))
    }

    fn on_machine<T>(
        kernel: Kernel,
        image: Option<&Image>,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<(T, Vec<String>), String> {
        let rehearsal = start(kernel, image, None)?;
        let done = rehearsal.run(|| {
            let done = work();
            native::clear();
            done
        });
        let left = end(rehearsal);
        Ok((done?, left))
    }

    /// Ends the machine; returns what is left there, and in the folder of the journal.
    fn end(rehearsal: Rehearsal) -> Vec<String> {
        let mut left = rehearsal.end();
        let folder = psimp_rehearsal::process::data_folder();
        if folder.join("psimp/journal.jsonl").exists() {
            left.push("a line of the journal".to_owned());
        }
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            left.push(format!("the folder {}: {error}", folder.display()));
        }
        left
    }

    const fn kind(injected: Injected) -> psimp_rehearsal::Injected {
        match injected {
            Injected::Dies => psimp_rehearsal::Injected::Dies,
            Injected::Hangs => psimp_rehearsal::Injected::Hangs,
            Injected::Nonsense => psimp_rehearsal::Injected::Nonsense,
            Injected::NoAnswer => psimp_rehearsal::Injected::NoAnswer,
            Injected::NoToken => psimp_rehearsal::Injected::NoToken,
            Injected::WrongToken => psimp_rehearsal::Injected::WrongToken,
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
