//! What is decreed for all readers, in its place among the events.

use futures_util::FutureExt as _;

use super::*;
use crate::bus::Bus;
use crate::bus::moves::Who;
use crate::bus::reader::Batch;
use crate::lifecycle::clock::Clock;
use crate::model::decree::{Decree, Move, Revocation, Whom};
use crate::model::id::Principal;

fn bus() -> Bus {
    Bus::memory(Settings::default(), epoch(), Clock::manual().0)
}

fn publish(bus: &Bus) -> u64 {
    let new = NewEvent::new(vec![name(0)], EventName::parse("e").unwrap(), Json::null());
    let published = bus.publish(new, None).now_or_never().unwrap();
    published.unwrap().position.unwrap().seq
}

fn decree(bus: &Bus, decree: Decree) -> u64 {
    let decreed = bus.decree(decree, None).now_or_never().unwrap();
    decreed.unwrap().seq
}

fn revoke(bus: &Bus) -> u64 {
    decree(bus, Decree::Revoked(Revocation::Key("tv".into())))
}

const CREDIT: Credit = Credit {
    events: 3,
    bytes: 100_000,
};

/// The numbers of a batch: events, decrees, cursor.
fn numbers(batch: &Batch) -> (Vec<u64>, Vec<u64>, u64) {
    let events = batch.events.iter().map(|one| one.event().position.seq);
    let decrees = batch.decrees.iter().map(|(seq, _)| *seq);
    (events.collect(), decrees.collect(), batch.cursor.seq)
}

#[test]
fn a_revocation_comes_with_the_events_around_it_and_takes_a_number_of_its_own() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    assert_eq!((publish(&bus), revoke(&bus), publish(&bus)), (1, 2, 3));
    assert_eq!(numbers(&reader.read(CREDIT)), (vec![1, 3], vec![2], 3));
    assert!(reader.read(CREDIT).is_empty());
}

#[test]
fn behind_a_short_credit_each_decree_is_told_once() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    for _ in 0..4 {
        publish(&bus);
    }
    revoke(&bus);
    assert_eq!(numbers(&reader.read(CREDIT)), (vec![1, 2, 3], vec![], 3));
    assert_eq!(numbers(&reader.read(CREDIT)), (vec![4], vec![5], 5));
    assert!(reader.read(CREDIT).is_empty());
}

#[test]
fn nothing_beyond_a_change_of_rights_is_read_with_what_comes_before_it() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    publish(&bus);
    decree(&bus, Decree::Rights);
    publish(&bus);
    let batch = reader.read(CREDIT);
    assert_eq!((numbers(&batch), batch.more), ((vec![1], vec![2], 2), true));
    assert_eq!(numbers(&reader.read(CREDIT)), (vec![3], vec![], 3));
}

#[test]
fn a_reader_of_no_room_and_one_that_waits_are_rung() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    assert!(reader.next_batch(CREDIT).now_or_never().is_none());
    revoke(&bus);
    let batch = reader.next_batch(CREDIT).now_or_never().unwrap();
    assert_eq!(numbers(&batch), (vec![], vec![1], 1));
}

#[test]
fn who_comes_later_is_not_told_what_was_decreed_before_and_whoever_looks_for_all_finds_nothing() {
    let bus = bus();
    publish(&bus);
    let mut early = bus.subscribe(&[name(0)], Start::Now).subscription;
    let place = early.place().unwrap();
    revoke(&bus);
    publish(&bus);
    let mut late = bus.subscribe(&[name(0)], Start::Earliest).subscription;
    assert_eq!(numbers(&late.read(CREDIT)), (vec![1, 3], vec![], 3));
    assert!(bus.look(&place, CREDIT).is_none());
    assert_eq!(numbers(&early.read(CREDIT)), (vec![3], vec![2], 3));
}

fn step(bus: &Bus, room: usize, joins: bool) -> u64 {
    let whom = Whom::Principal("ann".into());
    let room = name(room);
    decree(bus, Decree::Moved(Move { whom, room, joins }))
}

fn publish_to(bus: &Bus, room: usize) -> u64 {
    let (name, event) = (name(room), EventName::parse("e").unwrap());
    let published = bus.publish(NewEvent::new(vec![name], event, Json::null()), None);
    published
        .now_or_never()
        .unwrap()
        .unwrap()
        .position
        .unwrap()
        .seq
}

const ANN: Option<Who<'static>> = Some(Who {
    stream: None,
    principal: "ann",
});

#[test]
fn one_who_is_moved_reads_what_came_before_it_leaves_and_what_comes_after_it_joins() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    publish_to(&bus, 0);
    publish_to(&bus, 1);
    let joined = step(&bus, 1, true);
    publish_to(&bus, 1);
    publish_to(&bus, 0);
    let left = step(&bus, 0, false);
    publish_to(&bus, 0);
    publish_to(&bus, 1);
    assert_eq!((joined, left), (3, 6));
    assert_eq!(numbers(&reader.read_as(CREDIT, ANN)), (vec![1], vec![3], 3));
    reader.enter(&name(1), &Principal::ApiKey("ann".into()));
    assert_eq!(
        numbers(&reader.read_as(CREDIT, ANN)),
        (vec![4, 5], vec![6], 6)
    );
    assert!(reader.leave(&name(0)));
    assert_eq!(numbers(&reader.read_as(CREDIT, ANN)), (vec![8], vec![], 8));
}

#[test]
fn one_who_enters_a_room_that_has_lost_events_since_is_told_a_gap() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    step(&bus, 1, true);
    publish_to(&bus, 1);
    bus.purge(&name(1));
    reader.read_as(CREDIT, ANN);
    reader.enter(&name(1), &Principal::ApiKey("ann".into()));
    let batch = reader.read_as(CREDIT, ANN);
    let gap = &batch.gaps[0];
    let ends = (gap.from.unwrap().seq, gap.to.unwrap().seq);
    assert_eq!((ends, batch.events.len()), ((1, 2), 0));
}

#[test]
fn one_whom_it_does_not_concern_reads_on_and_is_told_nothing_of_it() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    publish(&bus);
    step(&bus, 0, false);
    publish(&bus);
    let bob = Some(Who {
        principal: "bob",
        ..ANN.unwrap()
    });
    assert_eq!(
        numbers(&reader.read_as(CREDIT, bob)),
        (vec![1, 3], vec![], 3)
    );
}

#[test]
fn a_read_for_all_passes_moves_and_tells_them_and_stops_at_rights() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    publish(&bus);
    step(&bus, 1, true);
    publish(&bus);
    let place = reader.place().unwrap();
    let alike = bus.look(&place, CREDIT).unwrap();
    assert_eq!(numbers(&alike), (vec![1, 3], vec![2], 3));
    reader.follow(alike.cursor);
    publish(&bus);
    decree(&bus, Decree::Rights);
    publish(&bus);
    assert!(bus.look(&reader.place().unwrap(), CREDIT).is_none());
}

#[test]
fn one_who_is_behind_what_is_known_of_moves_is_told_so_and_given_nothing() {
    let bus = bus();
    let mut reader = bus.subscribe(&[name(0)], Start::Now).subscription;
    let place = reader.place().unwrap();
    publish(&bus);
    for _ in 0..20_000 {
        step(&bus, 1, true);
    }
    let batch = reader.read_as(CREDIT, ANN);
    assert_eq!(*batch.decrees[0].1, Decree::Forgotten);
    assert_eq!(numbers(&batch), (vec![], vec![0], 0));
    assert!(bus.look(&place, CREDIT).is_none());
    // Who comes now was judged by all of them.
    let mut other = bus
        .subscribe(&[name(0)], Start::At(batch.cursor))
        .subscription;
    assert_eq!(
        numbers(&other.read_as(CREDIT, ANN)),
        (vec![1], vec![], 20_001)
    );
}
