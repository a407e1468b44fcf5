//! Engine.IO: a body of polling, and the query of a request, whatever is in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use super::assert_tells_why;
use crate::wire::engineio::payload::{Payload, Terms, push_binary, push_text};
use crate::wire::engineio::{Asked, Fault, Kind, Packet, Rejection, Request, Transport};
use crate::wire::query::Query;

const TERMS: Terms = Terms {
    bytes: 1 << 12,
    packets: 40,
};

/// A body, which is also taken for a query: what is read is what the document says, and reads back; the first check that
/// fails is the one that speaks.
pub fn engineio(data: &[u8]) {
    body(data);
    request(&String::from_utf8_lossy(data));
}

fn body(body: &[u8]) {
    let text = std::str::from_utf8(body);
    let packets = match Payload::new(body, TERMS) {
        Ok(packets) => packets.collect::<Vec<_>>(),
        Err(fault) => {
            assert_tells_why(&fault.into());
            let is_large = body.len() > TERMS.bytes;
            assert_eq!(matches!(fault, Fault::TooLarge { .. }), is_large);
            assert!(is_large || fault == Fault::Utf8 && text.is_err());
            return;
        }
    };
    let items: Vec<_> = text.unwrap().split('\u{1e}').collect();
    let good: Vec<_> = packets.iter().flatten().cloned().collect();
    for (item, packet) in items.iter().zip(&good) {
        assert_is(item, packet);
    }
    match packets.last() {
        Some(Err(fault)) => {
            assert_tells_why(&(*fault).into());
            assert_eq!(packets.len(), good.len() + 1, "nothing is read behind it");
            let item = items[good.len()];
            assert!(is_bad(item) || good.len() == TERMS.packets, "{item:?}");
        }
        Some(Ok(_)) | None => assert_eq!(good.len(), items.len(), "none is lost"),
    }
    assert_reads_back(&good);
}

/// "Packet encoding" of the document.
fn assert_is(item: &str, packet: &Packet<'_>) {
    match packet {
        Packet::Text { kind, data } => {
            let number = Kind::ALL.iter().position(|one| one == kind).unwrap();
            assert_eq!(item, format!("{number}{data}"));
        }
        Packet::Binary(bytes) => {
            let padded = format!("b{}", STANDARD.encode(bytes));
            assert_eq!(item.trim_end_matches('='), padded.trim_end_matches('='));
        }
    }
}

fn is_bad(item: &str) -> bool {
    let padded =
        |text: &str| STANDARD.decode(format!("{text:=<0$}", text.len().next_multiple_of(4)));
    match item.strip_prefix('b') {
        Some(base64) => padded(base64.trim_end_matches('=')).is_err() || base64.contains('='),
        None => !item.starts_with(['0', '1', '2', '3', '4', '5', '6']),
    }
}

fn assert_reads_back(packets: &[Packet<'_>]) {
    let mut body = Vec::new();
    for packet in packets {
        match packet {
            Packet::Text { kind, data } => push_text(&mut body, &kind.packet(data.as_bytes())),
            Packet::Binary(bytes) => push_binary(&mut body, bytes),
        }
    }
    let terms = Terms {
        bytes: body.len(),
        ..TERMS
    };
    let again: Vec<_> = Payload::new(&body, terms).unwrap().collect();
    let packets: Vec<_> = packets.iter().cloned().map(Ok).collect();
    // An empty body is one packet, which is bad.
    assert!(again == packets || packets.is_empty());
}

fn request(query: &str) {
    let read = Request::parse(&Query::parse(Some(query)));
    let last = |name: &str| {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let all = pairs.filter(|(key, _)| key == name);
        all.last().map(|(_, value)| value.into_owned())
    };
    let sid = last("sid").filter(|sid| !sid.is_empty());
    let transport = last("transport").unwrap_or_default();
    let polls = transport == "polling";
    let is_spoken = last("EIO").as_deref() == Some("4");
    let carriers = [None, Some(Transport::Polling), Some(Transport::WebSocket)];
    for method in [Method::GET, Method::POST, Method::CONNECT, Method::PUT] {
        for (upgrades, refused, carrier) in choices(&carriers) {
            let answer = read.check(
                &method,
                upgrades,
                |_| carrier.map(|one| ((), one)),
                || refused,
            );
            let is_get = method == Method::GET || upgrades && method == Method::CONNECT;
            let handles = if upgrades {
                !polls && is_get
            } else {
                let polled = polls && carrier == Some(Transport::Polling);
                polled && (is_get || method == Method::POST)
            };
            let begins = sid.is_none();
            let first = [
                (
                    !polls && transport != "websocket",
                    Rejection::TransportUnknown,
                ),
                (!begins && carrier.is_none(), Rejection::SessionUnknown),
                (!begins && !handles, Rejection::BadRequest),
                (begins && !is_get, Rejection::HandshakeMethod),
                (begins && upgrades == polls, Rejection::BadRequest),
                (begins && refused, Rejection::Forbidden),
                (begins && !is_spoken, Rejection::Version),
            ];
            let first = first.into_iter().find(|(fails, _)| *fails);
            match (answer, first) {
                (Ok(asked), None) => assert_eq!(matches!(asked, Asked::Handshake(_)), begins),
                (answer, first) => assert_eq!(answer.err(), first.map(|(_, one)| one)),
            }
        }
    }
}

type Carrier = Option<Transport>;

fn choices(carriers: &[Carrier]) -> impl Iterator<Item = (bool, bool, Carrier)> {
    let each = |number: usize| {
        let of = move |carrier: &Carrier| (number & 1 > 0, number & 2 > 0, *carrier);
        carriers.iter().map(of)
    };
    (0..4).flat_map(each)
}
