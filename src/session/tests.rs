//! Sessions stepped by hand: no socket, no bus, no waiting.

mod decrees;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::admission::admit;
use super::*;
use crate::auth::credentials::Credential;
use crate::auth::{self, Authority, api_key, roles};
use crate::bus::reader::Batch;
use crate::model::dialect::Dialect;
use crate::model::gap::Gap;
use crate::model::limits::{Events, Limits};
use crate::model::position::Epoch;
use crate::model::position::Position;
use crate::model::secret::Secret;
use crate::model::start::Start;
use crate::model::time::UnixMillis;
use crate::wire::client::ClientMessage;

const KEY: &str = "the-key-of-this-test";

const DUE: Input = Input::Due { writable: true };

fn role(subscribe: &[&str], rooms: &[&str]) -> roles::Settings {
    let owned = |rooms: &[&str]| rooms.iter().map(|room| (*room).to_owned()).collect();
    roles::Settings {
        transports: Transport::ALL.to_vec(),
        rooms: owned(rooms),
        subscribe: owned(subscribe),
        publish: Vec::new(),
        presence: Vec::new(),
        emit: Vec::new(),
        sender: false,
        admin: false,
        service: false,
        limits: Limits::DEFAULT,
        events: Events::new(),
    }
}

fn authority() -> Authority {
    let both: &[&str] = &["lobby", "kitchen"];
    authority_of(role(both, both))
}

/// The authority by which the key's holder has the role `display`.
fn authority_of(display: roles::Settings) -> Authority {
    use sha2::Digest as _;
    let key = api_key::Settings {
        name: "tv".into(),
        sha256: vec![sha2::Sha256::digest(KEY).into()],
        role: "display".into(),
    };
    Authority::new(auth::Settings {
        anonymous: Some("guest".into()),
        api_keys: vec![key],
        roles: BTreeMap::from([
            ("guest".to_owned(), role(&["lobby", "old"], &["lobby"])),
            ("display".to_owned(), display),
        ]),
        ..auth::Settings::default()
    })
    .unwrap()
}

fn display() -> Arc<Access> {
    identified(&authority())
}

fn identified(authority: &Authority) -> Arc<Access> {
    let key = Credential::ApiKey(Secret::new(KEY));
    authority.identify(&key, UnixMillis(0)).unwrap()
}

fn at(seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now {
        moment: Moment::from_origin(since),
        unix: UnixMillis(seconds * 1000),
    }
}

fn opening(transport: Transport, rooms: &[&str], start: Start) -> Opening {
    let rooms = rooms
        .iter()
        .map(|room| Room::parse(room).unwrap())
        .collect();
    Opening {
        transport,
        dialect: Dialect::Native,
        rooms,
        start,
        keeps: None,
    }
}

fn position(seq: u64) -> Position {
    Position {
        epoch: Epoch::from_random(1),
        seq,
    }
}

fn stream() -> StreamId {
    StreamId::from_random(1)
}

/// A stream that is open since second 0.
fn live(access: Arc<Access>, transport: Transport) -> Session {
    let mut out = Vec::new();
    let opening = opening(transport, &[], Start::Now);
    let admitted = admit(&access, &opening).unwrap();
    let mut session = Session::admitted(
        stream(),
        Arc::default(),
        access,
        &opening,
        admitted,
        at(0),
        &mut out,
    );
    assert!(matches!(out[..], [Action::Ask(Ask::Open { .. })]));
    let opened = Input::Opened {
        cursor: Some(position(4)),
        gaps: Vec::new(),
        recovered: None,
    };
    assert_eq!(said(&mut session, opened, 0)[..], ["welcome"]);
    session
}

fn step(session: &mut Session, input: Input, second: u64) -> Vec<Action> {
    let mut out = Vec::new();
    session.step(input, at(second), &mut out);
    out
}

/// What a step brings about, in a word each.
fn said(session: &mut Session, input: Input, second: u64) -> Vec<String> {
    let word = |action: Action| match action {
        Action::Send(control) => control.name().to_owned(),
        Action::Deliver(_) => "events".into(),
        Action::Ping => "ping".into(),
        Action::Answer(Answer::Done(ack)) => format!("ack {:?}", ack.reference),
        Action::Answer(Answer::Refused(reference, refusal)) => {
            format!("{} {reference:?}", refusal.code.as_str())
        }
        Action::Ask(ask) => format!("ask {ask:?}")
            .split([' ', '(', '{'])
            .take(2)
            .collect::<Vec<_>>()
            .join(" "),
        Action::End { code, .. } => format!("end {}", code.as_str()),
    };
    step(session, input, second).into_iter().map(word).collect()
}

fn message(text: &str) -> Input {
    Input::Message {
        message: ClientMessage::parse(text),
        by: None,
    }
}

fn nothing_new(seq: u64) -> Input {
    Input::Batch(Batch {
        decrees: Vec::new(),
        gaps: Vec::new(),
        events: Vec::new(),
        cursor: position(seq),
        more: false,
        waiting: 0,
        fallen: None,
    })
}

#[test]
fn a_heartbeat_reads_first_and_tells_where_the_reading_ended() {
    let mut session = live(display(), Transport::Sse);
    assert_eq!(session.deadline(true), Some(at(15).moment));
    assert!(said(&mut session, DUE, 14).is_empty());
    assert_eq!(said(&mut session, DUE, 15)[..], ["ask Read"]);
    let heartbeat = step(&mut session, nothing_new(9), 15);
    let [Action::Send(Control::Heartbeat { cursor, ts })] = &heartbeat[..] else {
        panic!("{heartbeat:?}")
    };
    assert_eq!((*cursor, *ts), (position(9), UnixMillis(15_000)));
    assert_eq!(session.deadline(true), Some(at(30).moment));
}

#[test]
fn a_websocket_is_pinged_and_a_silent_one_is_closed_after_seventy_seconds() {
    let mut session = live(display(), Transport::WebSocket);
    assert_eq!(said(&mut session, DUE, 15)[..], ["ask Read", "ping"]);
    said(&mut session, Input::Heard, 40);
    assert_eq!(said(&mut session, DUE, 55)[..], ["ask Read", "ping"]);
    assert!(!said(&mut session, DUE, 109).contains(&"end timeout".to_owned()));
    assert_eq!(said(&mut session, DUE, 110)[..], ["end timeout"]);
    assert_eq!(session.deadline(true), None);
    assert!(said(&mut session, message(r#"{"type":"ping","ref":1}"#), 111).is_empty());
}

#[test]
fn a_websocket_of_a_lively_room_is_pinged_too_and_lives_as_long_as_it_answers() {
    let mut session = live(display(), Transport::WebSocket);
    let (mut pings, mut second) = (0, 0);
    while second < 600 {
        // An event each second: no heartbeat is ever due.
        second += 1;
        let gap = Gap::unauthorized(Room::parse("lobby").unwrap());
        let batch = Batch {
            decrees: Vec::new(),
            gaps: vec![gap],
            events: Vec::new(),
            cursor: position(4),
            more: false,
            waiting: 0,
            fallen: None,
        };
        said(&mut session, Input::Batch(batch), second);
        if session.deadline(true).unwrap() <= at(second).moment {
            assert_eq!(said(&mut session, DUE, second)[..], ["ping"]);
            pings += 1;
            said(&mut session, Input::Heard, second + 1);
        }
    }
    assert!((35..=40).contains(&pings), "{pings}");
}

#[test]
fn nobody_is_called_silent_while_it_is_not_listened_to() {
    let mut session = live(display(), Transport::WebSocket);
    assert_eq!(session.deadline(false), None);
    assert!(said(&mut session, Input::Due { writable: false }, 100).is_empty());
}

#[test]
fn an_event_source_can_say_nothing_and_is_never_too_silent() {
    let mut session = live(display(), Transport::Sse);
    assert_eq!(said(&mut session, DUE, 1000)[..], ["ask Read"]);
}

#[test]
fn a_websocket_without_credential_waits_ten_seconds_for_one() {
    let opening = opening(Transport::WebSocket, &["kitchen"], Start::Now);
    let waiting = || Session::waiting(stream(), Arc::default(), opening.clone(), at(0));
    let mut session = waiting();
    assert_eq!(
        said(&mut session, message(r#"{"type":"ping","ref":1}"#), 1)[..],
        ["unauthorized Some(Number(1))"]
    );
    assert!(said(&mut session, DUE, 9).is_empty());
    assert_eq!(
        said(&mut session, DUE, 10)[..],
        ["auth_timeout None", "end auth_timeout"]
    );

    let mut session = waiting();
    let auth = message(r#"{"type":"auth","ref":2,"token":"x"}"#);
    assert_eq!(said(&mut session, auth, 1)[..], ["ask Authenticate"]);
    let reference = Some(Ref::Number(2));
    let verdict = Input::Authenticated(reference, Ok(display()));
    assert_eq!(
        said(&mut session, verdict, 1)[..],
        ["ask Open", "ack Some(Number(2))"]
    );
}

#[test]
fn a_credential_that_fails_ends_the_stream_and_is_never_anonymous() {
    let anonymous = authority().anonymous().unwrap();
    let mut session = live(anonymous, Transport::WebSocket);
    let refusal = Refusal::new(Code::Unauthorized, "no such key");
    let verdict = Input::Authenticated(Some(Ref::Number(3)), Err(refusal));
    assert_eq!(
        said(&mut session, verdict, 1)[..],
        ["unauthorized Some(Number(3))", "end unauthorized"]
    );
}

#[test]
fn an_anonymous_client_that_says_who_it_is_gets_its_roles_rooms_and_a_new_welcome() {
    let mut session = live(authority().anonymous().unwrap(), Transport::WebSocket);
    let joining = crate::bus::Joining {
        gaps: Vec::new(),
        events: Vec::new(),
        next: None,
    };
    let old = Room::parse("old").unwrap();
    step(
        &mut session,
        Input::Joined {
            reference: None,
            room: old.clone(),
            joining,
            in_answer: false,
        },
        1,
    );
    let actions = step(&mut session, Input::Authenticated(None, Ok(display())), 2);
    let Action::Ask(Ask::Lift { join, leave, .. }) = &actions[0] else {
        panic!("{actions:?}")
    };
    assert_eq!((join[0].as_str(), join.len()), ("kitchen", 1));
    assert_eq!(leave[..], [old]);
    let opened = Input::Opened {
        cursor: Some(position(5)),
        gaps: Vec::new(),
        recovered: None,
    };
    assert_eq!(said(&mut session, opened, 2)[..], ["welcome", "gap"]);
}

/// A display whose credential ends at this second.
fn until(second: u64) -> Arc<Access> {
    let mut access = (*display()).clone();
    access.expires_at = Some(UnixMillis(second * 1000));
    Arc::new(access)
}

fn renewal(verdict: Result<Arc<Access>, Refusal>) -> Input {
    Input::Authenticated(Some(Ref::Number(1)), verdict)
}

#[test]
fn a_credential_ends_its_stream_when_it_ends_itself_and_that_is_said_once_ahead() {
    let mut session = live(until(100), Transport::Sse);
    said(&mut session, nothing_new(4), 60);
    assert_eq!(session.deadline(true), Some(at(70).moment));
    assert_eq!(session.deadline(false), Some(at(100).moment));
    let actions = step(&mut session, DUE, 70);
    let [Action::Send(Control::TokenExpiring { expires_in_ms, .. })] = actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(expires_in_ms, 30_000);
    said(&mut session, nothing_new(4), 99);
    assert_eq!(session.deadline(true), Some(at(100).moment));
    assert_eq!(
        said(&mut session, DUE, 100)[..],
        ["session_expired", "end session_expired"]
    );
}

#[test]
fn who_comes_with_a_credential_that_ends_sooner_is_told_at_once() {
    let mut session = live(until(20), Transport::Sse);
    assert!(session.deadline(true) <= Some(at(0).moment));
    assert_eq!(said(&mut session, DUE, 0)[..], ["token_expiring"]);
    assert_eq!(session.deadline(true), Some(at(15).moment), "a heartbeat");
}

#[test]
fn a_renewed_credential_goes_on_where_the_old_one_stood_and_its_end_is_said_anew() {
    for transport in [Transport::Sse, Transport::WebSocket] {
        let mut session = live(until(100), transport);
        said(&mut session, Input::Heard, 70);
        assert_eq!(said(&mut session, DUE, 70)[0], "token_expiring");
        let auth = message(r#"{"type":"auth","ref":1,"token":"x"}"#);
        assert_eq!(said(&mut session, auth, 80)[..], ["ask Authenticate"]);
        assert_eq!(
            said(&mut session, renewal(Ok(until(200))), 80)[..],
            ["ask Lift", "ack Some(Number(1))"]
        );
        said(&mut session, Input::Heard, 170);
        said(&mut session, nothing_new(4), 169);
        assert!(!said(&mut session, DUE, 169).contains(&"token_expiring".to_owned()));
        assert_eq!(said(&mut session, DUE, 170)[0], "token_expiring");
        assert_eq!(said(&mut session, DUE, 200)[0], "session_expired");
    }
}

#[test]
fn a_renewal_that_fails_or_is_somebody_elses_changes_nothing() {
    let mut session = live(until(100), Transport::WebSocket);
    let mut other = (*until(500)).clone();
    other.principal = Principal::ApiKey("another-tv".into());
    for (verdict, code) in [
        (
            Err(Refusal::new(Code::Unauthorized, "no such key")),
            "unauthorized",
        ),
        (Ok(Arc::new(other)), "forbidden"),
        (Ok(authority().anonymous().unwrap()), "forbidden"),
    ] {
        let answer = format!("{code} Some(Number(1))");
        assert_eq!(said(&mut session, renewal(verdict), 1)[..], [answer]);
    }
    said(&mut session, Input::Heard, 99);
    assert_eq!(
        said(&mut session, DUE, 100)[..],
        ["session_expired", "end session_expired"]
    );
}

#[test]
fn messages_beyond_the_rate_are_answered_and_cost_nothing_else() {
    let mut session = live(display(), Transport::WebSocket);
    for _ in 0..20 {
        assert_eq!(
            said(&mut session, message(r#"{"type":"ping","ref":1}"#), 1)[..],
            ["ack Some(Number(1))"]
        );
    }
    let subscribe = r#"{"type":"subscribe","ref":2,"room":"kitchen"}"#;
    assert_eq!(
        said(&mut session, message(subscribe), 1)[..],
        ["rate_limited Some(Number(2))"]
    );
    assert_eq!(
        said(&mut session, message("nonsense"), 1)[..],
        ["rate_limited None"]
    );
    assert_eq!(said(&mut session, message(subscribe), 2)[..], ["ask Join"]);
}

#[test]
fn a_room_that_is_not_granted_is_refused_at_connect_and_a_gap_at_resume() {
    let access = display();
    let admit = |rooms: &[&str], start| admit(&access, &opening(Transport::Sse, rooms, start));
    let refusal = admit(&["lobby", "secret"], Start::Now).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.room.unwrap().as_str()),
        (Code::Forbidden, "secret")
    );
    let resumed = admit(&["lobby", "secret"], Start::At(position(1))).unwrap();
    assert_eq!(resumed.rooms.len(), 1);
    assert_eq!(
        resumed.gaps,
        [Gap::unauthorized(Room::parse("secret").unwrap())]
    );
    let refusal = admit(&["secret"], Start::At(position(1))).unwrap_err();
    assert_eq!(refusal.code, Code::Forbidden);
}

#[test]
fn a_drain_says_goodbye_and_when_to_come_back() {
    let mut session = live(display(), Transport::Sse);
    let drain = Input::Drain {
        retry_after: Duration::from_secs(2),
    };
    assert_eq!(said(&mut session, drain, 1)[..], ["bye", "end draining"]);
}

#[test]
fn a_client_that_reads_nothing_gets_no_heartbeats_on_top_of_what_it_does_not_read() {
    let mut session = live(display(), Transport::Sse);
    assert_eq!(session.deadline(false), None);
    assert!(said(&mut session, Input::Due { writable: false }, 100).is_empty());
    assert_eq!(said(&mut session, DUE, 100)[..], ["ask Read"]);
}

#[test]
fn a_join_by_another_request_is_answered_with_its_past_in_one_piece() {
    let mut session = live(display(), Transport::Sse);
    let room = Room::parse("kitchen").unwrap();
    let gap = Gap::unauthorized(room.clone());
    let joining = crate::bus::Joining {
        gaps: vec![gap],
        events: Vec::new(),
        next: None,
    };
    let joined = Input::Joined {
        reference: Some(Ref::Number(1)),
        room,
        joining,
        in_answer: true,
    };
    let actions = step(&mut session, joined, 1);
    let [Action::Answer(Answer::Done(ack))] = &actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(ack.gaps.as_ref().map(Vec::len), Some(1));
}

#[test]
fn a_flood_of_messages_or_pings_ends_the_stream() {
    let mut session = live(display(), Transport::WebSocket);
    for _ in 0..520 {
        assert_eq!(
            said(&mut session, message(r#"{"type":"ping","ref":1}"#), 1).len(),
            1
        );
    }
    assert_eq!(
        said(&mut session, Input::Pinged, 1)[..],
        ["rate_limited None", "end rate_limited"]
    );

    let mut session = live(display(), Transport::WebSocket);
    for _ in 0..520 {
        assert!(said(&mut session, Input::Pinged, 1).is_empty());
    }
    assert_eq!(
        said(&mut session, message(r#"{"type":"ping","ref":1}"#), 1)[..],
        ["rate_limited Some(Number(1))", "end rate_limited"]
    );
}
