use proptest::prelude::*;

use super::super::deflate::deflate;
use super::*;

const TERMS: Terms = Terms {
    message: 1000,
    deflate: false,
};

const DEFLATE: Terms = Terms {
    deflate: true,
    ..TERMS
};

/// A client's frame with the key `1234`, and a length in the fewest bytes.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ ..126 => frame.push(0x80 | short as u8),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(b"1234");
    frame.extend(
        payload
            .iter()
            .zip(b"1234".iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

fn text(text: &str) -> Incoming {
    Incoming::Text(text.to_owned())
}

/// What comes of the pieces, and the fault that ended them.
fn read<'a>(
    terms: Terms,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Incoming>, Option<Fault>) {
    let mut decoder = Decoder::new(terms);
    let mut found = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.next(&mut piece) {
                Ok(Some(incoming)) => found.push(incoming),
                Ok(None) => break,
                Err(fault) => return (found, Some(fault)),
            }
        }
        assert!(piece.is_empty(), "all of it is taken");
    }
    (found, None)
}

/// Whole and byte by byte, which must be the same.
fn come_of(terms: Terms, frames: &[Vec<u8>]) -> (Vec<Incoming>, Option<Fault>) {
    let bytes = frames.concat();
    let whole = read(terms, [&bytes[..]]);
    assert_eq!(read(terms, bytes.chunks(1)), whole);
    whole
}

#[test]
fn an_idle_connection_costs_three_words() {
    assert!(size_of::<Decoder>() <= 3 * size_of::<usize>());
    let mut decoder = Decoder::new(TERMS);
    let bytes = frame(0x81, b"a");
    decoder.next(&mut &bytes[..3]).unwrap();
    assert!(decoder.pending.is_some());
    assert_eq!(decoder.next(&mut &bytes[3..]), Ok(Some(text("a"))));
    assert!(decoder.pending.is_none());
}

#[test]
fn the_standards_own_examples_are_read_as_it_says() {
    // RFC 6455 §5.7, those of a client.
    let hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ]
    .to_vec();
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ]
    .to_vec();
    let found = come_of(TERMS, &[hello, pong]);
    assert_eq!(
        found,
        (vec![text("Hello"), Incoming::Pong(b"Hello".to_vec())], None)
    );
}

#[test]
fn control_frames_come_between_the_fragments_of_a_message() {
    let found = come_of(
        TERMS,
        &[
            frame(0x01, b"Hel"),
            frame(0x89, b"1"),
            frame(0x00, b""),
            frame(0x8a, b"2"),
            frame(0x80, b"lo"),
            frame(0x02, b"\xff"),
            frame(0x80, b"\xfe"),
        ],
    );
    let expected = vec![
        Incoming::Ping(b"1".to_vec()),
        Incoming::Pong(b"2".to_vec()),
        text("Hello"),
        Incoming::Binary(b"\xff\xfe".to_vec()),
    ];
    assert_eq!(found, (expected, None));
}

#[test]
fn fragments_are_of_one_message_at_a_time() {
    let faults = |frames: &[Vec<u8>]| come_of(TERMS, frames).1;
    let hello = || frame(0x01, b"Hello");
    assert_eq!(
        faults(&[frame(0x80, b"a")]),
        Some(Violation::NothingToContinue.into())
    );
    assert_eq!(
        faults(&[frame(0x00, b"")]),
        Some(Violation::NothingToContinue.into())
    );
    assert_eq!(
        faults(&[hello(), frame(0x81, b"a")]),
        Some(Violation::Unfinished.into())
    );
    assert_eq!(
        faults(&[hello(), frame(0x02, b"a")]),
        Some(Violation::Unfinished.into())
    );
    let over = [hello(), frame(0x80, b"!"), frame(0x80, b"a")];
    assert_eq!(faults(&over), Some(Violation::NothingToContinue.into()));
}

#[test]
fn a_text_is_refused_with_the_byte_that_spoils_it() {
    for (good, bad) in [
        (&b"\xce\xba\xe1\xbd\xb9"[..], &b"\xed\xa0"[..]),
        (b"a", b"\x80"),
        (b"\xf4\x8f", b"\xc0"),
        (b"\xf0", b"\x80"),
        (b"", b"\xc0"),
        (b"", b"\xf5"),
    ] {
        let bytes = frame(0x01, &[good, bad, b"and much more"].concat());
        let head = 6;
        let decided = head + good.len() + bad.len();
        assert_eq!(
            read(TERMS, [&bytes[..decided]]),
            (vec![], Some(Fault::Utf8))
        );
        assert_eq!(
            read(TERMS, [&bytes[..decided - 1]]),
            (vec![], None),
            "{bad:x?}"
        );
    }
}

#[test]
fn a_character_may_be_cut_by_fragments_but_not_by_the_end() {
    let cut = [
        frame(0x01, b"\xf0\x9f"),
        frame(0x00, b"\x98"),
        frame(0x80, b"\x80"),
    ];
    assert_eq!(come_of(TERMS, &cut), (vec![text("\u{1f600}")], None));
    assert_eq!(
        come_of(TERMS, &[frame(0x81, b"\xf0\x9f\x98")]).1,
        Some(Fault::Utf8)
    );
    let at_the_end = [frame(0x01, b"\xf0\x9f"), frame(0x80, b"")];
    assert_eq!(come_of(TERMS, &at_the_end).1, Some(Fault::Utf8));
}

#[test]
fn close_frames_have_the_codes_and_reasons_that_the_standard_allows() {
    let close = |body: &[u8]| {
        let (found, fault) = come_of(TERMS, &[frame(0x88, body), frame(0x81, b"ignored")]);
        assert_eq!(found.len(), usize::from(fault.is_none()));
        fault.map_or_else(|| Ok(found[0].clone()), Err)
    };
    let with = |code: u16, reason: &[u8]| close(&[&code.to_be_bytes(), reason].concat());
    assert_eq!(close(b""), Ok(Incoming::Close(None)));
    assert_eq!(close(b"\x03"), Err(Violation::CloseBody.into()));
    assert_eq!(with(1000, b"\xff"), Err(Fault::Utf8));
    for code in [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999,
    ] {
        let expected = Incoming::Close(Some((code, "bye".to_owned())));
        assert_eq!(with(code, b"bye"), Ok(expected));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        assert_eq!(with(code, b""), Err(Violation::CloseCode.into()), "{code}");
    }
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_head() {
    let most = vec![b'a'; TERMS.message];
    let found = come_of(TERMS, &[frame(0x82, &most)]);
    assert_eq!(found, (vec![Incoming::Binary(most.clone())], None));
    let head = |first, payload: &[u8]| frame(first, payload)[..8].to_vec();
    let over = [most, vec![b'a']].concat();
    assert_eq!(
        come_of(TERMS, &[head(0x82, &over)]).1,
        Some(Fault::TooLarge)
    );
    let together = [frame(0x01, b"a"), head(0x80, &over[1..])];
    assert_eq!(come_of(TERMS, &together).1, Some(Fault::TooLarge));
    let huge = [
        0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4,
    ];
    assert_eq!(come_of(TERMS, &[huge.to_vec()]).1, Some(Fault::TooLarge));
}

#[test]
fn a_long_message_takes_memory_only_for_what_has_come() {
    let terms = Terms {
        message: 1 << 30,
        deflate: false,
    };
    let mut decoder = Decoder::new(terms);
    let head = [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4];
    assert_eq!(
        decoder.next(&mut &[&head[..], &[0; 100]].concat()[..]),
        Ok(None)
    );
    let message = decoder.pending.unwrap().message.unwrap();
    assert!(message.bytes.len() == 100 && message.bytes.capacity() <= 200);
}

#[test]
fn a_message_has_a_bounded_number_of_empty_frames_and_any_number_of_others() {
    let empties = |count| {
        let mut frames = vec![frame(0x00, b""); count];
        frames.insert(0, frame(0x01, b"a"));
        frames
    };
    assert_eq!(come_of(TERMS, &empties(128)), (vec![], None));
    assert_eq!(come_of(TERMS, &empties(129)).1, Some(Fault::EmptyFrames));
    let mut single = vec![frame(0x00, b"a"); TERMS.message - 1];
    single.insert(0, frame(0x01, b"a"));
    single.push(frame(0x80, b""));
    let expected = text(&"a".repeat(TERMS.message));
    assert_eq!(come_of(TERMS, &single), (vec![expected], None));
}

#[test]
fn only_the_first_frame_of_a_message_is_marked_compressed_and_only_if_that_was_agreed() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let whole = [frame(0xc1, &hello)];
    let reserved = Some(Violation::ReservedBit.into());
    assert_eq!(come_of(DEFLATE, &whole), (vec![text("Hello")], None));
    assert_eq!(come_of(TERMS, &whole).1, reserved);
    let fragments = [
        frame(0x41, &hello[..2]),
        frame(0x89, b""),
        frame(0x80, &hello[2..]),
    ];
    let expected = vec![Incoming::Ping(vec![]), text("Hello")];
    assert_eq!(come_of(DEFLATE, &fragments), (expected, None));
    for wrong in [
        &[frame(0x41, &hello[..2]), frame(0xc0, &hello[2..])][..],
        &[frame(0x01, b"a"), frame(0xc0, b"b")],
        &[frame(0xc9, b"")],
        &[frame(0xc8, b"")],
    ] {
        assert_eq!(come_of(DEFLATE, wrong).1, reserved);
    }
    let plain = [frame(0x81, b"Hello")];
    assert_eq!(come_of(DEFLATE, &plain), (vec![text("Hello")], None));
}

#[test]
fn a_compressed_message_is_judged_by_what_it_becomes() {
    let of = |first, message: &[u8]| come_of(DEFLATE, &[frame(first, &deflate(message).unwrap())]);
    assert_eq!(of(0xc1, &[0xff; 100]).1, Some(Fault::Utf8));
    assert_eq!(
        of(0xc2, &[0xff; 100]),
        (vec![Incoming::Binary(vec![0xff; 100])], None)
    );
    assert_eq!(
        of(0xc1, &[b'a'; 1000]),
        (vec![text(&"a".repeat(1000))], None)
    );
    assert_eq!(of(0xc1, &[b'a'; 1001]).1, Some(Fault::TooLarge));
    assert_eq!(
        come_of(DEFLATE, &[frame(0xc1, b"\xff")]).1,
        Some(Fault::Deflate)
    );
    let long = frame(0xc2, &[0; 2000]);
    assert_eq!(
        come_of(DEFLATE, &[long[..8].to_vec()]).1,
        Some(Fault::TooLarge)
    );
}

#[test]
fn what_follows_a_fault_is_taken_and_gives_nothing() {
    let mut decoder = Decoder::new(TERMS);
    let bytes = [frame(0x83, b""), frame(0x81, b"a")].concat();
    let mut input = &bytes[..];
    assert!(decoder.next(&mut input).is_err());
    assert_eq!(decoder.next(&mut input), Ok(None));
    assert!(input.is_empty());
}

proptest! {
    #[test]
    fn bytes_give_the_same_however_they_are_cut(
        frames in prop::collection::vec((0x80_u8..0x90, any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..6),
        cuts in prop::collection::vec(0..400_usize, 0..8),
    ) {
        let frames: Vec<_> = frames
            .iter()
            .map(|(first, fin, compressed, payload)| {
                let fin = if *fin { 0x80 } else { 0 };
                frame(first & 0x0f | fin | if *compressed { 0x40 } else { 0 }, payload)
            })
            .collect();
        let bytes = frames.concat();
        let whole = come_of(DEFLATE, &frames);
        let (mut rest, mut pieces) = (&bytes[..], vec![]);
        for cut in cuts {
            let (piece, others) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        pieces.push(rest);
        prop_assert_eq!(read(DEFLATE, pieces), whole);
    }
}
