//! What proxies say of their clients.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::proxies(data));
