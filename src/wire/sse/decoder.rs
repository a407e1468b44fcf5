//! An event stream as its client reads it (WHATWG HTML §9.2.5 and §9.2.6), in whatever pieces it arrives.

use std::time::Duration;

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` where the stream names none.
    pub name: String,
    /// Its data, lines joined by LF.
    pub data: String,
    /// The last event id, as of this event; empty before the first.
    pub id: String,
}

/// A line or an event is larger than the decoder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Turns the bytes of a stream into its events. What has not ended when the stream ends is no event.
#[derive(Debug)]
pub struct Decoder {
    most: usize,
    line: Vec<u8>,
    /// The last byte was a CR: an LF right after it belongs to the same line end.
    after_cr: bool,
    /// Whether the first line is still to come, before which a byte order mark may stand.
    first: bool,
    name: String,
    data: String,
    id: String,
    retry: Option<Duration>,
}

impl Decoder {
    /// A decoder that holds at most `most` bytes of a line, and of an event's data.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            line: Vec::new(),
            after_cr: false,
            first: true,
            name: String::new(),
            data: String::new(),
            id: String::new(),
            retry: None,
        }
    }

    /// How long the stream asked its client to wait before it comes back; the last word counts.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes, and adds the events that they complete to `events`.
    ///
    /// # Errors
    /// A line or an event is too large; the stream cannot be read any further.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLarge> {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                Some(_) | None => (piece, None),
            };
            let second_half = self.after_cr && text.is_empty() && end == Some(b'\n');
            self.after_cr = end == Some(b'\r');
            if second_half {
                continue;
            }
            if text.len() > self.most - self.line.len() {
                return Err(TooLarge);
            }
            self.line.extend_from_slice(text);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                events.extend(self.line(&line)?);
            }
        }
        Ok(())
    }

    /// Takes one line without its end; an empty one ends an event.
    fn line(&mut self, line: &[u8]) -> Result<Option<Event>, TooLarge> {
        let line = match std::mem::take(&mut self.first) {
            true => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value))?;
        Ok(None)
    }

    /// A comment is a field without a name, and like all unknown fields says nothing.
    fn field(&mut self, field: &str, value: &str) -> Result<(), TooLarge> {
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" if self.data.len() + value.len() >= self.most => return Err(TooLarge),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                // A number that no clock could wait for is ignored like other nonsense.
                let millis = value.parse().ok().map(Duration::from_millis);
                self.retry = millis.or(self.retry);
            }
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Option<Event> {
        let (name, mut data) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.data),
        );
        // The LF of the last line; without any line there is no event.
        data.pop()?;
        Some(Event {
            name: if name.is_empty() {
                "message".into()
            } else {
                name
            },
            data,
            id: self.id.clone(),
        })
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(stream: &[u8]) -> (Result<Vec<Event>, TooLarge>, Option<Duration>) {
        in_pieces(stream, &[])
    }

    fn in_pieces(
        stream: &[u8],
        cuts: &[usize],
    ) -> (Result<Vec<Event>, TooLarge>, Option<Duration>) {
        let mut decoder = Decoder::new(64);
        let mut events = Vec::new();
        let mut rest = stream;
        for &cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            if decoder.push(piece, &mut events).is_err() {
                return (Err(TooLarge), None);
            }
            rest = after;
        }
        let done = decoder.push(rest, &mut events).map(|()| events);
        let retry = decoder.retry().filter(|_| done.is_ok());
        (done, retry)
    }

    fn events(stream: &str) -> Vec<(String, String, String)> {
        let events = whole(stream.as_bytes()).0.unwrap();
        events
            .into_iter()
            .map(|event| (event.name, event.data, event.id))
            .collect()
    }

    fn event(name: &str, data: &str, id: &str) -> (String, String, String) {
        (name.into(), data.into(), id.into())
    }

    #[test]
    fn the_examples_of_the_standard_are_read_as_it_says() {
        assert_eq!(
            events("data: YHOO\ndata: +2\ndata: 10\n\n"),
            [event("message", "YHOO\n+2\n10", "")]
        );
        assert_eq!(
            events(
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
            ),
            [
                event("message", "first event", "1"),
                event("message", "second event", "")
            ]
        );
        assert_eq!(
            events("data\n\ndata\ndata\n\ndata:"),
            [event("message", "", ""), event("message", "\n", "")]
        );
        assert_eq!(
            events("data:test\n\ndata: test\n\n"),
            [event("message", "test", ""), event("message", "test", "")]
        );
    }

    #[test]
    fn each_rule_of_the_fields_holds() {
        for (stream, read) in [
            ("\u{feff}data: a\n\n", vec![event("message", "a", "")]),
            ("\u{feff}\u{feff}data: a\n\n", vec![]),
            (
                "data: a\n\n\u{feff}data: b\n\n",
                vec![event("message", "a", "")],
            ),
            ("event: x\nevent: y\ndata: 1\n\n", vec![event("y", "1", "")]),
            ("event: x\n\ndata: 1\n\n", vec![event("message", "1", "")]),
            ("id: 1\n\ndata: 1\n\n", vec![event("message", "1", "1")]),
            (
                "id: 1\nid: 2\0\ndata: 1\n\n",
                vec![event("message", "1", "1")],
            ),
            ("Data: 1\ndata : 1\n data: 1\n\n", vec![]),
            (
                "data: a\r\ndata: b\rdata: c\n\r\n",
                vec![event("message", "a\nb\nc", "")],
            ),
            (
                "data: a\r\rdata: b\r\n\r\n",
                vec![event("message", "a", ""), event("message", "b", "")],
            ),
        ] {
            assert_eq!(events(stream), read, "{stream:?}");
        }
    }

    #[test]
    fn the_last_time_to_wait_counts_and_only_digits_are_one() {
        let retry = |stream: &str| whole(stream.as_bytes()).1;
        let of = |millis| Some(Duration::from_millis(millis));
        assert_eq!(retry("retry: 1500\nretry: 20\n"), of(20));
        assert_eq!(
            retry("retry: 1500\nretry: -1\nretry: 1s\nretry:\n"),
            of(1500)
        );
        assert_eq!(retry("retry: 1500"), None, "the line has not ended");
        assert_eq!(retry("retry: 5\nretry: 99999999999999999999\n"), of(5));
    }

    #[test]
    fn what_is_not_utf_8_is_replaced_and_what_is_too_large_ends_the_stream() {
        let (read, _) = whole(b"data: \xff\xe2\x82\n\n");
        assert_eq!(read.unwrap()[0].data, "\u{fffd}\u{fffd}");
        assert_eq!(whole(&[b'a'; 65]).0, Err(TooLarge));
        let many = "data: 12345678\n".repeat(8);
        assert_eq!(whole(many.as_bytes()).0, Err(TooLarge));
        assert!(whole(&many.as_bytes()[15..]).0.is_ok());
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let pieces = prop::sample::select(vec![
            "\r",
            "\n",
            "\r\n",
            "\n\n",
            "data: ",
            "data",
            "event: x",
            "id: 7",
            "retry: 9",
            ":",
            " ",
            "é",
            "\u{feff}",
            "\0",
            "abcdefghijklmnopqrstuvwxyz",
        ]);
        let bytes = prop_oneof![
            9 => pieces.prop_map(|text| text.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 1..4),
        ];
        prop::collection::vec(bytes, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn the_pieces_that_a_stream_arrives_in_make_no_difference(stream in stream(), cuts in prop::collection::vec(0_usize..9, 0..40)) {
            let read = whole(&stream);
            prop_assert_eq!(&in_pieces(&stream, &cuts), &read);
            prop_assert_eq!(in_pieces(&stream, &vec![1; stream.len()]), read);
        }
    }
}
