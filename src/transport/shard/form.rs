//! How what is read is written: members of the same form share the bytes of what they are all given.

use std::sync::Arc;

use bytes::Bytes;

use crate::bus::reader::Batch;
use crate::bus::rooms::Delivery;
use crate::model::dialect::Dialect;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;
use crate::transport::delivery::Size;
use crate::transport::format::Format;
use crate::transport::long_poll::Style;
use crate::transport::socketio;

/// The form of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A stream's.
    Stream(Format),
    /// A conversation's.
    Conversation(Arc<socketio::style::Style>),
    /// An answer's, but for the beginning of its head.
    Poll(Style),
}

impl Form {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Stream(format) => format.transport(),
            Self::Conversation(style) => socketio::transport(style.carrier),
            Self::Poll(_) => Transport::LongPoll,
        }
    }

    pub(super) const fn dialect(&self) -> Dialect {
        match self {
            Self::Stream(_) | Self::Poll(_) => Dialect::Native,
            Self::Conversation(_) => Dialect::SocketIo,
        }
    }

    /// How many bytes it makes of an event, without the framing.
    pub(super) fn size(&self) -> Size {
        match self {
            Self::Stream(format) => format.size(),
            Self::Conversation(_) => socketio::style::size,
            Self::Poll(_) => Delivery::envelope_len,
        }
    }

    /// The bytes of what is volatile, which a poll does not get.
    pub(super) fn flash(&self, event: &Delivery) -> Option<Bytes> {
        match self {
            Self::Stream(format) => Some(format.events(std::slice::from_ref(event))),
            Self::Conversation(style) => Some(style.events(std::slice::from_ref(event))),
            Self::Poll(_) => None,
        }
    }

    /// The bytes of `batch`, for one write.
    pub(super) fn batch(&self, batch: &Batch, now: UnixMillis) -> Bytes {
        match self {
            Self::Stream(format) => format.events(&batch.events),
            Self::Conversation(style) => style.events(&batch.events),
            Self::Poll(style) => style.batch(batch, now),
        }
    }
}
