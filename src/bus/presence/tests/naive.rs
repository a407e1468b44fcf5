//! The registry against a naive model, at random operations.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{ALL, GRACE, at, people, registry, room, settings};
use crate::bus::presence::registry::{Life, Registry};
use crate::model::event::NewEvent;
use crate::wire::presence::{Page, Shown};

#[derive(Clone, Debug)]
enum Op {
    Open { room: usize, who: usize },
    Drop { stream: usize },
    Touch { room: usize, who: usize },
    Advance { millis: u64 },
    Expire,
    Reload { said: bool },
}

const ROOMS: [&str; 5] = ["t:0", "t:1", "z", "s", "untracked"];

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (room, who) = (0..ROOMS.len(), 0..people().len());
    let op = prop_oneof![
        5 => (room.clone(), who.clone()).prop_map(|(room, who)| Op::Open { room, who }),
        5 => (0..50_usize).prop_map(|stream| Op::Drop { stream }),
        1 => (room, who).prop_map(|(room, who)| Op::Touch { room, who }),
        4 => prop_oneof![Just(GRACE), Just(GRACE - 1), 1..5000_u64]
            .prop_map(|millis| Op::Advance { millis }),
        1 => Just(Op::Expire),
        1 => any::<bool>().prop_map(|said| Op::Reload { said }),
    ];
    prop::collection::vec(op, 1..150)
}

/// Who is where, by the words of the page: somebody is in a room as long as it has a stream there, and for the grace
/// after the last one.
#[derive(Default)]
struct Naive {
    said: bool,
    /// Since when, and where no stream is left: when the last one went.
    there: BTreeMap<(usize, usize), (u64, usize, u64)>,
    joins: BTreeMap<usize, usize>,
}

impl Naive {
    fn grace(&self, room: usize) -> Option<u64> {
        match ROOMS[room] {
            "s" => self.said.then_some(GRACE),
            "z" => Some(0),
            "untracked" => None,
            _ => Some(GRACE),
        }
    }

    fn forget(&mut self, now: u64) {
        let grace = |room: usize| match ROOMS[room] {
            "z" => 0,
            _ => GRACE,
        };
        self.there
            .retain(|(room, _), (_, streams, gone)| *streams > 0 || now < *gone + grace(*room));
    }

    fn open(&mut self, room: usize, who: usize, now: u64) -> bool {
        self.forget(now);
        if self.grace(room).is_none() {
            return false;
        }
        let joins = self.joins.entry(room).or_default();
        let (_, streams, _) = self.there.entry((room, who)).or_insert_with(|| {
            *joins += 1;
            (now, 0, now)
        });
        *streams += 1;
        true
    }

    fn close(&mut self, room: usize, who: usize, now: u64) {
        if let Some((_, streams, gone)) = self.there.get_mut(&(room, who)) {
            *streams -= 1;
            *gone = now;
        }
        self.forget(now);
    }

    fn reload(&mut self, said: bool) {
        self.said = said;
        if !said {
            self.there.retain(|(room, _), _| ROOMS[*room] != "s");
        }
    }
}

/// What who reads the companion from its start believes.
#[derive(Default)]
struct Replay {
    there: BTreeMap<String, BTreeSet<String>>,
    joins: BTreeMap<String, usize>,
}

impl Replay {
    fn take(&mut self, event: &NewEvent) {
        let room = event.rooms[0].tells_of().unwrap().to_owned();
        let who = event.data.as_str().to_owned();
        let there = self.there.entry(room.clone()).or_default();
        match event.name.as_str() {
            "presence:join" => {
                assert!(there.insert(who.clone()), "{who} joins {room} twice");
                *self.joins.entry(room).or_default() += 1;
            }
            _ => assert!(there.remove(&who), "{who} leaves {room} and is not there"),
        }
    }

    fn of(&self, room: &str) -> BTreeSet<String> {
        self.there.get(room).cloned().unwrap_or_default()
    }
}

/// As the companion's events name them.
fn names(page: &Page) -> BTreeSet<String> {
    let named = page.members.iter().map(|member| member.who.to_data());
    named.map(|data| data.as_str().to_owned()).collect()
}

/// A stream: where, who, and the place that the registry gave it.
type Held = (usize, usize, Option<Life>, bool);

struct World {
    registry: Registry,
    naive: Naive,
    replay: Replay,
    streams: Vec<Held>,
    now: u64,
}

impl World {
    fn new() -> Self {
        Self {
            registry: registry(),
            naive: Naive {
                said: true,
                ..Naive::default()
            },
            replay: Replay::default(),
            streams: Vec::new(),
            now: 1,
        }
    }

    fn take(&mut self, op: &Op) {
        match *op {
            Op::Open { room, who } => {
                let held = self.open(room, who);
                self.streams.push(held);
            }
            Op::Drop { .. } if self.streams.is_empty() => {}
            Op::Drop { stream } => {
                let held = self.streams.swap_remove(stream % self.streams.len());
                self.close(held);
            }
            Op::Touch { room, who } => {
                let held = self.open(room, who);
                self.close(held);
            }
            Op::Advance { millis } => self.now += millis,
            Op::Expire => while self.registry.expire(at(self.now).moment) {},
            Op::Reload { said } => self.reload(said),
        }
        let news = self.registry.take_news();
        news.iter().for_each(|event| self.replay.take(event));
    }

    fn open(&mut self, place: usize, who: usize) -> Held {
        let person = &people()[who];
        let life = self
            .registry
            .arrive(&room(ROOMS[place]), person, at(self.now));
        let counts = self.naive.open(place, who, self.now);
        assert_eq!(life.is_some(), counts);
        (place, who, life, counts)
    }

    fn close(&mut self, (place, who, life, counts): Held) {
        if let Some(life) = life {
            let person = &people()[who];
            self.registry
                .depart(&room(ROOMS[place]), life, person, at(self.now));
        }
        if counts {
            self.naive.close(place, who, self.now);
        }
    }

    /// Whoever is forgotten by a reload has said no leave.
    fn reload(&mut self, said: bool) {
        self.registry.configure(settings(said));
        self.naive.reload(said);
        if !said {
            self.replay.there.remove("s");
            for (place, .., counts) in &mut self.streams {
                *counts &= ROOMS[*place] != "s";
            }
        }
    }

    fn agrees(&mut self) {
        self.naive.forget(self.now);
        for (index, name) in ROOMS.into_iter().enumerate() {
            let page = self
                .registry
                .page(&room(name), None, ALL, at(self.now).moment);
            let news = self.registry.take_news();
            news.iter().for_each(|event| self.replay.take(event));
            assert_eq!(page.is_some(), self.naive.grace(index).is_some(), "{name}");
            let page = page.unwrap_or_default();
            let own: Vec<_> = self
                .naive
                .there
                .iter()
                .filter(|((room, _), _)| *room == index)
                .collect();
            let expected: BTreeMap<String, (u64, usize)> = own
                .into_iter()
                .map(|((_, who), (since, streams, _))| {
                    let shown = Shown::of(&people()[*who]);
                    (shown.to_data().as_str().to_owned(), (*since, *streams))
                })
                .collect();
            let found: BTreeMap<String, (u64, usize)> = page
                .members
                .iter()
                .map(|one| {
                    (
                        one.who.to_data().as_str().to_owned(),
                        (one.since.0, one.streams),
                    )
                })
                .collect();
            assert_eq!(found, expected, "{name}");
            assert_eq!(page.count, expected.len());
            assert_eq!(names(&page), self.replay.of(name), "{name}");
            let joins = self.naive.joins.get(&index).copied().unwrap_or_default();
            let told = self.replay.joins.get(name).copied().unwrap_or_default();
            assert_eq!(told, joins, "joins of {name}");
        }
    }
}

proptest! {
    #[test]
    fn who_is_there_is_what_the_naive_model_says_and_what_the_companion_tells(ops in ops()) {
        let mut world = World::new();
        for op in &ops {
            world.take(op);
            world.agrees();
        }
        while let Some(held) = world.streams.pop() {
            world.close(held);
        }
        world.now += GRACE;
        while world.registry.expire(at(world.now).moment) {}
        world.take(&Op::Expire);
        world.agrees();
        assert!(world.registry.is_empty());
    }

    // A look settles what is due; without one in between nothing is told early or twice.
    #[test]
    fn what_nobody_looks_at_comes_out_the_same(ops in ops()) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.take(op));
        world.agrees();
    }
}
