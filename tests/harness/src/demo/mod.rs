//! `psimp demo`: a client lends its identity to a server, once at each level.
//!
//! [`story`] carries out the steps on a [`Stage`]: the model with the service or an image on it
//! ([`model`]), or a running Windows with the driver loaded. It prints what the stage shows, and
//! compares it with the expected outcome.

pub mod model;
pub mod story;
pub mod transcript;

#[cfg(windows)]
mod device;
mod people;
mod steps;

#[cfg(windows)]
pub use device::DeviceStage;
pub use story::tell;
pub use transcript::Transcript;

use crate::client::Contract;
use crate::driver::Failure;
use crate::show::view::View;
use psimp_nt::Status;
use psimp_protocol::RulesMode;

/// The client that connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The client of the story: the server's own user, in another logon session where there are two.
    Client,
    /// Another user's client.
    Stranger,
}

/// The processes, users and documents on a stage.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The target, as the first line of the page names it.
    pub target: String,
    /// The server's description.
    pub server: String,
    /// The client's description.
    pub client: String,
    /// The description of the client's document: who may open it.
    pub document: String,
    /// How an open of the document ends that the server makes as itself.
    pub opens_as_itself: Status,
    /// How an open ends that a thread makes at Anonymous.
    pub anonymous: Status,
    /// The client's user, as it is shown.
    pub user: String,
    /// The client's process, as [`Stage::process`] names it.
    pub client_process: String,
    /// The other user, as it is shown; none where there is only one user.
    pub stranger: Option<Stranger>,
    /// What SERVE asks for.
    pub rules: RulesMode,
}

/// Another user's client.
#[derive(Clone, Debug)]
pub struct Stranger {
    /// Its description.
    pub is: String,
    /// Its user, as it is shown.
    pub user: String,
    /// Its process, as [`Stage::process`] names it.
    pub process: String,
    /// Whether the server may impersonate it at Impersonation level.
    pub kept: bool,
}

/// A server with the device open, and clients that come and go. The server's thread sends the
/// requests of the [`Contract`]; it also makes the calls below, except where another is named.
pub trait Stage: Contract {
    /// The processes, users and documents on a stage.
    fn scene(&self) -> &Scene;

    /// A client opens the client's name with these flags of `CreateFile`.
    ///
    /// # Errors
    /// What the open fails with.
    fn connect(&mut self, guest: Guest, flags: u32) -> Result<(), Failure>;

    /// The client closes what it opened, if it has not yet.
    ///
    /// # Errors
    /// What the close fails with.
    fn leave(&mut self) -> Result<(), Failure>;

    /// What `psimp show` shows of the server's process and thread, seen from another thread.
    ///
    /// # Errors
    /// Why it cannot be seen.
    fn show(&mut self) -> Result<View, Failure>;

    /// Opens its own token as the process, and reads whose it is.
    ///
    /// # Errors
    /// What the open or the query fails with.
    fn reads_client(&mut self) -> Result<String, Failure>;

    /// A descriptor that grants access to this client alone.
    fn document(&self, guest: Guest) -> Vec<u8>;

    /// Opens the client's name, as the thread now is, with these flags of `CreateFile`.
    ///
    /// # Errors
    /// What the open fails with.
    fn connect_as_client(&mut self, flags: u32) -> Result<(), Failure>;

    /// Closes what [`Stage::connect_as_client`] opened.
    ///
    /// # Errors
    /// What the close fails with.
    fn leave_as_client(&mut self) -> Result<(), Failure>;

    /// The thread connects to a server on another machine; none where that cannot be tried.
    fn is_client_elsewhere(&mut self) -> Option<Result<(), Failure>>;

    /// A process by its id.
    fn process(&self, id: u32) -> String;
}
