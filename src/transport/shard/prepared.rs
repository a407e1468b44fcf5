//! What many streams are given alike: read once, encoded once, and written to each of them.

use bytes::Bytes;

use crate::bus::reader::{Batch, Place};
use crate::model::time::Moment;
use crate::session::Now;
use crate::telemetry::metrics::{Given, Metrics};
use crate::transport::CREDIT;
use crate::transport::context::Context;

use super::form::Form;
use super::member::Member;

/// Reads of a round that are kept for whoever comes to the same place. More are needed only where streams of many
/// different rooms have news at once, and there a search would cost more than a read.
const PREPARED: usize = 8;

/// What a read from one place gave, and its bytes in each form that was asked for.
pub(super) struct Prepared {
    pub(super) place: Place,
    pub(super) batch: Batch,
    written: Vec<Written>,
}

struct Written {
    form: Form,
    bytes: Bytes,
    /// How many members took them.
    taken: u64,
}

impl Prepared {
    /// What `batch`, read at `place`, is for all who are there; nothing where it tells of gaps, which each stream is
    /// told for itself.
    pub(super) const fn new(place: Place, batch: Batch) -> Self {
        Self {
            place,
            batch,
            written: Vec::new(),
        }
    }

    /// Its bytes in this `form`, for one member more.
    pub(super) fn bytes(&mut self, form: &Form, now: Now) -> Bytes {
        let place = self.written.iter().position(|one| one.form == *form);
        let place = place.unwrap_or_else(|| {
            let bytes = form.batch(&self.batch, now.unix);
            self.written.push(Written {
                form: form.clone(),
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
        for Written { form, taken, .. } in &self.written {
            let (size, waiting) = (form.size(), self.batch.waiting);
            let given = self.batch.events.iter().map(|event| Given {
                bytes: size(event),
                latency: Some(now.since(event.at())),
            });
            let (transport, dialect) = (form.transport(), form.dialect());
            metrics.deliver_alike(transport, dialect, *taken, waiting, given);
        }
    }
}

/// Reads where `member` is, for all who are there. Nothing where it stands alone, or there is no room for more.
pub(super) fn prepare(
    prepared: &mut Vec<Prepared>,
    member: &Member,
    context: &Context,
) -> Option<usize> {
    if prepared.len() >= PREPARED {
        return None;
    }
    let place = member.place()?;
    // It does not take what others at its place do: it is moved there.
    if prepared.iter().any(|one| one.place == place) {
        return None;
    }
    let batch = context.bus.look(&place, CREDIT)?;
    prepared.push(Prepared::new(place, batch));
    let last = prepared.len() - 1;
    member.takes(&prepared[last]).then_some(last)
}
