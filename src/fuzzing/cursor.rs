//! Cursors: a position as text, which clients keep and send back.

use crate::model::position::{Epoch, InvalidCursor, Position};

/// Text that may be a cursor; and the first sixteen bytes as a position.
pub fn cursor(data: &[u8]) {
    if let Some((epoch, rest)) = data.split_first_chunk()
        && let Some((seq, _)) = rest.split_first_chunk()
    {
        assert_reads_back(Position {
            epoch: Epoch::from_random(u64::from_le_bytes(*epoch)),
            seq: u64::from_le_bytes(*seq),
        });
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(position) = Position::parse_cursor(text)
    {
        assert_eq!(position.to_cursor(), text, "there is one text a position");
        assert_reads_back(position);
    }
}

fn assert_reads_back(position: Position) {
    let text = position.to_cursor();
    assert!(text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(Position::parse_cursor(&text), Ok(position));
    for end in 0..text.len() {
        assert_is_none(&text[..end]);
    }
    for place in 1..text.len() {
        let mut swapped = text.clone().into_bytes();
        swapped.swap(place - 1, place);
        if swapped != text.as_bytes() {
            assert_is_none(std::str::from_utf8(&swapped).unwrap());
        }
    }
}

fn assert_is_none(text: &str) {
    assert_eq!(Position::parse_cursor(text), Err(InvalidCursor), "{text}");
}
