//! The routes: what is where, and by which methods.

use http::Method;

use crate::model::code::{Code, Refusal};
use crate::model::room::Room;
use crate::telemetry::metrics::labels;
use crate::wire::publish;

use super::admin::Desk;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v1/stream`
    Stream,
    /// `/v1/negotiate`
    Negotiate,
    /// `/v1/rooms/{room}/events`
    Events(Room),
    /// `/v1/rooms/{room}/presence`
    Presence(Room),
    /// `/v1/openapi.json`
    OpenApi,
    /// `/v1/publish`
    Publish,
    /// `/v1/messages`
    Messages,
    /// `/v1/session`
    Session,
    /// Where the configuration has Socket.IO
    SocketIo,
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `/metrics`
    Metrics,
    /// `/v1/admin/…`
    Admin(Desk),
    /// `/`
    Page,
    /// `*`, the gateway as a whole (RFC 9110 §9.3.7)
    Whole,
}

impl Route {
    /// The routes whose path names nothing.
    pub(super) const FIXED: [(&'static str, Self); 10] = [
        ("/v1/stream", Self::Stream),
        ("/v1/negotiate", Self::Negotiate),
        ("/v1/openapi.json", Self::OpenApi),
        ("/v1/publish", Self::Publish),
        ("/v1/messages", Self::Messages),
        ("/v1/session", Self::Session),
        ("/healthz", Self::Health),
        ("/readyz", Self::Ready),
        ("/metrics", Self::Metrics),
        ("/", Self::Page),
    ];

    /// The route of `path`.
    pub(super) fn of(path: &str) -> Result<Self, Refusal> {
        if path == "*" {
            return Ok(Self::Whole);
        }
        if let Some((_, route)) = Self::FIXED.into_iter().find(|(fixed, _)| *fixed == path) {
            return Ok(route);
        }
        if path.starts_with("/v1/admin/") {
            return Desk::of(path).map(Self::Admin).ok_or_else(not_found);
        }
        let of_room = path.strip_prefix("/v1/rooms/");
        let (room, what) = of_room
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(not_found)?;
        let route = match what {
            "events" => Self::Events,
            "presence" => Self::Presence,
            _ => return Err(not_found()),
        };
        publish::room(&decoded(room)).map(route)
    }

    /// The methods, as `Allow` lists them.
    pub(super) const fn methods(&self) -> &'static str {
        match self {
            Self::Stream => "GET, OPTIONS",
            Self::SocketIo => "GET, POST, OPTIONS",
            Self::Events(_) => "GET, HEAD, POST, DELETE, OPTIONS",
            Self::Publish | Self::Messages => "POST, OPTIONS",
            Self::Admin(desk) => desk.methods(),
            Self::Session => "POST, DELETE, OPTIONS",
            Self::Whole => "OPTIONS",
            Self::Negotiate
            | Self::Presence(_)
            | Self::OpenApi
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Page => "GET, HEAD, OPTIONS",
        }
    }

    /// What metrics call it.
    pub(super) const fn label(&self) -> labels::Route {
        match self {
            Self::Stream => labels::Route::Stream,
            Self::SocketIo => labels::Route::SocketIo,
            Self::Events(_) => labels::Route::Events,
            Self::Presence(_) => labels::Route::Presence,
            Self::Negotiate => labels::Route::Negotiate,
            Self::OpenApi => labels::Route::OpenApi,
            Self::Publish => labels::Route::Publish,
            Self::Messages => labels::Route::Messages,
            Self::Session => labels::Route::Session,
            Self::Health => labels::Route::Health,
            Self::Ready => labels::Route::Ready,
            Self::Metrics => labels::Route::Metrics,
            Self::Admin(_) => labels::Route::Admin,
            Self::Page => labels::Route::Page,
            // No resource of its own.
            Self::Whole => labels::Route::Nowhere,
        }
    }

    /// Whether it says how the gateway is, and nothing of what passes through it.
    pub(super) const fn is_operational(&self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::Metrics)
    }

    /// Whether it is for operators alone.
    pub(super) const fn is_for_operators(&self) -> bool {
        matches!(self, Self::Admin(_))
    }

    /// Whether `method` is one of them.
    pub(super) fn allows(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|one| one == method.as_str())
    }
}

pub(super) fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "nothing is here")
}

/// A path segment with its percent-encoding undone (RFC 3986 §2.1); what it cannot be is for the room's own check.
fn decoded(segment: &str) -> String {
    // `+` is a plain character in a path, and a space in a form.
    let pairs = segment
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    form_urlencoded::parse(pairs.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_find_on_their_listener_tells_nothing_of_the_traffic() {
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert!(Route::of(path).unwrap().is_operational(), "{path}");
        }
        for path in [
            "/",
            "/v1/stream",
            "/v1/publish",
            "/v1/messages",
            "/v1/session",
            "/v1/rooms/a/events",
            "/v1/rooms/a/presence",
        ] {
            assert!(!Route::of(path).unwrap().is_operational(), "{path}");
        }
    }

    #[test]
    fn a_room_has_its_events_and_its_presence() {
        let room = Room::parse("org:a").unwrap();
        for (path, route) in [
            ("/v1/rooms/org%3Aa/events", Route::Events(room.clone())),
            ("/v1/rooms/org:a/presence", Route::Presence(room)),
        ] {
            assert_eq!(Route::of(path).unwrap(), route);
        }
        for nowhere in ["/v1/rooms/a/presence/", "/v1/rooms/a/b/presence"] {
            assert_eq!(Route::of(nowhere).unwrap_err().code, Code::NotFound);
        }
    }

    #[test]
    fn a_room_in_a_path_may_be_encoded_and_is_checked() {
        let room = |path: &str| match Route::of(path) {
            Ok(Route::Events(room)) => Ok(room.as_str().to_owned()),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.code),
        };
        assert_eq!(room("/v1/rooms/org:a:7/events"), Ok("org:a:7".into()));
        assert_eq!(room("/v1/rooms/org%3Aa/events"), Ok("org:a".into()));
        for wrong in [
            "a%20b", "a+b", "a%00", "%2e%2e", "..", "a%2Fb", "a&b", "a=b", "",
        ] {
            let path = format!("/v1/rooms/{wrong}/events");
            assert_eq!(room(&path), Err(Code::InvalidRoom), "{wrong}");
        }
        for nowhere in [
            "/v1/rooms/a/b/events",
            "/v1/rooms/a",
            "/v1",
            "/v1/stream/",
            "//",
        ] {
            assert_eq!(room(nowhere), Err(Code::NotFound), "{nowhere}");
        }
    }
}
