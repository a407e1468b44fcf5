//! Streams over a small log: joins, cuts, resumes, messages, time.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::stream(data));
