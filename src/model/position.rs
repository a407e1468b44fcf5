//! Positions in the log, and their text form, the cursor.

/// One life of a log: more than 60 random bits, minted when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Epochs are below 36¹², so that twelve base-36 digits hold any of them (62 bits).
    const END: u64 = 36_u64.pow(12);

    /// An epoch from random bits (62 of them count).
    #[must_use]
    pub const fn from_random(bits: u64) -> Self {
        Self(bits % Self::END)
    }
}

/// A place in the total order of one log: after the event numbered `seq` of `epoch`.
///
/// The order is by epoch first, which means nothing between two epochs: compare `seq` within one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The life of the log.
    pub epoch: Epoch,
    /// The number of the event; 0 is before the first.
    pub seq: u64,
}

/// Why a text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

const VERSION: u8 = b'1';
const EPOCH_DIGITS: usize = 12;
/// 36 digits and one more character: the check is a residue modulo the prime 37.
const ALPHABET: &[u8; 37] = b"0123456789abcdefghijklmnopqrstuvwxyz~";

impl Position {
    /// The cursor: `1`, twelve digits of epoch, one digit that counts the digits of seq, those, and a check
    /// character; base 36, so ASCII letters and digits (and `~`), at most 28 bytes.
    ///
    /// The counted digits make a truncated cursor invalid by its length alone, for certain; the check
    /// character (2 is a primitive root modulo 37) finds every single wrong character and every swap of
    /// neighbours.
    #[must_use]
    pub fn to_cursor(self) -> String {
        let mut seq = [0_u8; 13];
        let seq = digits(self.seq, &mut seq);
        let mut epoch = [b'0'; EPOCH_DIGITS];
        let mut buffer = [0_u8; 13];
        let significant = digits(self.epoch.0, &mut buffer);
        epoch[EPOCH_DIGITS - significant.len()..].copy_from_slice(significant);

        let mut text = String::with_capacity(3 + EPOCH_DIGITS + seq.len());
        text.push(char::from(VERSION));
        text.extend(epoch.iter().copied().map(char::from));
        text.push(char::from(ALPHABET[seq.len()]));
        text.extend(seq.iter().copied().map(char::from));
        text.push(check_character(text.as_bytes()));
        text
    }

    /// Reads a cursor that [`Self::to_cursor`] wrote; there is exactly one text for a position.
    ///
    /// # Errors
    /// Anything else, whatever its length or bytes.
    pub fn parse_cursor(text: &str) -> Result<Self, InvalidCursor> {
        let (body, check) = text
            .as_bytes()
            .split_last_chunk::<1>()
            .ok_or(InvalidCursor)?;
        if !text.is_ascii() || check_character(body) != char::from(check[0]) {
            return Err(InvalidCursor);
        }
        let body = body.strip_prefix(&[VERSION]).ok_or(InvalidCursor)?;
        let (epoch, rest) = body.split_at_checked(EPOCH_DIGITS).ok_or(InvalidCursor)?;
        let (count, seq) = rest.split_first().ok_or(InvalidCursor)?;
        if value(*count) != Some(seq.len() as u64) || (seq.len() > 1 && seq[0] == b'0') {
            return Err(InvalidCursor);
        }
        Ok(Self {
            epoch: Epoch(number(epoch)?),
            seq: number(seq)?,
        })
    }
}

/// Writes `number` in base 36 at the end of `buffer` and returns the digits; zero has one digit.
fn digits(mut number: u64, buffer: &mut [u8; 13]) -> &[u8] {
    let mut start = buffer.len();
    loop {
        start -= 1;
        buffer[start] = ALPHABET[(number % 36) as usize];
        number /= 36;
        if number == 0 {
            return &buffer[start..];
        }
    }
}

fn number(digits: &[u8]) -> Result<u64, InvalidCursor> {
    if digits.is_empty() {
        return Err(InvalidCursor);
    }
    digits.iter().try_fold(0_u64, |sum, &digit| {
        let digit = value(digit).ok_or(InvalidCursor)?;
        sum.checked_mul(36)
            .and_then(|sum| sum.checked_add(digit))
            .ok_or(InvalidCursor)
    })
}

const fn value(digit: u8) -> Option<u64> {
    match digit {
        b'0'..=b'9' => Some((digit - b'0') as u64),
        b'a'..=b'z' => Some((digit - b'a') as u64 + 10),
        _ => None,
    }
}

fn check_character(body: &[u8]) -> char {
    let sum = body.iter().fold(0_u64, |sum, &byte| {
        (sum * 2 + value(byte).unwrap_or(36)) % 37
    });
    char::from(ALPHABET[sum as usize])
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_cursor())
    }
}

impl serde::Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_cursor())
    }
}

impl std::fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "not a cursor of this gateway: send back, unchanged, an id or a cursor that it gave",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cursor_is_short_plain_text() {
        let position = Position {
            epoch: Epoch::from_random(7),
            seq: 0,
        };
        assert_eq!(position.to_cursor(), "100000000000710n");
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_as_its_position(epoch: u64, seq: u64) {
            let position = Position { epoch: Epoch::from_random(epoch), seq };
            let text = position.to_cursor();
            prop_assert!(text.len() <= 28);
            prop_assert_eq!(Position::parse_cursor(&text), Ok(position));
        }

        #[test]
        fn a_truncated_cursor_is_never_a_cursor(epoch: u64, seq: u64, keep in 0.0..1.0) {
            let text = Position { epoch: Epoch::from_random(epoch), seq }.to_cursor();
            let cut = &text[..(text.len() as f64 * keep) as usize];
            prop_assert_eq!(Position::parse_cursor(cut), Err(InvalidCursor));
        }

        #[test]
        fn one_wrong_character_is_noticed(epoch: u64, seq: u64, at: prop::sample::Index, to in "[0-9a-z]") {
            let text = Position { epoch: Epoch::from_random(epoch), seq }.to_cursor();
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != to);
            let wrong = format!("{}{to}{}", &text[..at], &text[at + 1..]);
            prop_assert_eq!(Position::parse_cursor(&wrong), Err(InvalidCursor));
        }

        #[test]
        fn any_text_is_read_without_a_panic_and_only_the_canonical_one_is_taken(text in "\\PC{0,40}|[0-9a-z~]{0,30}") {
            if let Ok(position) = Position::parse_cursor(&text) {
                prop_assert_eq!(position.to_cursor(), text);
            }
        }
    }
}
