//! Tokens that are signed well, whatever they say.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::claims(data));
