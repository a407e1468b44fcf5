//! Whole lines out of pieces; several at once where they came at once.

use memchr::memrchr2;

/// The largest line that is held, in bytes.
const MOST: usize = 16 << 20;

/// A line is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A text under way.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes, and gives the lines that they complete.
    ///
    /// # Errors
    /// A line is too long.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        lines: &mut impl FnMut(&[u8]),
    ) -> Result<(), TooLong> {
        let end = memrchr2(b'\n', b'\r', bytes).map_or(0, |last| last + 1);
        let (whole, rest) = bytes.split_at(end);
        if !whole.is_empty() && self.rest.is_empty() {
            lines(whole);
        } else if !whole.is_empty() {
            self.rest.extend_from_slice(whole);
            lines(&self.rest);
            self.rest.clear();
        }
        if rest.len() > MOST - self.rest.len() {
            return Err(TooLong);
        }
        self.rest.extend_from_slice(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_whole_whatever_the_pieces() {
        let text = b"one\ntwo\rthree\r\n\nfour";
        for size in 1..=text.len() {
            let (mut lines, mut all) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                let given = lines.push(piece, &mut |whole| {
                    assert!(whole.ends_with(b"\n") || whole.ends_with(b"\r"));
                    all.extend_from_slice(whole);
                });
                assert_eq!(given, Ok(()));
            }
            assert_eq!(all, b"one\ntwo\rthree\r\n\n", "{size}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_held_for_ever() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; MOST];
        assert_eq!(lines.push(&piece, &mut |_| {}), Ok(()));
        assert_eq!(lines.push(b"x", &mut |_| {}), Err(TooLong));
    }
}
