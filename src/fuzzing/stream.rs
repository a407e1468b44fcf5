//! Streams over a small log, at whatever a fuzzer lets happen: publishes, joins, slow readers, cuts, resumes on another
//! transport, messages, credentials that end, purges, time.
//!
//! The engine is the one that the transports run. Judged is what it writes, against the promises: each due event once
//! and in order or a gap that covers exactly what is missing, a cursor that steps over nothing, one answer for each
//! name, nothing after the end.

mod connection;
mod ledger;
mod record;
mod who;
mod world;

use std::time::Duration;

use arbitrary::{Result, Unstructured};

use super::log::{room, rooms};
use crate::bus::naive::{epoch, name};
use crate::model::position::{Epoch, Position};
use crate::model::start::Start;
use crate::model::transport::Transport;
use connection::Sent;
use ledger::Asked;
use who::Who;
use world::{Begin, World};

/// Choices that make what happens.
pub fn stream(data: &[u8]) {
    let choices = &mut Unstructured::new(data);
    let mut world = World::new();
    // Choices that run out end the story.
    while !choices.is_empty() && world.ages() < MOST && happen(&mut world, choices).is_ok() {}
    world.settle();
}

/// So much happens at most.
const MOST: usize = 400;

fn happen(world: &mut World, choices: &mut Unstructured<'_>) -> Result<()> {
    let client = choices.int_in_range(0..=world::CLIENTS - 1)?;
    match choices.int_in_range(0..=15)? {
        0..=3 => world.publish(rooms(choices)?, choices.int_in_range(2..=900)?),
        4 | 5 => {
            let (transport, who) = (transport(choices)?, *choices.choose(&Who::ALL)?);
            let begin = begin(choices)?;
            let named = choices
                .arbitrary::<bool>()?
                .then(|| rooms(choices))
                .transpose()?;
            world.connect(client, transport, who, begin, named);
        }
        6 => world.cut(client),
        7 | 8 => world.receive(client, choices.int_in_range(1..=9)?),
        9..=12 => {
            let reference = world.reference();
            let sent = sent(world, reference, choices)?;
            world.send(client, sent);
        }
        13 | 14 => {
            let millis = choices.int_in_range(1..=40_000)?;
            world.advance(Duration::from_millis(millis));
        }
        _ => match choices.int_in_range(0..=15)? {
            0 => world.drain(),
            _ => world.purge(room(choices)?),
        },
    }
    world.pump();
    Ok(())
}

/// A position that clients are told is one of this log.
fn assert_tells_position(position: Position) {
    assert_eq!(position.epoch, epoch());
}

fn transport(choices: &mut Unstructured<'_>) -> Result<Transport> {
    let streams = [Transport::WebSocket, Transport::Sse];
    choices.choose(&streams).copied()
}

fn begin(choices: &mut Unstructured<'_>) -> Result<Begin> {
    Ok(match choices.int_in_range(0..=8)? {
        0..=3 => Begin::Resume,
        4 => Begin::Silent,
        5 => Begin::From(Start::Newest(choices.int_in_range(1..=5)?)),
        _ => Begin::From(start(choices)?),
    })
}

/// A start that a client may also join a room from.
fn start(choices: &mut Unstructured<'_>) -> Result<Start> {
    Ok(match choices.int_in_range(0..=4)? {
        0 => Start::Now,
        1 => Start::Earliest,
        2 => Start::At(FOREIGN),
        _ => Start::At(record::position(choices.int_in_range(0..=60)?)),
    })
}

/// A position of a life of the log that left nothing behind.
const FOREIGN: Position = Position {
    epoch: Epoch::from_random(2),
    seq: 3,
};

fn sent(world: &World, reference: i64, choices: &mut Unstructured<'_>) -> Result<Sent> {
    let message = |fields: String, asked| {
        let text = format!(r#"{{"ref":{reference},{fields}}}"#);
        Sent::Message(text, Some((reference, asked)), None)
    };
    Ok(match choices.int_in_range(0..=11)? {
        0..=2 => {
            let (room, start) = (room(choices)?, start(choices)?);
            let since = match start {
                Start::At(position) => format!(r#","since":"{position}""#),
                Start::Earliest => r#","since":"earliest""#.into(),
                Start::Now | Start::Unreadable | Start::Newest(_) => String::new(),
            };
            let fields = format!(r#""type":"subscribe","room":"{}"{since}"#, name(room));
            message(fields, Asked::Subscribe(room, start))
        }
        3 | 4 => {
            let room = room(choices)?;
            let fields = format!(r#""type":"unsubscribe","room":"{}""#, name(room));
            message(fields, Asked::Unsubscribe(room))
        }
        5..=7 => {
            let (rooms, size) = (rooms(choices)?, choices.int_in_range(2..=900)?);
            let names: Vec<_> = rooms.iter().map(|&room| name(room)).collect();
            let names = serde_json::to_string(&names).unwrap();
            let data = record::text(size);
            let named = choices.arbitrary::<bool>()?;
            let name = if named {
                format!(r#""ref":{reference},"#)
            } else {
                String::new()
            };
            let text = format!(
                r#"{{{name}"type":"publish","rooms":{names},"event":"e","data":"{data}"}}"#
            );
            Sent::Message(
                text,
                named.then_some((reference, Asked::Other)),
                Some((rooms, size)),
            )
        }
        8 => {
            let who = *choices.choose(&[Who::Key, Who::Token, Who::Stranger])?;
            let token = who.credential(world.unix()).unwrap_or_default();
            let fields = format!(r#""type":"auth","token":"{token}""#);
            message(fields, Asked::Auth(who))
        }
        9 => message(r#""type":"ping""#.into(), Asked::Other),
        10 => choices
            .choose(&[Sent::Ping, Sent::Pong, Sent::Binary])?
            .clone(),
        _ => Sent::Message(format!("!{}", choices.arbitrary::<&str>()?), None, None),
    })
}
