//! Random scripts: what publishers, clients, the clock and the operator do, one thing after the other.

use super::random::Random;
use super::record::Transport;

/// The history that a room keeps.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) room: &'static str,
    pub(super) events: usize,
    pub(super) age_seconds: u64,
}

/// The room that no client is granted.
pub(super) const SECRET: &str = "s:secret";

/// An event that is to be published.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// Makes its payload unlike every other.
    pub(super) number: usize,
    pub(super) rooms: Vec<&'static str>,
    pub(super) padding: usize,
    /// Whether the body carries white space that means nothing.
    pub(super) spaced: bool,
}

/// Where a first connection begins; a later one goes on from its cursor.
#[derive(Clone, Copy, Debug)]
pub(super) enum First {
    Now,
    Earliest,
    Rewind(usize),
    Unreadable,
}

/// By which of its names the cursor travels (SEMANTICS 13).
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Header,
    Since,
    Underscored,
    CamelCase,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// One publish request; with a key it may be repeated.
    Publish {
        events: Vec<Draft>,
        key: Option<usize>,
        sender: bool,
    },
    /// A batch whose middle event is refused.
    Spoilt {
        events: [Draft; 2],
    },
    /// The publish with this key once more, or another body under it.
    Repeat {
        key: usize,
        same: bool,
    },
    /// A client connects: for the first time, or with its cursor.
    Open {
        client: usize,
        transport: Transport,
        rooms: Vec<&'static str>,
        secret: bool,
        first: First,
        source: Source,
        /// A second cursor or a `rewind`, which the first source outranks.
        decoy: bool,
        wait: u64,
    },
    /// A client takes up to so many bytes.
    Read {
        client: usize,
        bytes: usize,
    },
    /// … and then the connection is gone, in the middle of whatever it was.
    Cut {
        client: usize,
        bytes: usize,
    },
    /// A client joins a room: from now, or from the cursor that it had so many cursors ago.
    Join {
        client: usize,
        room: &'static str,
        since: Option<usize>,
        race: Option<Draft>,
        cut: Option<usize>,
    },
    Leave {
        client: usize,
        room: &'static str,
        race: Option<Draft>,
    },
    Advance {
        millis: u64,
    },
    Restart,
}

/// A script, and the bounds of the log that it runs on.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) seed: u64,
    pub(super) calm: bool,
    pub(super) total: usize,
    pub(super) rules: Vec<Rule>,
    pub(super) clients: usize,
    pub(super) ops: Vec<Op>,
}

const DAY: u64 = 24 * 3600;
const ROOMS: [&str; 7] = [
    "r:busy", "r:still", "r:small", "r:one", "r:brief", "r:mixed", "r:late",
];
const PLENTY: usize = 10_000;

impl Script {
    /// The script of this seed; every fourth is calm.
    pub(super) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let calm = seed.is_multiple_of(4);
        let total = if !calm && random.once_in(4) {
            12
        } else {
            PLENTY
        };
        let clients = 1 + random.below(3);
        let count = 20 + random.below(40);
        let mut source = Generator {
            random,
            calm,
            clients,
            next: 0,
            keys: 0,
        };
        let mut ops = Vec::new();
        for _ in 0..count {
            source.step(&mut ops);
        }
        Self {
            seed,
            calm,
            total,
            rules: rules(calm),
            clients,
            ops,
        }
    }

    /// The same without the operations from `start` to `end`.
    pub(super) fn without(&self, start: usize, end: usize) -> Self {
        let mut less = self.clone();
        less.ops.drain(start..end);
        less
    }
}

fn rules(calm: bool) -> Vec<Rule> {
    let rule = |(room, events, age_seconds)| match calm {
        true => Rule {
            room,
            events: PLENTY,
            age_seconds: DAY,
        },
        false => Rule {
            room,
            events,
            age_seconds,
        },
    };
    [
        ("r:busy", PLENTY, DAY),
        ("r:still", PLENTY, DAY),
        ("r:small", 3, DAY),
        ("r:one", 1, DAY),
        ("r:brief", PLENTY, 60),
        ("r:mixed", 4, 30),
        ("r:late", PLENTY, DAY),
        (SECRET, PLENTY, DAY),
    ]
    .map(rule)
    .into()
}

struct Generator {
    random: Random,
    calm: bool,
    clients: usize,
    next: usize,
    keys: usize,
}

impl Generator {
    fn step(&mut self, ops: &mut Vec<Op>) {
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
            38..60 => ops.push(self.open(client)),
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

    fn room(&mut self) -> &'static str {
        self.random.pick::<&'static str>(&ROOMS)
    }

    fn draft(&mut self) -> Draft {
        self.next += 1;
        let mut rooms = vec![match self.random.below(12) {
            0 => SECRET,
            1..6 => *self.random.pick(&["r:busy", "r:small", "r:mixed"]),
            _ => self.room(),
        }];
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
        Draft {
            number: self.next,
            rooms,
            padding,
            spaced: self.random.once_in(3),
        }
    }

    fn publish(&mut self) -> Op {
        let count = if self.random.once_in(3) {
            1 + self.random.below(9)
        } else {
            1
        };
        let events = (0..count).map(|_| self.draft()).collect();
        let key = self.random.once_in(6).then(|| {
            self.keys += 1;
            self.keys
        });
        Op::Publish {
            events,
            key,
            sender: self.random.once_in(8),
        }
    }

    /// More than the kernel takes for a client that does not read.
    fn flood(&mut self) -> Op {
        let mut events: Vec<_> = (0..80).map(|_| self.draft()).collect();
        events.iter_mut().for_each(|draft| draft.padding = 6000);
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
        ];
        let transport = match self.random.below(10) {
            0..3 => all[0],
            3..6 => all[1],
            6..8 => all[2],
            _ => all[3],
        };
        let first = match self.random.below(10) {
            0..5 => First::Now,
            5..7 => First::Earliest,
            7..9 => First::Rewind(1 + self.random.below(4)),
            _ => First::Unreadable,
        };
        let sources = [
            Source::Header,
            Source::Since,
            Source::Underscored,
            Source::CamelCase,
        ];
        Op::Open {
            client,
            transport,
            rooms: self.random.some(&ROOMS),
            secret: self.random.once_in(8),
            first,
            source: *self.random.pick(&sources),
            decoy: self.random.once_in(3),
            wait: if self.random.once_in(3) { 25 } else { 0 },
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

impl Draft {
    /// The event that shows at the end whether a room is awake.
    pub(super) fn call(number: usize, room: &str) -> Self {
        let rooms = ROOMS.into_iter().filter(|have| *have == room).collect();
        Self {
            number: 2_000_000 + number,
            rooms,
            padding: 0,
            spaced: false,
        }
    }

    /// The payload without insignificant white space: escapes, numbers and the order of keys are the publisher's.
    pub(super) fn data(&self) -> String {
        let pad = "x ".repeat(self.padding / 2);
        format!(
            r#"{{"n":{},"v":[1.50e1,-0,null],"s":"ü\u00e9\n\"{pad}","a":{{}}}}"#,
            self.number
        )
    }

    /// The payload as it is sent.
    pub(super) fn body(&self) -> String {
        match self.spaced {
            true => self.data().replacen(":[1.50e1,", " : [\n1.50e1 ,\t", 1),
            false => self.data(),
        }
    }

    /// The event's name.
    pub(super) fn event(&self) -> String {
        format!("made:{}", self.number % 3)
    }
}
