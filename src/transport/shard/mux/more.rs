//! What few sessions have: kept apart, because thousands of sessions would pay for it.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::time::Moment;
use crate::transport::engineio::item::Item;
use crate::transport::socketio::admission::{Admission, Refused};
use crate::transport::socketio::conversation::Conversation;
use crate::transport::socketio::settings::Space;
use crate::wire::socketio::{Fault, Reassembler};

use super::trial::Trial;

/// What few sessions have, or have for a moment.
#[derive(Default)]
pub(super) struct More(pub(super) Option<Box<Rare>>);

#[derive(Default)]
pub(super) struct Rare {
    /// Conversations that have seats of their own.
    pub(super) others: Vec<Conversation>,
    /// Conversations that are asked for.
    pub(super) joining: Vec<Joining>,
    /// A WebSocket that would carry it.
    pub(super) trial: Option<Trial>,
    /// What came before that carried it, and was not looked at yet.
    pub(super) early: VecDeque<Item>,
    /// A packet whose attachments have not all come.
    pub(super) reassembler: Option<Reassembler>,
}

/// A conversation that is asked for.
pub(super) struct Joining {
    pub(super) space: Arc<Space>,
    pub(super) asking: BoxFuture<'static, Result<Admission, Refused>>,
}

impl More {
    pub(super) fn others(&self) -> &[Conversation] {
        self.0.as_ref().map_or(&[], |rare| &rare.others)
    }

    pub(super) fn others_mut(&mut self) -> impl Iterator<Item = &mut Conversation> {
        self.0.iter_mut().flat_map(|rare| &mut rare.others)
    }

    /// Until when attachments are due, where some are.
    pub(super) fn attachments_due(&self) -> Option<Moment> {
        self.0.as_ref()?.reassembler.as_ref()?.deadline()
    }

    /// Gives up a packet whose attachments should have come by `now`.
    pub(super) fn check_attachments(&mut self, now: Moment) -> Result<(), Fault> {
        let reassembler = self.0.as_mut().and_then(|rare| rare.reassembler.as_mut());
        reassembler.map_or(Ok(()), |reassembler| reassembler.check(now))
    }

    /// The next that came before a WebSocket carried the session.
    pub(super) fn early(&mut self) -> Option<Item> {
        let item = self.0.as_mut()?.early.pop_front();
        self.tidy();
        item
    }

    pub(super) fn trial(&self) -> Option<&Trial> {
        self.0.as_ref()?.trial.as_ref()
    }

    /// Whoever has nothing of it any more pays nothing for it.
    pub(super) fn tidy(&mut self) {
        let is_empty = |rare: &Rare| {
            let is_quiet =
                rare.trial.is_none() && rare.early.is_empty() && rare.reassembler.is_none();
            is_quiet && rare.others.is_empty() && rare.joining.is_empty()
        };
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}
