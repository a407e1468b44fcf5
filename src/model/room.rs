//! Room names: `org:acme:unit:7`.

use std::sync::Arc;

use super::id::StreamId;

/// A valid room name: parts of `[A-Za-z0-9_.~-]` joined by `:`, 1 to 200 bytes, no part empty, `.` or `..`.
///
/// The dots are refused because a room is also a URL path segment that proxies normalise.
/// A leading `_` is the gateway's own: such a name is valid here, and granted to nobody by `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Arc<str>);

/// What the name of a room's companion begins with, and the room's own name follows.
pub const COMPANION: &str = "_presence:";

/// What the rooms of single streams begin with.
const OF_A_STREAM: &str = "_stream:";

/// Why a text is no room name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRoom {
    /// No bytes at all.
    Empty,
    /// More than [`Room::MAX_BYTES`].
    TooLong,
    /// A byte outside `[A-Za-z0-9_.~:-]`.
    Byte,
    /// A part is empty, `.` or `..`.
    Part,
}

impl Room {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Checks `name`.
    ///
    /// # Errors
    /// Says which rule `name` breaks.
    pub fn parse(name: &str) -> Result<Self, InvalidRoom> {
        if name.is_empty() {
            return Err(InvalidRoom::Empty);
        }
        if name.len() > Self::MAX_BYTES {
            return Err(InvalidRoom::TooLong);
        }
        if !name.bytes().all(|b| b == b':' || is_part_byte(b)) {
            return Err(InvalidRoom::Byte);
        }
        if name.split(':').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidRoom::Part);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same room: at a glance where they share the name, as the readers of a room do.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self == other
    }

    /// The room of one stream: what is published there is for that stream alone, and dies with it.
    #[must_use]
    pub fn of_stream(stream: StreamId) -> Self {
        Self(format!("{OF_A_STREAM}{stream}").into())
    }

    /// Whether it is the room of one stream, or looks like it.
    #[must_use]
    pub fn is_of_a_stream(&self) -> bool {
        self.0.starts_with(OF_A_STREAM)
    }

    /// The stream whose room it is.
    #[must_use]
    pub fn stream(&self) -> Option<StreamId> {
        StreamId::from_client(self.0.strip_prefix(OF_A_STREAM)?)
    }

    /// Whether the gateway keeps this room for itself.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.0.starts_with('_')
    }

    /// Its companion, which tells who comes and goes. A room of the gateway's own has none, nor has one whose companion's
    /// name would be too long.
    #[must_use]
    pub fn companion(&self) -> Option<Self> {
        let name = format!("{COMPANION}{}", self.0);
        Self::parse(&name).ok().filter(|_| !self.is_internal())
    }

    /// The name of the room that it tells of, if it is a companion.
    #[must_use]
    pub fn tells_of(&self) -> Option<&str> {
        self.0.strip_prefix(COMPANION)
    }
}

/// Whether `byte` may stand in a part of a room name without escaping.
#[must_use]
pub const fn is_part_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'~' | b'-')
}

impl std::fmt::Display for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for Room {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Room {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Room {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl std::fmt::Display for InvalidRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "a room name is 1 to 200 bytes; this one is empty",
            Self::TooLong => "a room name is 1 to 200 bytes; this one is longer",
            Self::Byte => "a room name is made of A-Z a-z 0-9 _ . ~ - and `:` between its parts",
            Self::Part => "no part of a room name may be empty, `.` or `..`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_joined_by_colons_are_rooms() {
        for name in [
            "a",
            "org:acme:unit:7",
            "_gateway",
            "A.b~c-d_e",
            "...",
            &"x".repeat(200),
        ] {
            assert!(Room::parse(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_companion_tells_of_its_room_and_of_no_room_of_the_gateways_own() {
        let companion = |name: &str| Room::parse(name).unwrap().companion();
        let own = companion("org:a:7").unwrap();
        assert_eq!(own.as_str(), "_presence:org:a:7");
        assert_eq!(own.tells_of(), Some("org:a:7"));
        assert!(companion(&"x".repeat(190)).is_some());
        for none in ["_canary", "_presence:a", &"x".repeat(191)] {
            assert_eq!(companion(none), None, "{none}");
        }
        for plain in ["a", "presence:a", "_presence", "_presences:a"] {
            assert_eq!(Room::parse(plain).unwrap().tells_of(), None, "{plain}");
        }
    }

    #[test]
    fn the_room_of_a_stream_is_known_by_its_name() {
        let stream = StreamId::from_random(0xabc);
        let room = Room::of_stream(stream);
        assert_eq!(room.as_str(), "_stream:000000000000000000000abc");
        assert!(Room::parse(room.as_str()).is_ok() && room.is_internal());
        assert_eq!(room.stream(), Some(stream));
        let other = Room::parse("_stream:abc").unwrap();
        assert!(other.is_of_a_stream() && other.stream().is_none());
        assert!(!Room::parse("_streams").unwrap().is_of_a_stream());
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        for (name, why) in [
            ("", InvalidRoom::Empty),
            (&*"x".repeat(201), InvalidRoom::TooLong),
            ("a b", InvalidRoom::Byte),
            ("a\nb", InvalidRoom::Byte),
            ("a*", InvalidRoom::Byte),
            ("küche", InvalidRoom::Byte),
            (":", InvalidRoom::Part),
            ("a:", InvalidRoom::Part),
            ("a::b", InvalidRoom::Part),
            ("a:.:b", InvalidRoom::Part),
            ("..", InvalidRoom::Part),
        ] {
            assert_eq!(Room::parse(name), Err(why), "{name:?}");
        }
    }
}
