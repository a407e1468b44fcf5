//! How streams end, once their end is said: what is left is written, and heard.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::lifecycle::clock::Clock;
use crate::lifecycle::tasks::Guest;
use crate::model::transport::Transport;
use crate::transport::context::Context;
use crate::transport::format::Ending;
use crate::transport::sse::LAST_CHUNK;
use crate::wire::websocket::decoder::{Decoder, Incoming};

use super::Io;

/// How long the last block may take to the client's own code before the stream breaks off. That its socket has it is
/// not enough: Chromium throws away what its page has not read yet when the stream breaks off, and so do readers of
/// `fetch` bodies.
const HEARD: Duration = Duration::from_millis(250);
/// What is read at a time from a client that is to close.
const READ: usize = 512;

/// A member that has said its end.
pub(super) struct Ended {
    pub(super) io: Box<dyn Io>,
    pub(super) transport: Transport,
    /// Whether what is written goes in chunks, the last of which is the end.
    pub(super) is_chunked: bool,
    pub(super) rest: Bytes,
    pub(super) ending: Ending,
    /// What understands the client's frames, and what of them was not looked at.
    pub(super) decoder: Option<(Decoder, Bytes)>,
    pub(super) guest: Guest,
}

impl Ended {
    /// Sees it to its end. A client that takes nothing is not waited for longer than a goodbye may take.
    pub(super) fn finish(self, context: &Context) {
        let (clock, goodbye) = (context.clock.clone(), context.goodbye);
        let name = self.transport.as_str();
        let Self {
            io,
            transport: _,
            is_chunked,
            rest,
            ending,
            decoder,
            guest,
        } = self;
        context.tasks.spawn(name, async move {
            // An error here has been met before, or nobody is left to be told.
            match ending {
                Ending::Abrupt => abrupt(&clock, goodbye, io, &rest).await,
                Ending::Clean => _ = clock.timeout(goodbye, clean(io, is_chunked, &rest)).await,
                Ending::Closing { heard } => {
                    let decoder = decoder.filter(|_| !heard);
                    closing(&clock, goodbye, io, &rest, decoder).await;
                }
            }
        });
        // Only now: nobody shall take what goes on in the task for something that has ended.
        drop(guest);
    }
}

async fn abrupt(clock: &Clock, goodbye: Duration, mut io: Box<dyn Io>, rest: &[u8]) {
    if let Some(Ok(())) = clock.timeout(goodbye, write(&mut io, rest)).await {
        clock.sleep(HEARD).await;
    }
}

/// The last byte goes by itself: over HTTP/2 hyper takes it once the client's window has room for all before it, and
/// what is beyond the window would be lost when the stream is reset.
async fn write(io: &mut Box<dyn Io>, rest: &[u8]) -> io::Result<()> {
    let (rest, last) = rest.split_at(rest.len().saturating_sub(1));
    io.write_all(rest).await?;
    io.flush().await?;
    io.write_all(last).await?;
    io.flush().await
}

async fn clean(mut io: Box<dyn Io>, is_chunked: bool, rest: &[u8]) -> io::Result<()> {
    io.write_all(rest).await?;
    if is_chunked {
        io.write_all(LAST_CHUNK).await?;
    }
    io.flush().await?;
    io.shutdown().await
}

/// Waits for the client's own Close (RFC 6455 §7.1.1): over TLS our end of the connection is the end of both, and a
/// client could not answer any more. The connection's end takes the rest.
async fn closing(
    clock: &Clock,
    goodbye: Duration,
    mut io: Box<dyn Io>,
    rest: &[u8],
    decoder: Option<(Decoder, Bytes)>,
) {
    let said = async {
        io.write_all(rest).await?;
        io.flush().await
    };
    if !matches!(clock.timeout(goodbye, said).await, Some(Ok(()))) {
        return;
    }
    if let Some((decoder, unread)) = decoder {
        clock
            .timeout(goodbye, closed(&mut io, decoder, unread))
            .await;
    }
    clock.timeout(goodbye, io.shutdown()).await;
}

/// Returns once the client has closed. After a fault of framing there are no frames any more, and this is at once.
async fn closed(io: &mut Box<dyn Io>, mut decoder: Decoder, mut bytes: Bytes) -> io::Result<()> {
    while !decoder.has_ended() && !is_closed(&mut decoder, &bytes) {
        let mut buffer = [0; READ];
        let count = io.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        bytes = Bytes::copy_from_slice(&buffer[..count]);
    }
    Ok(())
}

fn is_closed(decoder: &mut Decoder, mut bytes: &[u8]) -> bool {
    loop {
        match decoder.next(&mut bytes) {
            Ok(Some(Incoming::Close(_))) | Err(_) => return true,
            Ok(Some(_)) => {}
            Ok(None) => return false,
        }
    }
}
