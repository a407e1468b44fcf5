//! Frames and what they say.

use super::*;

const EVENT: &str = r#"{"id":"c1","room":"r","event":"e","data":{"a": 1.0},"ts":5}"#;

#[test]
fn frames_of_each_transport_say_the_same() {
    let block = format!("event: e\ndata: {EVENT}\nid: c1");
    let body =
        format!(r#"{{"cursor":"c1","events":[{EVENT}],"gaps":[],"control":[],"more":false}}"#);
    let event = Item::Event(EVENT.into());
    assert_eq!(
        items(&Raw::WebSocket(EVENT.into())),
        std::slice::from_ref(&event)
    );
    assert_eq!(items(&Raw::Sse(block)), std::slice::from_ref(&event));
    assert_eq!(
        items(&Raw::Body(body)),
        [event.clone(), Item::Cursor("c1".into())]
    );
    assert_eq!(position(&event).as_deref(), Some("c1"));
}

#[test]
fn the_past_of_a_room_that_another_request_joined_comes_before_the_ack() {
    let gap = r#"{"room":"r","from":"a","to":"b","reason":"evicted"}"#;
    let text =
        format!(r#"{{"type":"ack","ref":"1","room":"r","gaps":[{gap}],"events":[{EVENT}]}}"#);
    let read = response(200, &text);
    let [
        Item::Gap { .. },
        Item::Backfill { events, .. },
        Item::Ack { .. },
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!(events, &[EVENT]);
}

#[test]
fn what_has_another_shape_is_malformed() {
    for raw in [
        Raw::WebSocket("{".into()),
        Raw::WebSocket(r#"{"type":"heartbeat","cursor":"c1"}"#.into()),
        Raw::WebSocket(r#"{"type":"welcome"}"#.into()),
        Raw::WebSocket(r#"{"type":"gap","room":"r","reason":"evicted"}"#.into()),
        Raw::WebSocket(
            r#"{"type":"gap","room":"r","from":"a","to":"b","reason":"unauthorized"}"#.into(),
        ),
        Raw::WebSocket(r#"{"type":"news"}"#.into()),
        Raw::Sse(format!("event: e\ndata: {EVENT}")),
        Raw::Sse(format!("event: e\nid: c1\ndata: {EVENT}")),
        Raw::Sse(format!("event: f\ndata: {EVENT}\nid: c1")),
        Raw::Sse(format!("retry: 5\nevent: e\ndata: {EVENT}\nid: c1")),
        Raw::Sse("id: c1".into()),
        Raw::Sse(
            r#"event: heartbeat"#.to_owned()
                + "\n"
                + r#"data: {"type":"heartbeat","cursor":"c1","ts":1}"#,
        ),
        Raw::Body(r#"{"cursor":"c1","events":[],"gaps":[]}"#.into()),
        Raw::Broken("odd".into()),
    ] {
        let read = items(&raw);
        assert!(
            matches!(&read[..], [Item::Malformed(_)]),
            "{raw:?} gave {read:?}"
        );
    }
}

#[test]
fn what_is_in_no_log_has_no_id_and_no_position() {
    let event = r#"{"room":"r","event":"e","data":1,"ts":5,"key":"k"}"#;
    let read = items(&Raw::Sse(format!("event: e\ndata: {event}")));
    assert_eq!(read, [Item::Event(event.into())]);
    assert_eq!(position(&read[0]), None);
}

#[test]
fn values_of_an_answer_are_taken_after_its_events() {
    let state = r#"{"type":"state","room":"r","key":"k","event":"e","data":1.0,"ts":5}"#;
    let body = format!(
        r#"{{"cursor":"c1","events":[{EVENT}],"gaps":[],"control":[{state}],"more":false}}"#
    );
    let read = items(&Raw::Body(body));
    let [Item::Event(_), Item::State(value), Item::Cursor(_)] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!((value.key.as_str(), value.data.as_str()), ("k", "1.0"));
}
