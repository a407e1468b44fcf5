//! What a client sends after the opening handshake, from frames back to messages (RFC 6455 §5 and §7, RFC 7692).

mod message;
#[cfg(test)]
mod tests;

use super::fault::{Fault, Violation};
use super::frame::{Head, Opcode, Partial};
use super::mask::Mask;
use message::{Kind, Message};

/// What was agreed on for the messages of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The longest message, in bytes; of a compressed one after decompression.
    pub message: usize,
    /// Whether messages may be compressed (RFC 7692).
    pub deflate: bool,
}

/// What a client sent: a whole message, or a control frame, also one from between the fragments of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A Ping; its bytes, at most 125, belong into a Pong (§5.5.3).
    Ping(Vec<u8>),
    /// A Pong with at most 125 bytes.
    Pong(Vec<u8>),
    /// A Close with its code and reason, if it says them. Nothing follows it (§5.5.1).
    Close(Option<(u16, String)>),
}

/// Turns the bytes of one client into its messages.
///
/// It holds what is incomplete, and nothing between two messages: an idle connection costs the few words of this value.
/// After a Close or a fault it takes everything and gives nothing any more.
#[derive(Debug)]
pub struct Decoder {
    /// The longest message, and whether it may be compressed: [`Terms`] without their padding.
    message: usize,
    deflate: bool,
    ended: bool,
    pending: Option<Box<Pending>>,
}

impl Decoder {
    /// A decoder for what comes after the client's opening handshake.
    #[must_use]
    pub const fn new(terms: Terms) -> Self {
        Self {
            message: terms.message,
            deflate: terms.deflate,
            ended: false,
            pending: None,
        }
    }

    /// The longest message that it takes, in bytes.
    #[must_use]
    pub const fn longest(&self) -> usize {
        self.message
    }

    /// Whether nothing more is to be understood: the client has closed, or broken the protocol.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes from the front of `input` what belongs to the next message or control frame; nothing once all of it is taken
    /// and more is needed.
    ///
    /// A message larger than the terms is refused by its head, before anything is held for it, and memory is taken only
    /// for bytes that have come.
    ///
    /// # Errors
    /// What the client did wrong. The connection is to be closed with a code that says so (§7.1.7).
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Fault> {
        if self.ended {
            *input = &[];
            return Ok(None);
        }
        let terms = Terms {
            message: self.message,
            deflate: self.deflate,
        };
        let mut pending = self.pending.take().map_or_else(Pending::default, |it| *it);
        let found = pending.read(terms, input);
        self.ended = matches!(found, Err(_) | Ok(Some(Incoming::Close(_))));
        if !self.ended && !pending.is_empty() {
            self.pending = Some(Box::new(pending));
        }
        found
    }
}

/// What has come of a frame and of a message, and is not whole yet.
#[derive(Debug, Default)]
struct Pending {
    frame: Frame,
    message: Option<Message>,
}

/// Where in a frame the bytes have ended.
#[derive(Debug)]
enum Frame {
    Head(Partial),
    /// In the payload of a frame of the message.
    Data {
        fin: bool,
        rest: Rest,
    },
    Control {
        opcode: Opcode,
        payload: Vec<u8>,
        rest: Rest,
    },
}

impl Default for Frame {
    fn default() -> Self {
        Self::Head(Partial::default())
    }
}

/// What is still to come of a payload.
#[derive(Debug)]
struct Rest {
    length: u64,
    mask: Mask,
}

impl Rest {
    /// Moves what has come from the front of `input` to the end of `payload`, unmasked; whether that is all.
    fn take(&mut self, input: &mut &[u8], payload: &mut Vec<u8>) -> bool {
        let most = usize::try_from(self.length).unwrap_or(usize::MAX);
        let (piece, others) = input.split_at(most.min(input.len()));
        let start = payload.len();
        payload.extend_from_slice(piece);
        self.mask.apply(&mut payload[start..]);
        self.length -= piece.len() as u64;
        *input = others;
        self.length == 0
    }
}

impl Pending {
    const fn is_empty(&self) -> bool {
        matches!(&self.frame, Frame::Head(head) if head.is_empty()) && self.message.is_none()
    }

    fn read(&mut self, terms: Terms, input: &mut &[u8]) -> Result<Option<Incoming>, Fault> {
        loop {
            match (&mut self.frame, &mut self.message) {
                (Frame::Head(head), _) => match head.take(input)? {
                    Some(head) => self.begin(&head, terms)?,
                    None => return Ok(None),
                },
                (
                    Frame::Control {
                        opcode,
                        payload,
                        rest,
                    },
                    _,
                ) => {
                    if !rest.take(input, payload) {
                        return Ok(None);
                    }
                    let incoming = control(*opcode, std::mem::take(payload))?;
                    self.frame = Frame::default();
                    return Ok(Some(incoming));
                }
                (Frame::Data { fin, rest }, Some(message)) => {
                    let whole = rest.take(input, &mut message.bytes);
                    if whole && *fin {
                        self.frame = Frame::default();
                        return self.message.take().map(|it| it.finish(terms)).transpose();
                    }
                    message.check()?;
                    if !whole {
                        return Ok(None);
                    }
                    self.frame = Frame::default();
                }
                (Frame::Data { .. }, None) => return Err(Violation::NothingToContinue.into()),
            }
        }
    }

    /// Begins the payload of the frame that this is the head of.
    fn begin(&mut self, head: &Head, terms: Terms) -> Result<(), Fault> {
        let rest = Rest {
            length: head.length,
            mask: head.mask,
        };
        let begun = match head.opcode {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            Opcode::Continuation => None,
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                // Extensions leave control frames alone (RFC 7692 §6.1).
                refuse(head.compressed, Violation::ReservedBit)?;
                self.frame = Frame::Control {
                    opcode: head.opcode,
                    payload: Vec::new(),
                    rest,
                };
                return Ok(());
            }
        };
        // Of a message, the first frame says whether it is compressed (RFC 7692 §6.1).
        let may_be_compressed = terms.deflate && begun.is_some();
        refuse(
            head.compressed && !may_be_compressed,
            Violation::ReservedBit,
        )?;
        if let Some(kind) = begun {
            refuse(self.message.is_some(), Violation::Unfinished)?;
            self.message = Some(Message::new(kind, head.compressed));
        }
        let message = self.message.as_mut().ok_or(Violation::NothingToContinue)?;
        message.admit(head, terms)?;
        self.frame = Frame::Data {
            fin: head.fin,
            rest,
        };
        Ok(())
    }
}

fn refuse(wrong: bool, violation: Violation) -> Result<(), Violation> {
    if wrong { Err(violation) } else { Ok(()) }
}

fn control(opcode: Opcode, payload: Vec<u8>) -> Result<Incoming, Fault> {
    Ok(match opcode {
        Opcode::Ping => Incoming::Ping(payload),
        Opcode::Pong => Incoming::Pong(payload),
        Opcode::Continuation | Opcode::Text | Opcode::Binary | Opcode::Close => {
            Incoming::Close(close(&payload)?)
        }
    })
}

/// The body of a close frame (§5.5.1).
fn close(body: &[u8]) -> Result<Option<(u16, String)>, Fault> {
    if body.is_empty() {
        return Ok(None);
    }
    let (code, reason) = body.split_first_chunk().ok_or(Violation::CloseBody)?;
    let reason = std::str::from_utf8(reason).map_err(|_| Fault::Utf8)?;
    let code = u16::from_be_bytes(*code);
    refuse(!may_be_sent(code), Violation::CloseCode)?;
    Ok(Some((code, reason.to_owned())))
}

/// Whether an endpoint may send this close code: what the standard defines (§7.4.1) or IANA has registered since (1012
/// to 1014), for libraries and for applications (§7.4.2). 1004 to 1006 and 1015 are never on the wire.
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
