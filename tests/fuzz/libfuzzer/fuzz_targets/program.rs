#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| psimp_fuzz::PROGRAM.must_hold(bytes));
