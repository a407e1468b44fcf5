//! WebSocket (RFC 6455): how a stream is written, and what its client's frames mean.

use bytes::Bytes;

use crate::bus::rooms::Delivery;
use crate::model::code::{Code, Refusal};
use crate::session::Input;
use crate::wire::client::ClientMessage;
use crate::wire::control::Control;
use crate::wire::encoded::compressed;
use crate::wire::websocket::decoder::Incoming;
use crate::wire::websocket::deflate::{Agreed, deflate};
use crate::wire::websocket::encoder::{self, Head};
use crate::wire::websocket::fault::Fault;

use super::engine::Output;
use super::format::Ending;

/// The close code of a code that has none of its own (RFC 6455 §7.4.1: policy violation).
const POLICY: u16 = 1008;

/// How a client wants its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether what is due is joined into one message, one line each.
    pub batch: bool,
    /// Whether what the client says comes back, and nothing else does: conformance suites want it so.
    pub echo: bool,
    /// How messages may be compressed (RFC 7692).
    pub deflate: Option<Agreed>,
}

/// What the client's frame means.
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one step, and most are inputs"
)]
pub(super) enum Heard {
    /// Something to the session, and the frame that its transport answers with.
    Input(Input, Option<Vec<u8>>),
    /// The end, with the code that is to be repeated.
    Close(Option<u16>),
    /// Nothing yet, and there is more.
    More,
}

impl Style {
    /// The bytes of `events`, for one write.
    pub(super) fn events(self, events: &[Delivery]) -> Bytes {
        let mut out = Vec::new();
        let mut lines = Lines::new(self);
        events.iter().for_each(|event| lines.event(event, &mut out));
        lines.end(&mut out);
        out.into()
    }

    /// Adds the bytes of `outputs` up to an end, and says how the stream ends if it does.
    pub(super) fn write(self, outputs: Vec<Output>, out: &mut Vec<u8>) -> Option<Ending> {
        let mut lines = Lines::new(self);
        for output in outputs {
            match output {
                Output::Control(control) => lines.control(control.to_json().as_bytes(), out),
                Output::Events(events) => {
                    events.iter().for_each(|event| lines.event(event, out));
                }
                Output::Ping => encoder::ping(out, &[]),
                Output::End { code, reason } => {
                    lines.end(out);
                    encoder::close(out, Some((number(code), &reason)));
                    return Some(Ending::Closing { heard: false });
                }
            }
        }
        lines.end(out);
        None
    }

    /// Adds a refusal and the close that goes with it: browsers cannot read a refused upgrade.
    pub(super) fn refusal(self, refusal: Refusal, out: &mut Vec<u8>) -> Ending {
        let (code, reason) = (refusal.code, refusal.message.to_string());
        let error = Output::Control(Control::error(None, refusal));
        let ending = self.write(vec![error, Output::End { code, reason }], out);
        ending.unwrap_or(Ending::Closing { heard: false })
    }
}

/// The close code that goes with `code`.
pub(super) fn number(code: Code) -> u16 {
    code.row().close.unwrap_or(POLICY)
}

impl Style {
    /// What a message or a control frame means.
    pub(super) fn heard(self, incoming: Incoming) -> Heard {
        match incoming {
            Incoming::Text(text) if self.echo => self.back(Head::text, text.as_bytes()),
            Incoming::Binary(bytes) if self.echo => self.back(Head::binary, &bytes),
            Incoming::Text(text) => Heard::Input(
                Input::Message {
                    message: ClientMessage::parse(&text),
                    by: None,
                },
                None,
            ),
            Incoming::Binary(_) => {
                fault(Code::UnsupportedData, "only text messages are spoken here")
            }
            Incoming::Ping(payload) => answered(|out| encoder::pong(out, &payload)),
            Incoming::Pong(_) => Heard::Input(Input::Ponged, None),
            Incoming::Close(frame) => Heard::Close(frame.map(|(code, _)| code)),
        }
    }

    /// A message comes back, compressed wherever that makes it shorter: with the bounds that events have a suite would not
    /// see much of it.
    fn back(self, head: fn(usize) -> Head, message: &[u8]) -> Heard {
        let compressed = || deflate(message).map(Bytes::from);
        answered(|out| self.put(head, message, compressed, out))
    }
}

/// What the transport answers by itself: to the session it is one message, whatever it says.
fn answered(write: impl FnOnce(&mut Vec<u8>)) -> Heard {
    let mut frame = Vec::new();
    write(&mut frame);
    Heard::Input(Input::Pinged, Some(frame))
}

/// What a break of the protocol means.
pub(super) fn broken(broken: Fault, limit: usize) -> Heard {
    match broken {
        Fault::TooLarge => {
            let message = format!("a message has at most {limit} bytes");
            let refusal = Refusal::new(Code::TooLarge, message).limit("event");
            Heard::Input(Input::Fault(refusal), None)
        }
        Fault::Utf8 => fault(Code::InvalidUtf8, "a text message is UTF-8"),
        Fault::Deflate => fault(
            Code::InvalidUtf8,
            "what came compressed does not decompress",
        ),
        Fault::EmptyFrames => fault(Code::TooLarge, "a message has too many empty frames"),
        Fault::Protocol(violation) => fault(Code::ProtocolError, &violation.to_string()),
    }
}

fn fault(code: Code, message: &str) -> Heard {
    Heard::Input(Input::Fault(Refusal::new(code, message)), None)
}

/// One message a line, for clients that asked for `batch=1`; else one message a frame.
struct Lines {
    style: Style,
    joined: Vec<u8>,
}

impl Lines {
    const fn new(style: Style) -> Self {
        Self {
            style,
            joined: Vec::new(),
        }
    }

    fn event(&mut self, event: &Delivery, out: &mut Vec<u8>) {
        if self.style.echo {
            return;
        }
        let envelope = event.envelope();
        if self.style.batch {
            return self.join(&envelope);
        }
        // Compressed once for all who take it.
        let compressed = || event.compressed();
        self.style.put(Head::text, &envelope, compressed, out);
    }

    fn control(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if self.style.echo {
            return;
        }
        if self.style.batch {
            return self.join(message);
        }
        encoder::text(out, message);
    }

    fn join(&mut self, message: &[u8]) {
        if !self.joined.is_empty() {
            self.joined.push(b'\n');
        }
        self.joined.extend_from_slice(message);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let joined = std::mem::take(&mut self.joined);
        if !joined.is_empty() {
            let compressed = || compressed(&joined);
            self.style.put(Head::text, &joined, compressed, out);
        }
    }
}

impl Style {
    /// Adds a message, compressed if the client takes it and it is worth it.
    fn put(
        self,
        head: fn(usize) -> Head,
        message: &[u8],
        compressed: impl FnOnce() -> Option<Bytes>,
        out: &mut Vec<u8>,
    ) {
        let may = self
            .deflate
            .is_some_and(|agreed| agreed.covers(message.len()));
        match may.then(compressed).flatten() {
            Some(compressed) => {
                encoder::put(out, head(compressed.len()).compressed(), &compressed);
            }
            None => encoder::put(out, head(message.len()), message),
        }
    }
}
