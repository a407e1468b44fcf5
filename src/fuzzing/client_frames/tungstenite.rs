//! tungstenite as the oracle, at either side.

use std::io::{self, Cursor, Read, Write};

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use crate::wire::websocket::decoder::Incoming;

/// Its errors, as far as a client's bytes cause them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Protocol,
    Utf8,
    TooLarge,
}

/// What it made of a client's bytes.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) incoming: Vec<Incoming>,
    pub(super) fault: Option<Fault>,
}

/// Reads as a server, messages of at most `longest` bytes.
pub(super) fn read(data: &[u8], longest: usize) -> Found {
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_message_size(Some(longest))
        .max_frame_size(Some(longest));
    let mut socket =
        WebSocket::from_raw_socket(Peer(Cursor::new(data)), Role::Server, Some(config));
    let mut incoming = Vec::new();
    loop {
        let fault = match socket.read() {
            Ok(message) => {
                incoming.push(told(message));
                continue;
            }
            // The bytes have ended, or what counts of them.
            Err(
                Error::ConnectionClosed
                | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            ) => None,
            Err(Error::Protocol(_)) => Some(Fault::Protocol),
            Err(Error::Utf8(_)) => Some(Fault::Utf8),
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Some(Fault::TooLarge),
            Err(error) => panic!("{error}"),
        };
        return Found { incoming, fault };
    }
}

/// Reads one frame of a server as its client.
pub(super) fn receive(frame: &[u8]) -> Incoming {
    let mut socket = WebSocket::from_raw_socket(Peer(Cursor::new(frame)), Role::Client, None);
    let message = told(socket.read().unwrap());
    assert_eq!(socket.into_inner().0.position(), frame.len() as u64);
    message
}

/// Whether this is what tungstenite tells instead of a close whose code it does not know.
pub(super) fn is_replaced(close: &Incoming) -> bool {
    matches!(close, Incoming::Close(Some((1002, reason))) if reason == "Protocol violation")
}

fn told(message: Message) -> Incoming {
    match message {
        Message::Text(text) => Incoming::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Incoming::Binary(bytes.to_vec()),
        Message::Ping(payload) => Incoming::Ping(payload.to_vec()),
        Message::Pong(payload) => Incoming::Pong(payload.to_vec()),
        Message::Close(why) => Incoming::Close(why.map(|why| {
            let code: CloseCode = why.code;
            (code.into(), why.reason.as_str().to_owned())
        })),
        Message::Frame(frame) => panic!("{frame:?}"),
    }
}

/// Whose bytes are all there, and who takes everything.
struct Peer<'a>(Cursor<&'a [u8]>);

impl Read for Peer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Peer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
