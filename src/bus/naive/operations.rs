//! Operations on the log and on its naive model at once, from a property test or from a fuzzer.
#![allow(
    clippy::unwrap_used,
    reason = "a log that is not what its model is, is told by a panic"
)]

use std::sync::Arc;
use std::time::Duration;

use super::{Naive, NaiveReader, bytes};
use crate::bus::log::{Appended, Log};
use crate::bus::reader::{Credit, Reader};
use crate::bus::{Deliver, History, Policy, Settings};
use crate::model::event::{EventName, NewEvent};
use crate::model::json::Json;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::{Moment, UnixMillis};

/// How many rooms there are, each with bounds of its own.
pub(crate) const ROOMS: usize = OPEN + 2;
/// So many of them are no companions, and come first.
pub(crate) const OPEN: usize = 6;

/// Applies `ops` to both, and panics where they differ.
pub(crate) fn assert_agree(ops: &[Op]) {
    let mut log = Log::new(settings(), epoch());
    let mut now = Moment::default();
    let mut readers = Vec::new();
    let mut model = Naive::new(settings());
    let mut naive_readers = Vec::new();
    for op in ops {
        if let Op::Advance { seconds } = op {
            now = now + Duration::from_secs(*seconds);
            model.now = now;
        }
        let expected = apply_to_model(&mut model, &mut naive_readers, op);
        let got = apply_to_log(&mut log, &mut readers, op, now);
        assert_eq!(got, expected, "{op:?}");
        let all = model.all();
        assert_eq!(log.size(), (all.len(), bytes(&all)), "{op:?}");
    }
}

/// One operation; rooms are numbers below [`ROOMS`], readers are counted round.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Append {
        rooms: Vec<usize>,
        size: usize,
        /// In seconds; 0 is none.
        ttl: u64,
    },
    Advance {
        seconds: u64,
    },
    Open {
        rooms: Vec<usize>,
        start: Begin,
    },
    Read {
        reader: usize,
        events: usize,
        bytes: usize,
    },
    Join {
        reader: usize,
        room: usize,
    },
    Leave {
        reader: usize,
        room: usize,
    },
    Purge {
        room: usize,
    },
}

/// Where a reader begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    Now,
    At(u64),
    Foreign,
    Earliest,
    Newest(usize),
}

pub(crate) fn name(room: usize) -> Room {
    let names = [
        "plain",
        "few",
        "small",
        "short",
        "other",
        "newest",
        "_presence:plain",
        "_presence:few",
    ];
    Room::parse(names[room]).unwrap()
}

pub(crate) fn settings() -> Settings {
    let room = History {
        events: 20,
        bytes: 1 << 20,
        age: Duration::from_secs(3600),
    };
    Settings {
        total: History {
            events: 40,
            bytes: 60_000,
            age: Duration::from_secs(7200),
        },
        state_bytes: Settings::STATE_BYTES,
        rooms: vec![
            ("*".into(), room.into()),
            ("few".into(), History { events: 2, ..room }.into()),
            (
                "small".into(),
                History {
                    bytes: 3000,
                    ..room
                }
                .into(),
            ),
            (
                "short".into(),
                History {
                    age: Duration::from_secs(10),
                    ..room
                }
                .into(),
            ),
            (
                "newest".into(),
                Arc::new(Policy {
                    deliver: Deliver::Latest,
                    ..Policy::of_history(History { events: 3, ..room })
                }),
            ),
        ],
    }
}

pub(crate) fn epoch() -> Epoch {
    Epoch::from_random(1)
}

fn append_to_log(log: &mut Log, rooms: Vec<Room>, size: usize, ttl: u64, now: Moment) -> String {
    let mut new = NewEvent::new(
        rooms,
        EventName::parse("e").unwrap(),
        Json::string(&"x".repeat(size - 2)),
    );
    new.options.ttl = span(ttl);
    match log.append(new, None, now, UnixMillis(0)).unwrap() {
        Appended::New(position) => format!("{}", position.seq),
        Appended::Repeated(_) => "repeated".into(),
    }
}

fn span(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

fn start_of(begin: Begin) -> Start {
    match begin {
        Begin::Now => Start::Now,
        Begin::At(seq) => Start::At(Position {
            epoch: epoch(),
            seq,
        }),
        Begin::Foreign => Start::At(Position {
            epoch: Epoch::from_random(2),
            seq: 3,
        }),
        Begin::Earliest => Start::Earliest,
        Begin::Newest(count) => Start::Newest(count),
    }
}

fn read_log(log: &Log, reader: &mut Reader, credit: Credit) -> String {
    let batch = reader.read(log, credit);
    let gaps: Vec<_> = batch
        .gaps
        .iter()
        .map(|gap| {
            (
                gap.room.as_str().to_owned(),
                gap.from.unwrap().seq,
                gap.to.unwrap().seq,
            )
        })
        .collect();
    let events: Vec<_> = batch
        .events
        .iter()
        .map(|one| one.event().position.seq)
        .collect();
    format!("{gaps:?} {events:?} {}", batch.cursor.seq)
}

fn apply_to_log(log: &mut Log, readers: &mut Vec<Reader>, op: &Op, now: Moment) -> String {
    let names = |rooms: &[usize]| rooms.iter().map(|&room| name(room)).collect::<Vec<_>>();
    log.expire(now);
    match op {
        Op::Append { rooms, size, ttl } => append_to_log(log, names(rooms), *size, *ttl, now),
        Op::Advance { .. } => String::new(),
        Op::Open { rooms, start } => {
            readers.push(Reader::open(log, names(rooms), start_of(*start)).0);
            String::new()
        }
        Op::Read {
            reader,
            events,
            bytes,
        } => {
            let Some(reader) = pick(readers, *reader) else {
                return String::new();
            };
            read_log(
                log,
                reader,
                Credit {
                    events: *events,
                    bytes: *bytes,
                },
            )
        }
        Op::Join { reader, room } => {
            let visible = log.visible();
            pick(readers, *reader)
                .into_iter()
                .for_each(|reader| reader.join(name(*room), visible));
            String::new()
        }
        Op::Leave { reader, room } => {
            pick(readers, *reader)
                .into_iter()
                .for_each(|reader| _ = reader.leave(&name(*room)));
            String::new()
        }
        Op::Purge { room } => {
            log.purge(&name(*room));
            String::new()
        }
    }
}

fn apply_to_model(model: &mut Naive, readers: &mut Vec<NaiveReader>, op: &Op) -> String {
    model.expire();
    match op {
        Op::Append { rooms, size, ttl } => {
            model.append(rooms, *size, span(*ttl));
            format!("{}", model.head)
        }
        Op::Advance { .. } => String::new(),
        Op::Open { rooms, start } => {
            readers.push(model.open(rooms, *start));
            String::new()
        }
        Op::Read {
            reader,
            events,
            bytes,
        } => {
            let Some(reader) = pick(readers, *reader) else {
                return String::new();
            };
            let credit = Credit {
                events: *events,
                bytes: *bytes,
            };
            let (gaps, events, cursor) = model.read(reader, credit);
            let gaps: Vec<_> = gaps
                .into_iter()
                .map(|(room, from, to)| (name(room).as_str().to_owned(), from, to))
                .collect();
            format!("{gaps:?} {events:?} {cursor}")
        }
        Op::Join { reader, room } => {
            let head = model.head;
            if let Some(reader) = pick(readers, *reader)
                && reader.joined.iter().all(|(one, _)| one != room)
            {
                reader.joined.push((*room, head));
            }
            String::new()
        }
        Op::Leave { reader, room } => {
            pick(readers, *reader)
                .into_iter()
                .for_each(|reader| reader.joined.retain(|(one, _)| one != room));
            String::new()
        }
        Op::Purge { room } => {
            model.purge(*room);
            String::new()
        }
    }
}

fn pick<T>(readers: &mut [T], index: usize) -> Option<&mut T> {
    let count = readers.len();
    readers.get_mut(index.checked_rem(count)?)
}
