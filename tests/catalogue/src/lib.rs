//! The cases, as data.
