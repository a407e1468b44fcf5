//! Publishing from the program that the gateway runs in.

use serde::Serialize;

use super::{Accepted, Ingress};
use crate::model::code::{Code, Refusal};
use crate::model::event::{Awaited, EventName, Offer, Options};
use crate::model::json::Json;
use crate::model::limits::Limits;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::wire::confirmed::Confirmed;

/// Publishes for the program that the gateway runs in: it needs no credential, and no grant binds it. Clones are cheap
/// and publish to the same log.
#[derive(Clone)]
pub struct Publisher {
    ingress: Ingress,
    limits: Limits,
}

impl Publisher {
    /// A publisher whose events have at most `event_bytes` of payload.
    #[must_use]
    pub const fn new(ingress: Ingress, event_bytes: usize) -> Self {
        let limits = Limits {
            event: event_bytes,
            ..Limits::DEFAULT
        };
        Self { ingress, limits }
    }

    /// Publishes one event to all of `rooms`, and returns its place in the log when it is there: as text, the event's
    /// id.
    ///
    /// ```no_run
    /// # async fn checked_in(gateway: &gatecast::server::Gateway) -> Result<(), gatecast::model::code::Refusal> {
    /// let publisher = gateway.publisher();
    /// publisher.publish(&["units"], "checkin", &serde_json::json!({"unit": 7})).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A room or the event's name is not valid, or the gateway's own; `data` is no JSON, or too large; what the log
    /// refuses.
    pub async fn publish(
        &self,
        rooms: &[&str],
        event: &str,
        data: &impl Serialize,
    ) -> Result<Position, Refusal> {
        self.publish_with(rooms, event, data, Options::default())
            .await
    }

    /// The same for an event that says more: what it is about, whether that is its present value, how long it lives, who
    /// does not get it.
    ///
    /// # Errors
    /// As [`Self::publish`]; what is retained has no key, or does not fit.
    pub async fn publish_with(
        &self,
        rooms: &[&str],
        event: &str,
        data: &impl Serialize,
        options: Options,
    ) -> Result<Position, Refusal> {
        let offer = Offer {
            options,
            ..offer(rooms, event, data)?
        };
        offer.check()?;
        self.append(offer).await?.position()
    }

    /// The same, and waits until it was confirmed by those of whom that is `awaited`, or the time is over, or the gateway
    /// drains: clients send `confirm` with the event's id.
    ///
    /// # Errors
    /// As [`Self::publish_with`]; `overloaded`: as many publishes wait as may; `bad_request`: a room conflates or batches.
    pub async fn publish_awaited(
        &self,
        rooms: &[&str],
        event: &str,
        data: &impl Serialize,
        awaited: Awaited,
    ) -> Result<(Position, Confirmed), Refusal> {
        let mut offer = offer(rooms, event, data)?;
        offer.options.confirm = true;
        offer.awaited = Some(Box::new(awaited));
        let accepted = self.append(offer).await?;
        let position = accepted.position()?;
        let confirmed = match accepted.awaiting {
            Some(awaiting) => awaiting.ended().await,
            None => Confirmed::default(),
        };
        Ok((position, confirmed))
    }

    /// The same for what a backend wants published, which may be for one stream alone, or not to be kept.
    ///
    /// # Errors
    /// As [`Self::publish_with`].
    pub async fn publish_offer(&self, offer: Offer) -> Result<Accepted, Refusal> {
        let own = |room: &&Room| room.is_internal() && !room.is_of_a_stream();
        if let Some(room) = offer.rooms.iter().find(own) {
            return Err(own_room(room.clone()));
        }
        self.append(offer).await
    }

    async fn append(&self, offer: Offer) -> Result<Accepted, Refusal> {
        let append = self.ingress.append((None, self.limits), offer, None, None);
        self.ingress.counted(append).await
    }
}

fn own_room(room: Room) -> Refusal {
    let message = format!("{room} is a room of the gateway's own");
    Refusal::new(Code::Forbidden, message).room(room)
}

fn offer(names: &[&str], event: &str, data: &impl Serialize) -> Result<Offer, Refusal> {
    let mut rooms = Vec::with_capacity(names.len());
    for name in names {
        let room = Room::parse(name)?;
        if room.is_internal() {
            return Err(own_room(room));
        }
        if !rooms.contains(&room) {
            rooms.push(room);
        }
    }
    if rooms.is_empty() {
        return Err(Refusal::new(Code::BadRequest, "an event needs a room"));
    }
    let text = serde_json::to_string(data)
        .map_err(|error| Refusal::new(Code::InvalidJson, error.to_string()))?;
    let (name, data) = (EventName::parse(event)?, Json::parse(&text)?);
    Ok(Offer::to_rooms(rooms, name, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_event_is_refused_with_its_code() {
        let refused = |rooms: &[&str], event| offer(rooms, event, &7).map_err(|why| why.code);
        for (rooms, event, code) in [
            (&[][..], "e", Code::BadRequest),
            (&["a b"], "e", Code::InvalidRoom),
            (&["_canary"], "e", Code::Forbidden),
            (&["a"], "e f", Code::InvalidEvent),
            (&["a"], "welcome", Code::ReservedEvent),
        ] {
            assert_eq!(refused(rooms, event), Err(code), "{rooms:?} {event}");
        }
    }

    #[test]
    fn a_room_that_is_named_twice_counts_once() {
        let offer = offer(&["a", "b", "a"], "e", &[1.5]).unwrap();
        let rooms: Vec<_> = offer.rooms.iter().map(Room::as_str).collect();
        assert_eq!((rooms, offer.data.as_str()), (vec!["a", "b"], "[1.5]"));
    }
}
