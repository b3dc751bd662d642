#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| psimp_fuzz::IOCTL.must_hold(bytes));
