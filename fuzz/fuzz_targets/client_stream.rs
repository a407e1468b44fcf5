//! What a client of ours makes of any stream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::client_stream(data));
