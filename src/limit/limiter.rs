//! The limits that all who limit share: by address, by principal, by stream.
//!
//! Where a limit is not set, nothing is hashed and nothing is locked. A key is the hash of who pays and for what, under a
//! secret of this process: two that are the same would share a budget, which nobody can bring about and which happens
//! to one pair in 2^64.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use super::address::Address;
use super::counts::{Counted, Counts};
use super::table::Table;
use crate::model::code::{Code, Refusal};
use crate::model::id::{Principal, StreamId};
use crate::model::limits::{Addresses, Events, Quota, Rate};
use crate::model::room::Room;
use crate::model::time::Moment;
use crate::model::transport::Transport;

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer<'a> {
    /// Whoever has this name, from wherever.
    Principal(&'a Principal),
    /// Whoever comes from there without a name.
    Address(Address),
    /// One stream.
    Stream(StreamId),
}

impl<'a> Payer<'a> {
    /// Who pays for what `principal` does. Strangers pay by their address, so that one does not use up what is for all.
    #[must_use]
    pub const fn of(principal: &'a Principal, address: Option<Address>) -> Self {
        match (principal, address) {
            (Principal::Anonymous, Some(address)) => Self::Address(address),
            (principal, _) => Self::Principal(principal),
        }
    }
}

/// A stream's places in the counts of those that are open. Empty, and without memory, where nothing is counted.
#[derive(Debug, Default)]
pub struct Held(Option<Box<Places>>);

#[derive(Debug, Default)]
struct Places {
    _address: Option<Counted>,
    principal: Option<Counted>,
}

impl Held {
    /// The places of a stream that counts for its address.
    #[must_use]
    pub fn by_address(address: Option<Counted>) -> Self {
        Self(address.map(|place| {
            Box::new(Places {
                _address: Some(place),
                principal: None,
            })
        }))
    }

    /// From now on it counts for its principal too, and not for the one before.
    pub fn count_for_principal(&mut self, place: Option<Counted>) {
        if place.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().principal = place;
        }
    }
}

/// Who has used how much.
#[derive(Default)]
pub struct Limiter {
    secret: RandomState,
    connections: Arc<Counts>,
    streams: Arc<Counts>,
    principals: Arc<Counts>,
    questions: Arc<Counts>,
    arrivals: Table,
    openings: Table,
    failures: Table,
    requests: Table,
    events: Table,
    publishes: Table,
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

impl Limiter {
    /// A connection comes from `address`.
    ///
    /// # Errors
    /// `rate_limited`: too many have come in too short a time, or are open; without a time for the latter.
    pub fn connect(
        &self,
        address: Address,
        limits: &Addresses,
        now: Moment,
    ) -> Result<Option<Counted>, Refusal> {
        self.arrive(&self.arrivals, address, limits, now)?;
        self.place(&self.connections, address, limits)
    }

    /// A stream is asked for from `address`; a poll is one, and lasts too short to be a handshake.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn open(
        &self,
        address: Address,
        transport: Transport,
        limits: &Addresses,
        now: Moment,
    ) -> Result<Held, Refusal> {
        if transport != Transport::LongPoll {
            self.arrive(&self.openings, address, limits, now)?;
        }
        let place = self.place(&self.streams, address, limits)?;
        Ok(Held::by_address(place))
    }

    fn arrive(
        &self,
        table: &Table,
        address: Address,
        limits: &Addresses,
        now: Moment,
    ) -> Result<(), Refusal> {
        let Some(rate) = limits.handshakes else {
            return Ok(());
        };
        table.take(self.key(address), rate, now).map_err(|pause| {
            refused("too many connections or streams were opened from this address")
                .limit("handshakes")
                .spent(Quota::Rate(rate))
                .retry_after(pause)
        })
    }

    fn place(
        &self,
        counts: &Arc<Counts>,
        address: Address,
        limits: &Addresses,
    ) -> Result<Option<Counted>, Refusal> {
        let Some(most) = limits.per_ip else {
            return Ok(None);
        };
        let place = counts.take(self.key(address), most).ok_or_else(|| {
            refused("too many connections or streams of this address are open")
                .limit("per_ip")
                .spent(Quota::Count(most))
        });
        place.map(Some)
    }

    /// A stream of `payer`, of which `most` may be open.
    ///
    /// # Errors
    /// `rate_limited`, without a time.
    pub fn stream(&self, payer: Payer<'_>, most: Option<u32>) -> Result<Option<Counted>, Refusal> {
        let Some(most) = most else {
            return Ok(None);
        };
        let place = self.principals.take(self.key(payer), most).ok_or_else(|| {
            refused("too many streams of this principal are open")
                .limit("per_principal")
                .spent(Quota::Count(most))
        });
        place.map(Some)
    }

    /// `payer` asks the backend something without a stream, which would ask one thing after another; `most` of it may be
    /// under way.
    ///
    /// # Errors
    /// `rate_limited`, without a time.
    pub fn question(&self, payer: Payer<'_>, most: u32) -> Result<Counted, Refusal> {
        let place = self.questions.take(self.key(payer), most);
        place.ok_or_else(|| {
            refused("too many messages of this principal are at the backend")
                .limit("emits")
                .spent(Quota::Count(most))
        })
    }

    /// Whether credentials from `address` are looked at.
    ///
    /// # Errors
    /// `rate_limited`: too many that it showed were not good.
    pub fn may_try(&self, address: Address, rate: Rate, now: Moment) -> Result<(), Refusal> {
        let look = self.failures.look(self.key(address), rate, now);
        look.map_err(|pause| {
            refused("too many credentials from this address were not good")
                .limit("failures")
                .spent(Quota::Rate(rate))
                .retry_after(pause)
        })
    }

    /// A credential from `address` was not good.
    pub fn failed(&self, address: Address, rate: Rate, now: Moment) {
        // Beyond the rate none is looked at, so several at once are all that can be too many.
        let _ = self.failures.take(self.key(address), rate, now);
    }

    /// `payer` makes a request.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn request(
        &self,
        payer: Payer<'_>,
        rate: Option<Rate>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let Some(rate) = rate else { return Ok(()) };
        self.requests
            .take(self.key(payer), rate, now)
            .map_err(|pause| {
                refused("too many requests of this principal")
                    .limit("requests")
                    .spent(Quota::Rate(rate))
                    .retry_after(pause)
            })
    }

    /// `payer` sends a message of this name.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn event(
        &self,
        payer: Payer<'_>,
        name: &str,
        limits: &Events,
        now: Moment,
    ) -> Result<(), Refusal> {
        // Mostly there are none, and then no name is looked for.
        let rate = (!limits.is_empty()).then(|| limits.get(name)).flatten();
        let Some(&rate) = rate else { return Ok(()) };
        self.events
            .take(self.key((payer, name)), rate, now)
            .map_err(|pause| {
                refused(format!("too many messages named {name}"))
                    .limit("events.NAME")
                    .spent_by(name, Quota::Rate(rate))
                    .retry_after(pause)
            })
    }

    /// `payer` publishes to all of `rooms`, or to none.
    ///
    /// # Errors
    /// `rate_limited`, naming the first room that gets no more.
    pub fn publish(
        &self,
        payer: Payer<'_>,
        rooms: &[Room],
        rate: Option<Rate>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let Some(rate) = rate else { return Ok(()) };
        let table = &self.publishes;
        let key = |room: &Room| self.key((payer, room.as_str()));
        let full = |room: &Room, pause| {
            refused(format!("too many events of this principal to {room}"))
                .limit("publishes")
                .spent(Quota::Rate(rate))
                .room(room.clone())
                .retry_after(pause)
        };
        // First a look at all, so that an event that does not come to one room costs nothing in the others.
        rooms.iter().try_for_each(|room| {
            let look = table.look(key(room), rate, now);
            look.map_err(|pause| full(room, pause))
        })?;
        rooms.iter().try_for_each(|room| {
            let taken = table.take(key(room), rate, now);
            taken.map_err(|pause| full(room, pause))
        })
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.secret.hash_one(of)
    }
}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::RateLimited, message)
}

#[cfg(test)]
mod tests;
