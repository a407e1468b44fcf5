//! The one door to standard output and, for people, to standard error.
//!
//! Written through handles because `println!` panics where the reader has gone (`gatecast key … | head -1`).

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::unix::pipe;

/// Whether something that the command was asked for could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// One line of what the command was asked for. A reader who has gone wants no more of it: that is no error. Any other
/// fault, a full disk mostly, is told, and makes the command one that failed.
pub(super) fn line(text: &dyn Display) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) => {
            complaint(&format!("standard output cannot be written: {why}"));
        }
        Ok(()) | Err(_) => {}
    }
}

/// How a command ended: not well, if something of what it was asked for could not be written.
#[must_use]
pub fn settled(exit: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    exit
}

/// One line about it, for people.
pub(super) fn complaint(text: &dyn Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Standard output for a command that goes on for long: a write that blocks, because the reader is a pager or slow,
/// holds up nothing else.
pub(super) struct Output {
    out: tokio::io::Stdout,
    /// What was given and has not been taken yet.
    rest: Vec<u8>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            out: tokio::io::stdout(),
            rest: Vec::new(),
        }
    }

    /// Writes whole lines, and returns when they are out. Dropped before that, it goes on with the next call.
    pub(super) async fn write(&mut self, lines: &str) -> std::io::Result<()> {
        self.rest.extend_from_slice(lines.as_bytes());
        while !self.rest.is_empty() {
            let count = self.out.write(&self.rest).await?;
            self.rest.drain(..count);
        }
        self.out.flush().await
    }
}

/// Returns when the reader of standard output has gone, also while there is nothing to write; never where output goes
/// to a file.
pub(super) async fn reader_gone() {
    // Looked at and never written to, so that nothing depends on its blocking mode, which others share.
    let watched = std::io::stdout().as_fd().try_clone_to_owned();
    match watched.and_then(pipe::Sender::from_owned_fd_unchecked) {
        Ok(output) if output.ready(Interest::ERROR).await.is_ok() => {}
        Ok(_) | Err(_) => std::future::pending().await,
    }
}
