//! What companions of presence take of the log, and from whom.

use crate::bus::log::Log;
use crate::bus::naive::epoch;
use crate::bus::{History, Settings};
use crate::model::event::{EventName, NewEvent};
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::time::{Moment, UnixMillis};

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn append(log: &mut Log, name: &str) {
    let (event, data) = (EventName::parse("e").unwrap(), Json::null());
    let new = NewEvent::new(vec![room(name)], event, data);
    log.append(new, None, Moment::default(), UnixMillis(0))
        .unwrap();
}

fn held(log: &Log, name: &str) -> usize {
    log.room(&room(name)).map_or(0, |held| held.len())
}

fn log(events: usize, bytes: usize) -> Log {
    let total = History {
        events,
        bytes,
        ..History::TOTAL
    };
    let settings = Settings {
        total,
        ..Settings::default()
    };
    Log::new(settings, epoch())
}

fn companions(log: &Log) -> usize {
    let told = log.rooms().filter(|room| room.tells_of().is_some());
    told.map(|room| held(log, room.as_str())).sum()
}

#[test]
fn joins_in_however_many_rooms_leave_the_others_what_is_theirs() {
    // Either bound alone.
    for mut log in [log(320, usize::MAX), log(usize::MAX, 320 * 800)] {
        append(&mut log, "precious");
        for n in 0..5000 {
            append(&mut log, &format!("_presence:table:{n}"));
        }
        assert_eq!(held(&log, "precious"), 1);
        // What nobody else needs they may have, and give it back to whoever comes.
        let before = companions(&log);
        for _ in 0..250 {
            append(&mut log, "busy");
        }
        assert_eq!((held(&log, "precious"), held(&log, "busy")), (1, 250));
        let after = companions(&log);
        assert!(20 < after && after + 100 < before, "{before} {after}");
    }
}

#[test]
fn up_to_their_share_companions_are_as_good_as_any_other_room() {
    let mut log = log(320, usize::MAX);
    append(&mut log, "old");
    for n in 0..20 {
        append(&mut log, &format!("_presence:table:{n}"));
    }
    for _ in 0..320 - 21 {
        append(&mut log, "busy");
    }
    append(&mut log, "busy");
    assert_eq!((held(&log, "old"), companions(&log)), (0, 20));
    append(&mut log, "busy");
    assert_eq!(companions(&log), 19);
}

#[test]
fn the_newest_stays_where_their_share_has_no_place_for_one() {
    let mut log = log(4, usize::MAX);
    for n in 0..9 {
        append(&mut log, "busy");
        let companion = format!("_presence:table:{n}");
        append(&mut log, &companion);
        assert_eq!(held(&log, &companion), 1);
    }
    assert_eq!((held(&log, "busy"), companions(&log)), (3, 1));
}
