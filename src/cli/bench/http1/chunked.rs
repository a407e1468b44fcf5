//! The chunked coding (RFC 9112 §7.1).

use super::Malformed;

/// What is expected next.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// The hexadecimal digits of a size; whether there was one yet.
    Size {
        size: u64,
        some: bool,
    },
    /// What follows a size up to the end of its line: extensions, which say nothing here, and CR LF.
    Rest {
        size: u64,
    },
    /// So many bytes of content.
    Content(u64),
    /// The line end behind the content.
    Behind,
    /// A trailer section; how long its line is so far.
    Trailer {
        length: usize,
    },
    Over,
}

/// A body in this coding, under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunked(State);

impl Default for Chunked {
    fn default() -> Self {
        Self(SIZE)
    }
}

const SIZE: State = State::Size {
    size: 0,
    some: false,
};

impl Chunked {
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.0, State::Over)
    }

    /// Takes the next bytes, and gives the content that is in them.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        content: &mut impl FnMut(&[u8]),
    ) -> Result<(), Malformed> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let State::Content(left) = &mut self.0 {
                let length =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let (piece, rest) = bytes.split_at(length);
                content(piece);
                bytes = rest;
                *left -= length as u64;
                if *left == 0 {
                    self.0 = State::Behind;
                }
                continue;
            }
            self.0 = self.0.after(byte)?;
            bytes = rest;
        }
        Ok(())
    }
}

impl State {
    /// What is expected after `byte`, which is not one of the content.
    fn after(&self, byte: u8) -> Result<Self, Malformed> {
        Ok(match (self, byte) {
            (Self::Size { size, .. }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = (byte as char).to_digit(16).map_or(0, u64::from);
                let size = size
                    .checked_mul(16)
                    .and_then(|size| size.checked_add(digit));
                Self::Size {
                    size: size.ok_or(Malformed)?,
                    some: true,
                }
            }
            (Self::Size { size, some: true } | Self::Rest { size }, b'\n') => match *size {
                0 => Self::Trailer { length: 0 },
                size => Self::Content(size),
            },
            (Self::Size { size, some: true } | Self::Rest { size }, _) => {
                Self::Rest { size: *size }
            }
            (Self::Behind, b'\r') => Self::Behind,
            (Self::Behind, b'\n') => SIZE,
            (Self::Trailer { length: 0 }, b'\n') => Self::Over,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { length: 0 },
            (Self::Trailer { length }, b'\r') => Self::Trailer { length: *length },
            (Self::Trailer { length }, _) => Self::Trailer { length: length + 1 },
            (Self::Size { some: false, .. } | Self::Behind | Self::Content(_) | Self::Over, _) => {
                return Err(Malformed);
            }
        })
    }
}
