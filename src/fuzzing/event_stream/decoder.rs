//! A client's side of Server-Sent Events, written from the standard (WHATWG HTML §9.2.5 and §9.2.6) and from nothing
//! of ours.

/// What a script is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fuzzing) struct Message {
    /// `type`.
    pub(in crate::fuzzing) event: String,
    /// `data`.
    pub(in crate::fuzzing) data: String,
    /// `lastEventId`.
    pub(in crate::fuzzing) id: String,
}

/// What a client knows in the middle of a stream.
#[derive(Debug, Default)]
pub(in crate::fuzzing) struct Decoder {
    line: Vec<u8>,
    /// Whether a line was ended by CR, so that an LF at once belongs to the same line end.
    after_cr: bool,
    /// Whether the first line is over, at whose start a byte order mark may stand.
    begun: bool,
    event: String,
    data: String,
    id: String,
    /// The reconnection time, in milliseconds.
    pub(in crate::fuzzing) retry: Option<u64>,
}

impl Decoder {
    /// Takes the next bytes, and gives what they dispatch.
    pub(in crate::fuzzing) fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let second_half = byte == b'\n' && std::mem::take(&mut self.after_cr);
            self.after_cr = byte == b'\r';
            match byte {
                b'\n' if second_half => {}
                b'\r' | b'\n' => messages.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        messages
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        let line = match line.strip_prefix("\u{feff}".as_bytes()) {
            Some(rest) if !self.begun => rest,
            Some(_) | None => &line,
        };
        self.begun = true;
        let line = String::from_utf8_lossy(line);
        if line.is_empty() {
            return self.dispatch();
        }
        match line.split_once(':') {
            Some(("", _)) => {}
            Some((field, value)) => self.field(field, value.strip_prefix(' ').unwrap_or(value)),
            None => self.field(&line, ""),
        }
        None
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => self.event = value.to_owned(),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id = value.to_owned(),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Message> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        // Without data nothing is dispatched; the last line end is not part of it.
        data.pop()?;
        Some(Message {
            event: if event.is_empty() {
                "message".to_owned()
            } else {
                event
            },
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<(String, String, String)> {
        let messages = Decoder::default().feed(text.as_bytes());
        messages
            .into_iter()
            .map(|message| (message.event, message.data, message.id))
            .collect()
    }

    fn message(event: &str, data: &str, id: &str) -> (String, String, String) {
        (event.into(), data.into(), id.into())
    }

    #[test]
    fn the_examples_of_the_standard_are_read_as_it_says() {
        assert_eq!(
            decoded("data: YHOO\ndata: +2\ndata: 10\n\n"),
            [message("message", "YHOO\n+2\n10", "")]
        );
        assert_eq!(
            decoded(
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
            ),
            [
                message("message", "first event", "1"),
                message("message", "second event", ""),
                message("message", " third event", ""),
            ]
        );
        assert_eq!(
            decoded("data\n\ndata\ndata\n\ndata:"),
            [message("message", "", ""), message("message", "\n", "")]
        );
        assert_eq!(
            decoded("data:test\n\ndata: test\n\n"),
            [
                message("message", "test", ""),
                message("message", "test", "")
            ]
        );
    }

    #[test]
    fn every_line_end_a_mark_at_the_start_and_a_nul_in_an_id_are_as_the_standard_says() {
        assert_eq!(
            decoded("\u{feff}event: a\rdata: 1\r\nid: x\n\r\nid: y\0\ndata: 2\r\rretry: 1x\n\n"),
            [message("a", "1", "x"), message("message", "2", "x")]
        );
    }
}
