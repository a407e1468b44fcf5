//! What is decreed for all readers, in its place among the events.

use futures_util::FutureExt as _;

use super::*;
use crate::bus::Bus;
use crate::bus::reader::Batch;
use crate::lifecycle::clock::Clock;
use crate::model::decree::{Decree, Revocation};

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
