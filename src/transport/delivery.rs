//! Events on their way to a connection, counted.

use crate::bus::rooms::Delivery;
use crate::model::time::Moment;
use crate::telemetry::metrics::{Given, Meter};

/// How many bytes a transport makes of an event.
pub(crate) type Size = fn(&Delivery) -> usize;

/// Counts `events` as handed over at `now`; live are those beyond what was visible when the stream was `opened`.
pub(super) fn count(
    meter: &Meter,
    events: &[Delivery],
    size: Size,
    opened: Option<u64>,
    now: Moment,
) {
    meter.deliver(events.iter().map(|event| {
        Given {
            bytes: size(event),
            latency: opened
                .filter(|opened| event.event().position.seq > *opened)
                .map(|_| now.since(event.at())),
        }
    }));
}
