//! The log against its naive model, at random operations; and what only a bus of many rooms and readers shows.

mod companions;
mod decrees;

use proptest::prelude::*;

use super::log::Log;
use super::naive::{Begin, OPEN, Op, ROOMS, assert_agree, epoch, name};
use super::reader::{Credit, Reader};
use super::{History, Settings};
use crate::model::event::{EventName, NewEvent};
use crate::model::id::Principal;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::time::{Moment, UnixMillis};

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
        8 => (rooms(), 2..900_usize, prop_oneof![4 => Just(0), 1 => 1..1200_u64])
            .prop_map(|(rooms, size, ttl)| Op::Append { rooms, size, ttl }),
        4 => (OPEN..ROOMS, 2..900_usize)
            .prop_map(|(room, size)| Op::Append { rooms: vec![room], size, ttl: 0 }),
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
        assert_agree(&ops);
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
            ..Settings::default()
        },
        epoch(),
    );
    let room = |n: usize| Room::parse(&format!("room:{n}")).unwrap();
    let mut readers: Vec<_> = (0..10_000)
        .map(|n| Reader::open(&log, vec![room(n)], Start::Now).0)
        .collect();
    for n in 0..10_000 {
        let new = NewEvent::new(vec![room(n)], EventName::parse("e").unwrap(), Json::null());
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
        ..Settings::default()
    };
    let bus = Bus::memory(settings, epoch(), Clock::manual().0);
    let publish = |room: Room| {
        let (name, data) = (EventName::parse("e").unwrap(), Json::null());
        bus.publish(NewEvent::new(vec![room], name, data), None)
    };
    let quiet = |n: usize| Room::parse(&format!("quiet:{n}")).unwrap();
    publish(quiet(0)).await.unwrap();
    let mut readers: Vec<_> = (0..50)
        .map(|n| bus.subscribe(&[quiet(n)], Start::Now).subscription)
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
        bus.subscribe(&[quiet(7)], start)
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
        rooms: vec![("few".into(), one.into())],
        ..Settings::default()
    };
    crate::bus::Bus::memory(
        settings,
        epoch(),
        crate::lifecycle::clock::Clock::manual().0,
    )
}

async fn publish(bus: &crate::bus::Bus, rooms: &[usize]) -> u64 {
    let rooms = rooms.iter().map(|&room| name(room)).collect();
    let new = NewEvent::new(rooms, EventName::parse("e").unwrap(), Json::null());
    bus.publish(new, None).await.unwrap().position.unwrap().seq
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
    let mut reader = bus.subscribe(&[name(FEW)], Start::Now).subscription;
    let both = publish(&bus, &[FEW, PLAIN]).await;
    let joining = reader.join(&name(PLAIN), Start::Earliest, ALL, &Principal::Anonymous);
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
    let mut reader = bus.subscribe(&[name(PLAIN)], Start::Now).subscription;
    let two = Credit { events: 2, ..ALL };
    let mut joining = reader.join(&name(PLAIN), Start::Earliest, two, &Principal::Anonymous);
    let mut given = seqs(&joining.events);
    publish(&bus, &[PLAIN]).await;
    given.extend(seqs(&reader.read(ALL).events));
    while let Some(past) = joining.next {
        joining = reader.join(&name(PLAIN), past, two, &Principal::Anonymous);
        given.extend(seqs(&joining.events));
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_room_that_is_joined_otherwise_between_the_steps_of_a_join_loses_nothing() {
    let bus = small_bus();
    for _ in 0..5 {
        publish(&bus, &[PLAIN]).await;
    }
    let mut reader = bus.subscribe(&[name(FEW)], Start::Now).subscription;
    let two = Credit { events: 2, ..ALL };
    let who = Principal::Anonymous;
    let mut joining = reader.join(&name(PLAIN), Start::Earliest, two, &who);
    let mut given = seqs(&joining.events);
    publish(&bus, &[PLAIN]).await;
    // A heartbeat reads, and passes what is in no room of the reader's yet.
    assert!(reader.read(ALL).events.is_empty());
    publish(&bus, &[PLAIN]).await;
    reader.enter(&name(PLAIN), &who);
    publish(&bus, &[PLAIN]).await;
    given.extend(seqs(&reader.read(ALL).events));
    while let Some(past) = joining.next {
        joining = reader.join(&name(PLAIN), past, two, &who);
        given.extend(seqs(&joining.events));
    }
    given.sort_unstable();
    assert_eq!(given, [1, 2, 3, 4, 5, 6, 7, 8]);
}
