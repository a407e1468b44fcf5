//! The log against its naive model, at operations that a fuzzer chooses.

use arbitrary::{Result, Unstructured};

use crate::bus::naive::{Begin, OPEN, Op, ROOMS, assert_agree};

/// Choices that make operations.
pub fn log(data: &[u8]) {
    let choices = &mut Unstructured::new(data);
    let mut ops = Vec::new();
    // Choices that run out end the operations.
    while !choices.is_empty()
        && ops.len() < MOST
        && let Ok(op) = op(choices)
    {
        ops.push(op);
    }
    assert_agree(&ops);
}

/// So many operations evict whatever is held a few times over.
const MOST: usize = 1000;

fn op(choices: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match choices.int_in_range(0..=11)? {
        0..=3 => Op::Append {
            rooms: some(choices, ROOMS)?,
            size: choices.int_in_range(2..=900)?,
            ttl: choices.int_in_range(0..=1200)?,
        },
        4 => Op::Advance {
            seconds: choices.int_in_range(0..=1200)?,
        },
        5 => Op::Open {
            rooms: some(choices, ROOMS)?,
            start: begin(choices)?,
        },
        6..=8 => Op::Read {
            reader: reader(choices)?,
            events: choices.int_in_range(1..=6)?,
            bytes: choices.int_in_range(1..=2000)?,
        },
        9 => Op::Join {
            reader: reader(choices)?,
            room: one(choices, ROOMS)?,
        },
        10 => Op::Leave {
            reader: reader(choices)?,
            room: one(choices, ROOMS)?,
        },
        _ => Op::Purge {
            room: one(choices, ROOMS)?,
        },
    })
}

/// One to all rooms that are no companions, each once.
pub(super) fn rooms(choices: &mut Unstructured<'_>) -> Result<Vec<usize>> {
    some(choices, OPEN)
}

pub(super) fn room(choices: &mut Unstructured<'_>) -> Result<usize> {
    one(choices, OPEN)
}

/// One to all of so many: the bits of a number.
fn some(choices: &mut Unstructured<'_>, rooms: usize) -> Result<Vec<usize>> {
    let bits: usize = choices.int_in_range(1..=(1 << rooms) - 1)?;
    Ok((0..rooms).filter(|room| bits >> room & 1 == 1).collect())
}

fn one(choices: &mut Unstructured<'_>, rooms: usize) -> Result<usize> {
    choices.int_in_range(0..=rooms - 1)
}

fn reader(choices: &mut Unstructured<'_>) -> Result<usize> {
    choices.int_in_range(0..=8)
}

fn begin(choices: &mut Unstructured<'_>) -> Result<Begin> {
    Ok(match choices.int_in_range(0..=4)? {
        0 => Begin::Now,
        1 => Begin::At(choices.int_in_range(0..=60)?),
        2 => Begin::Foreign,
        3 => Begin::Earliest,
        _ => Begin::Newest(choices.int_in_range(1..=5)?),
    })
}
