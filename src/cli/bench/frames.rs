//! Frames of a WebSocket (RFC 6455 §5) as a client reads and writes them. What is whole is read where it lies.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

/// The largest message that is held, in bytes.
const MOST: usize = 16 << 20;

/// What came is no WebSocket's, or too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// A whole message, text or binary.
    Message(&'a [u8]),
    /// A Ping, to be answered with a Pong of the same payload.
    Ping(&'a [u8]),
    /// A Close, with its code if it has one.
    Close(Option<u16>),
}

/// A stream of frames under way.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// A frame that has not come whole.
    rest: Vec<u8>,
    /// The fragments of a message that has not come whole.
    message: Vec<u8>,
}

/// A client's frame. Its key is zero: it need only be unpredictable where a page that is not trusted chooses the
/// payload (RFC 6455 §10.3).
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    bytes(Frame::pong(payload.to_vec()))
}

/// A client's text message.
pub(super) fn text(payload: &str) -> Vec<u8> {
    let text = OpCode::Data(Data::Text);
    bytes(Frame::message(payload.to_owned(), text, true))
}

fn bytes(mut frame: Frame) -> Vec<u8> {
    frame.header_mut().mask = Some([0; 4]);
    let mut bytes = Vec::with_capacity(frame.len());
    // A vector takes everything.
    let _ = frame.format(&mut bytes);
    bytes
}

impl Frames {
    /// Takes the next bytes, and gives what they complete.
    ///
    /// # Errors
    /// It cannot be read any further.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        said: &mut impl FnMut(Said<'_>),
    ) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            let left = self.frames(bytes, said)?;
            self.rest.extend_from_slice(left);
            return Ok(());
        }
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let left = self.frames(&all, said)?.len();
        all.drain(..all.len() - left);
        self.rest = all;
        Ok(())
    }

    /// Reads whole frames; what is left is the beginning of one.
    fn frames<'a>(
        &mut self,
        mut bytes: &'a [u8],
        said: &mut impl FnMut(Said<'_>),
    ) -> Result<&'a [u8], Malformed> {
        loop {
            let mut cursor = Cursor::new(bytes);
            let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Malformed)?
            else {
                return Ok(bytes);
            };
            let start = usize::try_from(cursor.position()).map_err(|_| Malformed)?;
            let length = usize::try_from(length).map_err(|_| Malformed)?;
            if length > MOST || header.mask.is_some() {
                return Err(Malformed);
            }
            let Some(payload) = bytes.get(start..start + length) else {
                return Ok(bytes);
            };
            self.frame(&header, payload, said)?;
            bytes = &bytes[start + length..];
        }
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        said: &mut impl FnMut(Said<'_>),
    ) -> Result<(), Malformed> {
        match header.opcode {
            OpCode::Control(Control::Ping) => said(Said::Ping(payload)),
            OpCode::Control(Control::Close) => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                said(Said::Close(code));
            }
            OpCode::Control(Control::Pong) => {}
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                return Err(Malformed);
            }
            OpCode::Data(_) if header.is_final && self.message.is_empty() => {
                said(Said::Message(payload));
            }
            OpCode::Data(_) => {
                if payload.len() > MOST - self.message.len() {
                    return Err(Malformed);
                }
                self.message.extend_from_slice(payload);
                if header.is_final {
                    said(Said::Message(&self.message));
                    self.message.clear();
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says that sends `frames`, whole and byte by byte.
    fn says(frames: &[u8]) -> Result<Vec<String>, Malformed> {
        let in_pieces = |size| {
            let (mut decoder, mut all) = (Frames::default(), Vec::new());
            for piece in frames.chunks(size) {
                decoder.push(piece, &mut |said| all.push(format!("{said:?}")))?;
            }
            Ok(all)
        };
        let whole = in_pieces(frames.len());
        assert_eq!(in_pieces(1), whole);
        whole
    }

    fn said(all: &[Said<'_>]) -> Result<Vec<String>, Malformed> {
        Ok(all.iter().map(|said| format!("{said:?}")).collect())
    }

    #[test]
    fn messages_whole_and_in_fragments_and_what_stands_between_them_are_read() {
        // RFC 6455 §5.7: an unmasked text message, and one in two fragments with a Ping between them.
        let frames = b"\x81\x05Hello\x01\x03Hel\x89\x05Hello\x80\x02lo\x8a\x01x\x88\x02\x0b\xb9";
        assert_eq!(
            says(frames),
            said(&[
                Said::Message(b"Hello"),
                Said::Ping(b"Hello"),
                Said::Message(b"Hello"),
                Said::Close(Some(3001)),
            ])
        );
        let mut long = vec![0x82, 126, 1, 0];
        long.extend([7; 256]);
        assert_eq!(says(&long), said(&[Said::Message(&[7; 256])]));
        assert_eq!(says(b"\x88\x00"), said(&[Said::Close(None)]));
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        assert_eq!(says(b"\x81\x81\x00\x00\x00\x00x"), Err(Malformed));
        assert_eq!(says(b"\x83\x00"), Err(Malformed));
        assert_eq!(
            says(b"\x81\x7f\x00\x00\x00\x00\xff\xff\xff\xff"),
            Err(Malformed)
        );
    }

    #[test]
    fn what_a_client_sends_is_masked() {
        assert_eq!(text("40"), b"\x81\x82\x00\x00\x00\x0040");
        assert_eq!(pong(b"x"), b"\x8a\x81\x00\x00\x00\x00x");
    }
}
