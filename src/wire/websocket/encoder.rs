//! The frames of a server: whole messages, unmasked (RFC 6455 §5.1). They say nothing of whom they are for, so one frame is
//! built once and written to everybody.

use std::ops::Deref;

use bytes::BufMut;

use super::frame::{CONTROL, FIN, LENGTH_16, LENGTH_64, Opcode, RSV1};

/// The longest head of a server's frame, in bytes.
const LONGEST: usize = 10;
/// The longest reason of a close frame, in bytes (§5.5: 125 with its code).
const REASON: usize = CONTROL - 2;

/// What stands before the payload of a message, for those who write the payload from where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Head {
    /// The head of a text message of `length` bytes.
    #[must_use]
    pub fn text(length: usize) -> Self {
        Self::new(Opcode::Text, length)
    }

    /// The head of a binary message of `length` bytes.
    #[must_use]
    pub fn binary(length: usize) -> Self {
        Self::new(Opcode::Binary, length)
    }

    /// The same for a payload that [`deflate`](super::deflate::deflate) made (RFC 7692 §6).
    #[must_use]
    pub const fn compressed(mut self) -> Self {
        self.bytes[0] |= RSV1;
        self
    }

    fn new(opcode: Opcode, length: usize) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[0] = FIN | opcode.bits();
        let mut rest = &mut bytes[1..];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length @ ..LENGTH_16), _) => rest.put_u8(length),
            (_, Ok(length)) => {
                rest.put_u8(LENGTH_16);
                rest.put_u16(length);
            }
            (_, Err(_)) => {
                rest.put_u8(LENGTH_64);
                rest.put_u64(length as u64);
            }
        }
        let length = LONGEST - rest.len();
        Self { bytes, length }
    }
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Adds a text message to `out`. `payload` is UTF-8.
pub fn text(out: &mut impl BufMut, payload: &[u8]) {
    put(out, Head::text(payload.len()), payload);
}

/// Adds a binary message to `out`.
pub fn binary(out: &mut impl BufMut, payload: &[u8]) {
    put(out, Head::binary(payload.len()), payload);
}

/// Adds the message that has this `head`, and so a `payload` of the length that it says.
pub fn put(out: &mut impl BufMut, head: Head, payload: &[u8]) {
    out.put_slice(&head);
    out.put_slice(payload);
}

/// Adds a Ping to `out`; of `payload` at most 125 bytes.
pub fn ping(out: &mut impl BufMut, payload: &[u8]) {
    control(out, Opcode::Ping, payload);
}

/// Adds the Pong to a Ping with this `payload`; of it at most 125 bytes.
pub fn pong(out: &mut impl BufMut, payload: &[u8]) {
    control(out, Opcode::Pong, payload);
}

/// Adds a Close with a code and as much of a reason as fits, or the answer to a Close that said neither (§5.5.1).
pub fn close(out: &mut impl BufMut, why: Option<(u16, &str)>) {
    let mut body = Vec::new();
    if let Some((code, reason)) = why {
        body.put_u16(code);
        body.put_slice(&reason.as_bytes()[..reason.floor_char_boundary(REASON)]);
    }
    control(out, Opcode::Close, &body);
}

fn control(out: &mut impl BufMut, opcode: Opcode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(CONTROL)];
    put(out, Head::new(opcode, payload.len()), payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `add` makes, as a head and how many bytes follow it.
    fn made(add: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        add(&mut out);
        out
    }

    #[test]
    fn the_standards_own_examples_are_made_as_it_says() {
        // RFC 6455 §5.7, those of a server; RFC 7692 §7.2.3.2.
        assert_eq!(made(|out| text(out, b"Hello")), b"\x81\x05Hello");
        assert_eq!(made(|out| ping(out, b"Hello")), b"\x89\x05Hello");
        assert_eq!(made(|out| pong(out, b"Hello")), b"\x8a\x05Hello");
        let compressed = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
        assert_eq!(
            made(|out| put(out, Head::text(7).compressed(), compressed)),
            [b"\xc1\x07", &compressed[..]].concat()
        );
    }

    #[test]
    fn a_length_is_written_in_the_fewest_bytes() {
        for (length, head) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (0xffff, &[0x82, 126, 0xff, 0xff]),
            (0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(&*Head::binary(length), head);
            let frame = made(|out| binary(out, &vec![7; length]));
            assert_eq!(frame.len(), head.len() + length);
            assert!(frame.starts_with(head));
        }
        assert_eq!(&*Head::text(1).compressed(), [0xc1, 1]);
    }

    #[test]
    fn a_close_says_as_much_of_its_reason_as_fits_and_cuts_no_character() {
        assert_eq!(made(|out| close(out, None)), [0x88, 0]);
        assert_eq!(
            made(|out| close(out, Some((1000, "bye")))),
            b"\x88\x05\x03\xe8bye"
        );
        let long = "\u{e9}".repeat(100);
        let frame = made(|out| close(out, Some((3001, &long))));
        assert_eq!(frame[..2], [0x88, 124]);
        assert_eq!(std::str::from_utf8(&frame[4..]), Ok(&long[..122]));
    }
}
