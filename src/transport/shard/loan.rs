//! A connection on loan: its answer, and what its client sends before it has that.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::task::{Context as Cx, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::ReadBuf;

use super::Io;

/// What is kept of what a client sends before it has its answer, in bytes: its next request. Whoever sends more is not
/// heard any more.
const AHEAD: usize = 16 * 1024;

/// A connection that is lent while its request waits.
pub trait Lent: Send {
    /// Its bytes.
    fn io(&mut self) -> &mut dyn Io;

    /// It goes on with its next request, which begins with the bytes `ahead`.
    fn give_back(self: Box<Self>, ahead: &[u8]);

    /// It is not given back any more.
    fn keep(self: Box<Self>) -> Box<dyn Io>;
}

/// A connection on loan.
pub struct Loan {
    lent: Box<dyn Lent>,
    /// The beginning of its answer's head.
    head: Box<[u8]>,
    /// Whether no request follows.
    closes: bool,
    ahead: Vec<u8>,
    /// What of its answer the socket has not taken yet.
    rest: Bytes,
}

impl Loan {
    /// A loan for an answer whose head begins so; the connection is given back behind it, unless it `closes`.
    #[must_use]
    pub fn new(lent: Box<dyn Lent>, head: Vec<u8>, closes: bool) -> Self {
        Self {
            lent,
            head: head.into(),
            closes,
            ahead: Vec::new(),
            rest: Bytes::new(),
        }
    }

    /// Whether no request follows.
    pub(super) const fn closes(&self) -> bool {
        self.closes
    }

    /// From now on no request follows.
    pub(super) const fn is_last(&mut self) {
        self.closes = true;
    }

    /// Keeps what the client sends before it has its answer.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn hear(&mut self, waker: &Waker, scratch: &mut [u8]) -> io::Result<()> {
        let mut cx = Cx::from_waker(waker);
        while self.ahead.len() < AHEAD {
            let mut buf = ReadBuf::new(scratch);
            let read = Pin::new(self.lent.io()).poll_read(&mut cx, &mut buf)?;
            match (read, buf.filled()) {
                (Poll::Pending, _) => break,
                (Poll::Ready(()), []) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (Poll::Ready(()), bytes) => self.ahead.extend_from_slice(bytes),
            }
        }
        Ok(())
    }

    /// Writes its answer, of which `bytes` are all but the beginning, as far as the socket takes it; says whether that is
    /// all.
    ///
    /// # Errors
    /// The connection's.
    pub(super) fn answer(&mut self, waker: &Waker, bytes: &Bytes) -> io::Result<bool> {
        let head = mem::take(&mut self.head);
        let parts = [IoSlice::new(&head), IoSlice::new(bytes)];
        let io = Pin::new(self.lent.io());
        let written = match io.poll_write_vectored(&mut Cx::from_waker(waker), &parts)? {
            Poll::Ready(count) => count,
            Poll::Pending => 0,
        };
        self.rest = match written.checked_sub(head.len()) {
            Some(written) => bytes.slice(written..),
            None => [&head[written..], bytes].concat().into(),
        };
        self.write(waker)
    }

    /// Goes on with it; says whether that is all.
    ///
    /// # Errors
    /// The connection's.
    pub(super) fn write(&mut self, waker: &Waker) -> io::Result<bool> {
        let (mut cx, io) = (Cx::from_waker(waker), self.lent.io());
        while !self.rest.is_empty() {
            match Pin::new(&mut *io).poll_write(&mut cx, &self.rest)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.rest.advance(count),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(Pin::new(io).poll_flush(&mut cx)?.is_ready())
    }

    /// The connection, and the beginning of its answer's head: nobody answers it here.
    pub(super) fn into_parts(self) -> (Box<dyn Io>, Vec<u8>) {
        (self.lent.keep(), self.head.into())
    }

    /// The connection, and what of its answer it has not taken yet.
    pub(super) fn into_rest(self) -> (Box<dyn Io>, Bytes) {
        (self.lent.keep(), self.rest)
    }

    /// It was answered, and goes on.
    pub(super) fn give_back(self) {
        self.lent.give_back(&self.ahead);
    }

    /// It was answered, and ends.
    pub(super) fn keep(self) -> Box<dyn Io> {
        self.lent.keep()
    }
}
