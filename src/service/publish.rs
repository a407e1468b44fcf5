//! `POST /v1/rooms/{room}/events` and `POST /v1/publish`.

use std::sync::Arc;

use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::auth::Access;
use crate::bus::idempotency::{Idempotency, Key};
use crate::ingress::{Accepted, Awaiting, By, granted};
use crate::model::code::{Code, Refusal};
use crate::model::event::Offer;
use crate::model::id::Principal;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::wire::confirmed::Confirmed;
use crate::wire::control::Error;
use crate::wire::poll;
use crate::wire::publish;
use crate::wire::query::Query;

use super::{Connection, Response, Service, reply};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The answer to one event.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    One {
        id: Option<Position>,
        room: Room,
        #[serde(flatten)]
        confirmed: Option<Confirmed>,
    },
    Several {
        id: Option<Position>,
        rooms: Vec<Room>,
        #[serde(flatten)]
        confirmed: Option<Confirmed>,
    },
    Refused {
        error: Error,
    },
}

#[derive(Serialize)]
struct Outcomes {
    results: Vec<Outcome>,
}

/// A publish of one event, read.
struct PublishOne {
    access: Arc<Access>,
    offer: Offer,
    once: Option<Once>,
}

/// A publish of several events, read.
struct PublishMany {
    access: Arc<Access>,
    events: Vec<Result<Offer, Refusal>>,
    once: Option<Once>,
}

impl Service {
    /// Publishes one event to the room in the path.
    pub(super) async fn publish_one(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
        room: Room,
    ) -> Result<Response, Refusal> {
        let PublishOne {
            access,
            offer,
            once,
        } = self
            .read_one(request, query, room)
            .await
            .inspect_err(|refusal| self.unread(refusal))?;
        let by = connection.by(&access);
        let (outcome, repeated) = self.publish(by, offer, once.as_ref(), 0).await?;
        Ok(accepted(&outcome.ended().await, repeated))
    }

    /// Who wants to publish what.
    async fn read_one(
        &self,
        request: Request<Incoming>,
        query: &Query,
        room: Room,
    ) -> Result<PublishOne, Refusal> {
        let access = self.access(&request, query)?;
        granted(&access, std::slice::from_ref(&room))?;
        let (head, body) = request.into_parts();
        let body = self.body(body, self.settings().body).await?;
        let access = self.still(&access)?;
        let event = query.get("event");
        let room_name = room.clone();
        let (offer, kind) = match event {
            Some(event) if is_json(&head.headers) => {
                (publish::payload(room, event, true, &body)?, "json")
            }
            Some(event) => (publish::payload(room, event, false, &body)?, "text"),
            None => (publish::one(room, &body)?, "object"),
        };
        let fingerprint = fingerprint(
            &[room_name.as_str(), event.unwrap_or_default(), kind],
            &body,
        );
        let once = Once::of(&head.headers, &access, fingerprint)?;
        Ok(PublishOne {
            access,
            offer,
            once,
        })
    }

    /// Counts what did not become an offer, which ingress would count.
    fn unread(&self, refusal: &Refusal) {
        self.context.metrics.publishes().refused(refusal.code);
    }

    /// Publishes several events, each to its own room or rooms, in their order.
    pub(super) async fn publish_many(
        &self,
        request: Request<Incoming>,
        query: &Query,
        connection: &Connection,
    ) -> Result<Response, Refusal> {
        let PublishMany {
            access,
            events,
            once,
        } = self
            .read_many(request, query)
            .await
            .inspect_err(|refusal| self.unread(refusal))?;
        let mut results = Vec::with_capacity(events.len());
        let mut refused = Vec::new();
        let mut all_repeated = !events.is_empty();
        for (index, event) in events.into_iter().enumerate() {
            let outcome = match event {
                Ok(publish) => {
                    let by = connection.by(&access);
                    self.publish(by, publish, once.as_ref(), index).await
                }
                Err(refusal) => {
                    self.unread(&refusal);
                    Err(refusal)
                }
            };
            results.push(match outcome {
                Ok((accepted, repeated)) => {
                    all_repeated &= repeated;
                    Ok(accepted)
                }
                // The key came with another body: that concerns the request, not this event.
                Err(refusal) if refusal.code == Code::IdempotencyConflict => return Err(refusal),
                Err(refusal) => {
                    self.context.metrics.limited(&refusal);
                    if self.context.audit.is_on() {
                        refused.push(refusal.clone());
                    }
                    let error = Error::new(None, refusal);
                    Err(Outcome::Refused { error })
                }
            });
        }
        // All are in the log before any of them is waited for, and then all wait at the same time.
        let results = join_all(results.into_iter().map(|result| async {
            match result {
                Ok(in_log) => in_log.ended().await,
                Err(refused) => refused,
            }
        }));
        let results = results.await;
        self.audit_unpublished(connection, &access, &refused);
        Ok(accepted(&Outcomes { results }, all_repeated))
    }

    async fn read_many(
        &self,
        request: Request<Incoming>,
        query: &Query,
    ) -> Result<PublishMany, Refusal> {
        let access = self.access(&request, query)?;
        let (head, body) = request.into_parts();
        // Who may publish nothing is told so for each event, and need not send a megabyte for that.
        let most = if access.publishes() {
            self.settings().body
        } else {
            self.context.rules().message_bytes()
        };
        let body = self.body(body, most).await?;
        let access = self.still(&access)?;
        let events = publish::many(&body)?;
        let fingerprint = fingerprint(&["several"], &body);
        let once = Once::of(&head.headers, &access, fingerprint)?;
        Ok(PublishMany {
            access,
            events,
            once,
        })
    }

    async fn publish(
        &self,
        by: By<'_>,
        offer: Offer,
        once: Option<&Once>,
        index: usize,
    ) -> Result<(InLog, bool), Refusal> {
        let (rooms, several) = (offer.rooms.clone(), offer.several);
        let once = once.map(|once| once.of_event(index));
        let Accepted {
            published,
            awaiting,
        } = self.context.accept(by, offer, once).await?;
        let in_log = InLog {
            id: published.position,
            rooms,
            several,
            awaiting,
        };
        Ok((in_log, published.repeated))
    }
}

/// An event that is in the log, and is not answered yet.
struct InLog {
    id: Option<Position>,
    rooms: Vec<Room>,
    several: bool,
    awaiting: Option<Awaiting>,
}

impl InLog {
    /// Its answer, once it was confirmed where that is waited for.
    async fn ended(self) -> Outcome {
        let Self {
            id,
            mut rooms,
            several,
            awaiting,
        } = self;
        let confirmed = match awaiting {
            Some(awaiting) => Some(awaiting.ended().await),
            None => None,
        };
        if several {
            return Outcome::Several {
                id,
                rooms,
                confirmed,
            };
        }
        let room = rooms.swap_remove(0);
        Outcome::One {
            id,
            room,
            confirmed,
        }
    }
}

fn accepted(answer: &impl Serialize, repeated: bool) -> Response {
    let mut response = reply::json(StatusCode::ACCEPTED, poll::to_json(answer));
    if repeated {
        response
            .headers_mut()
            .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What makes this request the same as another one.
struct Once {
    key: Arc<str>,
    principal: Principal,
    fingerprint: [u8; 32],
}

impl Once {
    fn of(
        headers: &HeaderMap,
        access: &Access,
        fingerprint: [u8; 32],
    ) -> Result<Option<Self>, Refusal> {
        let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(key) = keys.next() else {
            return Ok(None);
        };
        let visible = |key: &&str| {
            (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic())
        };
        match key
            .to_str()
            .ok()
            .filter(visible)
            .filter(|_| keys.next().is_none())
        {
            Some(key) => Ok(Some(Self {
                key: key.into(),
                principal: access.principal.clone(),
                fingerprint,
            })),
            None => Err(Refusal::new(
                Code::BadRequest,
                "`Idempotency-Key` is one header of 1 to 255 visible ASCII characters",
            )),
        }
    }

    fn of_event(&self, index: usize) -> Idempotency {
        let key = Key {
            principal: self.principal.clone(),
            key: self.key.clone(),
        };
        Idempotency {
            key,
            index,
            fingerprint: self.fingerprint,
            refused_if_new: None,
        }
    }
}

/// SHA-256 of what a request asks for: where, under which name, and its body.
fn fingerprint(parts: &[&str], body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(body);
    hash.finalize().into()
}

/// Whether a media type is JSON (`application/json`, or with the suffix of RFC 6839 §3.1).
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence == "application/json" || essence.ends_with("+json")
}
