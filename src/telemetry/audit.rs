//! The audit log: who was let in, who was refused, and who changed what, a line of JSON for each.
//!
//! It stands apart from the log lines: no level and no filter concerns it. What is recorded is typed, and nothing of it
//! is written out where the log is off, so that a herd costs nothing then. `proto-docs/audit.md` says what the lines
//! hold.

mod entry;
mod event;
mod file;
mod line;
mod queue;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::code::{Advice, Refusal};
use crate::model::time::UnixMillis;

use super::metrics::Lines;
pub use entry::Entry;
pub use event::{Asked, Change, Event, Who, Why};
use line::Line;
use queue::Queue;
pub use queue::Writer;

/// What its events and its lines are called by programs.
pub const TARGET: &str = "gatecast::audit";

/// Where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Among the log lines, on standard error.
    Stderr,
    /// To the end of this file.
    File(PathBuf),
    /// To the subscriber of the program that the gateway runs in: an event of `tracing` under [`TARGET`] for each, whose
    /// field `record` holds the line. No configuration says so.
    Tracing,
}

/// The time of day.
pub type Now = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// The audit log of one gateway, for whoever has something for it. Clones are cheap.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Inner>>);

struct Inner {
    now: Now,
    sink: Sink,
}

enum Sink {
    Queue(Queue),
    Tracing,
}

impl Audit {
    /// One that takes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// One whose lines go to `destination` and are counted by `lines`; and who writes them, on a thread of its own: a disk
    /// that is slow holds up nobody who records.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(
        destination: &Destination,
        now: Now,
        lines: Lines,
    ) -> io::Result<(Self, Option<Writer>)> {
        let (sink, writer) = match destination {
            Destination::Tracing => (Sink::Tracing, None),
            Destination::Stderr | Destination::File(_) => {
                let (queue, writer) = queue::open(destination, lines)?;
                (Sink::Queue(queue), Some(writer))
            }
        };
        Ok((Self(Some(Arc::new(Inner { now, sink }))), writer))
    }

    /// Whether anything is recorded at all: who has to look for what it would record need not do so otherwise.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Records `event`, which came of a request `asked` by somebody, if it came of one.
    pub fn record(&self, asked: Option<Asked>, event: &Event<'_>) {
        let Some(inner) = &self.0 else {
            return;
        };
        let line = Line::of((inner.now)(), asked, event).to_json();
        match &inner.sink {
            Sink::Queue(queue) => queue.put(line),
            Sink::Tracing => tracing::info!(target: TARGET, record = line.trim_end()),
        }
    }

    /// Returns once all that was recorded before is written, or cannot be.
    pub async fn flush(&self) {
        if let Some(inner) = &self.0
            && let Sink::Queue(queue) = &inner.sink
        {
            queue.flush().await;
        }
    }

    /// Records a refusal, unless what was refused was merely malformed: what an auditor looks for is who wanted what it
    /// may not have, or too much.
    pub fn refused(&self, asked: Option<Asked>, refusal: &Refusal, event: &Event<'_>) {
        if refusal.code.row().advice != Advice::Mend || refusal.limit.is_some() {
            self.record(asked, event);
        }
    }

    fn now(&self) -> UnixMillis {
        self.0.as_ref().map_or(UnixMillis(0), |inner| (inner.now)())
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Audit").field(&self.is_on()).finish()
    }
}
