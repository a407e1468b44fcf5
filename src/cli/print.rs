//! The one door to standard output and, for people, to standard error.
//!
//! Written through handles because `println!` panics where the reader has gone (`gatecast key … | head -1`).

use std::fmt::Display;
use std::io::Write as _;

/// One line of what the command was asked for. A reader who has gone wants no more of it: that is no error.
pub(super) fn line(text: &dyn Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// One line about it, for people.
pub(super) fn complaint(text: &dyn Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
