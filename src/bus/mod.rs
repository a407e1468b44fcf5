//! L2: the log that is the bus, and those who wait for it.
//!
//! A subscriber is a cursor: events live once, in one bounded ordered [`log`], and a stream pulls from its
//! position. Whoever has nothing to read registers with [`wake`] and is told when one of its rooms grows.

pub mod confirmations;
pub mod decrees;
pub mod floors;
pub mod history;
pub mod idempotency;
mod keeping;
pub mod log;
mod memory;
mod models;
pub mod moves;
#[cfg(any(test, fuzzing))]
pub(crate) mod naive;
mod presence;
pub mod reader;
pub mod rooms;
mod settings;
pub mod state;
mod subscription;
mod survey;
#[cfg(test)]
mod tests;
pub mod wake;
pub mod windows;

pub use memory::{Bus, Published};
pub use settings::{Deliver, History, Overflow, Policy, Settings, StateBounds};
pub use subscription::{Joining, Opened, Past, Subscription};
