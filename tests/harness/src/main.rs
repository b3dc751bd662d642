//! The psimp program.
fn main() {}
