//! Cases that are a sequence of calls.

mod notation;
mod step;

pub(crate) use notation::{
    DELETE, USE, check, create, end, exit, idle, imp, imp_fails, make_primary, on, open, open_own,
    open_process, opened, script, set_own, slot, thread, token,
};
pub use step::{Broker, Context, Judge, Memory, Object, Program, Securable, Step};

use crate::{AppliesTo, ClientToken, ServerToken};
use psimp_rules::{Family, Kernel};

/// The threads of a script. Each is also a thread of the operating system that the
/// harness runs on, and makes its calls there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The server process's first thread, which makes all calls that are not given
    /// to another.
    T1,
    /// Another thread of the same process.
    T2,
    /// A third one.
    T3,
    /// A thread of a process Q, whose primary token is S+. It has no handle of
    /// the device.
    Q,
    /// A system thread in the server process: it has no TEB, and no handle of
    /// the device.
    System,
    /// A thread of a client process of user A, whose primary token is Ap0.
    ClientA,
    /// A thread of a client process of user B, whose primary token is Bp0.
    ClientB,
}

/// A sequence of calls, and checks of their results.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Group letter and number.
    pub id: &'static str,
    /// One line on what it shows.
    pub title: &'static str,
    /// The server's primary token.
    pub server: ServerToken,
    /// Where it can be carried out.
    pub only: AppliesTo,
    /// Whether it needs the driver.
    pub device: Device,
    /// What to do, in order.
    pub steps: &'static [Step],
}

/// What a script needs of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Nothing: its calls can also be made without the driver.
    Any,
    /// The running driver, with this value of its setting `Clients`, if any.
    Needed(Option<u32>),
}

/// A value for each family of kernels.
///
/// Through the driver with documented rules, the documented downgrades apply
/// whatever the kernel would do: then the value for `documented` is expected on
/// every kernel. [`Script`]s therefore have all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByKernel<T> {
    /// A kernel that follows the documentation.
    pub documented: T,
    /// NT 5.2 as `ReactOS` models it.
    pub nt52: T,
    /// Windows 10 and 11 as publicly reported.
    pub win10: T,
}

impl<T> ByKernel<T> {
    /// The value for a kernel.
    pub const fn of(&self, kernel: Kernel) -> &T {
        match kernel.family() {
            Family::Documented => &self.documented,
            Family::Nt52 => &self.nt52,
            Family::Win10 => &self.win10,
        }
    }
}

impl ByKernel<State> {
    /// The expected state of a thread on a kernel; with the driver's `documented_rules`,
    /// that of a documented kernel.
    pub fn expected(&self, kernel: Kernel, documented_rules: bool) -> &State {
        if documented_rules && self.documented.is_downgrade() { &self.documented } else { self.of(kernel) }
    }
}

/// The same on every kernel.
pub(crate) const fn all<T: Copy>(value: T) -> ByKernel<T> {
    ByKernel { documented: value, nt52: value, win10: value }
}

/// The expected state of a thread; empty strings are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The slot.
    pub slot: &'static str,
    /// An open of its token. It comes last, since it may change the slot.
    pub open: &'static str,
    /// An access check.
    pub access: &'static str,
    /// References on tokens since the start of the case, without the test's
    /// own.
    pub references: &'static [(ClientToken, i64)],
    /// The slot after the open, if the open changes it.
    pub after_open: &'static str,
}

impl State {
    /// Whether the slot holds a downgrade copy; a copy above Identification was
    /// made by an open.
    pub fn is_downgrade(&self) -> bool {
        self.slot.starts_with("copy of ") && (self.slot.ends_with("L0") || self.slot.ends_with("L1"))
    }
}

/// A thread that does not impersonate, and has its process's access.
pub(crate) const IDLE: State =
    State { slot: "idle", open: "7C", access: "as A", references: &[], after_open: "" };
