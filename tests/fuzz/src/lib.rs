//! The fuzz targets, as functions over bytes.
//!
//! A [`Target`] takes any bytes and returns what is wrong with the result.
//! libFuzzer runs it from `tests/fuzz/libfuzzer`, over the driver's service;
//! `tests/replay.rs` runs it with the stored inputs, on any toolchain, over the
//! service and over the loaded image, whose results must be the same.
//!
//! Stored beside this folder are `seeds`, made by `tests/seeds.rs`;
//! `regressions`, inputs that once failed, named after the failure; and
//! `corpus`, inputs that libFuzzer found to reach new code.

mod choice;
mod descriptor;
mod image;
mod ioctl;
mod program;
mod scene;

pub use ioctl::Request;

use psimp_harness::driver::Source;

/// A function that takes untrusted bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is also that of its folders and of its program for libFuzzer.
    pub name: &'static str,
    run: fn(&[u8], &[Source]) -> Result<(), String>,
}

/// Raw bytes to every control code.
pub const IOCTL: Target = Target { name: "ioctl", run: ioctl::run };
/// Programs of calls.
pub const PROGRAM: Target = Target { name: "program", run: program::run };
/// Driver images: read, checked and mapped, never run.
pub const IMAGE: Target = Target { name: "image", run: image::run };
/// Security descriptors and SIDs.
pub const DESCRIPTOR: Target = Target { name: "descriptor", run: descriptor::run };

/// Every target.
pub const TARGETS: &[Target] = &[IOCTL, PROGRAM, IMAGE, DESCRIPTOR];

impl Target {
    /// Runs one input. If the driver is part of the target, the input runs on
    /// every source, and the results must be the same.
    ///
    /// # Errors
    /// What is wrong.
    pub fn run(&self, bytes: &[u8], sources: &[Source]) -> Result<(), String> {
        (self.run)(bytes, sources)
    }

    /// Runs one input over the service.
    ///
    /// # Panics
    /// If something is wrong, which libFuzzer detects.
    pub fn must_hold(&self, bytes: &[u8]) {
        if let Err(wrong) = self.run(bytes, &[Source::Service]) {
            panic!("{wrong}");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::choice::{ADDED, Choice, TABLES, Tables};
    use crate::{Request, program, scene::State};
    use arbitrary::Unstructured;
    use psimp_catalogue::{ClientToken, ServerToken, User};
    use psimp_model::Kernel;
    use psimp_protocol::IOCTLS;
    use std::fs;
    use std::path::Path;

    impl<T: Copy + PartialEq> Choice<T> {
        /// The table with a further entry.
        fn with(&self, entry: T) -> Self {
            Self { numbered: [self.numbered, &[entry]].concat().leak(), ..*self }
        }
    }

    /// A new entry, wherever it is in the table, takes a byte that was rejected.
    #[test]
    fn no_byte_that_chose_an_entry_chooses_another_when_one_is_added() {
        let before = Choice { at_first: 3, numbered: &["a", "b", "c"], all: &["a", "b", "c"] };
        let numbered = Choice { numbered: &["a", "b", "c", "new"], ..before };
        for after in [Choice { all: &["a", "new", "b", "c"], ..before }, numbered] {
            let differ = (0..=u8::MAX).filter(|byte| before.of(*byte) != after.of(*byte));
            assert_eq!(differ.collect::<Vec<_>>(), [0x88]);
            assert_eq!((before.of(0x88), after.of(0x88)), (None, Some("new")));
        }
        assert_eq!([0, 1, 2, 3, 0xFF].map(|byte| before.of(byte)), ["a", "b", "c", "a", "a"].map(Some));
    }

    /// The bytes of every stored input of a target.
    fn stored(target: &str) -> Vec<Vec<u8>> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = ["seeds", "corpus", "regressions"].map(|folder| here.join(folder).join(target));
        let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten();
        entries.map(|entry| fs::read(entry.expect("an entry").path()).expect("an input")).collect()
    }

    #[test]
    fn stored_inputs_mean_the_same_when_every_table_has_a_further_entry() {
        let grown = Tables {
            kernels: TABLES.kernels.with(Kernel::Win10),
            nt_kernels: TABLES.nt_kernels.with(Kernel::Win10),
            servers: TABLES.servers.with(ServerToken::S),
            clients: TABLES.clients.with(ClientToken::A0),
            users: TABLES.users.with(User::A),
            states: TABLES.states.with(State::Idle),
            rows: TABLES.rows.with(IOCTLS[0]),
        };
        let requests = stored("ioctl");
        assert!(requests.len() > 100, "{} requests", requests.len());
        for input in requests.iter().filter(|input| input.len() >= 11) {
            let [now, then] = [&TABLES, &grown].map(|tables| Request::read_with(input, tables));
            assert!(now.is_some() && now == then, "{input:02x?} is {now:?}, then {then:?}");
        }
        let programs = stored("program");
        assert!(programs.len() > 50, "{} programs", programs.len());
        for input in &programs {
            let [now, then] =
                [&TABLES, &grown].map(|tables| program::read(&mut Unstructured::new(input), tables).ok());
            assert!(now.is_some() && now == then, "{input:02x?} is {now:?}, then {then:?}");
        }
        // The further entries can be chosen at all.
        let all = [ADDED.start; 11];
        assert!(Request::read(&all).is_none() && Request::read_with(&all, &grown).is_some());
    }
}
