//! L3: the only caller of [`Bus::publish`]: grants, then limits, then append.

mod awaiting;
mod publisher;

use std::sync::Arc;

use crate::auth::Access;
use crate::bus::idempotency::Idempotency;
use crate::bus::reader::Credit;
use crate::bus::{Bus, Published};
use crate::lifecycle::clock::Clock;
use crate::lifecycle::drain::Draining;
use crate::limit::address::Address;
use crate::limit::{Limiter, Payer};
use crate::model::code::{Code, Refusal};
use crate::model::decree::revoked;
use crate::model::event::{EventName, NewEvent, Offer};
use crate::model::id::Principal;
use crate::model::json::Json;
use crate::model::limits::Limits;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::telemetry::metrics::Metrics;

pub use awaiting::{Accepted, Awaiting};
pub use publisher::Publisher;

/// The way into the log.
#[derive(Clone)]
pub struct Ingress {
    bus: Bus,
    clock: Clock,
    metrics: Arc<Metrics>,
    limiter: Arc<Limiter>,
    draining: Draining,
}

/// Who publishes.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// What it may.
    pub access: &'a Access,
    /// Where it is, where that is known.
    pub address: Option<Address>,
    /// Whether the event's name was counted already, as a message of a stream.
    pub is_counted: bool,
}

impl Ingress {
    /// The way into `bus`.
    #[must_use]
    pub const fn new(
        bus: Bus,
        clock: Clock,
        metrics: Arc<Metrics>,
        limiter: Arc<Limiter>,
        draining: Draining,
    ) -> Self {
        Self {
            draining,
            limiter,
            bus,
            clock,
            metrics,
        }
    }

    /// Publishes what `by` may publish: to all of its rooms, or to none; and counts it. Confirmations are for the caller to
    /// wait for.
    ///
    /// What is volatile is given to those who are there, and has no position.
    ///
    /// Those whom it is for alone are looked for by `addressed`, once it is within its rates: to look is not free. They may be
    /// gone if it was applied before.
    ///
    /// # Errors
    /// `forbidden` names the first room that is not granted; `rate_limited`, `too_many_rooms`, `too_large`; what
    /// `addressed` and the bus refuse.
    pub async fn publish(
        &self,
        by: By<'_>,
        offer: Offer,
        once: Option<Idempotency>,
        addressed: impl Future<Output = Result<(), Refusal>>,
    ) -> Result<Accepted, Refusal> {
        let append = async {
            self.holds(by.access)?;
            granted(by.access, &offer.rooms)?;
            self.within_rates(by, &offer)?;
            let once = only_again(once, addressed.await)?;
            self.publish_granted(by, offer, once).await
        };
        self.counted(append).await
    }

    /// Publishes what `by` may emit, to rooms that the configuration names: nobody has to grant them.
    ///
    /// # Errors
    /// As [`Self::publish`], but for `forbidden`.
    pub async fn emit(&self, by: By<'_>, offer: Offer) -> Result<Accepted, Refusal> {
        let append = async {
            self.holds(by.access)?;
            self.within_rates(by, &offer)?;
            self.publish_granted(by, offer, None).await
        };
        self.counted(append).await
    }

    /// Whether its credential holds, also where a stream has not been told yet.
    fn holds(&self, access: &Access) -> Result<(), Refusal> {
        if self.bus.has_revoked(access.bearer()) {
            return Err(revoked());
        }
        Ok(())
    }

    async fn publish_granted(
        &self,
        by: By<'_>,
        offer: Offer,
        once: Option<Idempotency>,
    ) -> Result<Accepted, Refusal> {
        let access = by.access;
        let from = access.role.sender.then(|| access.principal.name().into());
        let by = (Some(&access.principal), access.role.limits);
        self.append(by, offer, from, once).await
    }

    async fn counted(
        &self,
        publish: impl Future<Output = Result<Accepted, Refusal>>,
    ) -> Result<Accepted, Refusal> {
        let offered = self.clock.now();
        let outcome = publish.await;
        let publishes = self.metrics.publishes();
        match outcome.as_ref().map(|accepted| accepted.published) {
            Ok(Published { repeated: true, .. }) => publishes.repeated(),
            Ok(_) => publishes.published(self.clock.now().since(offered)),
            Err(refusal) => publishes.refused(refusal.code),
        }
        outcome
    }

    fn within_rates(&self, by: By<'_>, offer: &Offer) -> Result<(), Refusal> {
        let (role, now) = (&by.access.role, self.clock.now());
        let payer = Payer::of(&by.access.principal, by.address);
        if !by.is_counted {
            let name = offer.name.as_str();
            self.limiter.event(payer, name, &role.events, now)?;
        }
        let rate = role.limits.publishes;
        self.limiter.publish(payer, &offer.rooms, rate, now)
    }

    async fn append(
        &self,
        (principal, limits): (Option<&Principal>, Limits),
        offer: Offer,
        from: Option<Arc<str>>,
        once: Option<Idempotency>,
    ) -> Result<Accepted, Refusal> {
        not_companions(&offer.rooms)?;
        within_limits(limits, &offer)?;
        let Offer {
            rooms,
            name,
            data,
            options,
            volatile,
            awaited,
            ..
        } = offer;
        let new = NewEvent {
            rooms,
            name,
            data,
            from,
            options,
        };
        if volatile {
            return Ok(self.flash(new, once.is_some())?.into());
        }
        let Some(awaited) = awaited else {
            return Ok(self.bus.publish(new, once).await?.into());
        };
        let until = self.clock.now() + awaited.timeout;
        let (published, wait) = self
            .bus
            .publish_awaited(new, once, &awaited, principal)
            .await?;
        let awaiting = Awaiting::new(wait, until, self.clock.clone(), self.draining.clone());
        Ok(Accepted {
            published,
            awaiting: Some(awaiting),
        })
    }

    fn flash(&self, new: NewEvent, once: bool) -> Result<Published, Refusal> {
        if once {
            let message =
                "a volatile event is not kept, and so is no repetition: it has no Idempotency-Key";
            return Err(Refusal::new(Code::BadRequest, message));
        }
        self.bus.flash(new)
    }

    /// Sends an event of our own through the log, and returns when it has come back.
    ///
    /// # Errors
    /// What the bus refuses.
    pub async fn canary(&self) -> Result<(), Refusal> {
        let room = Room::parse(CANARY).map_err(|error| internal(&error))?;
        let name = EventName::parse("canary").map_err(|error| internal(&error))?;
        let mut back = self
            .bus
            .subscribe(std::slice::from_ref(&room), Start::Now)
            .subscription;
        let new = NewEvent::new(vec![room], name, Json::null());
        self.bus.publish(new, None).await?;
        back.next_batch(Credit {
            events: 1,
            bytes: 1024,
        })
        .await;
        Ok(())
    }
}

/// If those are not there whom it is for, it can only have been applied before.
fn only_again(
    once: Option<Idempotency>,
    addressed: Result<(), Refusal>,
) -> Result<Option<Idempotency>, Refusal> {
    match (addressed, once) {
        (Ok(()), once) => Ok(once),
        (Err(refusal), None) => Err(refusal),
        (Err(refusal), Some(once)) => Ok(Some(Idempotency {
            refused_if_new: Some(Box::new(refusal)),
            ..once
        })),
    }
}

/// A room of the gateway's own, which holds one event.
const CANARY: &str = "_canary";

fn internal(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Code::Internal, "the gateway failed").operator(error.to_string())
}

/// Whether `access` may publish to all of `rooms`. Also asked before a body is read: a stranger's megabyte is not
/// taken in to be refused.
///
/// # Errors
/// `forbidden`, naming the first room that is not granted.
pub fn granted(access: &Access, rooms: &[Room]) -> Result<(), Refusal> {
    not_companions(rooms)?;
    match rooms.iter().find(|room| !access.may_publish(room)) {
        None => Ok(()),
        Some(room) => {
            let message = format!("this credential may not publish to {room}");
            Err(Refusal::new(Code::Forbidden, message).room(room.clone()))
        }
    }
}

/// What a companion tells is the gateway's to say, whoever publishes.
fn not_companions(rooms: &[Room]) -> Result<(), Refusal> {
    match rooms.iter().find(|room| room.tells_of().is_some()) {
        None => Ok(()),
        Some(room) => {
            let message =
                format!("nobody publishes to {room}: the gateway tells there who comes and goes");
            Err(Refusal::new(Code::Forbidden, message).room(room.clone()))
        }
    }
}

fn within_limits(limits: Limits, offer: &Offer) -> Result<(), Refusal> {
    if offer.rooms.len() > limits.rooms_per_stream {
        let message = format!("an event has at most {} rooms", limits.rooms_per_stream);
        return Err(Refusal::new(Code::TooManyRooms, message).limit("rooms_per_stream"));
    }
    if offer.data.as_bytes().len() > limits.event {
        let message = format!("the payload of an event has at most {} bytes", limits.event);
        return Err(Refusal::new(Code::TooLarge, message).limit("event"));
    }
    Ok(())
}
