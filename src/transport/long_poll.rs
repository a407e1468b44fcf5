//! Long-poll: one read, waited for.

use std::time::Duration;

use crate::auth::Access;
use crate::bus::reader::{Batch, Credit};
use crate::bus::rooms::Delivery;
use crate::bus::{Opened, Subscription};
use crate::model::code::Code;
use crate::session::admission::Admitted;
use crate::telemetry::metrics::Meter;
use crate::telemetry::metrics::labels::End;
use crate::wire::control::{Control, Envelope};
use crate::wire::poll::Answer;

use super::context::{Context, come_back};
use super::delivery::count;
use super::link::Hold;
use super::turn::Turn;

/// What one answer holds at most.
const CREDIT: Credit = Credit {
    events: 500,
    bytes: 256 * 1024,
};

/// Answers one poll: at once if there is something to tell, else when there is, and after `wait` in any case. While it
/// waits, the connection may leave HTTP if there is a `hold` on it.
/// No session outlives the answer; the next poll brings its cursor.
pub async fn answer(
    context: &Context,
    access: &Access,
    admitted: Admitted,
    wait: Duration,
    hold: Option<&Hold>,
    mut meter: Meter,
) -> Answer {
    let Admitted {
        rooms,
        start,
        gaps: mut known,
    } = admitted;
    let Opened {
        mut subscription,
        gaps,
        visible,
        ..
    } = context.bus.subscribe(&rooms, start);
    let mut batch = subscription.read(CREDIT);
    let mut control = Vec::new();
    // A room that is no longer granted is told in each answer, and is no reason to give one: a client that
    // keeps its URL would poll in a hot loop.
    if gaps.is_empty() && batch.is_empty() && !wait.is_zero() {
        hold.into_iter().for_each(Hold::park);
        let left = access.expires_at.map(|at| at.since(context.clock.unix()));
        if let Some(later) =
            waited(context, &mut subscription, wait.min(left.unwrap_or(wait))).await
        {
            batch = later;
        }
    }
    // Whatever ended the wait: the next poll would find nobody.
    if context.draining.has_begun() {
        control.push(Control::bye(Code::Draining, Some(come_back())));
    }
    known.extend(gaps);
    known.extend(batch.gaps);
    known.iter().for_each(|gap| meter.gap(gap.reason));
    if !batch.events.is_empty() {
        meter.read(batch.waiting);
    }
    let now = context.clock.now();
    let size = Delivery::envelope_len;
    count(&meter, &batch.events, size, Some(visible.seq), now);
    meter.ends(if control.is_empty() {
        End::Answered
    } else {
        End::Code(Code::Draining)
    });
    Answer {
        cursor: subscription.cursor(),
        events: batch
            .events
            .iter()
            .map(|event| Envelope(event.envelope()))
            .collect(),
        gaps: known,
        control,
        more: batch.more,
    }
}

/// What came, if anything did in time.
async fn waited(
    context: &Context,
    subscription: &mut Subscription,
    wait: Duration,
) -> Option<Batch> {
    let mut turn = Turn::new(context);
    tokio::select! {
        biased;
        batch = subscription.next_batch(CREDIT) => Some(batch),
        () = turn.come() => None,
        () = context.clock.sleep(wait) => None,
    }
}
