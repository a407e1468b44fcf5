//! What a client of Socket.IO sends.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::socketio(data));
