//! The event that the other jobs are about: 100 bytes of payload, as a reading of a sensor has.

use gatecast::model::event::{Event, EventName, NewEvent};
use gatecast::model::json::Json;
use gatecast::model::position::{Epoch, Position};
use gatecast::model::room::Room;
use gatecast::model::time::UnixMillis;

pub(crate) fn room(number: usize) -> Room {
    Room::parse(&format!("org:acme:unit:{number}")).unwrap()
}

pub(crate) fn new(room: Room) -> NewEvent {
    let name = EventName::parse("reading").unwrap();
    let data = format!(r#"{{"unit":7,"note":"{}"}}"#, "x".repeat(81));
    NewEvent::new(vec![room], name, Json::parse(&data).unwrap())
}

/// In the log, and its room.
pub(crate) fn held() -> (Event, Room) {
    let room = room(7);
    let NewEvent {
        rooms,
        name,
        data,
        from,
        options: _,
    } = new(room.clone());
    let position = Position {
        epoch: Epoch::from_random(0x1234_5678_9abc_def0),
        seq: 123_456,
    };
    let event = Event {
        position,
        rooms,
        name,
        data,
        ts: UnixMillis(1_800_000_000_000),
        from,
        more: None,
    };
    (event, room)
}
