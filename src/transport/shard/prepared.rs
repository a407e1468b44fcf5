//! What many streams are given alike: read once, encoded once, and written to each of them.

use bytes::Bytes;

use crate::bus::reader::{Batch, Place};
use crate::bus::rooms::Delivery;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::telemetry::metrics::{Given, Metrics};
use crate::transport::format::Format;

/// What a read from one place gave, and its bytes in each format that was asked for.
pub(super) struct Prepared {
    pub(super) place: Place,
    /// Where the read ended.
    pub(super) cursor: Position,
    /// Whether there is more behind it.
    pub(super) more: bool,
    waiting: usize,
    events: Vec<Delivery>,
    written: Vec<Written>,
}

struct Written {
    format: Format,
    bytes: Bytes,
    /// How many streams took them.
    taken: u64,
}

impl Prepared {
    /// What `batch`, read at `place`, is for all who are there; nothing where it tells of gaps, which each stream is
    /// told for itself.
    pub(super) fn new(place: Place, batch: Batch) -> Self {
        Self {
            place,
            cursor: batch.cursor,
            more: batch.more,
            waiting: batch.waiting,
            events: batch.events,
            written: Vec::new(),
        }
    }

    /// Its bytes in `format`, for one stream more.
    pub(super) fn bytes(&mut self, format: Format) -> Bytes {
        let place = self.written.iter().position(|one| one.format == format);
        let place = place.unwrap_or_else(|| {
            let bytes = format.events(&self.events);
            self.written.push(Written {
                format,
                bytes,
                taken: 0,
            });
            self.written.len() - 1
        });
        let written = &mut self.written[place];
        written.taken += 1;
        written.bytes.clone()
    }

    /// Counts what was taken, all of it live.
    pub(super) fn count(&self, metrics: &Metrics, now: Moment) {
        for Written { format, taken, .. } in &self.written {
            let given = self.events.iter().map(|event| Given {
                bytes: format.size()(event),
                latency: Some(now.since(event.at())),
            });
            metrics.deliver_alike(format.transport(), *taken, self.waiting, given);
        }
    }
}
