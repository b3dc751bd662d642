//! Access and privilege checks.

mod check;
mod mapping;
mod native;
mod object;
mod privilege;
mod subject;

pub use check::{AccessMode, AccessRequest};
pub use mapping::GenericMapping;
pub use native::AccessChecked;
pub use subject::SubjectContext;
