//! Presence: who is in a room, by principal, and who comes and goes.
//!
//! A stream is in the rooms that its subscription has joined, a poll in its own while it waits and for a touch when it is
//! answered. When the last one of a principal is gone its grace begins: whoever is back in time has never been away.
//! Joins and leaves are events of the room's companion, appended like all others, and in the order in which the
//! registry changes: its lock is held until they are in the log. So who reads them from the start has what a look
//! at the registry gives.

mod attendance;
mod away;
mod registry;
#[cfg(test)]
mod tests;
mod who;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::sync::{Mutex, lock};
use crate::wire::presence::Page;

use super::memory::{Bus, Shared};
use super::reader::Credit;
use super::{Policy, Settings};

pub(super) use attendance::Attendance;
use registry::{At, Registry};

/// Who is where. Where no room is tracked, nobody waits for anybody.
#[derive(Debug)]
pub(super) struct Presence {
    is_used: AtomicBool,
    registry: Mutex<Registry>,
}

impl Presence {
    pub(super) fn new(settings: &Settings) -> Self {
        let new = Self {
            is_used: AtomicBool::new(false),
            registry: Mutex::new(Registry::default()),
        };
        new.configure(settings);
        new
    }

    /// From now on these settings hold: who is in a room that begins to be tracked is seen when it joins, renews its
    /// credential, polls, or comes back.
    pub(super) fn configure(&self, settings: &Settings) {
        let is_tracked = |policy: &Policy| policy.presence.is_some();
        let is_used = settings.rooms.iter().any(|(_, policy)| is_tracked(policy));
        lock(&self.registry).configure(settings.clone());
        self.is_used.store(is_used, Ordering::Release);
    }

    /// When the next one leaves; who is to leave earlier rings from now on.
    pub(super) fn arm(&self) -> Option<Moment> {
        lock(&self.registry).arm()
    }

    fn is_used(&self) -> bool {
        self.is_used.load(Ordering::Acquire)
    }
}

impl Shared {
    /// Changes the registry, and appends what comes of it. Not to be called under the lock of the log.
    fn note<T>(&self, change: impl FnOnce(&mut Registry, At) -> T) -> T {
        let mut registry = lock(&self.presence.registry);
        let at = At {
            moment: self.clock.now(),
            unix: self.clock.unix(),
        };
        let out = change(&mut registry, at);
        for event in registry.take_news() {
            self.append(event, at.moment, at.unix);
        }
        let is_early = registry.is_armed_too_late();
        drop(registry);
        if is_early {
            self.alarm.ring();
        }
        out
    }

    /// Lets leave who is due; says whether more are.
    pub(super) fn expire_presence(&self) -> bool {
        self.presence.is_used() && self.note(|registry, at| registry.expire(at.moment))
    }

    /// Principals that are in tracked rooms, one of several rooms counted in each.
    pub(super) fn present(&self) -> usize {
        lock(&self.presence.registry).members()
    }
}

impl Bus {
    /// Who is in `room`, in the order of names and behind `after`, as much as `credit` allows. Nothing where that is not
    /// looked at.
    #[must_use]
    pub fn presence(&self, room: &Room, after: Option<&str>, credit: Credit) -> Option<Page> {
        self.shared()
            .note(|registry, at| registry.page(room, after, credit, at.moment))
    }

    /// `who` was in `rooms` for a moment, as somebody is who polls and is answered at once.
    pub fn touch(&self, who: &Principal, rooms: &[Room]) {
        if !self.shared().presence.is_used() {
            return;
        }
        self.shared().note(|registry, at| {
            for room in rooms {
                if let Some(life) = registry.arrive(room, who, at) {
                    registry.depart(room, life, who, at);
                }
            }
        });
    }
}
