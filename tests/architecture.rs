//! The layers of the crate.
