//! L1, pure: token buckets, bounded tables of them, and counts of what is open.

pub mod address;
pub mod bucket;
pub mod counts;
mod limiter;
pub mod table;

pub use limiter::{Held, Limiter, Payer};
pub mod seldom;
