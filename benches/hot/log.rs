//! The log: append with eviction, as it goes once it is full, and reading.

use std::hint::black_box;

use gatecast::bus::log::Log;
use gatecast::bus::reader::{Credit, Reader};
use gatecast::bus::{History, Settings};
use gatecast::model::event::NewEvent;
use gatecast::model::position::Epoch;
use gatecast::model::room::Room;
use gatecast::model::start::Start;
use gatecast::model::time::{Moment, UnixMillis};

use crate::event::{new, room};
use crate::{Job, Work, job};

pub(crate) const JOBS: &[Job] = &[
    job("log/append to 1 room", 1, || append(1)),
    job("log/append to 100 rooms", 1, || append(100)),
    job("log/append and read 1 of 1 room", 1, || follow(1)),
    job("log/append and read 1 of 100 rooms", 1, || follow(100)),
    job("log/open and read 256 of 1 room", 256, || catch_up(1)),
    job("log/open and read 256 of 100 rooms", 256, || catch_up(100)),
];

/// Events that a room holds.
const HELD: usize = 300;

/// A log that evicts one event for each that comes, its rooms, and an event for each of them, over and over.
fn full(rooms: usize) -> (Log, Vec<Room>, impl Iterator<Item = NewEvent>) {
    let history = History {
        events: HELD,
        ..History::ROOM
    };
    let settings = Settings {
        total: History::TOTAL,
        rooms: vec![("*".to_owned(), history.into())],
        ..Settings::default()
    };
    let mut log = Log::new(settings, Epoch::from_random(1));
    let rooms: Vec<Room> = (0..rooms).map(room).collect();
    let events: Vec<NewEvent> = rooms.iter().cloned().map(new).collect();
    let mut events = events.into_iter().cycle();
    for event in events.by_ref().take(HELD * rooms.len()) {
        put(&mut log, event);
    }
    (log, rooms, events)
}

fn put(log: &mut Log, event: NewEvent) {
    let (now, ts) = (Moment::default(), UnixMillis(1_800_000_000_000));
    black_box(log.append(event, None, now, ts)).unwrap();
}

fn append(rooms: usize) -> Work {
    let (mut log, _, mut events) = full(rooms);
    Box::new(move || put(&mut log, events.next().unwrap()))
}

/// A reader that takes each event as it comes.
fn follow(rooms: usize) -> Work {
    let (mut log, rooms, mut events) = full(rooms);
    let (mut reader, _) = Reader::open(&log, rooms, Start::Now);
    Box::new(move || {
        put(&mut log, events.next().unwrap());
        let batch = black_box(reader.read(&log, CREDIT));
        assert_eq!(batch.events.len(), 1);
    })
}

/// A client that comes back after 256 events.
fn catch_up(rooms: usize) -> Work {
    let (log, rooms, _) = full(rooms);
    let start = Start::At(log.position(log.visible() - 256));
    Box::new(move || {
        let (mut reader, _) = Reader::open(&log, rooms.clone(), start);
        let batch = black_box(reader.read(&log, CREDIT));
        assert_eq!(batch.events.len(), 256);
    })
}

const CREDIT: Credit = Credit {
    events: 256,
    bytes: 1 << 20,
};
