//! L1, pure: token buckets and bounded tables.

pub mod bucket;
