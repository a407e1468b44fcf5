//! An HTTP/2 stream that has become a WebSocket (RFC 8441).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::link::Hold;
use crate::transport::patience::Patience;

/// Its bytes; the connection is in use as long as it lives. Its window may be closed while the connection's others are
/// not, so it has a patience of its own.
pub(super) struct Tunnel {
    io: TokioIo<Upgraded>,
    patience: Patience,
    _hold: Hold,
}

impl Tunnel {
    pub(super) fn new(upgraded: Upgraded, patience: Patience, hold: Hold) -> Self {
        Self {
            io: TokioIo::new(upgraded),
            patience,
            _hold: hold,
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.patience.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper's flush waits for the window too, and then nothing is written that could be judged.
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.patience.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
