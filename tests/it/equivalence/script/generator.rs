//! Random operations.

use super::super::random::Random;
use super::super::record::Transport;
use super::draft::{Draft, Except, Options, Retain};
use super::rules::{HOLDING, LATEST, PLAIN, SECRET, STATE, has_windows, is_watched};
use super::{First, Op, Source};

/// What events may be about.
const KEYS: [&str; 3] = ["a", "b", ODD];
/// A key that JSON must escape.
const ODD: &str = "\u{e9} \"c\"";
/// Names that clients give themselves.
const ORIGINS: [&str; 2] = ["tab-1", "tab-2"];
/// Who reads.
pub(in super::super) const PRINCIPALS: [&str; 2] = ["viewer", "guest"];

/// Makes one operation after the other.
pub(super) struct Generator {
    random: Random,
    calm: bool,
    clients: usize,
    /// The rooms of this script.
    rooms: &'static [&'static str],
    next: usize,
    keys: usize,
}

impl Generator {
    pub(super) const fn new(
        random: Random,
        calm: bool,
        clients: usize,
        rooms: &'static [&'static str],
    ) -> Self {
        Self {
            random,
            calm,
            clients,
            rooms,
            next: 0,
            keys: 0,
        }
    }

    pub(super) fn step(&mut self, ops: &mut Vec<Op>) {
        let client = self.random.below(self.clients);
        match self.random.below(100) {
            0 => ops.push(self.flood()),
            1..36 => ops.push(self.publish()),
            36..38 => {
                let events = [self.draft(), self.draft()];
                ops.push(Op::Spoilt { events });
            }
            38..41 if self.keys > 0 => {
                let key = 1 + self.random.below(self.keys);
                ops.push(Op::Repeat {
                    key,
                    same: !self.random.once_in(4),
                });
            }
            38..60 => {
                let op = self.open(client);
                let values = matches!(op, Op::Open { snapshot: true, .. });
                ops.push(op);
                if values && self.random.once_in(4) {
                    let bytes = 300 + self.random.below(1000);
                    ops.push(Op::Cut { client, bytes });
                }
            }
            60..69 => {
                let bytes = self.bytes();
                ops.push(Op::Read { client, bytes });
            }
            69..76 => {
                let bytes = self.bytes();
                ops.push(Op::Cut { client, bytes });
            }
            76..86 => ops.push(self.join(client)),
            86..92 => {
                let room = self.room();
                let race = self.random.once_in(4).then(|| self.draft());
                ops.push(Op::Leave { client, room, race });
            }
            92..99 => ops.push(Op::Advance {
                millis: 501 + self.random.below(39_000) as u64,
            }),
            _ if self.calm => {}
            _ => ops.push(Op::Restart),
        }
    }

    const fn policies(&self) -> bool {
        self.rooms.len() > PLAIN
    }

    fn room(&mut self) -> &'static str {
        self.random.word(self.rooms)
    }

    fn draft(&mut self) -> Draft {
        self.next += 1;
        let mut rooms = vec![self.first_room()];
        while self.random.once_in(5) {
            let more = if self.random.once_in(5) {
                SECRET
            } else {
                self.room()
            };
            if !rooms.contains(&more) {
                rooms.push(more);
            }
        }
        let padding = if self.random.once_in(12) {
            self.random.below(6000)
        } else {
            self.random.below(40)
        };
        let options = if self.policies() {
            self.options(&rooms)
        } else {
            Options::default()
        };
        Draft {
            number: self.next,
            rooms,
            padding,
            spaced: self.random.once_in(3),
            options,
        }
    }

    fn first_room(&mut self) -> &'static str {
        let with_policies = &self.rooms[PLAIN..];
        match self.random.below(12) {
            0 => SECRET,
            4..9 if !with_policies.is_empty() => self.random.word(with_policies),
            1..6 => self.random.word(&["r:busy", "r:small", "r:mixed"]),
            _ => self.room(),
        }
    }

    /// What may be asked of an event in these rooms.
    fn options(&mut self, rooms: &[&'static str]) -> Options {
        let mut options = Options::default();
        let key = self.random.word(&KEYS);
        let small = self.rooms.len() <= HOLDING;
        if rooms.iter().any(|room| has_windows(room)) {
            // The publisher's word for the key goes before the payload's.
            let own = rooms.contains(&"r:field") && self.random.once_in(2);
            let field = own.then(|| self.random.word(&KEYS));
            options.field = field.map(|field| if field == ODD { "c" } else { field });
            options.key = (!own || rooms.contains(&"r:conflate")).then_some(key);
            let single = !rooms.contains(&"r:batch") && !rooms.contains(&LATEST);
            if options.key.is_some() && single && self.random.once_in(3) {
                options.retain = self.value_or_none();
            }
            return options;
        }
        let chance = if rooms == [STATE] {
            0
        } else {
            self.random.below(16)
        };
        match chance {
            // A room of the newest event alone has no use for values of several keys.
            0..4 if !rooms.contains(&LATEST) => {
                options.key = Some(key);
                options.retain = self.value_or_none();
                // Whoever reads at once must see the end.
                let ends = matches!(rooms, [room] if is_watched(room)) && !small;
                let ends = ends && options.retain == Retain::Value;
                options.ttl_ms = (ends && self.random.once_in(3)).then(|| self.ttl());
            }
            4..6 => {
                options.volatile = true;
                let excepts = self.random.once_in(3);
                options.except = excepts.then(|| Except::Principal(self.random.word(&PRINCIPALS)));
            }
            6..8 if !small => options.ttl_ms = Some(self.ttl()),
            8 => options.except = Some(Except::Principal(self.random.word(&PRINCIPALS))),
            9 => options.except = Some(Except::Origin(self.random.word(&ORIGINS))),
            10 => options.key = Some(key),
            _ => {}
        }
        options
    }

    fn value_or_none(&mut self) -> Retain {
        match self.random.once_in(4) {
            true => Retain::Clear,
            false => Retain::Value,
        }
    }

    /// Shorter than any room's age: which of two ends came first is no question then.
    fn ttl(&mut self) -> u64 {
        *self.random.pick(&[3000, 10_000, 25_000])
    }

    fn publish(&mut self) -> Op {
        let count = if self.random.once_in(3) {
            1 + self.random.below(9)
        } else {
            1
        };
        let mut events: Vec<_> = (0..count).map(|_| self.draft()).collect();
        let key = self.random.once_in(6).then(|| {
            self.keys += 1;
            self.keys
        });
        if key.is_some() {
            // What is in no log cannot be answered twice.
            events
                .iter_mut()
                .for_each(|draft| draft.options.volatile = false);
        }
        Op::Publish {
            events,
            key,
            sender: self.random.once_in(8),
        }
    }

    /// More than the kernel takes for a client that does not read.
    fn flood(&mut self) -> Op {
        let mut events: Vec<_> = (0..80).map(|_| self.draft()).collect();
        for draft in &mut events {
            draft.padding = 6000;
            // A window that holds so much is flushed before its time.
            draft.rooms.retain(|room| !has_windows(room));
            if draft.rooms.is_empty() {
                draft.rooms.push("r:busy");
            }
        }
        Op::Publish {
            events,
            key: None,
            sender: false,
        }
    }

    fn open(&mut self, client: usize) -> Op {
        let all = [
            Transport::WebSocket,
            Transport::Sse,
            Transport::LongPoll,
            Transport::History,
            Transport::SocketIo,
        ];
        let transport = match self.random.below(13) {
            0..3 => all[0],
            3..6 => all[1],
            6..8 => all[2],
            8..10 => all[3],
            _ => all[4],
        };
        let first = match self.random.below(10) {
            0..5 => First::Now,
            5..7 => First::Earliest,
            7..9 => First::Rewind(1 + self.random.below(4)),
            _ => First::Unreadable,
        };
        let rooms = self.random.some(self.rooms);
        let policies = self.policies();
        let sources = [
            Source::Header,
            Source::Since,
            Source::Underscored,
            Source::CamelCase,
        ];
        Op::Open {
            client,
            transport,
            rooms,
            secret: self.random.once_in(8),
            first,
            source: *self.random.pick(&sources),
            decoy: self.random.once_in(3),
            wait: if self.random.once_in(3) { 25 } else { 0 },
            snapshot: policies && self.random.once_in(2),
            origin: (policies && self.random.once_in(2)).then(|| self.random.word(&ORIGINS)),
            back: self.random.once_in(2),
            cut: self.random.once_in(4).then(|| self.random.below(600)),
        }
    }

    fn join(&mut self, client: usize) -> Op {
        Op::Join {
            client,
            room: if self.random.once_in(12) {
                SECRET
            } else {
                self.room()
            },
            since: self.random.once_in(2).then(|| self.random.below(6)),
            snapshot: self.policies() && self.random.once_in(2),
            race: self.random.once_in(4).then(|| self.draft()),
            cut: self.random.once_in(4).then(|| self.random.below(600)),
        }
    }

    fn bytes(&mut self) -> usize {
        match self.random.below(4) {
            0 => self.random.below(64),
            1 => self.random.below(400),
            2 => self.random.below(4000),
            _ => 1 << 20,
        }
    }
}
