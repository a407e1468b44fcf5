//! permessage-deflate (RFC 7692): messages compressed one by one, without anything kept from one to the next.

mod negotiation;

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::fault::Fault;
pub use negotiation::{Agreed, negotiate};

thread_local! {
    // One for a thread, made when it is first needed: its tables are some 370 KiB, and to make them anew takes as long as to
    // compress an event of 300 bytes. No message sees another's, each begins with a reset.
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// The end of a flushed stream, an empty block without compression, which is not sent (§7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The same, and a last block behind it: a stream that ends with that has ended its other blocks too.
const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];
/// The window of a compressor, in bytes.
const WINDOW: usize = 1 << 15;
/// How many of its blocks a message may call the last one (§7.2.1 allows any). Each makes its reader begin anew, and
/// nobody is known to send more than one.
const LAST_BLOCKS: usize = 16;

/// Compresses a message as §7.2.1 says; nothing where that does not make it shorter, and it is sent as it is.
///
/// At the fast level, for the reason that [`blurred`](crate::wire::encoding::blurred) has.
#[must_use]
pub fn deflate(message: &[u8]) -> Option<Vec<u8>> {
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        // Room for all of it, shorter or not: a reset of zlib-rs (0.6.8) does not forget what could not be written, and
        // it panics when enough of that has come together.
        let mut out = Vec::with_capacity(bound(message.len()));
        let status = compress.compress_vec(message, &mut out, FlushCompress::Sync);
        // Room that is left is left by a flush that is through.
        let whole = status.is_ok() && out.len() < out.capacity() && out.ends_with(&TAIL);
        out.truncate(out.len().saturating_sub(TAIL.len()));
        (whole && out.len() < message.len()).then_some(out)
    })
}

/// The most bytes that a message of `length` bytes has when it is compressed, as zlib's `deflateBound` has it for every
/// level and window, and a little for its end.
pub(super) const fn bound(length: usize) -> usize {
    length.saturating_add(length / 8 + length / 64 + 64)
}

/// Decompresses a message of at most `limit` bytes as §7.2.2 says.
///
/// # Errors
/// [`Fault::TooLarge`], as soon as that is sure; [`Fault::Deflate`], if this is no whole compressed message.
pub fn inflate(message: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut inflater = Inflater::new(message.len(), limit);
    inflater.message(message)?;
    Ok(inflater.out)
}

struct Inflater {
    /// Made for each message: its 48 KiB are not even cleared.
    decompress: Decompress,
    out: Vec<u8>,
    limit: usize,
}

impl Inflater {
    fn new(length: usize, limit: usize) -> Self {
        // JSON shrinks to a third or a quarter; what shrinks more makes its own room.
        let room = length.saturating_mul(4).min(limit);
        Self {
            decompress: Decompress::new(false),
            out: Vec::with_capacity(room),
            limit,
        }
    }

    fn message(&mut self, message: &[u8]) -> Result<(), Fault> {
        let mut rest = message;
        for _ in 0..LAST_BLOCKS {
            match self.blocks(&mut rest)? {
                // What ends with a last block, without the empty one that belongs behind it, is read by every zlib.
                Status::StreamEnd if rest.is_empty() => return Ok(()),
                Status::StreamEnd => self.go_on()?,
                Status::Ok | Status::BufError => return self.end(),
            }
        }
        Err(Fault::Deflate)
    }

    /// Adds the end that was not sent. Where that gives anything, it was taken for a part of a block cut short.
    fn end(&mut self) -> Result<(), Fault> {
        let (mut end, length) = (&END[..], self.out.len());
        match self.blocks(&mut end)? {
            Status::StreamEnd if end.is_empty() && self.out.len() == length => Ok(()),
            Status::StreamEnd | Status::Ok | Status::BufError => Err(Fault::Deflate),
        }
    }

    /// Goes on behind a last block, at the next byte and with the window as it is (§7.2.1).
    fn go_on(&mut self) -> Result<(), Fault> {
        self.decompress.reset(false);
        let window = self.out.len().saturating_sub(WINDOW);
        let set = self.decompress.set_dictionary(&self.out[window..]);
        set.map(drop).map_err(|_| Fault::Deflate)
    }

    /// Decompresses up to the end of `rest`, or of the stream.
    fn blocks(&mut self, rest: &mut &[u8]) -> Result<Status, Fault> {
        loop {
            let before = self.decompress.total_in();
            let status = self
                .decompress
                .decompress_vec(rest, &mut self.out, FlushDecompress::None);
            let status = status.map_err(|_| Fault::Deflate)?;
            *rest = &rest[(self.decompress.total_in() - before) as usize..];
            if self.out.len() > self.limit {
                return Err(Fault::TooLarge);
            }
            let full = self.out.len() == self.out.capacity();
            if status == Status::StreamEnd || (rest.is_empty() && !full) {
                return Ok(status);
            }
            if !full {
                return Err(Fault::Deflate);
            }
            // As much again, but not more than shows that there is too much.
            let most = (self.limit - self.out.len()).saturating_add(1);
            self.out.reserve_exact(self.out.len().clamp(1, most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 16;

    #[test]
    fn the_standards_own_examples_are_read_as_it_says() {
        // RFC 7692 §7.2.3.2 to §7.2.3.6.
        for (compressed, message) in [
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], "Hello"),
            (
                &[
                    0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
                ],
                "Hello",
            ),
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], "Hello"),
            (
                &[
                    0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
                ],
                "Hello",
            ),
            (&[0x00], ""),
        ] {
            assert_eq!(
                inflate(compressed, LIMIT).as_deref(),
                Ok(message.as_bytes())
            );
        }
    }

    #[test]
    fn blocks_may_follow_a_last_one_and_refer_to_what_came_before_it() {
        let first = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        // A copy of 5 bytes from 5 back, in fixed codes.
        let copy = [0x02, 0x13, 0x00, 0x00];
        let message = inflate(&[&first[..], &copy].concat(), LIMIT);
        assert_eq!(message.as_deref(), Ok(&b"HelloHello"[..]));
        assert_eq!(inflate(&first, LIMIT).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(
            inflate(&copy, LIMIT),
            Err(Fault::Deflate),
            "nothing is kept"
        );
        assert_eq!(
            inflate(&first.repeat(LAST_BLOCKS + 1), LIMIT),
            Err(Fault::Deflate)
        );
    }

    #[test]
    fn what_is_no_whole_compressed_message_is_refused() {
        for wrong in [
            &[][..],
            &[0xff],
            &[0x07],
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x42],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
        ] {
            for limit in [LIMIT, usize::MAX] {
                assert_eq!(inflate(wrong, limit), Err(Fault::Deflate), "{wrong:x?}");
            }
        }
    }

    #[test]
    fn a_message_that_grows_beyond_its_limit_is_given_up_there() {
        let bomb = deflate(&vec![b'a'; 1 << 20]).unwrap();
        assert!(bomb.len() < 1 << 14);
        assert_eq!(inflate(&bomb, (1 << 20) - 1), Err(Fault::TooLarge));
        assert_eq!(inflate(&bomb, 0), Err(Fault::TooLarge));
        assert_eq!(
            inflate(&bomb, 1 << 20).map(|message| message.len()),
            Ok(1 << 20)
        );
    }

    #[test]
    fn what_would_not_be_shorter_is_left_as_it_is() {
        let patternless: Vec<u8> = (0..=255).collect();
        for message in [&b""[..], b"Hello", &patternless] {
            assert_eq!(deflate(message), None);
        }
    }

    #[test]
    fn messages_that_would_not_be_shorter_leave_nothing_behind() {
        let mut random = 1_u32;
        let patternless = [(); 1000].map(|()| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 24) as u8
        });
        assert!((0..1000).all(|_| deflate(&patternless).is_none()));
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_what_comes_out(
            message in prop::collection::vec(0_u8..4, 0..20_000).prop_map(|bytes| bytes.repeat(4)),
        ) {
            let compressed = deflate(&message);
            prop_assert!(compressed.is_some() || message.len() < 64);
            if let Some(compressed) = compressed {
                prop_assert!(compressed.len() < message.len());
                prop_assert_eq!(inflate(&compressed, message.len()), Ok(message));
            }
        }

        #[test]
        fn nothing_that_comes_compressed_gives_more_than_its_limit(bytes: Vec<u8>, limit in 0..4096_usize) {
            if let Ok(message) = inflate(&bytes, limit) {
                prop_assert!(message.len() <= limit);
            }
        }
    }
}
