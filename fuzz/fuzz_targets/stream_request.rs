//! Requests for a stream, and the WebSocket handshake.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| gatecast::fuzzing::stream_request(data));
