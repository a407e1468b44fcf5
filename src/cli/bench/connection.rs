//! A connection whose bytes are looked at where they were read: one buffer serves all connections of a thread, so a
//! client that waits holds none.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};

use super::http1::{Answer, Head};
use crate::outbound::dial::{Dialer, Stream};
use crate::outbound::error::{Error, Fault};

/// Where the bytes of a read lie until they were looked at.
#[derive(Debug)]
pub(super) struct Scratch(RefCell<Box<[u8]>>);

impl Default for Scratch {
    fn default() -> Self {
        Self(RefCell::new(vec![0; 64 << 10].into_boxed_slice()))
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection(Stream);

impl Connection {
    pub(super) async fn open(dialer: &Dialer) -> Result<Self, Error> {
        dialer.connect().await.map(Self)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.write_all(bytes).await.map_err(broken)?;
        self.0.flush().await.map_err(broken)
    }

    /// What `take` makes of the next bytes; of none at the end.
    pub(super) async fn read<T>(
        &mut self,
        scratch: &Scratch,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error> {
        let mut take = Some(take);
        poll_fn(|cx| {
            let mut bytes = scratch.0.borrow_mut();
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer)).map_err(broken)?;
            let taken = take.take().map(|take| take(buffer.filled()));
            Poll::Ready(taken.ok_or_else(|| Error::new(Fault::Broken, "read after its end")))
        })
        .await
    }

    /// Sends a request and reads its whole answer, of at most `most` bytes. The second half of what it gives says
    /// whether the connection is good for another.
    pub(super) async fn exchange(
        &mut self,
        scratch: &Scratch,
        request: &[u8],
        most: usize,
    ) -> Result<(Head, Vec<u8>, bool), Error> {
        self.write(request).await?;
        let (mut answer, mut body) = (Answer::default(), Vec::new());
        while !answer.is_whole() {
            let read = self.read(scratch, |bytes| {
                let pushed = answer.push(bytes, &mut |content| body.extend_from_slice(content));
                pushed.map(|()| bytes.is_empty())
            });
            let malformed = |_| Error::new(Fault::NotHttp, "what came is no answer in HTTP/1.1");
            let is_end = read.await?.map_err(malformed)?;
            if is_end && !answer.ends_with_the_connection() {
                return Err(Error::new(Fault::Broken, "the connection ended"));
            }
            if body.len() > most {
                let why = format!("the answer has more than {most} bytes");
                return Err(Error::new(Fault::TooLarge, why));
            }
            if is_end {
                break;
            }
        }
        let kept = answer.keeps_the_connection();
        let head = answer.into_head();
        let head = head.ok_or_else(|| Error::new(Fault::Broken, "the connection ended"))?;
        Ok((head, body, kept))
    }
}

/// The connection had been there.
fn broken(why: io::Error) -> Error {
    Error::new(Fault::Broken, why.to_string())
}
