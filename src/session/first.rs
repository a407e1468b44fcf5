//! What a backend has a client told first.

use std::sync::Arc;

use crate::bus::rooms::{Delivery, Entry};
use crate::model::event::{Event, More};
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::wire::hook::First;

use super::Now;

/// The beginning of the name of a stream's own room; for who has no stream, all of it.
const ROOM: &str = "_stream";

/// `first` as events of the stream's own room, for one that begins at `cursor`. They are in no log and have no id.
#[must_use]
pub fn deliveries(
    first: Vec<First>,
    stream: Option<&str>,
    cursor: Option<Position>,
    now: Now,
) -> Vec<Delivery> {
    let name = stream.map_or_else(|| ROOM.to_owned(), |stream| format!("{ROOM}:{stream}"));
    let Ok(room) = Room::parse(&name) else {
        return Vec::new();
    };
    let nowhere = Position {
        epoch: Epoch::from_random(0),
        seq: 0,
    };
    let position = cursor.unwrap_or(nowhere);
    let each = first.into_iter().filter_map(|First { event, data }| {
        let event = Event {
            position,
            rooms: vec![room.clone()],
            name: event,
            data,
            ts: now.unix,
            from: None,
            more: More {
                volatile: true,
                ..More::default()
            }
            .if_any(),
        };
        Delivery::through(Arc::new(Entry::new(event, now.moment)), &room)
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventName;
    use crate::model::json::Json;
    use crate::model::time::{Moment, UnixMillis};

    #[test]
    fn what_is_told_first_has_no_id_and_the_room_of_its_stream() {
        let now = Now {
            moment: Moment::default(),
            unix: UnixMillis(7),
        };
        let first = || {
            vec![First {
                event: EventName::parse("hello").unwrap(),
                data: Json::parse("{\"a\": 1}").unwrap(),
            }]
        };
        let told = |stream| {
            let told = deliveries(first(), stream, None, now);
            String::from_utf8(told[0].envelope().to_vec()).unwrap()
        };
        assert_eq!(
            told(Some("abc")),
            r#"{"room":"_stream:abc","event":"hello","data":{"a":1},"ts":7}"#
        );
        assert_eq!(
            told(None),
            r#"{"room":"_stream","event":"hello","data":{"a":1},"ts":7}"#
        );
    }
}
