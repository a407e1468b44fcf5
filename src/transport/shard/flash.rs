//! What is volatile on its way to those who have nothing else to read: some of them in each round.

use std::collections::btree_map::IntoIter;
use std::sync::Arc;

use bytes::Bytes;

use crate::bus::rooms::{Delivery, Entry};
use crate::bus::wake::Roster;
use crate::model::time::Moment;
use crate::telemetry::metrics::{Given, Metrics};

use super::form::Form;

/// One volatile event, and those who have not been looked at yet.
pub(super) struct Flash {
    entry: Arc<Entry>,
    /// Numbers of seats, and the room that each is in.
    seats: IntoIter<usize, usize>,
    /// Its bytes in each form that was asked for, through each room.
    written: Vec<Written>,
}

struct Written {
    form: Form,
    place: usize,
    bytes: Bytes,
    taken: u64,
}

impl Flash {
    /// The next of those that wait.
    pub(super) fn next_of(roster: &Roster) -> Option<Self> {
        let (entry, seats) = roster.next_flash()?;
        Some(Self {
            entry,
            seats: seats.into_iter(),
            written: Vec::new(),
        })
    }

    /// The next who may get it.
    pub(super) fn next(&mut self) -> Option<(usize, Delivery, usize)> {
        let (number, place) = self.seats.next()?;
        Some((number, Delivery::at_place(self.entry.clone(), place), place))
    }

    /// Its bytes in this `form`, through the room at `place`, for one member more.
    pub(super) fn bytes(&mut self, form: Form, event: &Delivery, place: usize) -> Option<Bytes> {
        let is_it = |one: &Written| one.form == form && one.place == place;
        if let Some(found) = self.written.iter_mut().find(|one| is_it(one)) {
            found.taken += 1;
            return Some(found.bytes.clone());
        }
        let bytes = form.flash(event)?;
        self.written.push(Written {
            form,
            place,
            bytes: bytes.clone(),
            taken: 1,
        });
        Some(bytes)
    }

    /// Counts what was taken.
    pub(super) fn count(&self, metrics: &Metrics, now: Moment) {
        for Written {
            form, place, taken, ..
        } in &self.written
        {
            let event = Delivery::at_place(self.entry.clone(), *place);
            let given = Given {
                bytes: form.size()(&event),
                latency: Some(now.since(event.at())),
            };
            let (transport, dialect) = (form.transport(), form.dialect());
            metrics.deliver_alike(transport, dialect, *taken, 1, std::iter::once(given));
        }
    }
}
