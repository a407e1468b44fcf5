//! The examples of the document, the cases of the original's parser, and what neither of them says.

mod requests;

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::payload::{PACKETS, Payload, Terms, binary_len, push_binary, push_text};
use super::*;
use crate::model::code::{Code, Refusal};

const TERMS: Terms = Terms {
    bytes: 1000,
    packets: PACKETS,
};

fn text(kind: Kind, data: &str) -> Packet<'_> {
    Packet::Text { kind, data }
}

fn binary(bytes: &'static [u8]) -> Packet<'static> {
    Packet::Binary(Bytes::from_static(bytes))
}

fn read(body: &[u8]) -> Result<Vec<Packet<'_>>, Fault> {
    Payload::new(body, TERMS)?.collect()
}

#[test]
fn a_message_of_a_websocket_is_one_packet() {
    for (written, kind, data) in [
        ("0{}", Kind::Open, "{}"),
        ("1", Kind::Close, ""),
        ("2", Kind::Ping, ""),
        ("2probe", Kind::Ping, "probe"),
        ("3probe", Kind::Pong, "probe"),
        ("4hello", Kind::Message, "hello"),
        ("4", Kind::Message, ""),
        ("41€", Kind::Message, "1€"),
        ("5", Kind::Upgrade, ""),
        ("6", Kind::Noop, ""),
        // The separator means nothing where there is nothing to part.
        ("4a\u{1e}4b", Kind::Message, "a\u{1e}4b"),
    ] {
        assert_eq!(Packet::from_text(written), Ok(text(kind, data)));
        assert_eq!(kind.packet(data.as_bytes()), written.as_bytes());
    }
}

#[test]
fn a_message_that_begins_with_no_kind_is_refused() {
    assert_eq!(Packet::from_text(""), Err(Fault::Empty));
    assert_eq!(
        Packet::from_text("bAQ=="),
        Ok(binary(&[1])),
        "as the original"
    );
    for wrong in [
        "a123", "abc", "7", "9", "{", "{}", "/", ":", "é", "\u{664}", " 4", "B",
    ] {
        assert_eq!(Packet::from_text(wrong), Err(Fault::Kind), "{wrong}");
    }
}

#[test]
fn each_kind_stands_at_its_number() {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind.digit(), b"0123456"[number]);
    }
}

#[test]
fn the_payloads_of_the_document_and_of_the_parser_are_read() {
    assert_eq!(
        read(b"4hello\x1e2\x1e4world"),
        Ok(vec![
            text(Kind::Message, "hello"),
            text(Kind::Ping, ""),
            text(Kind::Message, "world")
        ])
    );
    assert_eq!(
        read(b"4hello\x1ebAQIDBA=="),
        Ok(vec![text(Kind::Message, "hello"), binary(&[1, 2, 3, 4])])
    );
    assert_eq!(
        read(b"0\x1e1\x1e2probe\x1e3probe\x1e4test"),
        Ok(vec![
            text(Kind::Open, ""),
            text(Kind::Close, ""),
            text(Kind::Ping, "probe"),
            text(Kind::Pong, "probe"),
            text(Kind::Message, "test")
        ])
    );
    assert_eq!(
        read(b"4test1\x1e4test2\x1e4test3").map(|packets| packets.len()),
        Ok(3)
    );
}

#[test]
fn bytes_in_a_payload_are_base64_padded_or_not() {
    for (written, bytes) in [
        ("b", &b""[..]),
        ("bAQIDBA==", &[1, 2, 3, 4]),
        ("bAQIDBA", &[1, 2, 3, 4]),
        ("b+/8=", &[0xfb, 0xff]),
        ("b4hel", &[0xe2, 0x17, 0xa5]),
    ] {
        assert_eq!(
            read(written.as_bytes()),
            Ok(vec![binary(bytes)]),
            "{written}"
        );
    }
    // Node takes whatever it can of these.
    for wrong in ["b-_8=", "bA", "bAQ=A", "bAQ ==", "bAR==", "b\u{e9}"] {
        assert_eq!(read(wrong.as_bytes()), Err(Fault::Base64), "{wrong}");
    }
}

#[test]
fn what_came_before_a_bad_packet_counts_and_what_comes_behind_it_does_not() {
    let mut packets = Payload::new(b"4a\x1e9\x1e4b", TERMS).unwrap();
    assert_eq!(packets.next(), Some(Ok(text(Kind::Message, "a"))));
    assert_eq!(packets.next(), Some(Err(Fault::Kind)));
    assert_eq!(packets.next(), None);
    for wrong in ["", "\x1e", "4a\x1e", "\x1e4a", "4a\x1e\x1e4b"] {
        assert_eq!(read(wrong.as_bytes()), Err(Fault::Empty), "{wrong:?}");
    }
    for wrong in ["{", "{}", r#"["a123", "a456"]"#, "abc"] {
        assert_eq!(read(wrong.as_bytes()), Err(Fault::Kind), "{wrong}");
    }
    assert_eq!(read(b"4\xff"), Err(Fault::Utf8));
    assert_eq!(read(b"4\xed\xa0\x80"), Err(Fault::Utf8));
}

#[test]
fn a_body_has_as_many_bytes_and_packets_as_its_terms_say_and_no_more() {
    let terms = Terms {
        bytes: 5,
        packets: 2,
    };
    let read = |body: &'static [u8]| -> Result<Vec<_>, _> { Payload::new(body, terms)?.collect() };
    assert_eq!(read(b"4\xe2\x82\xacx").map(|packets| packets.len()), Ok(1));
    assert_eq!(read(b"4\xe2\x82\xacxy"), Err(Fault::TooLarge { bytes: 5 }));
    assert_eq!(read(b"2\x1e2").map(|packets| packets.len()), Ok(2));
    assert_eq!(read(b"2\x1e2\x1e2"), Err(Fault::TooMany { packets: 2 }));
}

#[test]
fn a_fault_is_told_by_a_code_and_a_sentence() {
    for (fault, code, message) in [
        (
            Fault::Kind,
            Code::ProtocolError,
            "a packet of Engine.IO begins with 0 to 6, and bytes in a payload with b",
        ),
        (
            Fault::TooLarge { bytes: 5 },
            Code::TooLarge,
            "a payload has at most 5 bytes",
        ),
        (
            Fault::Utf8,
            Code::InvalidUtf8,
            "a payload of Engine.IO is UTF-8",
        ),
    ] {
        assert_eq!(Refusal::from(fault), Refusal::new(code, message));
    }
}

#[test]
fn a_payload_is_written_as_the_document_shows() {
    let mut body = Vec::new();
    push_text(&mut body, &Kind::Message.packet(b"hello"));
    push_binary(&mut body, &[1, 2, 3, 4]);
    push_text(&mut body, &Kind::Noop.packet(b""));
    assert_eq!(body, b"4hello\x1ebAQIDBA==\x1e6");
}

#[test]
fn a_handshake_is_answered_by_these_keys_in_this_order() {
    let open = Open {
        sid: "lv_VI97HAXpY6yYWAAAC",
        transport: Transport::Polling,
        may_upgrade: true,
        ping_interval: Duration::from_secs(25),
        ping_timeout: Duration::from_secs(20),
        max_payload: 1_000_000,
    };
    assert_eq!(
        String::from_utf8(open.to_packet()).unwrap(),
        r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    );
    for (transport, may_upgrade) in [(Transport::WebSocket, true), (Transport::Polling, false)] {
        let open = Open {
            transport,
            may_upgrade,
            ..open
        };
        let written = String::from_utf8(open.to_packet()).unwrap();
        assert!(written.contains(r#""upgrades":[],"#), "{written}");
    }
}

fn any_packet() -> impl Strategy<Value = (Kind, String, Option<Vec<u8>>)> {
    let kind = prop::sample::select(&Kind::ALL[..]);
    let bytes = prop::option::of(prop::collection::vec(any::<u8>(), 0..9));
    (kind, "[^\u{1e}]{0,9}", bytes)
}

fn packet((kind, data, bytes): &(Kind, String, Option<Vec<u8>>)) -> Packet<'_> {
    match bytes {
        Some(bytes) => Packet::Binary(bytes.clone().into()),
        None => text(*kind, data),
    }
}

fn write(packets: &[Packet<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for one in packets {
        match one {
            Packet::Text { kind, data } => push_text(&mut body, &kind.packet(data.as_bytes())),
            Packet::Binary(bytes) => {
                let before = body.len() + usize::from(!body.is_empty());
                push_binary(&mut body, bytes);
                assert_eq!(body.len() - before, binary_len(bytes.len()));
            }
        }
    }
    body
}

proptest! {
    #[test]
    fn however_packets_are_spread_over_bodies_the_same_ones_arrive(
        packets in prop::collection::vec(any_packet(), 1..12), cut in 0_usize..12,
    ) {
        let packets: Vec<_> = packets.iter().map(packet).collect();
        let whole = write(&packets);
        prop_assert_eq!(read(&whole), Ok(packets.clone()));
        let (first, second) = packets.split_at(cut.min(packets.len()));
        let bodies = [write(first), write(second)];
        let bodies = bodies.iter().filter(|body| !body.is_empty());
        let apart: Result<Vec<_>, _> = bodies.map(|body| read(body)).collect();
        prop_assert_eq!(apart.map(|bodies| bodies.concat()), Ok(packets));
    }

    #[test]
    fn whatever_comes_is_read_as_far_as_it_is_good(body in "[0-9b\u{1e}A=é]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for body in [body.as_bytes(), &bytes] {
            let Ok(packets) = Payload::new(body, TERMS) else {
                prop_assert!(std::str::from_utf8(body).is_err());
                continue;
            };
            let read: Vec<_> = packets.collect();
            let good = read.iter().take_while(|one| one.is_ok()).count();
            prop_assert!(read.len() - good <= 1);
        }
    }
}
