//! What carries a session: a WebSocket, or requests one after another.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Cx, Poll, Waker};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use crate::model::time::UnixMillis;
use crate::transport::engineio::door::{Claim, Door, Getter};
use crate::transport::engineio::item::Item;
use crate::transport::shard::{Io, Loan};
use crate::wire::engineio::Transport;
use crate::wire::http1;
use crate::wire::websocket::decoder::{Decoder, Incoming, Terms};
use crate::wire::websocket::fault::Fault;

/// Reads that are made at a time: a message may be longer than one.
const READS: usize = 4;

/// What carries a session.
pub(super) enum Carrier {
    WebSocket(Socket),
    Polling(Box<Polled>),
}

impl Carrier {
    pub(super) const fn transport(&self) -> Transport {
        match self {
            Self::WebSocket(_) => Transport::WebSocket,
            Self::Polling(_) => Transport::Polling,
        }
    }
}

/// A WebSocket.
pub(super) struct Socket {
    pub(super) io: Box<dyn Io>,
    decoder: Decoder,
    /// What came and was not looked at yet.
    unread: Bytes,
}

/// What a WebSocket says.
pub(super) enum Heard {
    /// A message, or a control frame.
    Incoming(Incoming),
    /// What breaks the protocol.
    Broken(Fault),
    /// Nothing yet, and there is more.
    More,
}

impl Socket {
    /// One whose client may send messages of so many bytes.
    pub(super) fn new(io: Box<dyn Io>, message: usize) -> Self {
        let terms = Terms {
            message,
            deflate: false,
        };
        Self {
            io,
            decoder: Decoder::new(terms),
            unread: Bytes::new(),
        }
    }

    /// The next that its client says.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn hear(&mut self, waker: &Waker, scratch: &mut [u8]) -> io::Result<Option<Heard>> {
        if let Some(heard) = self.on() {
            return Ok(Some(heard));
        }
        for _ in 0..READS {
            let (mut buf, mut cx) = (ReadBuf::new(scratch), Cx::from_waker(waker));
            let read = Pin::new(&mut self.io).poll_read(&mut cx, &mut buf)?;
            match (read, buf.filled()) {
                (Poll::Pending, _) => return Ok(None),
                (Poll::Ready(()), []) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (Poll::Ready(()), mut bytes) => {
                    let heard = understand(&mut self.decoder, &mut bytes);
                    self.unread = Bytes::copy_from_slice(bytes);
                    if heard.is_some() {
                        return Ok(heard);
                    }
                }
            }
        }
        Ok(Some(Heard::More))
    }

    /// The next in what came before.
    fn on(&mut self) -> Option<Heard> {
        let mut bytes = &self.unread[..];
        let heard = understand(&mut self.decoder, &mut bytes);
        let left = bytes.len();
        self.unread.advance(self.unread.len() - left);
        if left == 0 {
            self.unread = Bytes::new(); // gives its memory back
        }
        heard
    }

    /// What is left of it at the end.
    pub(super) fn into_parts(self) -> (Box<dyn Io>, (Decoder, Bytes)) {
        (self.io, (self.decoder, self.unread))
    }

    /// Hands over `bytes`, as far as the socket takes them; says whether it takes no more now.
    ///
    /// # Errors
    /// The connection's.
    pub(super) fn write(&mut self, waker: &Waker, bytes: &mut Bytes) -> io::Result<bool> {
        let mut cx = Cx::from_waker(waker);
        while !bytes.is_empty() {
            match Pin::new(&mut self.io).poll_write(&mut cx, bytes)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => bytes.advance(count),
                Poll::Pending => return Ok(true),
            }
        }
        *bytes = Bytes::new();
        Ok(Pin::new(&mut self.io).poll_flush(&mut cx)?.is_pending())
    }
}

fn understand(decoder: &mut Decoder, bytes: &mut &[u8]) -> Option<Heard> {
    match decoder.next(bytes) {
        Ok(incoming) => incoming.map(Heard::Incoming),
        Err(fault) => Some(Heard::Broken(fault)),
    }
}

/// Requests, one after another.
pub(super) struct Polled {
    /// Where they are put down.
    pub(super) door: Arc<Door>,
    /// Packets that came and were not looked at yet.
    pub(super) items: VecDeque<Item>,
    /// Whoever waits for what the session has to say.
    getter: Option<Getter>,
    /// Whoever is being told.
    pub(super) answering: Option<Loan>,
    /// A connection whose last answer was written.
    pub(super) done: Option<Loan>,
    /// Whether it is told that the session ends once it has been told all that was to be said: in an answer of its own,
    /// because the library hears of an end before it hears what stands before it.
    pub(super) ends: bool,
}

impl Polled {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self {
            door,
            items: VecDeque::new(),
            getter: None,
            answering: None,
            done: None,
            ends: false,
        }
    }

    /// A GET waits from now on.
    pub(super) fn waits(&mut self, getter: Getter) {
        self.getter = Some(getter);
    }

    pub(super) const fn is_waited_for(&self) -> bool {
        self.getter.is_some()
    }

    /// Whether an answer is on its way.
    pub(super) const fn is_answering(&self) -> bool {
        self.answering.is_some()
    }

    /// Hands `piece` to whoever waits for it, if anybody does.
    ///
    /// # Errors
    /// The connection's: what was handed over may not have arrived.
    pub(super) fn write(
        &mut self,
        waker: &Waker,
        piece: &mut Bytes,
        now: UnixMillis,
    ) -> io::Result<()> {
        if let Some(loan) = &mut self.answering {
            if !loan.write(waker)? {
                return Ok(());
            }
            self.finish();
        }
        if piece.is_empty() {
            return Ok(());
        }
        match self.getter.take() {
            None => Ok(()),
            Some(Getter::Waiting(sender, claim)) => {
                claim.answered();
                let sent = sender.send(std::mem::take(piece));
                sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
            }
            Some(Getter::Lent(loan, claim)) => {
                let piece = std::mem::take(piece);
                self.answer(loan, claim, &piece, waker, now)
            }
        }
    }

    fn answer(
        &mut self,
        mut loan: Loan,
        claim: Claim,
        piece: &Bytes,
        waker: &Waker,
        now: UnixMillis,
    ) -> io::Result<()> {
        let mut response = Vec::with_capacity(piece.len() + 128);
        http1::rest(&mut response, None, false, now);
        http1::body(&mut response, piece);
        // Before its client has the answer, and may send the next request.
        claim.answered();
        let is_whole = loan.answer(waker, &response.into())?;
        self.answering = Some(loan);
        if is_whole {
            self.finish();
        }
        Ok(())
    }

    fn finish(&mut self) {
        if let Some(loan) = self.answering.take() {
            if loan.closes() {
                self.done = Some(loan);
            } else {
                loan.give_back();
            }
        }
    }

    /// Listens to whoever waits: a client that gives up its request has ended the session.
    ///
    /// # Errors
    /// It has.
    pub(super) fn watch(&mut self, waker: &Waker, scratch: &mut [u8]) -> io::Result<()> {
        match &mut self.getter {
            Some(Getter::Lent(loan, _)) => loan.hear(waker, scratch),
            Some(Getter::Waiting(..)) | None => Ok(()),
        }
    }
}
