//! From messages to packets: a packet that announces attachments is whole when they have come.

use bytes::Bytes;

use super::binary;
use super::fault::Fault;
use super::head::Head;
use super::packet::{Body, Packet};
use super::payload;
use super::placeholder::{self, Slot};
use crate::model::json::Json;
use crate::model::time::Moment;

/// The most attachments of a packet, as with the original.
pub const MAX_ATTACHMENTS: usize = 10;

/// Turns the messages of one client, as Engine.IO brings them, into its packets.
///
/// It has no clock. Whoever feeds it says until when the attachments of a packet that begins now are to have come, and
/// asks at that moment whether they have. Between two packets it holds nothing; after a fault it takes everything and
/// gives nothing any more.
#[derive(Debug)]
pub struct Reassembler {
    /// The longest packet with its attachments, in bytes.
    longest: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Waiting(Box<Waiting>),
    Ended,
}

/// A packet whose attachments have not all come.
#[derive(Debug)]
struct Waiting {
    packet: Packet,
    /// The placeholders of each argument.
    places: Vec<Vec<Slot>>,
    announced: usize,
    attachments: Vec<Bytes>,
    /// How many bytes more there may be.
    left: usize,
    deadline: Moment,
}

impl Reassembler {
    /// One for packets of at most so many bytes, text and attachments together.
    #[must_use]
    pub const fn new(longest: usize) -> Self {
        let state = State::Idle;
        Self { longest, state }
    }

    /// Takes a message of text, without Engine.IO's `4`; gives the packet, unless attachments follow it, which have time
    /// until `deadline`.
    ///
    /// # Errors
    /// What the client did wrong. The connection is to be closed.
    pub fn text(&mut self, text: &str, deadline: Moment) -> Result<Option<Packet>, Fault> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Waiting(_) => return Err(Fault::Interrupted),
            State::Idle => {}
        }
        let bytes = self.longest;
        let left = bytes.checked_sub(text.len());
        let left = left.ok_or(Fault::TooLarge { bytes })?;
        let head = Head::parse(text)?;
        let body = payload::read(&head)?;
        let packet = Packet {
            namespace: head.namespace,
            body,
        };
        if head.attachments == 0 {
            self.state = State::Idle;
            return Ok(Some(packet));
        }
        let waiting = Waiting::new(packet, head.attachments, left, deadline)?;
        self.state = State::Waiting(Box::new(waiting));
        Ok(None)
    }

    /// Takes a message of bytes; gives the packet whose last attachment it is.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn binary(&mut self, attachment: Bytes) -> Result<Option<Packet>, Fault> {
        let mut waiting = match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => return Ok(None),
            State::Idle => return Err(Fault::Unannounced),
            State::Waiting(waiting) => waiting,
        };
        let bytes = self.longest;
        let left = waiting.left.checked_sub(attachment.len());
        waiting.left = left.ok_or(Fault::TooLarge { bytes })?;
        waiting.attachments.push(attachment);
        if waiting.attachments.len() < waiting.announced {
            self.state = State::Waiting(waiting);
            return Ok(None);
        }
        let packet = waiting.finish()?;
        self.state = State::Idle;
        Ok(Some(packet))
    }

    /// Until when the attachments that are missing are to come, where some are.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Waiting(waiting) => Some(waiting.deadline),
            State::Idle | State::Ended => None,
        }
    }

    /// Gives up a packet whose attachments should have come by `now`.
    ///
    /// # Errors
    /// There is one. The connection is to be closed.
    pub fn check(&mut self, now: Moment) -> Result<(), Fault> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.state = State::Ended;
            return Err(Fault::Late);
        }
        Ok(())
    }
}

impl Waiting {
    fn new(
        mut packet: Packet,
        announced: usize,
        left: usize,
        deadline: Moment,
    ) -> Result<Self, Fault> {
        let arguments = arguments(&mut packet).iter();
        let places: Vec<_> = arguments
            .map(placeholder::slots)
            .collect::<Result<_, _>>()?;
        if !placeholder::is_complete(places.iter().flatten(), announced) {
            return Err(Fault::Placeholder);
        }
        Ok(Self {
            packet,
            places,
            announced,
            attachments: Vec::new(),
            left,
            deadline,
        })
    }

    fn finish(mut self) -> Result<Packet, Fault> {
        let arguments = arguments(&mut self.packet);
        for (argument, slots) in arguments.iter_mut().zip(&self.places) {
            *argument = binary::put(argument, slots, &self.attachments)?;
        }
        Ok(self.packet)
    }
}

/// Only events and acks have arguments, and attachments.
fn arguments(packet: &mut Packet) -> &mut [Json] {
    match &mut packet.body {
        Body::Event(event) => &mut event.arguments,
        Body::Ack { arguments, .. } => arguments,
        Body::Connect(_) | Body::Disconnect | Body::ConnectError(_) => &mut [],
    }
}
