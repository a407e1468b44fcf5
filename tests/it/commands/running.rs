//! A command that goes on for a while, and what it says meanwhile.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::support::secrets::{WATCH, nothing_was_shown};

/// For what takes milliseconds, or a pause of a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// It is killed when the test ends without ending it.
pub(crate) struct Running {
    child: Child,
    out: Lines,
    err: Lines,
}

/// Lines as they come; a test that waits for ever for one fails.
struct Lines(Receiver<String>);

impl Lines {
    fn of(reader: impl Read + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            let mut reader = BufReader::new(reader);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        Self(lines)
    }

    /// The next line, with its end; empty where there is none.
    fn next(&self) -> String {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => String::new(),
            Err(RecvTimeoutError::Timeout) => panic!("waited {PATIENCE:?} for a line"),
        }
    }

    fn rest(&self) -> String {
        let rest = std::iter::repeat_with(|| self.next());
        rest.take_while(|line| !line.is_empty()).collect()
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let err = Lines::of(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Where a gateway listens: its first line, without the scheme.
    pub(crate) fn address(&self) -> String {
        let line = self.prints();
        let url = line.trim_end().strip_prefix("listening on ");
        let address = url.and_then(|url| url.split_once("://"));
        let (_, address) = address.unwrap_or_else(|| panic!("{line:?}"));
        address.to_owned()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// The next line on standard output; empty at its end.
    pub(crate) fn prints(&self) -> String {
        self.out.next()
    }

    /// The next line on standard error; empty at its end.
    pub(crate) fn says(&self) -> String {
        let line = self.err.next();
        WATCH.search("standard error", line.as_bytes());
        line
    }

    /// The next line on standard error that holds `text`.
    pub(crate) fn says_that(&self, text: &str) -> String {
        loop {
            let line = self.says();
            assert!(!line.is_empty(), "it never said {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// How it ended, and what else it said on standard error.
    pub(crate) fn ended(&mut self) -> (Option<i32>, String) {
        let said = self.err.rest();
        WATCH.search("standard error", said.as_bytes());
        nothing_was_shown();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        WATCH.search("standard error", self.err.rest().as_bytes());
        nothing_was_shown();
    }
}
