//! What a WebSocket's client sends: our decoder against tungstenite.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::client_frames(data));
