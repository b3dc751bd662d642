//! System buffers of completed requests.

use crate::native::engine::guarded::Guarded;
use crate::native::engine::mapping::Mapping;
use crate::{Fault, FaultKind};

/// The system buffer of the thread's last request.
#[derive(Debug)]
pub(crate) struct Quarantine {
    pub(crate) buffer: Guarded,
    /// Id of the framework instance that the request belonged to.
    pub(crate) owner: u64,
    /// Return address of the call that completed it.
    pub(crate) caller: u64,
}

impl Quarantine {
    /// The fault of a driver that has written to the buffer since, if the
    /// buffer is this driver's.
    pub(crate) fn check(&self, framework: u64, mapping: &Mapping) -> Option<Fault> {
        if self.owner != framework {
            return None;
        }
        let offset = changed(&self.buffer)?;
        Some(Fault {
            kind: FaultKind::AfterCompletion,
            message: format!(
                "the driver wrote at offset {offset} of the system buffer of a request that had ended before"
            ),
            site: mapping.site(self.caller),
        })
    }
}

/// Where a buffer was changed since it was taken back.
pub(super) fn changed(buffer: &Guarded) -> Option<isize> {
    buffer.changed_since_taken_back().map(usize::cast_signed).or_else(|| buffer.damage())
}
