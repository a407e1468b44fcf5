//! Events that are in no log (SEMANTICS 19).

use super::super::message::Envelope;
use super::super::record::Transport;
use super::Kind;
use super::connection::Duty;
use super::envelopes::{Shape, text};
use super::policies::excepts;
use super::reader::Reader;

impl Reader<'_> {
    /// An event without id: what was published so, at most once, to a stream that had nothing pending.
    pub(super) fn volatile(&mut self, step: usize, text: &str, envelope: &Envelope<'_>) {
        let Some(place) = self.flash(envelope) else {
            return self.complain(
                Kind::Unpublished,
                format!("nothing was published for the moment as {text}"),
            );
        };
        if let Some((kind, fault)) = self.wrong_flash(place, text, envelope) {
            self.complain(kind, format!("{text}: {fault}"));
        }
        self.flashes.insert(place);
        let (at, base) = (
            self.oracle.flashes[place].at,
            self.connection
                .as_ref()
                .and_then(|connection| connection.base),
        );
        let Some(base) = base else {
            return self.complain(Kind::Volatile, format!("{text} before any position"));
        };
        let pending = (base + 1..=at).find(|&number| self.owes(step, number).is_some());
        if let Some(number) = pending {
            self.complain(
                Kind::Volatile,
                format!("{text} came while event {number} was pending"),
            );
        }
    }

    /// Which one it is, by its payload, which no other has.
    fn flash(&self, envelope: &Envelope<'_>) -> Option<usize> {
        let mut flashes = self.oracle.flashes.iter();
        flashes.position(|flash| flash.published.data == envelope.data.get())
    }

    fn wrong_flash(
        &mut self,
        place: usize,
        seen: &str,
        envelope: &Envelope<'_>,
    ) -> Option<(Kind, String)> {
        let connection = self.connection.as_ref()?;
        let flash = &self.oracle.flashes[place];
        let (published, room) = (&flash.published, &envelope.room);
        let stamp = *self.shared.flashes.entry(place).or_insert(envelope.ts);
        let expected = text(&Shape {
            id: None,
            room,
            event: &published.event,
            data: &published.data,
            stamp,
            from: published.from.as_deref(),
            key: published.options.key,
            of: &[],
        });
        let live = matches!(
            connection.opening.transport,
            Transport::WebSocket | Transport::SocketIo | Transport::Sse
        );
        // On an event stream that was asked by another request, it may still be under way.
        let still_coming =
            connection.opening.transport == Transport::Sse && connection.left.contains(room);
        let joined = connection.duty(room, flash.at + 1) != Duty::Forbidden || still_coming;
        if !live {
            Some((Kind::Volatile, "to a reader that is not there".into()))
        } else if self.flashes.contains(&place) {
            Some((Kind::Twice, "it came twice".into()))
        } else if !published.rooms.contains(room) || expected != seen {
            Some((Kind::Bytes, format!("instead of {expected}")))
        } else if flash.step <= connection.opened && flash.at < self.oracle.head(connection.opened)
        {
            Some((Kind::Volatile, "it was over before the stream began".into()))
        } else if excepts(connection, published.options.except) {
            Some((Kind::Excepted, "it was not for this client".into()))
        } else if !joined {
            Some((Kind::NotJoined, "the room was not joined then".into()))
        } else {
            None
        }
    }
}
