//! `psimp driver`: the service of psimp.sys.

mod answers;
pub mod code;
pub mod image;
pub mod refusal;
pub mod service;

#[cfg(windows)]
mod windows;

use crate::cli::{DriverAction, DriverArgs, Exit, TextFormat};
use image::{Machine, installable};
use refusal::Refusal;
use serde_json::{Value, json};
use service::{ServiceFailure, Services, State};

/// Name of the service, as `psimp.inx` has it too.
pub const SERVICE: &str = "PsImpersonate";
/// What lists of services call it, as in the INF.
pub const DISPLAY_NAME: &str = "Thread impersonation";
/// Its description, as in the INF.
pub const DESCRIPTION: &str = "Mirrors and exposes thread impersonation to administrators";

/// What came of an action.
#[derive(Debug)]
pub enum Done {
    /// What it did, in words.
    Did(String),
    /// How the driver stands.
    Status(Box<Status>),
}

/// How the driver stands.
#[derive(Debug)]
pub struct Status {
    /// Its service, if there is one, or why that is unknown.
    pub service: Result<Option<service::Service>, Refusal>,
    /// Whether its device opens for reading.
    pub device: Result<(), Refusal>,
}

#[cfg(windows)]
pub(super) fn driver(args: &DriverArgs) -> anyhow::Result<Exit> {
    let outcome = act(&mut windows::Manager, args, windows::machine());
    tell(args, &outcome)
}

#[cfg(not(windows))]
pub(super) fn driver(_: &DriverArgs) -> anyhow::Result<Exit> {
    let why = "psimp driver manages the service of a running Windows; here is none";
    Err(super::Stop::unavailable(why).into())
}

/// Why `--target device` is not available, if it is not; a sentence.
#[cfg(windows)]
pub fn why_no_device() -> Option<String> {
    windows::Manager.open_device().err().map(no_device)
}

/// Why `--target device` is not available, if it is not; a sentence.
#[cfg(not(windows))]
pub fn why_no_device() -> Option<String> {
    let loading = "`psimp driver install` and `psimp driver start` do that there";
    Some(format!(
        "--target device needs psimp.sys loaded on Windows; {loading}, and --target image runs it here"
    ))
}

/// The sentence for a device that does not open.
pub fn no_device(refusal: Refusal) -> String {
    format!("--target device {refusal}")
}

/// Does what is asked, on a machine with this processor.
///
/// # Errors
/// Why it was not done.
pub fn act(services: &mut impl Services, args: &DriverArgs, here: Machine) -> Result<Done, ServiceFailure> {
    let words = match args.action {
        DriverAction::Install => {
            let image = installable(&args.image.path, here).map_err(ServiceFailure::Unfit)?;
            let made = service::install(services, &image)?;
            let installed = if made { "installed" } else { "was installed already" };
            format!("{SERVICE} {installed}: {image}; `psimp driver start` loads it")
        }
        DriverAction::Start => {
            service::start(services)?;
            r"psimp.sys is loaded, and \\.\PsImpersonate opens".to_owned()
        }
        DriverAction::Stop => {
            service::stop(services)?;
            "psimp.sys is unloaded".to_owned()
        }
        DriverAction::Uninstall => {
            service::uninstall(services)?;
            format!("the service {SERVICE} is deleted")
        }
        DriverAction::Status => {
            let service = services.query();
            return Ok(Done::Status(Box::new(Status { service, device: services.open_device() })));
        }
    };
    Ok(Done::Did(words))
}

/// What an action prints on standard output, and the exit code.
pub fn report(args: &DriverArgs, outcome: &Result<Done, ServiceFailure>) -> (Option<String>, Exit) {
    let exit = if refusal(outcome).is_none() { Exit::Passed } else { Exit::Failed };
    let text = match args.format {
        TextFormat::Json => Some(as_json(args.action, outcome).to_string()),
        TextFormat::Table => match outcome {
            Ok(Done::Did(words)) => Some(words.clone()),
            Ok(Done::Status(status)) => Some(status.words()),
            Err(_) => None,
        },
    };
    (text, exit)
}

#[cfg(windows)]
fn tell(args: &DriverArgs, outcome: &Result<Done, ServiceFailure>) -> anyhow::Result<Exit> {
    let (text, exit) = report(args, outcome);
    if let Some(text) = text {
        super::say(text + "\n")?;
    }
    if let Some(why) = refusal(outcome) {
        eprintln!("psimp: {why}");
    }
    Ok(exit)
}

/// Why an action was not done, or was done in part only.
fn refusal(outcome: &Result<Done, ServiceFailure>) -> Option<String> {
    match outcome {
        Ok(Done::Did(_)) => None,
        Ok(Done::Status(status)) => status.service.as_ref().err().map(ToString::to_string),
        Err(failure) => Some(failure.to_string()),
    }
}

fn as_json(action: DriverAction, outcome: &Result<Done, ServiceFailure>) -> Value {
    let mut object = match outcome {
        Ok(Done::Status(status)) => status.json(),
        Ok(Done::Did(words)) => json!({ "message": words }),
        Err(failure) => json!({ "message": failure.to_string() }),
    };
    object["action"] = json!(action.to_string());
    object["done"] = json!(refusal(outcome).is_none());
    object
}

impl Status {
    fn image(&self) -> Option<&str> {
        self.service.as_ref().ok()?.as_ref().map(|service| image::plain(&service.image))
    }

    const fn state(&self) -> &'static str {
        match &self.service {
            Err(_) => "unknown",
            Ok(None) => "not installed",
            Ok(Some(service)) => match service.state {
                State::Stopped => "not loaded",
                State::Starting => "being loaded",
                State::Running => "loaded",
                State::Stopping => "being unloaded, as soon as nobody has the device open",
            },
        }
    }

    fn device(&self) -> String {
        self.device
            .map_or_else(|refusal| format!("does not open: {}", refusal.meaning()), |()| "opens".to_owned())
    }

    fn words(&self) -> String {
        let (installed, none) = match &self.service {
            Ok(Some(_)) => ("installed", "none"),
            Ok(None) => ("not installed", "none"),
            Err(_) => ("unknown", "unknown"),
        };
        let image = self.image().unwrap_or(none);
        format!(
            "service {SERVICE}  {installed}\nimage                  {image}\ndriver                 {}\n\
             \\\\.\\PsImpersonate      {}",
            self.state(),
            self.device()
        )
    }

    fn json(&self) -> Value {
        let known = self.service.as_ref().ok();
        let loaded = |service: &service::Service| service.state != State::Stopped;
        let mut object = json!({
            "installed": known.map(Option::is_some),
            "loaded": known.map(|service| service.as_ref().is_some_and(loaded)),
            "state": self.state(),
            "image": self.image(),
            "device": { "opens": self.device.is_ok(), "message": self.device() },
        });
        if let Err(refusal) = &self.service {
            object["message"] = json!(refusal.to_string());
        }
        object
    }
}
