//! Leaf: the only clock, the only spawn, and the one way to stop.

pub mod clock;
pub mod drain;
pub mod hanging;
pub mod live;
pub mod random;
pub mod tasks;
pub mod worker;
