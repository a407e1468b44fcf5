//! The decisions of a tail, with made-up ends and a clock that is only a number.

use super::*;
use crate::outbound::error::Fault;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Moment {
    Moment::default() + Duration::from_secs(seconds)
}

fn of(transports: &[Transport]) -> Follow {
    Follow::new(vec!["units".into()], Begin::Now, transports)
}

fn any() -> Follow {
    of(&Transport::ALL)
}

fn message(text: &str) -> Message {
    Message::parse(text).unwrap()
}

fn welcome(cursor: &str) -> Message {
    message(&format!(
        r#"{{"type":"welcome","cursor":"{cursor}","rooms":["units"],"heartbeat_ms":15000}}"#
    ))
}

fn event(id: &str) -> Message {
    message(&format!(
        r#"{{"id":"{id}","room":"units","event":"n","data":1,"ts":1}}"#
    ))
}

fn refused(status: u16, code: &str, retry_after: Option<Duration>) -> End {
    let refusal = Refusal {
        code: code.into(),
        retry_after,
        ..Refusal::default()
    };
    End::Refused(Refused {
        status,
        refusal: Some(refusal),
        retry_after,
    })
}

fn foreign(status: u16, retry_after: Option<Duration>) -> End {
    End::Refused(Refused {
        status,
        refusal: None,
        retry_after,
    })
}

fn unanswered(fault: Fault) -> End {
    End::Unanswered(Error::new(fault, "made up"))
}

/// The bounds of the wait that `next` is, in milliseconds.
fn wait(next: &Next) -> (u128, u128) {
    match next {
        Next::Wait(pause) => (pause.least.as_millis(), pause.most.as_millis()),
        Next::Connect | Next::Stop(_) => panic!("{next:?}"),
    }
}

#[test]
fn what_is_asked_for_names_the_rooms_and_where_to_begin() {
    let rooms = || vec!["org:a".to_owned(), "b".to_owned()];
    for (begin, says) in [
        (Begin::Now, ""),
        (Begin::Since("earliest".into()), "&since=earliest"),
        (Begin::Rewind(5), "&rewind=5"),
    ] {
        let follow = Follow::new(rooms(), begin, &Transport::ALL);
        let wanted =
            format!("/v1/stream?transport=websocket&room=org%3Aa&room=b{says}&on_error=status");
        assert_eq!(follow.target(), wanted);
    }
}

#[test]
fn every_connection_goes_on_after_the_last_message_that_arrived() {
    let mut follow = Follow::new(vec![], Begin::Rewind(5), &[Transport::LongPoll]);
    assert_eq!(
        follow.target(),
        "/v1/stream?transport=long-poll&rewind=5&on_error=status"
    );
    follow.heard(welcome("c1"), at(0));
    assert_eq!(follow.cursor(), Some("c1"));
    follow.heard(event("c2"), at(0));
    follow.heard(message(r#"{"type":"heartbeat","cursor":"c3"}"#), at(0));
    follow.ended(End::Broken, at(1));
    let resumed = "/v1/stream?transport=long-poll&since=c3&wait=25&on_error=status";
    assert_eq!(follow.target(), resumed);
    follow.heard(message(r#"{"type":"welcome","cursor":null}"#), at(2));
    assert_eq!(
        follow.cursor(),
        Some("c3"),
        "a welcome without a cursor takes none away"
    );
}

#[test]
fn silence_of_three_heartbeats_is_a_dead_connection() {
    let mut follow = any();
    assert_eq!(follow.patience(), 10 * SECOND);
    follow.heard(welcome("c1"), at(0));
    assert_eq!(follow.patience(), 45 * SECOND);
    assert!(matches!(follow.ended(End::Silent, at(45)), Next::Wait(_)));
    assert_eq!(
        follow.patience(),
        10 * SECOND,
        "the next one has to open first"
    );
    let poll = of(&[Transport::LongPoll]);
    assert!(poll.patience() > WAIT, "a poll may wait");
}

#[test]
fn a_transport_that_the_role_or_the_way_forbids_gives_way_to_the_next_at_once() {
    for end in [
        || refused(403, "transport_not_allowed", None),
        || refused(426, "upgrade_required", None),
        || End::Closed(3505),
        || foreign(400, None),
        || foreign(501, None),
        || foreign(200, None),
        || End::Foreign,
    ] {
        let mut follow = any();
        for other in [Transport::Sse, Transport::LongPoll] {
            assert!(matches!(follow.ended(end(), at(0)), Next::Connect));
            assert_eq!(follow.transport(), other);
        }
        assert!(
            matches!(follow.ended(end(), at(0)), Next::Stop(_)),
            "none is left"
        );
    }
}

#[test]
fn a_transport_that_opens_and_says_nothing_gives_way_after_two_tries() {
    for end in [
        || End::Silent,
        || End::Broken,
        || unanswered(Fault::TimedOut),
    ] {
        let mut follow = any();
        let mut used = Vec::new();
        loop {
            used.push(follow.transport());
            if let Next::Stop(_) = follow.ended(end(), at(0)) {
                break;
            }
        }
        let [websocket, sse, poll] = Transport::ALL;
        assert_eq!(used, [websocket, websocket, sse, sse, poll, poll]);
    }
}

#[test]
fn a_gateway_that_is_away_for_a_while_is_met_again_on_the_same_transport() {
    let mut follow = any();
    follow.heard(welcome("c1"), at(0));
    follow.ended(End::Broken, at(1));
    for _ in 0..10 {
        assert!(matches!(
            follow.ended(unanswered(Fault::Refused), at(2)),
            Next::Wait(_)
        ));
        assert!(matches!(
            follow.ended(foreign(502, None), at(2)),
            Next::Wait(_)
        ));
        assert_eq!(follow.transport(), Transport::WebSocket);
    }
}

#[test]
fn the_pauses_between_failures_double_with_full_jitter_until_a_stream_has_lasted() {
    let mut follow = any();
    follow.heard(welcome("c1"), at(0));
    let mut bounds = vec![wait(&follow.ended(End::Broken, at(1)))];
    for _ in 0..5 {
        bounds.push(wait(&follow.ended(unanswered(Fault::Refused), at(2))));
    }
    let bounds: Vec<_> = bounds
        .into_iter()
        .map(|(least, most)| (least, most / 1000))
        .collect();
    assert_eq!(bounds, [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (0, 30)]);
    follow.heard(welcome("c1"), at(100));
    assert_eq!(
        wait(&follow.ended(End::Broken, at(101))),
        (0, 30_000),
        "it broke at once"
    );
    follow.heard(welcome("c1"), at(200));
    assert_eq!(wait(&follow.ended(End::Broken, at(210))), (0, 1000));
}

#[test]
fn what_the_gateway_asks_for_is_the_least_pause() {
    let mut follow = any();
    let bye = r#"{"type":"bye","code":"draining","reconnect":true,"retry_after_ms":2500}"#;
    follow.heard(welcome("c1"), at(0));
    follow.heard(message(bye), at(20));
    assert_eq!(wait(&follow.ended(End::Closed(3001), at(20))), (2500, 3500));
    let full = refused(503, "overloaded", Some(7 * SECOND));
    assert_eq!(wait(&follow.ended(full, at(21))).0, 7000);
    let proxy = foreign(503, Some(4 * SECOND));
    assert_eq!(wait(&follow.ended(proxy, at(22))).0, 4000);
    follow.asked_to_wait(Some(3 * SECOND));
    assert_eq!(wait(&follow.ended(End::Broken, at(23))).0, 3000);
}

#[test]
fn who_is_sent_away_stays_away() {
    for (told, end) in [
        (None, refused(401, "unauthorized", None)),
        (None, refused(403, "forbidden", None)),
        (None, refused(400, "invalid_cursor", None)),
        (None, End::Closed(3503)),
        (None, End::Closed(3599)),
        (
            Some(r#"{"type":"error","code":"revoked","message":"gone"}"#),
            End::Closed(3503),
        ),
        (
            Some(r#"{"type":"bye","code":"disconnected","reconnect":false}"#),
            End::Finished,
        ),
        (
            Some(r#"{"type":"bye","code":"of_a_later_version","reconnect":false}"#),
            End::Broken,
        ),
    ] {
        let mut follow = any();
        follow.heard(welcome("c1"), at(0));
        if let Some(told) = told {
            follow.heard(message(told), at(1));
        }
        let next = follow.ended(end, at(1));
        let Next::Stop(end) = next else {
            panic!("{next:?}");
        };
        let in_its_words = matches!(&end, End::Refused(refused) if refused.refusal.is_some());
        assert!(told.is_none() || in_its_words, "{end:?}");
    }
}

#[test]
fn whoever_may_come_back_does() {
    for (told, end) in [
        (None, End::Closed(1006)),
        (None, End::Closed(1012)),
        (None, End::Closed(3005)),
        (None, End::Finished),
        (None, refused(429, "rate_limited", None)),
        (Some(r#"{"type":"session_expired"}"#), End::Closed(3006)),
        (
            Some(r#"{"type":"error","code":"slow","message":"too slow"}"#),
            End::Broken,
        ),
        (
            Some(r#"{"type":"bye","code":"of_a_later_version","reconnect":true}"#),
            End::Finished,
        ),
    ] {
        let mut follow = any();
        follow.heard(welcome("c1"), at(0));
        if let Some(told) = told {
            follow.heard(message(told), at(1));
        }
        assert!(
            matches!(follow.ended(end, at(1)), Next::Wait(_)),
            "{told:?}"
        );
    }
}

#[test]
fn a_refusal_that_did_not_end_the_stream_says_nothing_about_a_later_end() {
    let mut follow = any();
    follow.heard(welcome("c1"), at(0));
    follow.heard(
        message(r#"{"type":"error","code":"forbidden","message":"no"}"#),
        at(1),
    );
    follow.heard(event("c2"), at(2));
    assert!(matches!(follow.ended(End::Broken, at(3)), Next::Wait(_)));
}

#[test]
fn a_gateway_that_was_never_there_is_not_waited_for() {
    for fault in [Fault::Refused, Fault::UnknownIssuer, Fault::NotTls] {
        assert!(matches!(
            any().ended(unanswered(fault), at(0)),
            Next::Stop(_)
        ));
    }
    let mut behind_a_proxy = any();
    let tries = (1..).find(|_| {
        matches!(
            behind_a_proxy.ended(foreign(502, None), at(0)),
            Next::Stop(_)
        )
    });
    assert_eq!(tries, Some(6));
    let mut overloaded = any();
    for _ in 0..50 {
        let end = refused(503, "overloaded", None);
        assert!(
            matches!(overloaded.ended(end, at(0)), Next::Wait(_)),
            "it is there"
        );
    }
}

#[test]
fn a_room_that_is_not_for_this_client_any_more_is_left() {
    let mut follow = Follow::new(vec!["a".into(), "b".into()], Begin::Now, &[Transport::Sse]);
    follow.heard(welcome("c1"), at(0));
    let told = follow.heard(
        message(r#"{"type":"gap","room":"a","reason":"unauthorized"}"#),
        at(0),
    );
    assert!(matches!(told, Some(Told::Gap(_))));
    assert!(
        follow.target().contains("sse&room=b&since"),
        "{}",
        follow.target()
    );
    follow.heard(
        message(r#"{"type":"gap","room":"b","from":"1","to":"2","reason":"evicted"}"#),
        at(0),
    );
    assert!(follow.target().contains("room=b"), "its events go on");
}
