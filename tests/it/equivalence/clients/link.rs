//! A client's socket: it takes a counted number of bytes, and what is not whole by then never was.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::super::record::{Raw, Transport};
use super::super::run::Taken;
use super::http::Response;
use super::sse::Blocks;
use super::websocket::{Frames, Message, frame};
use crate::support::patiently;

/// How long a read waits for more, in real time. What comes later is read later.
const MOMENT: Duration = Duration::from_millis(2);

/// One connection.
pub(in super::super) struct Link {
    stream: TcpStream,
    transport: Transport,
    response: Response,
    blocks: Blocks,
    frames: Frames,
    over: bool,
}

impl Link {
    /// Connects and sends the request. With a narrow window the gateway soon has to wait for this client.
    pub(in super::super) async fn open(
        address: SocketAddr,
        transport: Transport,
        narrow: bool,
        request: &str,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if narrow {
            socket.set_recv_buffer_size(4096).unwrap();
        }
        let mut stream = socket.connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Self {
            stream,
            transport,
            response: Response::new(),
            blocks: Blocks::default(),
            frames: Frames::default(),
            over: false,
        }
    }

    /// Takes at most `most` bytes of what is there.
    pub(in super::super) async fn read(&mut self, most: usize) -> Taken {
        let mut left = most;
        let mut frames = Vec::new();
        let mut chunk = vec![0; 16 * 1024];
        while left > 0 && !self.over {
            let end = left.min(chunk.len());
            match patiently(MOMENT, self.stream.read(&mut chunk[..end])).await {
                None => break,
                Some(Ok(0) | Err(_)) => self.over = true,
                Some(Ok(count)) => {
                    left -= count;
                    self.response.feed(&chunk[..count]);
                    self.decode(&mut frames).await;
                }
            }
        }
        Taken {
            frames,
            over: self.over,
        }
    }

    async fn decode(&mut self, out: &mut Vec<Raw>) {
        match (self.response.status, self.transport) {
            (0, _) => {}
            (101, Transport::WebSocket) => {
                let body = std::mem::take(&mut self.response.body);
                for message in self.frames.feed(&body) {
                    self.message(message, out).await;
                }
            }
            (200, Transport::Sse) => {
                let body = std::mem::take(&mut self.response.body);
                out.extend(self.blocks.feed(&body).into_iter().map(Raw::Sse));
                self.over = self.over || self.response.whole();
            }
            (status, transport) if self.response.whole() => {
                let text = String::from_utf8(std::mem::take(&mut self.response.body)).unwrap();
                let polled = matches!(transport, Transport::LongPoll | Transport::History);
                out.push(if status == 200 && polled {
                    Raw::Body(text)
                } else {
                    Raw::Refused(status, text)
                });
                self.over = true;
            }
            _ => {}
        }
    }

    async fn message(&mut self, message: Message, out: &mut Vec<Raw>) {
        match message {
            Message::Text(text) => out.push(Raw::WebSocket(text)),
            Message::Ping(payload) => self.write(10, &payload).await,
            Message::Close(code) => {
                out.push(Raw::Close(code));
                self.over = true;
            }
            Message::Broken(what) => out.push(Raw::Broken(what)),
        }
    }

    /// Sends a text message.
    pub(in super::super) async fn say(&mut self, text: &str) {
        self.write(1, text.as_bytes()).await;
    }

    /// That the other side has hung up is seen by the next read.
    async fn write(&mut self, opcode: u8, payload: &[u8]) {
        let _ = self.stream.write_all(&frame(opcode, payload)).await;
    }
}
