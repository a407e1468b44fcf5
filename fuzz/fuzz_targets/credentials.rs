//! Where a credential stands in a request, and whose it is.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::credentials(data));
