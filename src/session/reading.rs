//! What a client is given: its welcome, and what the log has for it.

use crate::bus::moves::Who;
use crate::bus::reader::Batch;
use crate::model::decree::{Decree, Revocation, revoked};
use crate::model::gap::Gap;
use crate::model::position::Position;
use crate::wire::control::{Control, Welcome, millis};

use super::{Action, Now, Session, State, admission, first};

impl Session {
    pub(super) fn opened(
        &mut self,
        cursor: Option<Position>,
        gaps: Vec<Gap>,
        recovered: Option<bool>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let first = live.aside.take_first();
        let unauthorized = live.aside.take_gaps();
        out.push(Action::Send(Control::Welcome(Welcome {
            stream: self.stream.to_string(),
            cursor,
            rooms: live.rooms.clone(),
            principal: live.access.principal.name().to_owned(),
            role: live.access.role.name.to_string(),
            heartbeat_ms: millis(self.settings.heartbeat),
            expires_in_ms: live.access.expires_at.map(|at| millis(at.since(now.unix))),
            recovered: recovered.map(|whole| whole && unauthorized.is_empty()),
            ts: now.unix,
        })));
        if !first.is_empty() {
            let stream = self.stream.to_string();
            let first = first::deliveries(first, Some(&stream), cursor, now);
            out.push(Action::Deliver(first));
        }
        out.extend(
            unauthorized
                .into_iter()
                .chain(gaps)
                .map(|gap| Action::Send(Control::Gap(gap))),
        );
        self.last_write = now.moment;
    }

    /// Gaps first, then events. A batch of neither is the answer to a heartbeat's read: its cursor moved by
    /// reading, not by taking silence for completeness.
    pub(super) fn batch(&mut self, batch: Batch, now: Now, out: &mut Vec<Action>) {
        let Batch {
            gaps,
            mut events,
            decrees,
            cursor,
            fallen,
            ..
        } = batch;
        if let Some(room) = fallen {
            return self.end(None, admission::fallen(room), out);
        }
        let end = decrees
            .iter()
            .find(|(_, decree)| self.is_revoked_by(decree))
            .map(|(seq, _)| *seq);
        if let Some(end) = end {
            events.retain(|event| event.event().position.seq < end);
        }
        let is_due = now.moment >= self.last_write + self.settings.heartbeat;
        let is_silent = gaps.is_empty() && events.is_empty();
        if !is_silent || decrees.is_empty() || is_due {
            self.last_write = now.moment;
            // Whoever is ended is not told how far it would have come: what it was not given lies before that.
            if is_silent && end.is_none() {
                let ts = now.unix;
                out.push(Action::Send(Control::Heartbeat { cursor, ts }));
            }
        }
        out.extend(gaps.into_iter().map(|gap| Action::Send(Control::Gap(gap))));
        if !events.is_empty() {
            out.push(Action::Deliver(events));
        }
        if end.is_some() {
            self.end(None, revoked(), out);
        } else if let Some((_, decree)) = decrees.last() {
            self.heed(decree, out);
        }
    }

    /// Whether this stream is one that `decree` ends.
    fn is_revoked_by(&self, decree: &Decree) -> bool {
        match decree {
            Decree::Revoked(Revocation::Stream(stream)) => *stream == self.stream,
            Decree::Revoked(revocation) => self
                .access()
                .is_some_and(|access| revocation.covers(access.bearer())),
            Decree::Rights | Decree::Moved(_) | Decree::Forgotten => false,
        }
    }

    /// Who reads here, for the log.
    #[must_use]
    pub fn who(&self) -> Option<Who<'_>> {
        self.access().map(|access| Who {
            stream: Some(self.stream),
            principal: access.principal.name(),
        })
    }

    /// Whether this stream is one that `decree` moves.
    #[must_use]
    pub fn is_moved_by(&self, decree: &Decree) -> bool {
        let moved = decree.moved().zip(self.access());
        moved.is_some_and(|(moved, access)| moved.whom.covers(self.stream, &access.principal))
    }
}
