//! The `gatecast` command.
fn main() {}
