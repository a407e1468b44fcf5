//! Events on their way to a connection: encoded, and counted.

use bytes::Bytes;

use crate::bus::rooms::Delivery;
use crate::model::position::Position;
use crate::model::time::Moment;
use crate::telemetry::metrics::{Given, Meter};

/// What a transport makes of an event.
pub(super) type Form = fn(&Delivery) -> Bytes;

/// Encodes `events`, and counts them as handed over at `now`; live are those beyond what was visible when the stream
/// was `opened`.
pub(super) fn hand_over(
    meter: &Meter,
    events: &[Delivery],
    form: Form,
    opened: Option<Position>,
    now: Moment,
) -> Vec<Bytes> {
    let encoded: Vec<Bytes> = events.iter().map(form).collect();
    meter.deliver(events.iter().zip(&encoded).map(|(event, encoded)| {
        Given {
            bytes: encoded.len(),
            latency: opened
                .filter(|opened| event.event().position.seq > opened.seq)
                .map(|_| now.since(event.at())),
        }
    }));
    encoded
}
