//! Whether a told gap is true.

use super::super::record::Start;
use super::super::script::SECRET;
use super::Kind;
use super::connection::Duty;
use super::reader::Reader;

impl Reader<'_> {
    pub(super) fn gap(
        &mut self,
        step: usize,
        room: &str,
        from: Option<&str>,
        to: Option<&str>,
        reason: &str,
    ) {
        match reason {
            "unauthorized" => {
                let owed = self.connection.as_mut().is_some_and(|connection| {
                    room == SECRET && std::mem::replace(&mut connection.owed_refusal, false)
                });
                if !owed {
                    self.complain(
                        Kind::FalseGap,
                        format!("{room} was refused, or refused again"),
                    );
                }
            }
            "epoch" => self.epoch(step, room, from, to),
            "evicted" => self.evicted(step, room, from, to),
            other => self.complain(
                Kind::FalseGap,
                format!("a gap of {room} for reason {other}"),
            ),
        }
    }

    /// A gap between two lives excuses only what the new one does not hold.
    pub(super) fn epoch(&mut self, step: usize, room: &str, from: Option<&str>, to: Option<&str>) {
        if self.epoch_of_a_join(step, room, from, to) {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        let life = connection.life;
        let came_from = match &connection.opening.start {
            Start::At(cursor) => from == Some(cursor),
            _ => from.is_none(),
        };
        if connection.left_early.remove(room) {
            return; // It was under way when the room was left.
        }
        let owed = connection.owed_epoch.remove(room);
        if !owed || !came_from {
            return self.complain(
                Kind::FalseGap,
                format!("an epoch gap of {room} from {from:?}"),
            );
        }
        let place = to.and_then(|to| self.shared.place(self.oracle, to, life));
        let Some(place) = place.filter(|place| place.life == life) else {
            return self.complain(Kind::Position, format!("an epoch gap of {room} to {to:?}"));
        };
        if let Some(connection) = &mut self.connection {
            connection.from(room, place.at, Duty::Required);
        }
        self.values_are_missing(room, true);
        self.excuses_nothing_held(step, room, place.at);
    }

    /// What the new life holds is no part of a gap between two.
    pub(super) fn excuses_nothing_held(&mut self, step: usize, room: &str, to: usize) {
        let Some(connection) = &self.connection else {
            return;
        };
        let start = self.oracle.start(connection.life);
        let held = |number: &usize| {
            !self.oracle.dropped(*number, room, step) && !self.is_gone(step, *number, room)
        };
        if let Some(number) = self.oracle.events(room, start, to).find(held) {
            self.complain(
                Kind::FalseGap,
                format!("an epoch gap of {room} excuses event {number}, which is held"),
            );
        }
    }

    /// A gap of what was evicted: true, not larger than what was dropped, and told once.
    pub(super) fn evicted(
        &mut self,
        step: usize,
        room: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) {
        let Some(connection) = &self.connection else {
            return;
        };
        let life = connection.life;
        let mut resolve = |cursor: Option<&str>| {
            let place = self.shared.place(self.oracle, cursor?, life)?;
            (place.life == life).then_some(place.at)
        };
        let since = connection.asked_since(room).map(str::to_owned);
        let (Some(low), Some(high)) = (resolve(from), resolve(to)) else {
            return self.complain(
                Kind::Position,
                format!("a gap of {room} from {from:?} to {to:?}"),
            );
        };
        let since = since.and_then(|since| self.joined_from(room, &since));
        let Some(connection) = &self.connection else {
            return;
        };
        let lowest = since.or(connection.base);
        let told = connection.gaps(room).iter().any(|(_, have)| *have >= high);
        if let Some(fault) = self.untrue(step, room, (low, high), lowest, since.is_some()) {
            self.complain(
                Kind::FalseGap,
                format!("a gap of {room} from {low} to {high}: {fault}"),
            );
        } else if told {
            self.complain(
                Kind::GapAgain,
                format!("a gap of {room} to {high} was told already"),
            );
        }
        self.overflowed(step, room, high);
        self.was_missing(room, (low, high), since.is_some());
        let at_first = self.connection.as_ref().is_some_and(|connection| {
            since.is_none() && self.oracle.dropped(high, room, connection.opened)
        });
        self.values_are_missing(room, at_first);
        if let Some(connection) = &mut self.connection {
            connection.tell(room, low, high);
        }
    }

    pub(super) fn untrue(
        &self,
        step: usize,
        room: &str,
        (low, high): (usize, usize),
        lowest: Option<usize>,
        backfilling: bool,
    ) -> Option<String> {
        let connection = self.connection.as_ref()?;
        let held_then = matches!(connection.opening.start, Start::Earliest | Start::Rewind(_));
        let gone_before = |number| self.oracle.dropped(number, room, connection.opened);
        let mut events = self.oracle.events(room, low, high).peekable();
        if self.oracle.calm {
            Some("nothing was ever evicted".into())
        } else if !backfilling && !connection.joined(room) {
            Some("the room was not joined".into())
        } else if lowest.is_none_or(|lowest| low < lowest) {
            Some(format!("the client was at {lowest:?} already"))
        } else if events.peek().is_none()
            || !self
                .oracle
                .events(room, high - 1, high)
                .any(|number| number == high)
        {
            Some("its end is no event of this room".into())
        } else if held_then && !backfilling && gone_before(high) {
            Some("the client asked for what is held".into())
        } else {
            let wrong = |number: &usize| {
                let due = backfilling || connection.duty(room, *number) != Duty::Forbidden;
                let gone = *number < high && self.is_gone(step, *number, room);
                !gone && (!due || !self.oracle.dropped(*number, room, step))
            };
            events
                .find(wrong)
                .map(|number| format!("event {number} was not evicted, or not due"))
        }
    }
}
