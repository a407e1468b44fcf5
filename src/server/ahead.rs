//! Bytes that were read to see what they are, and are read again by whoever speaks it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// An I/O whose first bytes may have been read ahead.
pub(super) struct Ahead<I> {
    io: I,
    ahead: BytesMut,
}

impl<I> Ahead<I> {
    pub(super) fn new(io: I) -> Self {
        Self {
            io,
            ahead: BytesMut::new(),
        }
    }

    pub(super) const fn get(&self) -> &I {
        &self.io
    }

    pub(super) const fn get_mut(&mut self) -> &mut I {
        &mut self.io
    }

    /// Puts `bytes` before whatever is to be read.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let behind = std::mem::replace(&mut self.ahead, BytesMut::from(bytes));
            self.ahead.extend_from_slice(&behind);
        }
    }
}

impl<I> Ahead<I> {
    /// Takes the first `count` bytes of what was looked at away.
    pub(super) fn skip(&mut self, count: usize) {
        self.ahead.advance(count.min(self.ahead.len()));
    }
}

impl<I: AsyncRead + Unpin> Ahead<I> {
    /// Reads until what there is `is_enough`, and gives it; shorter where the connection ends before.
    pub(super) async fn look(&mut self, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<&[u8]> {
        while !is_enough(&self.ahead) && self.io.read_buf(&mut self.ahead).await? > 0 {}
        Ok(&self.ahead)
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Ahead<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let count = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new(); // gives its memory back
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Ahead<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_looked_at_is_read_again_however_small_the_buffer() {
        let mut io = Ahead::new(&b"hello world"[..]);
        assert!(io.look(|seen| seen.len() >= 5).await.unwrap().len() >= 5);
        let mut text = Vec::new();
        while let Ok(byte) = io.read_u8().await {
            text.push(byte);
        }
        assert_eq!(text, b"hello world");
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_gives_what_there_was() {
        let mut io = Ahead::new(&b"PR"[..]);
        assert_eq!(io.look(|seen| seen.len() >= 5).await.unwrap(), b"PR");
    }
}
