//! Models of append, wake, retire and subscribe, run by loom through every interleaving:
//! `RUSTFLAGS="--cfg gatecast_loom" cargo test --lib models`.
#![cfg(all(test, gatecast_loom))]

use loom::future::block_on;
use loom::thread;

use super::reader::Credit;
use super::{Bus, Settings};
use crate::lifecycle::clock::Clock;
use crate::model::event::{EventName, NewEvent};
use crate::model::json::Json;
use crate::model::position::Epoch;
use crate::model::room::Room;
use crate::model::start::Start;

const CREDIT: Credit = Credit {
    events: 10,
    bytes: 1000,
};

fn bus() -> Bus {
    Bus::memory(
        Settings::default(),
        Epoch::from_random(1),
        Clock::manual().0,
    )
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn publish(bus: &Bus, name: &str) {
    let new = NewEvent {
        rooms: vec![room(name)],
        name: EventName::parse("e").unwrap(),
        data: Json::parse("1").unwrap(),
        from: None,
    };
    block_on(bus.publish(new, None)).unwrap();
}

#[test]
fn a_reader_that_waits_is_woken_by_each_append_whatever_the_order() {
    loom::model(|| {
        let bus = bus();
        let mut reader = bus.subscribe(&[room("a")], Start::Earliest).subscription;
        let writer = thread::spawn({
            let bus = bus.clone();
            move || {
                publish(&bus, "a");
                publish(&bus, "a");
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let batch = block_on(reader.next_batch(CREDIT));
            seen.extend(batch.events.iter().map(|one| one.event().position.seq));
        }
        assert_eq!(seen, [1, 2]);
        writer.join().unwrap();
    });
}

#[test]
fn joining_live_misses_nothing_that_is_appended_afterwards() {
    loom::model(|| {
        let bus = bus();
        let mut reader = bus.subscribe(&[room("b")], Start::Now).subscription;
        let writer = thread::spawn({
            let bus = bus.clone();
            move || publish(&bus, "a")
        });
        let past = reader.join(&room("a"), Start::Earliest, CREDIT);
        let seen = match past.events.len() {
            0 => block_on(reader.next_batch(CREDIT)).events.len(),
            past => past + reader.read(CREDIT).events.len(),
        };
        assert_eq!(seen, 1);
        writer.join().unwrap();
    });
}

#[test]
fn what_a_retired_room_held_is_delivered_or_told_as_a_gap() {
    loom::model(|| {
        let bus = bus();
        publish(&bus, "a");
        let start = Start::At(crate::model::position::Position {
            seq: 0,
            ..bus.head()
        });
        let retirer = thread::spawn({
            let bus = bus.clone();
            move || {
                bus.purge(&room("a"));
                publish(&bus, "a");
            }
        });
        let mut reader = bus.subscribe(&[room("a")], start).subscription;
        let (mut first, mut gap, mut second) = (false, false, false);
        while !second {
            let batch = block_on(reader.next_batch(CREDIT));
            gap |= batch.gaps.iter().any(|gap| gap.to.unwrap().seq == 1);
            first |= batch.events.iter().any(|one| one.event().position.seq == 1);
            second |= batch.events.iter().any(|one| one.event().position.seq == 2);
        }
        assert!(first != gap, "exactly one of both: {first} {gap}");
        retirer.join().unwrap();
    });
}
