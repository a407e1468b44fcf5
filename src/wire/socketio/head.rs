//! What stands before a packet's payload ("Packet encoding", "Format" of the document).

use super::fault::Fault;
use super::namespace::Namespace;
use super::reassembler::MAX_ATTACHMENTS;

/// What a packet is for. That it comes with attachments is not a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

/// A packet, its payload not yet read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) kind: Type,
    /// How many messages of bytes follow.
    pub(super) attachments: usize,
    pub(super) namespace: Namespace,
    pub(super) id: Option<u64>,
    /// Empty where there is none.
    pub(super) payload: &'a str,
}

impl<'a> Head<'a> {
    /// Reads the text of a packet up to its payload.
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        let (kind, is_binary) = kind(text.bytes().next())?;
        let rest = text.get(1..).unwrap_or_default();
        let (attachments, rest) = match is_binary {
            true => attachments(rest)?,
            false => (0, rest),
        };
        let (namespace, rest) = namespace(rest)?;
        let (id, payload) = id(rest)?;
        let may_have_one = match kind {
            Type::Event => true,
            Type::Ack => id.is_some(),
            // The original ignores it there.
            Type::Connect | Type::Disconnect | Type::ConnectError => id.is_none(),
        };
        if !may_have_one {
            return Err(Fault::Id);
        }
        Ok(Self {
            kind,
            attachments,
            namespace,
            id,
            payload,
        })
    }
}

fn kind(digit: Option<u8>) -> Result<(Type, bool), Fault> {
    Ok(match digit {
        Some(b'0') => (Type::Connect, false),
        Some(b'1') => (Type::Disconnect, false),
        Some(b'2') => (Type::Event, false),
        Some(b'3') => (Type::Ack, false),
        Some(b'4') => (Type::ConnectError, false),
        Some(b'5') => (Type::Event, true),
        Some(b'6') => (Type::Ack, true),
        Some(_) | None => return Err(Fault::Type),
    })
}

/// The number of attachments. The original takes for a number whatever JavaScript does, nothing and `1e0` among it.
fn attachments(text: &str) -> Result<(usize, &str), Fault> {
    let (digits, rest) = digits(text);
    let rest = rest.strip_prefix('-').ok_or(Fault::Attachments)?;
    if digits.is_empty() {
        return Err(Fault::Attachments);
    }
    // What overflows is too many as well.
    let number = digits.parse().unwrap_or(usize::MAX);
    if number > MAX_ATTACHMENTS {
        return Err(Fault::TooManyAttachments);
    }
    Ok((number, rest))
}

/// The namespace: up to a comma, or all that is left where there is none.
fn namespace(text: &str) -> Result<(Namespace, &str), Fault> {
    if !text.starts_with('/') {
        return Ok((Namespace::MAIN, text));
    }
    let (name, rest) = text.split_once(',').unwrap_or((text, ""));
    Ok((Namespace::parse(name)?, rest))
}

/// The id, whole: beyond 2^53 the original would answer another one.
fn id(text: &str) -> Result<(Option<u64>, &str), Fault> {
    let (digits, rest) = digits(text);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    let id = digits.parse().map_err(|_| Fault::Id)?;
    Ok((Some(id), rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}
