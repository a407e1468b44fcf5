//! What one client takes down of the texts that arrive. They are searched, not parsed: with a thousand clients, a parser
//! would cost as much as the server that is measured.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use super::crowd::Group;
use super::ledger::Arrival;
use super::tally::Progress;
use crate::model::time::Moment;

/// The first key of a control message; events have none of that name.
static TYPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""type":""#));
/// Only gaps have a reason, and those of a poll have no type.
static REASON: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""reason":""#));

/// The book of one client.
pub(super) struct Book<'g> {
    group: &'g Group,
    number: usize,
    begun: Moment,
    is_open: bool,
    has: u32,
    /// Why the gateway says that the stream ends.
    code: Option<String>,
}

impl<'g> Book<'g> {
    pub(super) fn new(group: &'g Group, number: usize) -> Self {
        Self {
            group,
            number,
            begun: group.clock.now(),
            is_open: false,
            has: 0,
            code: None,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// The code of the error or the goodbye that came last.
    pub(super) const fn code(&self) -> Option<&String> {
        self.code.as_ref()
    }

    /// The stream is there.
    pub(super) fn opened(&mut self) {
        if std::mem::replace(&mut self.is_open, true) {
            return;
        }
        let now = self.group.clock.now();
        let tally = &mut *self.group.tally.borrow_mut();
        tally.connected += 1;
        tally.opening.record(now.since(self.begun));
        tally.last_opened = now;
        tally.ledgers[self.number].0 = true;
        Progress::count(&self.group.progress.connected);
    }

    /// The stream, or the attempt at one, has ended.
    pub(super) fn ended(self, why: String) {
        let tally = &mut *self.group.tally.borrow_mut();
        let (reasons, number) = if self.is_open {
            (&mut tally.ended, &self.group.progress.ended)
        } else {
            (&mut tally.refused, &self.group.progress.refused)
        };
        *reasons.entry(self.code.unwrap_or(why)).or_default() += 1;
        Progress::count(number);
    }

    /// Takes down a text of whole messages.
    pub(super) fn text(&mut self, text: &[u8]) {
        if self.group.plan.is_native {
            self.controls(text);
        }
        let now = self.group.clock.now();
        let tally = &mut *self.group.tally.borrow_mut();
        for mark in self.group.plan.marks.find(text) {
            match tally.ledgers[self.number].1.arrived(mark.seq) {
                Arrival::Again => {
                    tally.again += 1;
                    continue;
                }
                Arrival::Late => tally.late += 1,
                Arrival::InOrder => {}
            }
            tally.delivered += 1;
            tally.latency.record(now.since(mark.sent));
            tally.last_arrival = now;
            Progress::count(&self.group.progress.delivered);
            self.has += 1;
            if Some(self.has) == self.group.plan.replay {
                tally.served.record(now.since(self.group.begun));
                Progress::count(&self.group.progress.served);
            }
        }
    }

    fn controls(&mut self, text: &[u8]) {
        let gaps = REASON.find_iter(text).count() as u64;
        self.group.tally.borrow_mut().gaps += gaps;
        for at in TYPE.find_iter(text) {
            let rest = &text[at + TYPE.needle().len()..];
            match until_quote(rest) {
                b"welcome" => self.opened(),
                b"error" | b"bye" => self.code = value(rest, r#""code":""#).or(self.code.take()),
                b"session_expired" => self.code = Some("session_expired".to_owned()),
                _ => {}
            }
        }
    }
}

/// The text that follows `key`, which ends in a quote.
pub(super) fn value(text: &[u8], key: &str) -> Option<String> {
    let at = memmem::find(text, key.as_bytes())?;
    let value = until_quote(&text[at + key.len()..]);
    String::from_utf8(value.to_vec()).ok()
}

fn until_quote(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == b'"').next().unwrap_or_default()
}
