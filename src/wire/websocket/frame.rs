//! The head of a frame (RFC 6455 §5.2).

use super::fault::{Fault, Violation};
use super::mask::Mask;

pub(super) const FIN: u8 = 0x80;
/// The message is compressed (RFC 7692 §6).
pub(super) const RSV1: u8 = 0x40;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
/// The length follows in two bytes.
pub(super) const LENGTH_16: u8 = 126;
/// The length follows in eight bytes.
pub(super) const LENGTH_64: u8 = 127;
/// The longest payload of a control frame, in bytes (§5.5).
pub(super) const CONTROL: usize = 125;
/// The longest head: two bytes, a length of eight, a key of four.
const LONGEST: usize = 14;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn parse(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }

    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    pub(super) const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// What the head of a client's frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    /// Whether RSV1 is set.
    pub(super) compressed: bool,
    /// Of the payload, in bytes; below 2^63.
    pub(super) length: u64,
    pub(super) mask: Mask,
}

/// The bytes of a head, as far as they have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Partial {
    bytes: [u8; LONGEST],
    have: usize,
}

impl Partial {
    pub(super) const fn is_empty(&self) -> bool {
        self.have == 0
    }

    /// Takes what belongs to the head from the front of `input`; nothing as long as more is to come.
    ///
    /// # Errors
    /// What is wrong with any frame that has this head.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Result<Option<Head>, Fault> {
        loop {
            let size = if self.have < 2 {
                2
            } else {
                size(self.bytes[1])
            };
            if self.have == size {
                return parse(&self.bytes[..size]).map(Some);
            }
            let missing = (size - self.have).min(input.len());
            if missing == 0 {
                return Ok(None);
            }
            let (piece, rest) = input.split_at(missing);
            self.bytes[self.have..][..missing].copy_from_slice(piece);
            self.have += missing;
            *input = rest;
        }
    }
}

/// How many bytes the head has whose second byte this is.
const fn size(second: u8) -> usize {
    let length = match second & !MASKED {
        LENGTH_16 => 2,
        LENGTH_64 => 8,
        _ => 0,
    };
    2 + length + if second & MASKED == 0 { 0 } else { 4 }
}

fn parse(bytes: &[u8]) -> Result<Head, Fault> {
    let opcode = Opcode::parse(bytes[0] & OPCODE).ok_or(Violation::ReservedOpcode)?;
    if bytes[0] & RSV & !RSV1 != 0 {
        return Err(Violation::ReservedBit.into());
    }
    // The key is the last of a masked head, and only a masked head has this many bytes.
    let (length, key) = match bytes[2..].split_last_chunk::<4>() {
        Some(split) if bytes[1] & MASKED != 0 => split,
        Some(_) | None => return Err(Violation::Unmasked.into()),
    };
    let head = Head {
        opcode,
        fin: bytes[0] & FIN != 0,
        compressed: bytes[0] & RSV1 != 0,
        length: read_length(bytes[1] & !MASKED, length)?,
        mask: Mask::new(*key),
    };
    if opcode.is_control() && !head.fin {
        return Err(Violation::FragmentedControl.into());
    }
    if opcode.is_control() && head.length > CONTROL as u64 {
        return Err(Violation::LongControl.into());
    }
    Ok(head)
}

fn read_length(short: u8, long: &[u8]) -> Result<u64, Violation> {
    let length = long
        .iter()
        .fold(0, |length, byte| length << 8 | u64::from(*byte));
    match short {
        LENGTH_16 if length >= u64::from(LENGTH_16) => Ok(length),
        LENGTH_64 if length > u64::from(u16::MAX) && length >> 63 == 0 => Ok(length),
        LENGTH_16 | LENGTH_64 => Err(Violation::Length),
        short => Ok(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(mut bytes: &[u8]) -> Result<Option<(Opcode, u64)>, Fault> {
        let head = Partial::default().take(&mut bytes)?;
        Ok(head.map(|head| (head.opcode, head.length)))
    }

    #[test]
    fn a_length_is_read_in_the_form_that_the_standard_gives_it_and_in_no_other() {
        let length = |bytes: &[u8]| {
            let head = [&[0x82], bytes, b"key!"].concat();
            parsed(&head).map(|head| head.unwrap().1)
        };
        let wrong = Err(Violation::Length.into());
        assert_eq!(length(&[0x80]), Ok(0));
        assert_eq!(length(&[0x80 | 125]), Ok(125));
        assert_eq!(length(&[0x80 | 126, 0, 126]), Ok(126));
        assert_eq!(length(&[0x80 | 126, 0xff, 0xff]), Ok(0xffff));
        assert_eq!(length(&[0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0]), Ok(0x1_0000));
        assert_eq!(
            length(&[0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
            Ok(u64::MAX >> 1)
        );
        assert_eq!(length(&[0x80 | 126, 0, 125]), wrong);
        assert_eq!(length(&[0x80 | 127, 0, 0, 0, 0, 0, 0, 255, 255]), wrong);
        assert_eq!(length(&[0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0]), wrong);
    }

    #[test]
    fn a_head_is_whole_with_its_last_byte_and_not_before() {
        for head in [
            &[0x81, 0x85, 1, 2, 3, 4][..],
            &[0x81, 0xfe, 1, 0, 1, 2, 3, 4],
            &[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4],
        ] {
            for end in 0..head.len() {
                assert_eq!(parsed(&head[..end]), Ok(None));
            }
            assert!(parsed(head).unwrap().is_some());
        }
    }

    #[test]
    fn what_no_frame_may_say_is_told_apart() {
        for (head, violation) in [
            ([0x83, 0x80], Violation::ReservedOpcode),
            ([0x8b, 0x80], Violation::ReservedOpcode),
            ([0xa1, 0x80], Violation::ReservedBit),
            ([0x91, 0x80], Violation::ReservedBit),
            ([0x81, 0x00], Violation::Unmasked),
            ([0x81, 0x04], Violation::Unmasked),
            ([0x09, 0x80], Violation::FragmentedControl),
            ([0x89, 0xfe], Violation::LongControl),
        ] {
            let head = [&head[..], &[0, 126, 1, 2, 3, 4]].concat();
            assert_eq!(parsed(&head), Err(violation.into()), "{head:x?}");
        }
    }
}
