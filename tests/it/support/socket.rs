//! A raw client: it sends any bytes and reads exactly what the gateway wrote.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::secrets::{WATCH, keep_sent};
use super::within;

/// What bytes go over: TCP, TLS, or a Unix socket.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection, with what was read ahead.
pub(crate) struct Socket {
    stream: Box<dyn Io>,
    ahead: Vec<u8>,
    ended: bool,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    pub(crate) fn over(io: impl Io + 'static) -> Self {
        Self {
            stream: Box::new(io),
            ahead: Vec::new(),
            ended: false,
        }
    }

    /// Sends; that the gateway has hung up already is seen when the answer is read.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.try_send(bytes).await;
    }

    /// The same; whether all of it was taken.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        keep_sent(&WATCH, bytes.as_ref());
        within("room to send", self.stream.write_all(bytes.as_ref()))
            .await
            .is_ok()
    }

    /// Says that nothing more will come.
    pub(crate) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads once more; false at the end, however the connection ended.
    pub(crate) async fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        let before = self.ahead.len();
        let read = within(
            "bytes from the gateway",
            self.stream.read_buf(&mut self.ahead),
        )
        .await;
        self.ended = !matches!(read, Ok(count) if count > 0);
        // With what came just before: one may stand across two reads.
        let news = &self.ahead[before.saturating_sub(64)..];
        WATCH.search_answer(news);
        !self.ended
    }

    /// Everything up to and with `mark`; `None` if the connection ends before.
    pub(crate) async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.ahead.windows(mark.len()).position(|at| at == mark);
            if let Some(at) = found {
                return Some(self.ahead.drain(..at + mark.len()).collect());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Exactly `count` bytes; `None` if the connection ends before.
    pub(crate) async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.ahead.len() < count {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.ahead.drain(..count).collect())
    }

    /// Everything until the connection ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.ahead)
    }

    /// What has arrived and was not taken yet.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.ahead
    }
}
