//! What is decreed for all: credentials that do not hold any more, rights that have changed.

use super::*;
use crate::model::decree::{Decree, Revocation};
use crate::model::decree::{Move, Whom};

fn decreed(decree: Decree, seq: u64) -> Input {
    Input::Batch(Batch {
        decrees: vec![(seq, Arc::new(decree))],
        gaps: Vec::new(),
        events: Vec::new(),
        cursor: position(seq),
        more: false,
        waiting: 0,
        fallen: None,
    })
}

fn key(name: &str) -> Decree {
    Decree::Revoked(Revocation::Key(name.into()))
}

/// The `display` role with other rooms.
fn with_rooms(subscribe: &[&str], rooms: &[&str]) -> Arc<Access> {
    identified(&authority_of(role(subscribe, rooms)))
}

#[test]
fn a_stream_whose_key_is_revoked_is_told_and_ends_for_good() {
    let mut session = live(display(), Transport::WebSocket);
    assert!(said(&mut session, decreed(key("other"), 5), 1).is_empty());
    assert_eq!(
        said(&mut session, decreed(key("tv"), 6), 1)[..],
        ["revoked None", "end revoked"]
    );
    assert_eq!(session.deadline(true), None);
}

#[test]
fn a_stream_is_ended_by_its_name_and_no_other_is() {
    let mut session = live(display(), Transport::Sse);
    let other = StreamId::from_random(77);
    let named = |stream| Decree::Revoked(Revocation::Stream(stream));
    assert!(said(&mut session, decreed(named(other), 5), 1).is_empty());
    let own = session.stream();
    let told = said(&mut session, decreed(named(own), 6), 1);
    assert_eq!(told[..], ["revoked None", "end revoked"]);
}

#[test]
fn a_decree_that_concerns_somebody_else_puts_off_no_heartbeat_and_is_none() {
    let mut session = live(display(), Transport::Sse);
    assert!(said(&mut session, decreed(key("other"), 5), 14).is_empty());
    assert_eq!(said(&mut session, DUE, 15)[..], ["ask Read"]);
    let told = said(&mut session, decreed(key("other"), 6), 15);
    assert_eq!(told[..], ["heartbeat"]);
    assert_eq!(session.deadline(true), Some(at(30).moment));
}

#[test]
fn when_rights_change_who_keeps_all_hears_nothing_and_who_does_not_is_told() {
    let mut session = live(display(), Transport::Sse);
    assert_eq!(
        said(&mut session, decreed(Decree::Rights, 5), 1)[..],
        ["ask Judge"]
    );
    let same = with_rooms(&["lobby", "kitchen", "more"], &["lobby", "kitchen"]);
    assert!(said(&mut session, Input::Judged(Ok(same), Vec::new()), 1).is_empty());

    let fewer = with_rooms(&["lobby"], &["lobby"]);
    let [Action::Ask(Ask::Lift { join, leave, .. })] =
        &step(&mut session, Input::Judged(Ok(fewer), Vec::new()), 2)[..]
    else {
        panic!("the rooms change")
    };
    assert_eq!((join.len(), leave.len()), (0, 1));
    let opened = Input::Opened {
        cursor: Some(position(5)),
        gaps: Vec::new(),
        recovered: None,
    };
    assert_eq!(said(&mut session, opened, 2)[..], ["welcome", "gap"]);
}

#[test]
fn when_rights_change_who_has_none_left_is_ended() {
    for (verdict, code) in [
        (Ok(with_rooms(&[], &[])), "forbidden"),
        (
            Err(Refusal::new(Code::Unauthorized, "the key is not known")),
            "unauthorized",
        ),
    ] {
        let mut session = live(display(), Transport::WebSocket);
        let told = said(&mut session, Input::Judged(verdict, Vec::new()), 1);
        assert_eq!(told[..], [format!("{code} None"), format!("end {code}")]);
    }
}

#[test]
fn who_is_ended_when_a_heartbeat_is_due_is_not_told_a_place_beyond_its_end() {
    let mut session = live(display(), Transport::Sse);
    // The events behind the revocation were left out, and the batch goes on beyond them.
    let Input::Batch(batch) = decreed(key("tv"), 6) else {
        panic!()
    };
    let cursor = position(9);
    let told = said(&mut session, Input::Batch(Batch { cursor, ..batch }), 15);
    assert_eq!(told[..], ["revoked None", "end revoked"]);
}

#[test]
fn a_join_whose_room_is_no_longer_granted_is_refused_and_joins_nothing() {
    let mut session = live(display(), Transport::WebSocket);
    let rooms = session.rooms().to_vec();
    let room = Room::parse("secret").unwrap();
    assert!(!session.may_subscribe(&room));
    let reference = Some(Ref::Number(1));
    let told = said(&mut session, Input::Barred { reference, room }, 1);
    assert_eq!(told[..], ["forbidden Some(Number(1))"]);
    assert_eq!(session.rooms(), rooms);
}

#[test]
fn a_room_that_is_granted_to_a_stream_stays_its_own_when_rights_change() {
    let mut session = live(display(), Transport::WebSocket);
    let yard = Room::parse("yard").unwrap();
    assert!(!session.may_subscribe(&yard));
    session.grant(&yard);
    let subscribe = r#"{"type":"subscribe","ref":1,"room":"yard"}"#;
    let told = said(&mut session, message(subscribe), 1);
    assert!(told[0].starts_with("ask Join"), "{told:?}");
    let joined = Input::Joined {
        reference: None,
        room: yard.clone(),
        joining: crate::bus::Joining::default(),
        in_answer: false,
    };
    said(&mut session, joined, 1);
    let fewer = with_rooms(&["lobby"], &["lobby"]);
    let [Action::Ask(Ask::Lift { join, leave, .. })] =
        &step(&mut session, Input::Judged(Ok(fewer), Vec::new()), 2)[..]
    else {
        panic!("the rooms change")
    };
    assert_eq!((join.len(), leave.len()), (0, 1));
    assert!(session.may_subscribe(&yard) && session.rooms().contains(&yard));
    session.revoke(&yard);
    assert!(!session.may_subscribe(&yard));
}

fn step_of(session: &Session, room: &str, joins: bool) -> Decree {
    Decree::Moved(Move {
        whom: Whom::Stream(session.stream()),
        room: Room::parse(room).unwrap(),
        joins,
    })
}

#[test]
fn a_stream_that_is_moved_joins_and_leaves_and_another_does_neither() {
    let mut session = live(display(), Transport::Sse);
    let other = Decree::Moved(Move {
        whom: Whom::Principal("ann".into()),
        room: Room::parse("yard").unwrap(),
        joins: true,
    });
    assert!(said(&mut session, decreed(other, 5), 1).is_empty());
    let joins = step_of(&session, "yard", true);
    assert_eq!(
        said(&mut session, decreed(joins.clone(), 6), 1)[..],
        ["ask Follow"]
    );
    assert!(
        said(&mut session, decreed(joins, 7), 1).is_empty(),
        "it is there"
    );
    let rooms = |session: &Session| {
        session
            .rooms()
            .iter()
            .map(Room::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(rooms(&session), ["lobby", "kitchen", "yard"]);
    let leaves = step_of(&session, "lobby", false);
    assert_eq!(
        said(&mut session, decreed(leaves.clone(), 8), 1)[..],
        ["ask Follow"]
    );
    assert_eq!(
        said(&mut session, decreed(leaves, 9), 1)[..],
        ["ask Follow"]
    );
    assert_eq!(rooms(&session), ["kitchen", "yard"]);
    // What its role gives it is not its own any more, and what it was given stays.
    let same = with_rooms(&["lobby", "kitchen"], &["lobby", "kitchen"]);
    assert!(said(&mut session, Input::Judged(Ok(same), Vec::new()), 2).is_empty());
    assert_eq!(rooms(&session), ["kitchen", "yard"]);
    let leaves = step_of(&session, "yard", false);
    said(&mut session, decreed(leaves, 10), 3);
    assert!(!session.may_subscribe(&Room::parse("yard").unwrap()));
}

#[test]
fn a_stream_that_has_as_many_rooms_as_it_may_is_told_so_and_joins_no_more() {
    let mut settings = role(&["lobby", "kitchen"], &["lobby", "kitchen"]);
    settings.limits.rooms_per_stream = 2;
    let mut session = live(identified(&authority_of(settings)), Transport::Sse);
    let joins = step_of(&session, "yard", true);
    assert_eq!(said(&mut session, decreed(joins, 5), 1)[..], ["problem"]);
    assert_eq!(session.rooms().len(), 2);
}

#[test]
fn a_stream_that_may_have_missed_a_move_is_ended_to_come_back() {
    let mut session = live(display(), Transport::Sse);
    let told = said(&mut session, decreed(Decree::Forgotten, 4), 1);
    assert_eq!(told[..], ["slow None", "end slow"]);
}
