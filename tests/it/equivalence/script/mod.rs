//! Random scripts: what publishers, clients, the clock and the operator do, one thing after the other.

mod draft;
mod generator;
mod rules;

pub(super) use draft::{Draft, Except, Options, Retain};
pub(super) use rules::{Deliver, LATEST, ROOMS, Rule, SECRET, has_windows, is_watched};

use super::random::Random;
use super::record::Transport;
use generator::Generator;
pub(super) use generator::PRINCIPALS;

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
        /// Whether retained values are wanted first.
        snapshot: bool,
        /// The name that the client gives itself here.
        origin: Option<&'static str>,
        /// Whether a client that was cut from Socket.IO comes back by it.
        back: bool,
        /// After so many bytes of the answer to one of its joins it is cut, where it joins rooms one by one.
        cut: Option<usize>,
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
        /// Whether retained values are wanted first, where it joins from now.
        snapshot: bool,
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
    /// Whether rooms have policies, and publishes options.
    pub(super) policies: bool,
    pub(super) total: usize,
    pub(super) rules: Vec<Rule>,
    pub(super) clients: usize,
    pub(super) ops: Vec<Op>,
}

impl Script {
    /// The script of this seed; every fourth is calm, and two of five are of rooms without policies, which are fewer.
    pub(super) fn of(seed: u64) -> Self {
        let policies = seed % 5 > 1;
        let mut random = Random::new(seed);
        let calm = seed.is_multiple_of(4);
        let small = !calm && random.once_in(4);
        let total = match (small, policies) {
            (false, _) => rules::PLENTY,
            (true, false) => 12,
            // One turn of the clock makes several events, and whoever reads at once must find them.
            (true, true) => 30,
        };
        let clients = 1 + random.below(3);
        let count = 20 + random.below(40);
        let mut source = Generator::new(random, calm, clients, pool(policies, small));
        let mut ops = Vec::new();
        for _ in 0..count {
            source.step(&mut ops);
        }
        Self {
            seed,
            calm,
            policies,
            total,
            rules: rules::rules(calm, policies),
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

/// The rooms of a script. What an event that is superseded, outlived or in a window counts against the bound of a
/// small log is the log's own affair, so scripts with such a log have none.
fn pool(policies: bool, small: bool) -> &'static [&'static str] {
    match (policies, small) {
        (false, _) => &ROOMS[..rules::PLAIN],
        (true, true) => &ROOMS[..rules::HOLDING],
        (true, false) => &ROOMS,
    }
}
