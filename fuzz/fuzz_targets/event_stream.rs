//! Server-Sent Events through a decoder written from the standard.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::event_stream(data));
