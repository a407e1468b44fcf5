//! Sets of keys, from a file or from whoever answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::jwks(data));
