//! What installing, starting, stopping and uninstalling do, step by step, and how a step that fails is undone.

use super::image::{Unfit, in_driver_store, plain, same_path};
use super::refusal::Refusal;
use std::fmt::{self, Display, Formatter};

/// How often the state is looked at until a driver is loaded or unloaded.
const LOOKS: u32 = 50;

/// The service of the driver, as the service control manager reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The image path, as the service control manager keeps it.
    pub image: String,
    /// It is a kernel driver that is started on demand.
    pub driver_on_demand: bool,
    /// Whether the driver is loaded.
    pub state: State,
}

/// Whether a driver is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not.
    Stopped,
    /// It is being loaded.
    Starting,
    /// It is.
    Running,
    /// It is to be unloaded as soon as nobody has its device open.
    Stopping,
}

/// The service control manager and the device, as far as one driver service needs them.
///
/// No method keeps anything open: a service is deleted only when nobody has it open.
pub trait Services {
    /// The service, if there is one.
    ///
    /// # Errors
    /// What Windows says.
    fn query(&mut self) -> Result<Option<Service>, Refusal>;
    /// Makes the service: a kernel driver, started on demand, of this image.
    ///
    /// # Errors
    /// What Windows says.
    fn create(&mut self, image: &str) -> Result<(), Refusal>;
    /// Gives the service its description.
    ///
    /// # Errors
    /// What Windows says.
    fn describe(&mut self) -> Result<(), Refusal>;
    /// Loads the driver.
    ///
    /// # Errors
    /// What Windows says.
    fn start(&mut self) -> Result<(), Refusal>;
    /// Asks for the driver to be unloaded.
    ///
    /// # Errors
    /// What Windows says.
    fn stop(&mut self) -> Result<(), Refusal>;
    /// Marks the service for deletion.
    ///
    /// # Errors
    /// What Windows says.
    fn delete(&mut self) -> Result<(), Refusal>;
    /// Opens the device for reading, and closes it.
    ///
    /// # Errors
    /// What Windows says.
    fn open_device(&mut self) -> Result<(), Refusal>;
    /// Lets some time pass: a tenth of a second.
    fn wait(&mut self);
}

/// Why something was not done.
#[derive(Debug)]
pub enum ServiceFailure {
    /// Windows refused.
    Refused(Refusal),
    /// The image cannot be a driver here.
    Unfit(Unfit),
    /// The name belongs to the service of another image.
    OtherImage(String),
    /// The name belongs to a service that is no driver started on demand.
    OtherService,
    /// There is no such service.
    NotInstalled,
    /// The driver is loaded.
    Loaded,
    /// The driver is not loaded.
    NotLoaded,
    /// The driver did not come to be loaded in time.
    NotInTime,
    /// The driver is to be unloaded, but something has its device open.
    InUse,
    /// The service is deleted as soon as nobody has it open.
    Marked,
    /// The driver package's own installation made the service.
    Package(String),
    /// A step failed, and then the undoing of an earlier one.
    NotUndone {
        /// What failed first.
        first: Box<ServiceFailure>,
        /// What failed then.
        then: Refusal,
        /// What is left as it should not be, and what to do.
        left: &'static str,
    },
}

impl From<Refusal> for ServiceFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl ServiceFailure {
    /// This failure, and that of undoing the step before, if it failed too.
    fn after_undoing(self, undone: Result<(), Refusal>, left: &'static str) -> Self {
        match undone {
            Ok(()) => self,
            Err(then) => Self::NotUndone { first: Box::new(self), then, left },
        }
    }
}

/// Makes the service. `Ok(false)` if it is there already, for the same image.
///
/// # Errors
/// Why there is none; then nothing was changed, or [`ServiceFailure::NotUndone`] lists what is left.
pub fn install(services: &mut impl Services, image: &str) -> Result<bool, ServiceFailure> {
    if let Some(service) = services.query()? {
        check_same(&service, image)?;
        return Ok(false);
    }
    services.create(image)?;
    let described = services.describe().map_err(ServiceFailure::from);
    described.and_then(|()| check_made(services, image)).map_err(|failure| {
        let left = "the service is left; `psimp driver uninstall` deletes it";
        failure.after_undoing(services.delete(), left)
    })?;
    Ok(true)
}

/// Loads the driver, and sees that its device opens.
///
/// # Errors
/// Why it is not loaded.
pub fn start(services: &mut impl Services) -> Result<(), ServiceFailure> {
    let service = services.query()?.ok_or(ServiceFailure::NotInstalled)?;
    match service.state {
        State::Running | State::Starting => return Err(ServiceFailure::Loaded),
        State::Stopping => return Err(ServiceFailure::InUse),
        State::Stopped => services.start()?,
    }
    let running = until(services, State::Running, ServiceFailure::NotInTime);
    running.and_then(|()| Ok(services.open_device()?)).map_err(|failure| {
        failure.after_undoing(services.stop(), "the driver is left loaded; restart Windows to be rid of it")
    })
}

/// Unloads the driver.
///
/// # Errors
/// Why it is still loaded.
pub fn stop(services: &mut impl Services) -> Result<(), ServiceFailure> {
    match services.query()?.ok_or(ServiceFailure::NotInstalled)?.state {
        State::Stopped => Err(ServiceFailure::NotLoaded),
        State::Stopping => Err(ServiceFailure::InUse),
        State::Running | State::Starting => {
            services.stop()?;
            until(services, State::Stopped, ServiceFailure::InUse)
        }
    }
}

/// Unloads the driver if it is loaded, and deletes its service.
///
/// # Errors
/// Why the service is still there.
pub fn uninstall(services: &mut impl Services) -> Result<(), ServiceFailure> {
    let service = services.query()?.ok_or(ServiceFailure::NotInstalled)?;
    if !service.driver_on_demand {
        return Err(ServiceFailure::OtherService);
    }
    if in_driver_store(&service.image) {
        return Err(ServiceFailure::Package(service.image));
    }
    let was_loaded = service.state != State::Stopped;
    if was_loaded {
        stop(services)?;
    }
    if let Err(refusal) = services.delete() {
        let undone = if was_loaded { services.start() } else { Ok(()) };
        let left = "the driver is left unloaded; `psimp driver start` loads it";
        return Err(ServiceFailure::from(refusal).after_undoing(undone, left));
    }
    match services.query()? {
        None => Ok(()),
        Some(_) => Err(ServiceFailure::Marked),
    }
}

/// Looks until the driver is in a state.
fn until(
    services: &mut impl Services,
    state: State,
    otherwise: ServiceFailure,
) -> Result<(), ServiceFailure> {
    for _ in 0..LOOKS {
        if services.query()?.ok_or(ServiceFailure::NotInstalled)?.state == state {
            return Ok(());
        }
        services.wait();
    }
    Err(otherwise)
}

/// Whether the service that was made is what was asked for.
fn check_made(services: &mut impl Services, image: &str) -> Result<(), ServiceFailure> {
    let service = services.query()?.ok_or(ServiceFailure::NotInstalled)?;
    check_same(&service, image)
}

fn check_same(service: &Service, image: &str) -> Result<(), ServiceFailure> {
    if !service.driver_on_demand {
        Err(ServiceFailure::OtherService)
    } else if same_path(&service.image, image) {
        Ok(())
    } else {
        Err(ServiceFailure::OtherImage(service.image.clone()))
    }
}

/// One sentence: what was not done, why, and what to do.
impl Display for ServiceFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Unfit(unfit) => unfit.fmt(f),
            Self::OtherImage(image) => write!(
                f,
                "the service PsImpersonate is installed for another image, {}; `psimp driver uninstall` \
                 deletes it",
                plain(image)
            ),
            Self::OtherService => f.write_str(
                "a service called PsImpersonate is installed that is no kernel driver started on demand; \
                 `sc qc PsImpersonate` shows it",
            ),
            Self::NotInstalled => {
                f.write_str("the driver is not installed; `psimp driver install` installs it")
            }
            Self::Loaded => f.write_str("the driver is loaded already; `psimp driver stop` unloads it"),
            Self::NotLoaded => f.write_str("the driver is not loaded; `psimp driver start` loads it"),
            Self::NotInTime => {
                f.write_str("the driver was not loaded in five seconds; the System event log may have the reason")
            }
            Self::InUse => f.write_str(
                r"the driver is unloaded as soon as nobody has \\.\PsImpersonate open; end the programs that use it",
            ),
            Self::Marked => f.write_str(
                "the service is deleted as soon as no other program has it open; close consoles such as \
                 services.msc, or restart Windows",
            ),
            Self::Package(image) => write!(
                f,
                "the driver was installed as a driver package, {}; remove that with \
                 `pnputil /delete-driver oemN.inf /uninstall`",
                plain(image)
            ),
            Self::NotUndone { first, then, left } => {
                write!(f, "{first}; and undoing it failed: {}; {left}", then.meaning())
            }
        }
    }
}
