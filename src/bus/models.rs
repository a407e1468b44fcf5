//! Models of append, wake, retire and subscribe, run by loom through every interleaving:
//! `RUSTFLAGS="--cfg gatecast_loom" cargo test --lib models`.
#![cfg(all(test, gatecast_loom))]

use std::sync::Arc;
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use super::history::Query;
use super::reader::Credit;
use super::wake::Roster;
use super::{Bus, History, Policy, Settings};
use crate::lifecycle::clock::Clock;
use crate::model::event::{EventName, NewEvent};
use crate::model::id::Principal;
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
    let new = NewEvent::new(
        vec![room(name)],
        EventName::parse("e").unwrap(),
        Json::parse("1").unwrap(),
    );
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
        let past = reader.join(&room("a"), Start::Earliest, CREDIT, &Principal::Anonymous);
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

/// A loop as a shard's: it looks at its roster, reads for whoever has news, and waits to be woken.
async fn served(roster: &Roster, reader: &mut super::Subscription) -> usize {
    std::future::poll_fn(|cx| {
        let (mut called, mut news) = (Vec::new(), Vec::new());
        roster.take(cx.waker(), &mut called, &mut news);
        // Nobody reads who has no news.
        match news.iter().map(|_| reader.read(CREDIT).events.len()).sum() {
            0 => Poll::Pending,
            count => Poll::Ready(count),
        }
    })
    .await
}

#[test]
fn a_loop_is_woken_for_whatever_its_readers_have_not_seen() {
    loom::model(|| {
        let (bus, roster) = (bus(), Arc::new(Roster::default()));
        bus.enlist(roster.clone());
        let opened = bus.subscribe_at(roster.seat(), &[room("a")], Start::Now, false);
        let mut reader = opened.subscription;
        let writer = thread::spawn({
            let bus = bus.clone();
            move || publish(&bus, "a")
        });
        assert_eq!(block_on(served(&roster, &mut reader)), 1);
        writer.join().unwrap();
    });
}

#[test]
fn who_comes_and_goes_at_once_is_told_in_the_order_in_which_it_happened() {
    loom::model(|| {
        let tracked = Policy {
            presence: Some(std::time::Duration::ZERO),
            ..Policy::of_history(History::ROOM)
        };
        let settings = Settings {
            rooms: vec![("a".to_owned(), tracked.into())],
            ..Settings::default()
        };
        let bus = Bus::memory(settings, Epoch::from_random(1), Clock::manual().0);
        let touch = |bus: &Bus| bus.touch(&Principal::Anonymous, &[room("a")]);
        let other = thread::spawn({
            let bus = bus.clone();
            move || touch(&bus)
        });
        touch(&bus);
        other.join().unwrap();
        let page = bus.history(&Query {
            room: room("_presence:a"),
            since: None,
            until: None,
            credit: CREDIT,
            reverse: false,
        });
        let told = page
            .events
            .iter()
            .map(|event| event.event().name.as_str().to_owned());
        let told: Vec<_> = told.collect();
        let once = ["presence:join", "presence:leave"];
        assert_eq!(told, [once, once].concat());
    });
}
