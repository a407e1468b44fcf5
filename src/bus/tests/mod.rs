//! The log against a naive model of it: random appends, reads, joins, evictions, purges and hours passing.

mod naive;

use std::time::Duration;

use proptest::prelude::*;

use naive::{Naive, NaiveReader, bytes};

use super::log::{Appended, Log};
use super::reader::{Credit, Reader};
use super::{History, Settings};
use crate::model::event::{EventName, NewEvent};
use crate::model::json::Json;
use crate::model::position::{Epoch, Position};
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::{Moment, UnixMillis};

const ROOMS: usize = 5;

#[derive(Clone, Debug)]
enum Op {
    Append {
        rooms: Vec<usize>,
        size: usize,
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

#[derive(Clone, Copy, Debug)]
enum Begin {
    Now,
    At(u64),
    Foreign,
    Earliest,
    Newest(usize),
}

fn name(room: usize) -> Room {
    Room::parse(["plain", "few", "small", "short", "other"][room]).unwrap()
}

fn settings() -> Settings {
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
        rooms: vec![
            ("*".into(), room),
            ("few".into(), History { events: 2, ..room }),
            (
                "small".into(),
                History {
                    bytes: 3000,
                    ..room
                },
            ),
            (
                "short".into(),
                History {
                    age: Duration::from_secs(10),
                    ..room
                },
            ),
        ],
    }
}

fn epoch() -> Epoch {
    Epoch::from_random(1)
}

fn append_to_log(log: &mut Log, rooms: Vec<Room>, size: usize, now: Moment) -> String {
    let new = NewEvent {
        rooms,
        name: EventName::parse("e").unwrap(),
        data: Json::string(&"x".repeat(size - 2)),
        from: None,
    };
    match log.append(new, None, now, UnixMillis(0)).unwrap() {
        Appended::New(entry) => format!("{}", entry.seq()),
        Appended::Repeated(_) => "repeated".into(),
    }
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
        Op::Append { rooms, size } => append_to_log(log, names(rooms), *size, now),
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
        Op::Append { rooms, size } => {
            model.append(rooms, *size);
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
            while !model.rooms[*room].is_empty() {
                model.drop_oldest(*room);
            }
            String::new()
        }
    }
}

fn pick<T>(readers: &mut [T], index: usize) -> Option<&mut T> {
    let count = readers.len();
    readers.get_mut(index.checked_rem(count)?)
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let rooms = || prop::sample::subsequence((0..ROOMS).collect::<Vec<_>>(), 1..=3);
    let start = prop_oneof![
        Just(Begin::Now),
        (0..60_u64).prop_map(Begin::At),
        Just(Begin::Foreign),
        Just(Begin::Earliest),
        (1..5_usize).prop_map(Begin::Newest),
    ];
    let op = prop_oneof![
        8 => (rooms(), 2..900_usize).prop_map(|(rooms, size)| Op::Append { rooms, size }),
        2 => (0..1200_u64).prop_map(|seconds| Op::Advance { seconds }),
        2 => (rooms(), start).prop_map(|(rooms, start)| Op::Open { rooms, start }),
        6 => (0..9_usize, 1..6_usize, 1..2000_usize)
            .prop_map(|(reader, events, bytes)| Op::Read { reader, events, bytes }),
        1 => (0..9_usize, 0..ROOMS).prop_map(|(reader, room)| Op::Join { reader, room }),
        1 => (0..9_usize, 0..ROOMS).prop_map(|(reader, room)| Op::Leave { reader, room }),
        1 => (0..ROOMS).prop_map(|room| Op::Purge { room }),
    ];
    prop::collection::vec(op, 1..120)
}

proptest! {
    #[test]
    fn the_log_is_what_its_naive_model_is(ops in ops()) {
        let mut log = Log::new(settings(), epoch());
        let mut now = Moment::default();
        let mut readers = Vec::new();
        let mut model = Naive {
            settings: settings(),
            now,
            head: 0,
            rooms: vec![Vec::new(); ROOMS],
            floors: vec![0; ROOMS],
        };
        let mut naive_readers = Vec::new();
        for op in &ops {
            if let Op::Advance { seconds } = op {
                now = now + Duration::from_secs(*seconds);
                model.now = now;
            }
            let expected = apply_to_model(&mut model, &mut naive_readers, op);
            prop_assert_eq!(apply_to_log(&mut log, &mut readers, op, now), expected, "{:?}", op);
            let all = model.all();
            prop_assert_eq!(log.size(), (all.len(), bytes(&all)));
        }
    }
}

#[test]
fn ten_thousand_rooms_with_a_reader_each_cost_each_reader_its_own_room_only() {
    let total = History {
        events: 1_000_000,
        bytes: 1 << 30,
        ..History::TOTAL
    };
    let mut log = Log::new(
        Settings {
            total,
            rooms: Vec::new(),
        },
        epoch(),
    );
    let room = |n: usize| Room::parse(&format!("room:{n}")).unwrap();
    let mut readers: Vec<_> = (0..10_000)
        .map(|n| Reader::open(&log, vec![room(n)], Start::Now).0)
        .collect();
    for n in 0..10_000 {
        let new = NewEvent {
            rooms: vec![room(n)],
            name: EventName::parse("e").unwrap(),
            data: Json::null(),
            from: None,
        };
        log.append(new, None, Moment::default(), UnixMillis(0))
            .unwrap();
    }
    // If each of these walked the whole log, this would be 100 million steps.
    for (n, reader) in readers.iter_mut().enumerate() {
        let batch = reader.read(
            &log,
            Credit {
                events: 10,
                bytes: 1000,
            },
        );
        assert_eq!(batch.events.len(), 1);
        assert_eq!(batch.events[0].room(), &room(n));
        assert!(batch.gaps.is_empty() && !batch.more);
    }
}

#[tokio::test]
async fn a_reader_of_a_quiet_room_hears_of_no_gap_however_many_other_rooms_come_and_go() {
    use crate::bus::Bus;
    use crate::lifecycle::clock::Clock;

    let total = History {
        events: 1,
        ..History::TOTAL
    };
    let settings = Settings {
        total,
        rooms: Vec::new(),
    };
    let bus = Bus::memory(settings, epoch(), Clock::manual().0);
    let publish = |room: Room| {
        let (name, data) = (EventName::parse("e").unwrap(), Json::null());
        bus.publish(
            NewEvent {
                rooms: vec![room],
                name,
                data,
                from: None,
            },
            None,
        )
    };
    let quiet = |n: usize| Room::parse(&format!("quiet:{n}")).unwrap();
    publish(quiet(0)).await.unwrap();
    let mut readers: Vec<_> = (0..50)
        .map(|n| bus.subscribe(vec![quiet(n)], Start::Now).subscription)
        .collect();
    // More than there are tombstones and buckets: each bucket has a floor far above everyone's cursor.
    for n in 0..60_000 {
        publish(Room::parse(&format!("churn:{n}")).unwrap())
            .await
            .unwrap();
    }
    let credit = Credit {
        events: 10,
        bytes: 1000,
    };
    for reader in &mut readers {
        assert!(reader.read(credit).is_empty());
    }
    // What is really lost is still told: an event of a watched room that was gone before it was read.
    publish(quiet(7)).await.unwrap();
    publish(quiet(8)).await.unwrap();
    assert_eq!(readers[7].read(credit).gaps.len(), 1);
    assert_eq!(readers[8].read(credit).events.len(), 1);
    // Also to one who comes after the last reader has left.
    drop(readers);
    let start = Start::At(Position {
        epoch: epoch(),
        seq: 60_001,
    });
    assert_eq!(
        bus.subscribe(vec![quiet(7)], start)
            .subscription
            .read(credit)
            .gaps
            .len(),
        1
    );
}

/// A bus whose room `few` holds one event.
fn small_bus() -> crate::bus::Bus {
    let one = History {
        events: 1,
        ..History::TOTAL
    };
    let settings = Settings {
        total: History::TOTAL,
        rooms: vec![("few".into(), one)],
    };
    crate::bus::Bus::memory(
        settings,
        epoch(),
        crate::lifecycle::clock::Clock::manual().0,
    )
}

async fn publish(bus: &crate::bus::Bus, rooms: &[usize]) -> u64 {
    let rooms = rooms.iter().map(|&room| name(room)).collect();
    let new = NewEvent {
        rooms,
        name: EventName::parse("e").unwrap(),
        data: Json::null(),
        from: None,
    };
    bus.publish(new, None).await.unwrap().position.seq
}

const ALL: Credit = Credit {
    events: 1000,
    bytes: 1 << 20,
};
const PLAIN: usize = 0;
const FEW: usize = 1;

fn seqs(events: &[crate::bus::rooms::Delivery]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event.event().position.seq)
        .collect()
}

#[tokio::test]
async fn an_event_that_another_room_was_about_to_give_and_dropped_is_given_by_the_room_that_holds_it()
 {
    let bus = small_bus();
    let mut reader = bus.subscribe(vec![name(FEW)], Start::Now).subscription;
    let both = publish(&bus, &[FEW, PLAIN]).await;
    let joining = reader.join(&name(PLAIN), Start::Earliest, ALL);
    publish(&bus, &[FEW]).await;
    let batch = reader.read(ALL);
    let given = [seqs(&joining.events), seqs(&batch.events)].concat();
    assert_eq!(
        given.iter().filter(|seq| **seq == both).count(),
        1,
        "{given:?}"
    );
}

#[tokio::test]
async fn a_read_between_the_steps_of_a_second_join_doubles_nothing() {
    let bus = small_bus();
    for _ in 0..5 {
        publish(&bus, &[PLAIN]).await;
    }
    let mut reader = bus.subscribe(vec![name(PLAIN)], Start::Now).subscription;
    let two = Credit { events: 2, ..ALL };
    let mut joining = reader.join(&name(PLAIN), Start::Earliest, two);
    let mut given = seqs(&joining.events);
    publish(&bus, &[PLAIN]).await;
    given.extend(seqs(&reader.read(ALL).events));
    while let Some(past) = joining.next {
        joining = reader.join(&name(PLAIN), past, two);
        given.extend(seqs(&joining.events));
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2, 3, 4, 5, 6]);
}
