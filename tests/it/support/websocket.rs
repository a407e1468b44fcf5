//! A WebSocket client (RFC 6455) that can also do what a good one never does.

use super::http::Head;
use super::secrets::{WATCH, keep_sent};
use super::socket::Socket;

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// What the gateway sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Close(Option<u16>, String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

/// An open WebSocket.
pub(crate) struct WebSocket {
    pub(crate) socket: Socket,
    /// The answer to the upgrade.
    pub(crate) head: Head,
}

/// The headers of a good upgrade, apart from `Host`.
pub(crate) const UPGRADE: [(&str, &str); 4] = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// A frame: `first` is the byte of FIN, reserved bits and opcode; a mask is added if wanted.
pub(crate) fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut out = vec![first];
    match payload.len() {
        short @ 0..=125 => out.push(bit | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            out.push(bit | 126);
            out.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            out.push(bit | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    if !masked {
        out.extend(payload);
        return out;
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    out
}

impl WebSocket {
    /// Upgrades `socket`; the head is returned instead if the answer is not 101.
    pub(crate) async fn upgrade(
        mut socket: Socket,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Head> {
        let all: Vec<_> = UPGRADE.iter().chain(headers).copied().collect();
        socket
            .send(super::http::request("GET", target, &all, ""))
            .await;
        let head = socket
            .head()
            .await
            .unwrap_or_else(|| panic!("the connection ended without an answer"));
        if head.status == 101 {
            Ok(Self { socket, head })
        } else {
            Err(head)
        }
    }

    /// Sends a text message.
    pub(crate) async fn say(&mut self, text: &str) {
        keep_sent(&WATCH, text.as_bytes());
        self.socket
            .send(frame(0x80 | TEXT, true, text.as_bytes()))
            .await;
    }

    /// The next frame: the byte of FIN, reserved bits and opcode, and the payload; `None` if the connection ended.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.socket.exactly(2).await?;
        assert_eq!(head[1] & 0x80, 0, "a server masks nothing (RFC 6455 §5.1)");
        let length = match head[1] {
            126 => {
                let bytes = self.socket.exactly(2).await?;
                usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
            }
            127 => {
                let bytes = self.socket.exactly(8).await?;
                usize::try_from(u64::from_be_bytes(bytes.try_into().unwrap())).unwrap()
            }
            short => usize::from(short),
        };
        Some((head[0], self.socket.exactly(length).await?))
    }

    /// The next message, control frames included; `None` if the connection ended without a close frame.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let mut text = Vec::new();
        loop {
            let (first, payload) = self.frame().await?;
            assert_eq!(first & 0x70, 0, "reserved bits without an extension");
            match first & 0x0f {
                0 | TEXT => text.extend(payload),
                PING => return Some(Message::Ping(payload)),
                PONG => return Some(Message::Pong(payload)),
                CLOSE => return Some(closing(&payload)),
                other => panic!("a frame with opcode {other}"),
            }
            if first & 0x80 != 0 {
                return Some(Message::Text(String::from_utf8(text).unwrap()));
            }
        }
    }

    /// The next text message; pings and pongs are passed over.
    pub(crate) async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Message::Text(text)) => return text,
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("expected a text message, got {other:?}"),
            }
        }
    }

    /// The next text message, as JSON.
    pub(crate) async fn json(&mut self) -> serde_json::Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }

    /// The code and reason of the close frame; other messages before it are passed over.
    pub(crate) async fn closed(&mut self) -> (Option<u16>, String) {
        loop {
            match self.next().await {
                Some(Message::Close(code, reason)) => return (code, reason),
                Some(_) => {}
                None => panic!("the connection ended without a close frame"),
            }
        }
    }
}

fn closing(payload: &[u8]) -> Message {
    match payload.split_first_chunk::<2>() {
        Some((code, reason)) => {
            let reason = String::from_utf8(reason.to_vec()).unwrap();
            Message::Close(Some(u16::from_be_bytes(*code)), reason)
        }
        None => Message::Close(None, String::new()),
    }
}
