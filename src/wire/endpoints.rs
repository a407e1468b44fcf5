//! What a credential may use, and where: the answer of `GET /v1/negotiate`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::limits::{Events, Limits, Rate};
use crate::model::room::Room;
use crate::model::transport::Transport;

use super::base_url::BaseUrl;
use super::control::millis;

/// The answer.
#[derive(Debug, Serialize)]
pub struct Endpoints {
    /// The role of the credential.
    pub role: String,
    /// Who the credential says the client is.
    pub principal: String,
    /// What is left of the credential in milliseconds, where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
    /// The rooms that a stream of these URLs has.
    pub rooms: Vec<Room>,
    /// How long a stream may be silent at most, in milliseconds.
    pub heartbeat_ms: u64,
    /// What the client may use, by the names that a refusal gives as its `limit`.
    pub limits: ClientLimits,
    /// In the role's order of preference.
    pub transports: Vec<Endpoint>,
}

/// One transport, and the URL to use it by.
#[derive(Debug, Serialize)]
pub struct Endpoint {
    transport: Transport,
    url: String,
}

/// The limits that a client can keep to.
#[derive(Debug, Serialize)]
pub struct ClientLimits {
    event: usize,
    body: usize,
    rooms_per_stream: usize,
    messages: PerTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<PerTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publishes: Option<PerTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_principal: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    events: BTreeMap<String, PerTime>,
}

#[derive(Debug, Serialize)]
struct PerTime {
    count: u32,
    per_ms: u64,
}

impl From<Rate> for PerTime {
    fn from(Rate { count, per }: Rate) -> Self {
        let per_ms = millis(per);
        Self { count, per_ms }
    }
}

impl Endpoint {
    /// The endpoint of a stream of `rooms` over `transport`; of none: of the role's default rooms.
    #[must_use]
    pub fn new(base: &BaseUrl, transport: Transport, rooms: &[Room]) -> Self {
        Self {
            transport,
            url: base.stream(transport, rooms),
        }
    }
}

impl ClientLimits {
    /// The limits of a role, those of single names among them, and the largest request body in bytes.
    #[must_use]
    pub fn new(limits: Limits, events: &Events, body: usize) -> Self {
        let Limits {
            messages,
            event,
            rooms_per_stream,
            requests,
            publishes,
            per_principal,
        } = limits;
        let events = events.iter();
        Self {
            event,
            body,
            rooms_per_stream,
            messages: messages.into(),
            requests: requests.map(PerTime::from),
            publishes: publishes.map(PerTime::from),
            per_principal,
            events: events
                .map(|(name, rate)| (name.clone(), (*rate).into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::poll::to_json;
    use super::*;

    #[test]
    fn the_order_of_preference_is_kept_and_a_life_without_end_is_left_out() {
        let base = BaseUrl::parse("https://a.example").unwrap();
        let rooms = [Room::parse("units").unwrap()];
        let of = |transport| Endpoint::new(&base, transport, &rooms);
        let answer = Endpoints {
            role: "display".into(),
            principal: "lobby-tv".into(),
            expires_in_ms: None,
            rooms: rooms.to_vec(),
            heartbeat_ms: 15_000,
            limits: ClientLimits::new(Limits::DEFAULT, &Events::new(), 1 << 20),
            transports: vec![of(Transport::Sse), of(Transport::WebSocket)],
        };
        let expected = concat!(
            r#"{"role":"display","principal":"lobby-tv","rooms":["units"],"heartbeat_ms":15000,"#,
            r#""limits":{"event":65536,"body":1048576,"rooms_per_stream":100,"messages":{"count":20,"per_ms":1000}},"#,
            r#""transports":[{"transport":"sse","url":"https://a.example/v1/stream?transport=sse&room=units"},"#,
            r#"{"transport":"websocket","url":"wss://a.example/v1/stream?transport=websocket&room=units"}]}"#
        );
        assert_eq!(to_json(&answer), expected);
    }
}
