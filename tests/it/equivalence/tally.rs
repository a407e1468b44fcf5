//! What a run met: a run in which something never happened has not tested it.

use std::collections::BTreeMap;

use super::message::{self, Envelope, Item};
use super::record::{Entry, Happening, Record, Start};

/// How often each thing happened.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<String, usize>);

/// What every run must meet.
const WANTED: [&str; 39] = [
    "WebSocket event",
    "Sse event",
    "LongPoll event",
    "History event",
    "SocketIo event",
    "WebSocket resume",
    "Sse resume",
    "LongPoll resume",
    "History resume",
    "SocketIo resume",
    "recovered",
    "not recovered",
    "new in a namespace",
    "quiet without a position",
    "transport switched",
    "WebSocket evicted gap",
    "Sse evicted gap",
    "LongPoll evicted gap",
    "History evicted gap",
    "SocketIo evicted gap",
    "evicted gap on a live stream",
    "epoch gap",
    "unauthorized gap",
    "backfill",
    "heartbeat",
    "ack",
    "error",
    "refused",
    "restart",
    "newest of a window",
    "batch of a window",
    "volatile event",
    "volatile publish",
    "state",
    "value",
    "slow end",
    "publish with an end",
    "publish not for all",
    "publish for several rooms",
];

impl Tally {
    /// Adds what a script met.
    pub(super) fn add(&mut self, record: &Record) {
        for entry in &record.log {
            self.entry(entry);
        }
        for happenings in &record.clients {
            let (mut transport, mut events) = (None, 0);
            let mut pid = None;
            for happening in happenings {
                match &happening.what {
                    Happening::Opened(opening) => {
                        pid.clone_from(&opening.pid);
                        if matches!(opening.start, Start::At(_)) {
                            self.count(&format!("{:?} resume", opening.transport), 1);
                            self.count(
                                "transport switched",
                                usize::from(transport != Some(opening.transport)),
                            );
                        }
                        (transport, events) = (Some(opening.transport), 0);
                    }
                    Happening::Saw(raw) => {
                        let name = transport
                            .map_or_else(String::new, |transport| format!("{transport:?}"));
                        for item in message::items(raw) {
                            self.let_in(pid.as_deref(), &item);
                            self.item(&name, &item, &mut events);
                        }
                    }
                    Happening::Answered(status, body) => {
                        for item in message::response(*status, body) {
                            self.item("answer", &item, &mut events);
                        }
                    }
                    Happening::Quiet => self.count("quiet without a position", 1),
                    Happening::Asked(_) | Happening::Over => {}
                }
            }
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Restarted => self.count("restart", 1),
            Entry::Volatile(_) => self.count("volatile publish", 1),
            Entry::Published(published) => {
                let options = &published.options;
                let several = published.rooms.len() > 1;
                self.count("publish for several rooms", usize::from(several));
                self.count("publish with an end", options.ttl_ms.iter().len());
                self.count("publish not for all", options.except.iter().len());
            }
            Entry::Repeated(..) | Entry::Refused { .. } | Entry::Advanced(_) => {}
        }
    }

    fn let_in(&mut self, pid: Option<&str>, item: &Item) {
        if let Item::Connected { pid: told, .. } = item {
            let what = match pid {
                None => "new in a namespace",
                Some(_) if pid == told.as_deref() => "recovered",
                Some(_) => "not recovered",
            };
            self.count(what, 1);
        }
    }

    fn event(&mut self, text: &str) {
        let Ok(envelope) = Envelope::parse(text) else {
            return;
        };
        let name = match (envelope.id, envelope.of.is_empty()) {
            (None, _) => "volatile event",
            (Some(_), true) => return,
            (Some(_), false) if envelope.event.ends_with(":batch") => "batch of a window",
            (Some(_), false) => "newest of a window",
        };
        self.count(name, 1);
    }

    fn item(&mut self, transport: &str, item: &Item, events: &mut usize) {
        match item {
            Item::Event(text) | Item::Told { text, .. } => {
                self.event(text);
                *events += 1;
                self.count(&format!("{transport} event"), 1);
            }
            Item::Gap { reason, .. } if reason == "evicted" => {
                self.count(&format!("{transport} evicted gap"), 1);
                self.count("evicted gap on a live stream", usize::from(*events > 0));
            }
            Item::Gap { reason, .. } => self.count(&format!("{reason} gap"), 1),
            Item::Heartbeat { .. } => self.count("heartbeat", 1),
            Item::Backfill { .. } => self.count("backfill", 1),
            Item::Ack { .. } => self.count("ack", 1),
            Item::Error {
                reference: None,
                code,
            } if code == "slow" => self.count("slow end", 1),
            Item::Error { .. } => self.count("error", 1),
            Item::Refused { .. } => self.count("refused", 1),
            Item::StateEnd { .. } => self.count("state", 1),
            Item::State(_) => self.count("value", 1),
            Item::Bye(code) => self.count(&format!("bye {code}"), 1),
            Item::Welcome { .. }
            | Item::Connected { .. }
            | Item::Cursor(_)
            | Item::StateBegin { .. }
            | Item::Close(_)
            | Item::Malformed(_) => {}
        }
    }

    fn count(&mut self, what: &str, times: usize) {
        *self.0.entry(what.to_owned()).or_default() += times;
    }

    /// Adds another tally.
    pub(super) fn merge(&mut self, other: Self) {
        for (what, times) in other.0 {
            self.count(&what, times);
        }
    }

    /// What never happened.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let never = |what: &&str| self.0.get(*what).is_none_or(|times| *times == 0);
        WANTED.into_iter().filter(never).collect()
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|(what, times)| writeln!(f, "{times:>8} {what}"))
    }
}
