//! Payloads: only insignificant white space goes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::json(data));
