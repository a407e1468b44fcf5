//! Appending: what is published, what a window has come to, what is over by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::bus::idempotency::Idempotency;
use crate::bus::rooms::Entry;
use crate::bus::state::Value;
use crate::bus::windows::{Raw, Window, batch};
use crate::bus::{Deliver, Policy};
use crate::model::code::{Code, Refusal};
use crate::model::event::{Event, EventName, Key, More, NewEvent, Options};
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

use super::{EXPIRY_STEP, Log};

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The event has this position now.
    New(Position),
    /// The publish was a repetition; this is what it was answered.
    Repeated(Position),
}

/// Events that windows may come to in one step, so that no publish waits for thousands of them; the rest waits for the
/// next.
const FLUSH_STEP: u64 = 1024;
/// What windows may take of the memory of the whole log: one part of so many.
const SHARE: usize = 4;

impl Log {
    /// Gives `new` the next position and makes it visible, or finds that it was applied before. In rooms with windows it
    /// becomes visible with the end of its window.
    ///
    /// # Errors
    /// As [`crate::bus::idempotency::Seen::check`]; `bad_request`: it says what a room of windows does not have;
    /// `state_full`.
    pub fn append(
        &mut self,
        new: NewEvent,
        once: Option<Idempotency>,
        now: Moment,
        ts: UnixMillis,
    ) -> Result<Appended, Refusal> {
        self.turn(now, ts);
        if let Some(once) = &once
            && let Some(answer) = self.seen.check(once, now)?
        {
            return Ok(Appended::Repeated(answer));
        }
        let policies: Vec<_> = new.rooms.iter().map(|room| self.policy(room)).collect();
        self.check(&new, &policies)?;
        for room in &new.rooms {
            // More windows may be due than a step flushes.
            if self.windows.is_due(room, now) {
                self.flush(room, (now, ts));
            }
        }
        self.head += 1;
        let position = self.position(self.head);
        if policies
            .iter()
            .all(|policy| policy.deliver.window().is_none())
        {
            self.put(new, None, (now, ts));
        } else {
            self.put_apart(new, &policies, (now, ts));
        }
        if let Some(once) = once {
            self.seen.keep(once, position, now);
        }
        Ok(Appended::New(position))
    }

    /// What is over is dropped; windows that end are flushed. Returns whether something due remains for the next step.
    pub fn turn(&mut self, now: Moment, ts: UnixMillis) -> bool {
        let (mut more, begin) = (self.expire(now), self.head);
        while self.head - begin < FLUSH_STEP
            && let Some(room) = self.windows.first_due(now)
        {
            self.flush(&room, (now, ts));
        }
        more |= self.windows.first_due(now).is_some();
        for _ in 0..EXPIRY_STEP {
            let Some((room, value)) = self.state.over(now) else {
                return more;
            };
            self.clear(room, &value, (now, ts));
        }
        true
    }

    /// Ends all windows, and from now on each as soon as it is opened: the gateway stops.
    pub fn close(&mut self, now: Moment, ts: UnixMillis) {
        self.is_closing = true;
        self.end_windows(now, ts);
    }

    /// Ends all windows.
    pub fn end_windows(&mut self, now: Moment, ts: UnixMillis) {
        while let Some(room) = self.windows.first() {
            self.flush(&room, (now, ts));
        }
    }

    fn check(&self, new: &NewEvent, policies: &[Arc<Policy>]) -> Result<(), Refusal> {
        let Options {
            key,
            retain,
            except,
            confirm,
            ..
        } = &new.options;
        let mut all = self.settings.state_bytes;
        for (room, policy) in new.rooms.iter().zip(policies) {
            if except.is_some() {
                windowless(room, policy, "`except`")?;
            }
            if *confirm {
                windowless(room, policy, "`ack`")?;
            }
            if *retain && room.is_of_a_stream() {
                let message = "a stream has no state: what it is told dies with it";
                return Err(Refusal::new(Code::BadRequest, message).room(room.clone()));
            }
            if let Some(key) = key.as_ref().filter(|_| *retain) {
                let more = self.state.check((room, policy), key, &new.data, all)?;
                all = all.saturating_sub(more);
            }
        }
        Ok(())
    }

    /// Whether something volatile may go to `rooms`.
    ///
    /// # Errors
    /// `bad_request`: one of them has windows.
    pub fn check_volatile(&self, rooms: &[Room]) -> Result<(), Refusal> {
        rooms
            .iter()
            .try_for_each(|room| windowless(room, &self.policy(room), "`volatile`"))
    }

    /// Puts `new` into its rooms, at the head.
    fn put(&mut self, new: NewEvent, of: Option<Vec<Position>>, (now, ts): (Moment, UnixMillis)) {
        let NewEvent {
            rooms,
            name,
            data,
            from,
            options,
        } = new;
        let expires = options.ttl.map(|ttl| now + ttl);
        if let Some(key) = options.key.as_ref().filter(|_| options.retain) {
            for room in &rooms {
                let (key, name, data) = (key.clone(), name.clone(), data.clone());
                self.state.set(
                    room,
                    Value {
                        key,
                        name,
                        data,
                        ts,
                        expires,
                    },
                );
            }
        }
        let more = More {
            key: options.key,
            except: options.except,
            of: of.unwrap_or_default(),
            confirm: options.confirm,
            volatile: false,
        };
        let event = Event {
            position: self.position(self.head),
            rooms,
            name,
            data,
            ts,
            from,
            more: more.if_any(),
        };
        let mut entry = Entry::new(event, now);
        entry.expires = expires;
        let entry = Arc::new(entry);
        self.insert(&entry);
        self.evict();
        self.grown.extend(entry.event.rooms.iter().cloned());
    }

    /// The same where some of the rooms have windows: there it waits for their end.
    fn put_apart(&mut self, new: NewEvent, policies: &[Arc<Policy>], now: (Moment, UnixMillis)) {
        let position = self.position(self.head);
        let (mut plain, mut windowed) = (Vec::new(), Vec::new());
        for (room, policy) in new.rooms.iter().zip(policies) {
            match policy.deliver.window() {
                None => plain.push(room.clone()),
                Some(_) => windowed.push((room.clone(), policy)),
            }
        }
        let raw = Raw {
            position,
            name: new.name.clone(),
            data: new.data.clone(),
            from: new.from.clone(),
            options: new.options.clone(),
            ts: now.1,
            at: now.0,
        };
        if !plain.is_empty() {
            let rooms = plain;
            self.put(NewEvent { rooms, ..new }, None, now);
        }
        for (room, policy) in windowed {
            if let Some(key) = raw.options.key.as_ref().filter(|_| raw.options.retain) {
                self.state.promise(&room, key, &raw.data);
            }
            self.windows.add(&room, &policy.deliver, raw.clone());
            if self.is_closing || self.windows.is_due(&room, now.0) {
                self.flush(&room, now);
            }
        }
        while self.windows.bytes() > self.settings.total.bytes / SHARE
            && let Some(room) = self.windows.first()
        {
            self.flush(&room, now);
        }
    }

    /// Ends the window of `room`: what it has come to is appended.
    fn flush(&mut self, room: &Room, now: (Moment, UnixMillis)) {
        let Some(window) = self.take_window(room) else {
            return;
        };
        match window.deliver {
            Deliver::Batch { .. } => self.flush_batch(room, window, now),
            Deliver::All | Deliver::Latest | Deliver::Conflate { .. } => {
                self.flush_newest(room, window, now);
            }
        }
    }

    /// Ends the window of `room`, if one is open; whatever of it is not appended now is lost.
    pub(super) fn take_window(&mut self, room: &Room) -> Option<Window> {
        let window = self.windows.take(room)?;
        self.state.settle(room);
        Some(window)
    }

    /// The newest of each key, each as an event of its own.
    fn flush_newest(&mut self, room: &Room, window: Window, (now, ts): (Moment, UnixMillis)) {
        let (events, retained) = window.end(now);
        for raw in events {
            let options = Options {
                ttl: raw.left(now),
                ..raw.options
            };
            let new = NewEvent {
                from: raw.from,
                options,
                ..NewEvent::new(vec![room.clone()], raw.name, raw.data)
            };
            self.head += 1;
            self.put(new, Some(vec![raw.position]), (now, raw.ts));
        }
        let is_over = |raw: &Raw| raw.left(now) == Some(Duration::ZERO);
        let over = retained.into_iter().filter(is_over).collect();
        self.retain(room, over, (now, ts));
    }

    /// All of each name, as one event.
    fn flush_batch(&mut self, room: &Room, window: Window, now: (Moment, UnixMillis)) {
        let (events, retained) = window.end(now.0);
        let mut names: Vec<(EventName, Vec<Raw>)> = Vec::new();
        for raw in events {
            match names.iter_mut().find(|(name, _)| *name == raw.name) {
                Some((_, events)) => events.push(raw),
                None => names.push((raw.name.clone(), vec![raw])),
            }
        }
        for (name, events) in names {
            let left: Option<Vec<_>> = events.iter().map(|raw| raw.left(now.0)).collect();
            let mut new = NewEvent::new(
                vec![room.clone()],
                EventName::batch_of(&name),
                batch(&events),
            );
            // It lives as long as one of those that it holds.
            new.options.ttl = left.and_then(|left| left.into_iter().max());
            let of = events.iter().map(|raw| raw.position).collect();
            self.head += 1;
            self.put(new, Some(of), now);
        }
        self.retain(room, retained, now);
    }

    /// What the raw events of a window say of the state of their room, once the window's events have been appended: the
    /// newest that was retained of each key. One that is over already takes the one before it with it.
    fn retain(&mut self, room: &Room, newest: Vec<Raw>, now: (Moment, UnixMillis)) {
        for raw in newest {
            let left = raw.left(now.0);
            let Some(key) = raw.options.key.clone() else {
                continue;
            };
            let value = Value {
                key,
                name: raw.name,
                data: raw.data,
                ts: raw.ts,
                expires: left.map(|left| now.0 + left),
            };
            if left != Some(Duration::ZERO) {
                self.state.set(room, value);
            } else if self.state.has(room, &value.key) {
                self.clear(room.clone(), &value, now);
            }
        }
    }

    /// Appends that `value` is no more: it said itself how long it lives.
    fn clear(&mut self, room: Room, value: &Value, now: (Moment, UnixMillis)) {
        let options = Options {
            key: Some(Key::clone(&value.key)),
            retain: true,
            ..Options::default()
        };
        let new = NewEvent {
            options,
            ..NewEvent::new(vec![room], value.name.clone(), Json::null())
        };
        self.head += 1;
        self.put(new, None, now);
    }
}

fn windowless(room: &Room, policy: &Policy, what: &str) -> Result<(), Refusal> {
    if policy.deliver.window().is_none() {
        return Ok(());
    }
    let message = format!("{room} conflates or batches its events: {what} has no meaning there");
    Err(Refusal::new(Code::BadRequest, message).room(room.clone()))
}
