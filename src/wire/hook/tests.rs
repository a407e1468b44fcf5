use std::sync::Arc;

use http::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::model::decree::Whom;
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::time::UnixMillis;

const STREAM: &str = "0123456789abcdef01234567";

fn about() -> Arc<About> {
    let Value::Object(claims) = serde_json::json!({"org": "acme"}) else {
        unreachable!()
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Arc::new(About {
        stream: StreamId::from_client(STREAM),
        principal: "ann".into(),
        role: "member".into(),
        transport: Transport::WebSocket,
        dialect: Dialect::Native,
        claims,
        headers: vec![
            header("x-tenant", "acme"),
            header("x-other", "1"),
            header("x-tenant", "b"),
        ],
    })
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

const SHOWN: [HeaderName; 1] = [HeaderName::from_static("x-tenant")];

#[test]
fn a_question_has_its_type_first_and_the_payload_token_for_token() {
    let message = Message {
        about: about(),
        event: EventName::parse("note:add").unwrap(),
        room: Some(room("a:b")),
        data: Json::parse(r#"{"n": 1.0, "t": "\u00e9"}"#).unwrap(),
        trace: None,
    };
    assert_eq!(
        message.to_json(&SHOWN, UnixMillis(7)),
        r#"{"type":"message","ts":7,"stream":"0123456789abcdef01234567","principal":"ann","role":"member","transport":"websocket","claims":{"org":"acme"},"headers":{"x-tenant":"acme, b"},"event":"note:add","room":"a:b","data":{"n":1.0,"t":"\u00e9"}}"#
    );
}

#[test]
fn each_question_and_notice_says_what_is_its_own_and_no_header_that_is_not_shown() {
    let (now, none) = (UnixMillis(7), &[][..]);
    let connect = Connect {
        about: Arc::new(About {
            stream: None,
            ..(*about()).clone()
        }),
        rooms: vec![room("a"), room("b")],
        resumes: true,
        says: None,
        trace: None,
    };
    let subscribe = Subscribe {
        about: about(),
        room: room("a"),
        trace: None,
    };
    let disconnect = Notice::Disconnect {
        about: about(),
        code: "slow",
        rooms: vec![room("a")],
    };
    let unsubscribe = Notice::Unsubscribe {
        about: about(),
        room: room("a"),
    };
    for (body, kind, end) in [
        (
            connect.to_json(none, now),
            "connect",
            r#""headers":{},"rooms":["a","b"],"resumes":true}"#,
        ),
        (
            subscribe.to_json(none, now),
            "subscribe",
            r#""headers":{},"room":"a"}"#,
        ),
        (
            disconnect.to_json(none, now),
            "disconnect",
            r#""headers":{},"code":"slow","rooms":["a"]}"#,
        ),
        (
            unsubscribe.to_json(none, now),
            "unsubscribe",
            r#""headers":{},"room":"a"}"#,
        ),
    ] {
        assert!(
            body.starts_with(&format!(r#"{{"type":"{kind}","ts":7,"#)),
            "{body}"
        );
        assert!(body.ends_with(end), "{body}");
        assert_eq!(body.contains(STREAM), kind != "connect", "{body}");
    }
}

#[test]
fn the_language_is_said_where_it_is_not_the_gateways_own() {
    let unsubscribe = |dialect| Notice::Unsubscribe {
        about: Arc::new(About {
            dialect,
            ..(*about()).clone()
        }),
        room: room("a"),
    };
    let spoken = unsubscribe(Dialect::SocketIo).to_json(&[], UnixMillis(7));
    let beside = r#""transport":"websocket","dialect":"socketio","claims":"#;
    assert!(spoken.contains(beside), "{spoken}");
    let native = unsubscribe(Dialect::Native).to_json(&[], UnixMillis(7));
    assert!(!native.contains("dialect"), "{native}");
}

#[test]
fn an_empty_body_is_a_yes_without_anything() {
    for body in ["", " \r\n", "{}", " { } "] {
        let body = body.as_bytes();
        assert_eq!(Welcome::parse(body), Ok(Answered::Yes(Welcome::default())));
        assert_eq!(Answered::<()>::parse(body), Ok(Answered::Yes(())));
        assert_eq!(Reply::parse(body), Ok(Answered::Yes(Reply::default())));
    }
}

#[test]
fn a_welcome_brings_rooms_claims_and_first_messages() {
    let body = r#"{"rooms":["a","b:c","a"],"claims":{"plan":"gold"},
        "first":[{"event":"hello","data":{"n": 1.50}},{"event":"ready"}]}"#;
    let Ok(Answered::Yes(welcome)) = Welcome::parse(body.as_bytes()) else {
        panic!("no welcome");
    };
    assert_eq!(welcome.rooms, [room("a"), room("b:c")]);
    assert_eq!(welcome.claims["plan"], "gold");
    let first = welcome.first.iter();
    let first: Vec<_> = first
        .map(|one| (one.event.as_str(), one.data.as_str()))
        .collect();
    assert_eq!(first, [("hello", r#"{"n":1.50}"#), ("ready", "null")]);
}

#[test]
fn a_reply_brings_an_ack_and_what_is_to_be_done_in_its_order() {
    let body = format!(
        r#"{{"ack":null,"do":[
        {{"type":"publish","rooms":["a","b"],"event":"e","data":1}},
        {{"type":"join","room":"a"}},
        {{"type":"leave","room":"a","principal":"bob"}},
        {{"type":"disconnect","stream":"{STREAM}"}}]}}"#
    );
    let Ok(Answered::Yes(reply)) = Reply::parse(body.as_bytes()) else {
        panic!("no reply");
    };
    assert_eq!(reply.ack, Some(Json::null()));
    assert!(matches!(&reply.deeds[0], Deed::Publish(offer) if offer.rooms.len() == 2));
    let stream = StreamId::from_client(STREAM).unwrap();
    assert_eq!(
        reply.deeds[1..],
        [
            Deed::Join {
                whom: None,
                room: room("a")
            },
            Deed::Leave {
                whom: Some(Whom::Principal("bob".into())),
                room: room("a")
            },
            Deed::Disconnect {
                whom: Some(Whom::Stream(stream))
            },
        ]
    );
}

#[test]
fn the_end_of_a_stream_in_very_many_rooms_is_told_with_those_that_fit() {
    let long = |n: usize| room(&format!("{n:0>197}"));
    for (count, told, left_out) in [
        (327, 327, None),
        (328, 327, Some(1)),
        (9000, 327, Some(8673)),
    ] {
        let ended = Notice::Disconnect {
            about: about(),
            code: "slow",
            rooms: (0..count).map(long).collect(),
        };
        let body = ended.to_json(&[], UnixMillis(5));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["rooms"].as_array().map(Vec::len), Some(told));
        assert_eq!(body["rooms"][told - 1], long(told - 1).as_str());
        assert_eq!(
            body.get("rooms_left_out")
                .and_then(serde_json::Value::as_u64),
            left_out
        );
    }
}

#[test]
fn a_no_stands_whatever_is_wrong_with_its_words() {
    let no = |code: Option<&str>, message: &str| Answered::No {
        code: code.map(Into::into),
        message: message.into(),
    };
    let long = "x".repeat(500);
    let cut = "x".repeat(400);
    for (body, code, message) in [
        (
            r#"{"refuse":{"code":"not_your_tab","message":"not your tab"}}"#.to_owned(),
            Some("not_your_tab"),
            "not your tab",
        ),
        (r#"{"refuse":{}}"#.into(), None, "the backend says no"),
        (
            r#"{"refuse":{"code":"a b","message":"a\nb\u0000"}}"#.into(),
            None,
            "a b",
        ),
        (
            r#"{"refuse":{"code":7,"message":[],"more":1},"rooms":7}"#.into(),
            None,
            "the backend says no",
        ),
        (
            r#"{"refuse":{"\ud800":1,"message":"\ud800"}}"#.into(),
            None,
            "the backend says no",
        ),
        (
            format!(r#"{{"refuse":{{"message":"{long}"}}}}"#),
            None,
            &cut,
        ),
    ] {
        assert_eq!(
            Answered::<()>::parse(body.as_bytes()),
            Ok(no(code, message)),
            "{body}"
        );
        assert!(matches!(
            Welcome::parse(body.as_bytes()),
            Ok(Answered::No { .. })
        ));
        assert!(matches!(
            Reply::parse(body.as_bytes()),
            Ok(Answered::No { .. })
        ));
    }
}

fn why(answer: Result<(), Misunderstood>) -> String {
    let said = answer.unwrap_err().0.to_string();
    assert!((1..=400).contains(&said.len()), "{said}");
    said
}

fn welcome(body: &str) -> String {
    why(Welcome::parse(body.as_bytes()).map(drop))
}

fn reply(body: &str) -> String {
    why(Reply::parse(body.as_bytes()).map(drop))
}

#[test]
fn what_is_not_understood_is_no_answer_and_the_field_is_named() {
    for (body, named) in [
        ("yes", "not JSON"),
        ("[]", "object"),
        ("null", "object"),
        (r#"{"refuse":false}"#, "`refuse`"),
        (r#"{"refuse":null}"#, "`refuse`"),
        (r#"{"refused":{}}"#, "`refused`"),
        (r#"{"ack":1}"#, "`ack`"),
        (r#"{"rooms":"a"}"#, "`rooms`"),
        (r#"{"rooms":["a","a b"]}"#, "`rooms[1]`"),
        (r#"{"claims":[]}"#, "`claims`"),
        (r#"{"claims":{"org":1,"exp":1}}"#, "`exp`"),
        (r#"{"claims":{"sub":"root"}}"#, "`sub`"),
        (r#"{"first":[{"event":"welcome"}]}"#, "`first[0]`"),
        (r#"{"first":[{"event":"a","datas":1}]}"#, "`datas`"),
    ] {
        assert!(welcome(body).contains(named), "{body}");
    }
    for (deed, named) in [
        (r#"{"type":"fly"}"#, "`do[0]`"),
        (r#"{"type":"join"}"#, "`room`"),
        (r#"{"type":"join","room":"a","stream":"x"}"#, "`stream`"),
        (r#"{"type":"disconnect","principal":""}"#, "`principal`"),
        (r#"{"type":"disconnect","room":"a"}"#, "`room`"),
        (r#"{"type":"publish","room":"a"}"#, "`event`"),
    ] {
        let said = reply(&format!("{{\"do\":[{deed}]}}"));
        assert!(said.contains(named), "{deed}: {said}");
    }
    assert!(reply(r#"{"do":{}}"#).contains("`do`"));
    let subscribe = |body: &[u8]| why(Answered::<()>::parse(body).map(drop));
    assert!(subscribe(br#"{"rooms":[]}"#).contains("`rooms`"));
    assert!(subscribe(b"\xff").contains("UTF-8"));
}

#[test]
fn an_answer_holds_no_more_than_it_may() {
    let many = |of: &str, count: usize| vec![of; count].join(",");
    let deeds = |count| format!("{{\"do\":[{}]}}", many(r#"{"type":"disconnect"}"#, count));
    assert!(Reply::parse(deeds(MAX_LIST).as_bytes()).is_ok());
    assert!(reply(&deeds(MAX_LIST + 1)).contains("`do`"));
    let rooms = |count| format!("{{\"rooms\":[{}]}}", many("\"a\"", count));
    assert!(Welcome::parse(rooms(MAX_ROOMS).as_bytes()).is_ok());
    assert!(welcome(&rooms(MAX_ROOMS + 1)).contains("`rooms`"));
    let claims = |bytes| format!(r#"{{"claims":{{"a":"{}"}}}}"#, "x".repeat(bytes - 8));
    assert!(Welcome::parse(claims(MAX_CLAIMS).as_bytes()).is_ok());
    assert!(welcome(&claims(MAX_CLAIMS + 1)).contains("`claims`"));
}

proptest! {
    #[test]
    fn no_body_is_more_than_an_answer_or_a_sentence(body in "\\PC{0,200}") {
        for why in [
            Welcome::parse(body.as_bytes()).err(),
            Answered::<()>::parse(body.as_bytes()).err(),
            Reply::parse(body.as_bytes()).err(),
        ] {
            let fine = |why: &Misunderstood| {
                (1..=400).contains(&why.0.len()) && !why.0.contains(char::is_control)
            };
            prop_assert!(why.as_ref().is_none_or(fine), "{why:?}");
        }
    }

    #[test]
    fn a_payload_goes_to_the_hook_token_for_token(text in "[a-z\\\\\"{}: 0-9]{0,40}") {
        let data = Json::string(&text);
        let message = Message {
            about: about(),
            event: EventName::parse("e").unwrap(),
            room: None,
            data: data.clone(),
            trace: None,
        };
        let body = message.to_json(&[], UnixMillis(0));
        let end = format!("\"data\":{}}}", data.as_str());
        prop_assert!(body.ends_with(&end));
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok());
    }
}
