//! System buffers of requests that have ended.

use crate::native::engine::cpu::Cpu;
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::{Outcome, Stop};
use crate::native::running::machine::Machine;
use crate::{Fault, FaultKind};

/// The system buffer of the thread's last request.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) buffer: Guarded,
    /// Whose request it was.
    pub(crate) owner: u64,
    /// Return address of the call that completed it.
    pub(crate) caller: u64,
}

impl Resting {
    /// The fault of a driver that wrote to the buffer since.
    pub(crate) fn check(cpu: &Cpu, machine: &Machine) -> Outcome<()> {
        let mut resting = cpu.resting.borrow_mut();
        let drivers = resting.as_ref().filter(|resting| resting.owner == machine.framework.id());
        let Some((offset, caller)) =
            drivers.and_then(|drivers| Some((changed(&drivers.buffer)?, drivers.caller)))
        else {
            return Ok(());
        };
        *resting = None;
        Err(Stop::from(Fault {
            kind: FaultKind::AfterCompletion,
            message: format!(
                "the driver wrote at offset {offset} of the system buffer of a request that had ended before"
            ),
            site: machine.mapping.site(caller),
        }))
    }
}

/// Where a buffer was changed since it was taken back.
pub(crate) fn changed(buffer: &Guarded) -> Option<isize> {
    buffer.changed_since_taken_back().map(usize::cast_signed).or_else(|| buffer.damage())
}
