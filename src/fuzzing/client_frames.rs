//! A WebSocket's client, whatever it sends: our decoder finds what tungstenite finds, or is stricter by name.

#[cfg(test)]
mod tests;
mod tungstenite;

use crate::wire::websocket::decoder::{Decoder, Incoming, Terms};
use crate::wire::websocket::deflate::{deflate, inflate};
use crate::wire::websocket::encoder;
use crate::wire::websocket::fault::{Fault, Violation};

/// The longest message, in bytes.
const LONGEST: usize = 1 << 12;
/// As many bytes as complete any frame that has not been refused by its head.
const PADDING: [u8; LONGEST] = [0; LONGEST];

/// The bytes of a client after its opening handshake.
pub fn client_frames(data: &[u8]) {
    let plain = read_in_pieces(data, false);
    assert_agrees(&plain, data);
    let compressed = read_in_pieces(data, true);
    if plain.fault != Some(Violation::ReservedBit.into()) {
        assert_eq!(compressed, plain, "nothing in it is compressed");
    }
    for incoming in plain.incoming.iter().chain(&compressed.incoming) {
        assert_can_be_sent(incoming);
    }
}

/// What came of a client's bytes.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    incoming: Vec<Incoming>,
    fault: Option<Fault>,
}

fn read_in_pieces(data: &[u8], deflate: bool) -> Read {
    let whole = read(deflate, [data].into_iter());
    assert_eq!(read(deflate, data.chunks(1)), whole, "byte by byte");
    let size = 2 + data.len() % 11;
    assert_eq!(read(deflate, data.chunks(size)), whole, "by {size} bytes");
    whole
}

fn read<'a>(deflate: bool, pieces: impl Iterator<Item = &'a [u8]>) -> Read {
    let mut decoder = Decoder::new(Terms {
        message: LONGEST,
        deflate,
    });
    let mut incoming = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(next)) => incoming.push(next),
                Ok(None) => break,
                Err(fault) => {
                    let fault = Some(fault);
                    return Read { incoming, fault };
                }
            }
        }
        assert!(piece.is_empty(), "all of it is taken");
    }
    Read {
        incoming,
        fault: None,
    }
}

fn assert_agrees(ours: &Read, data: &[u8]) {
    // A frame is refused as soon as that is sure. tungstenite waits for the end of it, which is given to it here.
    let padding = &PADDING[..if ours.fault.is_some() { LONGEST } else { 0 }];
    let theirs = tungstenite::read(&[data, padding].concat(), LONGEST);
    let same = ours.incoming.iter().zip(&theirs.incoming).all(is_same);
    let more = theirs.incoming.len().checked_sub(ours.incoming.len());
    let allowed = match (ours.fault, theirs.fault) {
        (None, None) => more == Some(0),
        // tungstenite takes a length in any form, where RFC 6455 §5.2 wants the fewest bytes; and any number of empty
        // fragments, which §5.4 allows.
        (Some(Fault::Protocol(Violation::Length) | Fault::EmptyFrames), _) => more.is_some(),
        (Some(ours), Some(theirs)) if is_kind(ours, theirs) => more == Some(0),
        // A head with two faults: the standard does not say which comes first.
        (Some(Fault::Protocol(_)), Some(tungstenite::Fault::TooLarge)) => more == Some(0),
        // tungstenite gives a close with a code of its own, where §7.1.7 with §7.4 lets the connection fail.
        (Some(Fault::Protocol(Violation::CloseCode)), None) => {
            more == Some(1) && theirs.incoming.last().is_some_and(tungstenite::is_replaced)
        }
        _ => false,
    };
    assert!(same && allowed, "{ours:?}, and tungstenite {theirs:?}");
}

fn is_same((ours, theirs): (&Incoming, &Incoming)) -> bool {
    // 1014 was registered with IANA (RFC 6455 §11.7), and is not in tungstenite's table.
    let unknown = matches!(ours, Incoming::Close(Some((1014, _))));
    ours == theirs || unknown && tungstenite::is_replaced(theirs)
}

fn is_kind(ours: Fault, theirs: tungstenite::Fault) -> bool {
    match ours {
        Fault::Protocol(_) => theirs == tungstenite::Fault::Protocol,
        Fault::Utf8 => theirs == tungstenite::Fault::Utf8,
        Fault::TooLarge => theirs == tungstenite::Fault::TooLarge,
        Fault::Deflate | Fault::EmptyFrames => false,
    }
}

/// What is sent as it came is received as it came, and what is compressed comes back.
fn assert_can_be_sent(incoming: &Incoming) {
    let mut frame = Vec::new();
    match incoming {
        Incoming::Text(text) => {
            assert_compresses(text.as_bytes());
            encoder::text(&mut frame, text.as_bytes());
        }
        Incoming::Binary(bytes) => {
            assert_compresses(bytes);
            encoder::binary(&mut frame, bytes);
        }
        Incoming::Ping(payload) => encoder::ping(&mut frame, payload),
        Incoming::Pong(payload) => encoder::pong(&mut frame, payload),
        Incoming::Close(why) => {
            let why = why.as_ref().map(|(code, reason)| (*code, &**reason));
            encoder::close(&mut frame, why);
        }
    }
    let received = tungstenite::receive(&frame);
    assert!(
        is_same((incoming, &received)),
        "{incoming:?}, and received {received:?}"
    );
}

fn assert_compresses(message: &[u8]) {
    assert!(message.len() <= LONGEST);
    if let Some(compressed) = deflate(message) {
        assert!(compressed.len() < message.len());
        assert_eq!(inflate(&compressed, message.len()).as_deref(), Ok(message));
    }
}
