//! The way from a stream's task to its body, and when it counts as blocked.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::model::time::Moment;
use crate::transport::context::Context;

/// What the task of a stream hands to its body.
pub(super) enum Piece {
    /// One write.
    Blocks(Bytes),
    /// The last write before an abrupt end.
    Last(Bytes),
    /// A clean end, so that the client stays away.
    End,
}

/// Long enough for a body to run.
const MOMENT: Duration = Duration::from_secs(1);

/// The way from a stream's task to its body.
pub(super) struct Pipe {
    pub(super) sender: mpsc::Sender<Piece>,
    /// Since when the body has taken nothing, if it should.
    full_since: Option<Moment>,
}

impl Pipe {
    pub(super) const fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self {
            sender,
            full_since: None,
        }
    }

    /// Whether the body has taken what it was given.
    pub(super) fn has_room(&mut self, context: &Context) -> bool {
        let room = self.sender.capacity() > 0;
        self.full_since = match self.full_since {
            _ if room => None,
            None => Some(context.clock.now()),
            since => since,
        };
        room
    }

    /// Returns once it has, where it had not; nothing once the client is gone. Dropping the future loses nothing.
    pub(super) async fn taken(&mut self, has_room: bool) -> Option<()> {
        if has_room {
            self.sender.closed().await;
            return None;
        }
        let room = self.sender.reserve().await.ok();
        self.full_since = None;
        room.map(drop)
    }

    /// Returns once the body has taken nothing for too long. Over HTTP/1.1 the connection is given up by then; over
    /// HTTP/2 other streams share it, and this one alone is: it is reset when its client takes what it has.
    ///
    /// The last moment is waited for by itself: after a pause of the whole process (a stop, a machine that slept) every
    /// timer rings at once, before any body could run.
    pub(super) fn stalled(&self, context: &Context) -> impl Future<Output = ()> + use<> {
        let clock = context.clock.clone();
        let since = self.full_since.unwrap_or_else(|| clock.now());
        let ring = clock.sleep_until(since + context.write_stall.saturating_sub(MOMENT));
        async move {
            ring.await;
            clock.sleep(MOMENT).await;
        }
    }
}
