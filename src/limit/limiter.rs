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
mod tests {
    use std::time::Duration;

    use super::*;

    const ONCE_A_SECOND: Rate = Rate {
        count: 1,
        per: Duration::from_secs(1),
    };

    fn now() -> Moment {
        Moment::from_origin(Duration::from_secs(9))
    }

    fn room(name: &str) -> Room {
        Room::parse(name).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::of(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_set_is_not_limited_and_takes_no_memory() {
        let limiter = Limiter::default();
        let (of, unset) = (address("192.0.2.1"), Addresses::default());
        let payer = Payer::Principal(&Principal::Anonymous);
        let mut held = Vec::new();
        for _ in 0..1000 {
            assert!(limiter.connect(of, &unset, now()).unwrap().is_none());
            held.push(limiter.open(of, Transport::Sse, &unset, now()).unwrap());
            assert!(limiter.stream(payer, None).unwrap().is_none());
            assert_eq!(limiter.request(payer, None, now()), Ok(()));
            assert_eq!(limiter.event(payer, "e", &Events::new(), now()), Ok(()));
            assert_eq!(limiter.publish(payer, &[room("r")], None, now()), Ok(()));
        }
        assert!(held.iter().all(|held| held.0.is_none()));
    }

    #[test]
    fn an_event_that_one_of_its_rooms_does_not_take_costs_nothing_in_the_others() {
        let limiter = Limiter::default();
        let payer = Payer::Principal(&Principal::Anonymous);
        let publish = |rooms: &[Room]| limiter.publish(payer, rooms, Some(ONCE_A_SECOND), now());
        assert_eq!(publish(&[room("b")]), Ok(()));
        let refusal = publish(&[room("a"), room("b")]).unwrap_err();
        assert_eq!(refusal.room, Some(room("b")));
        assert_eq!(publish(&[room("a")]), Ok(()));
    }

    #[test]
    fn each_payer_has_its_own_budget_of_each_name() {
        let limiter = Limiter::default();
        let limits = Events::from([
            ("a".to_owned(), ONCE_A_SECOND),
            ("b".to_owned(), ONCE_A_SECOND),
        ]);
        let key = Principal::ApiKey("192.0.2.1".into());
        let payers = [
            Payer::Principal(&Principal::Anonymous),
            Payer::Principal(&key),
            Payer::Address(address("192.0.2.1")),
            Payer::Address(address("2001:db8::1")),
            Payer::Stream(StreamId::from_random(1)),
            Payer::Stream(StreamId::from_random(2)),
        ];
        for name in ["a", "b"] {
            for payer in payers {
                assert_eq!(limiter.event(payer, name, &limits, now()), Ok(()));
            }
            for payer in payers {
                let refusal = limiter.event(payer, name, &limits, now()).unwrap_err();
                assert_eq!(refusal.limit_key().unwrap(), format!("events.{name}"));
                assert_eq!(refusal.retry_after, Some(Duration::from_secs(1)));
            }
        }
        assert_eq!(limiter.event(payers[0], "c", &limits, now()), Ok(()));
    }

    #[test]
    fn strangers_pay_by_their_address_and_others_by_their_name() {
        let (of, key) = (address("192.0.2.1"), Principal::ApiKey("a".into()));
        assert_eq!(Payer::of(&key, Some(of)), Payer::Principal(&key));
        let stranger = Principal::Anonymous;
        assert_eq!(Payer::of(&stranger, Some(of)), Payer::Address(of));
        assert_eq!(Payer::of(&stranger, None), Payer::Principal(&stranger));
    }

    #[test]
    fn a_stream_counts_for_the_principal_that_it_has_and_no_more_for_the_one_before() {
        let limiter = Limiter::default();
        let (first, second) = (Principal::ApiKey("a".into()), Principal::ApiKey("b".into()));
        let place = |principal| limiter.stream(Payer::of(principal, None), Some(1));
        let mut held = Held::default();
        held.count_for_principal(place(&first).unwrap());
        assert!(place(&first).is_err());
        held.count_for_principal(place(&second).unwrap());
        assert!(place(&second).is_err());
        assert!(place(&first).is_ok());
    }
}
