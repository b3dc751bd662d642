//! The machine.

use crate::call;

/// What a call since the last question would have needed, if the rehearsal lacks it.
pub fn lacks() -> Option<String> {
    let lacking = call::enter().machine().lacking.lock().take();
    lacking.map(|call| format!("not in the rehearsal: {call}"))
}
