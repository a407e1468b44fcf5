//! WebSocket frames (RFC 6455 §5) that arrive in pieces, and those that a client sends.

/// A whole message or control frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Text(String),
    Ping(Vec<u8>),
    Close(Option<u16>),
    /// What no server may send here.
    Broken(String),
}

/// What has arrived of a frame, and the parts of a message before it.
#[derive(Debug, Default)]
pub(super) struct Frames {
    ahead: Vec<u8>,
    parts: Vec<u8>,
}

impl Frames {
    /// Takes more bytes, and gives the messages that are whole.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        self.ahead.extend(bytes);
        let mut messages = Vec::new();
        while let Some((first, payload)) = self.frame() {
            let last = first & 0x80 != 0;
            match first & 0x7f {
                0 | 1 => {
                    self.parts.extend(payload);
                    if last {
                        let text = String::from_utf8(std::mem::take(&mut self.parts));
                        messages.push(text.map_or_else(
                            |error| Message::Broken(error.to_string()),
                            Message::Text,
                        ));
                    }
                }
                8 => messages.push(Message::Close(
                    payload
                        .first_chunk::<2>()
                        .map(|code| u16::from_be_bytes(*code)),
                )),
                9 => messages.push(Message::Ping(payload)),
                10 => {}
                other => messages.push(Message::Broken(format!(
                    "a frame that begins with {other:#x}"
                ))),
            }
        }
        messages
    }

    /// The first byte and the payload of the next whole frame.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let [first, second, rest @ ..] = &self.ahead[..] else {
            return None;
        };
        let (length, head) = match second {
            126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), 4),
            127 => (
                usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).unwrap(),
                10,
            ),
            short => (usize::from(*short), 2),
        };
        let first = *first;
        if self.ahead.len() < head + length {
            return None;
        }
        let frame: Vec<u8> = self.ahead.drain(..head + length).collect();
        Some((first, frame[head..].to_vec()))
    }
}

/// A masked frame of a client: the opcode, and the payload.
pub(super) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut out = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => out.push(0x80 | short),
        _ => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_the_same_whole_and_byte_by_byte() {
        let mut bytes = vec![0x01, 2, b'a', b'b', 0x89, 1, b'p', 0x80, 1, b'c'];
        bytes.extend([0x81, 126, 1, 0]);
        bytes.extend([b'x'; 256]);
        bytes.extend([0x88, 2, 0x0b, 0xb9, 0x81, 5, b'c', b'u', b't']);
        let whole = Frames::default().feed(&bytes);
        let mut frames = Frames::default();
        let single: Vec<_> = bytes
            .iter()
            .flat_map(|byte| frames.feed(&[*byte]))
            .collect();
        let ping = Message::Ping(b"p".to_vec());
        assert_eq!(
            whole,
            [
                ping,
                Message::Text("abc".into()),
                Message::Text("x".repeat(256)),
                Message::Close(Some(3001))
            ]
        );
        assert_eq!(whole, single);
    }
}
