//! A body of polling, or the query of a request.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::engineio(data));
