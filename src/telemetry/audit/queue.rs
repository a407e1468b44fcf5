//! Between those who record and the one who writes.
//!
//! Who records never waits: the queue has a bound, and what does not fit is dropped and counted. The writer takes all
//! that has come and writes it at once.

use std::io::{self, Write as _};

use tokio::sync::{mpsc, oneshot};

use super::Destination;
use super::file::File;
use crate::telemetry::metrics::Lines;
use crate::telemetry::metrics::labels;

/// Lines that may wait: two herds of eight thousand, some 6 MB.
const WAITING: usize = 16 * 1024;
/// Lines of one write, some 100 KB.
const AT_ONCE: usize = 256;

enum Item {
    Line(Box<str>),
    Flush(oneshot::Sender<()>),
}

/// Where lines are put.
pub(super) struct Queue {
    items: mpsc::Sender<Item>,
    lines: Lines,
}

/// Writes what is put there. It blocks, and so wants a thread of its own.
pub struct Writer {
    items: mpsc::Receiver<Item>,
    output: Output,
    lines: Lines,
    /// Whether the last write failed: that is said once, and not for each.
    fails: bool,
}

enum Output {
    Stderr,
    File(File),
}

/// A queue, and who writes what is put there to `destination`.
pub(super) fn open(destination: &Destination, lines: Lines) -> io::Result<(Queue, Writer)> {
    let output = match destination {
        Destination::File(path) => Output::File(File::open(path)?),
        Destination::Stderr | Destination::Tracing => Output::Stderr,
    };
    let (sender, items) = mpsc::channel(WAITING);
    let queue = Queue {
        items: sender,
        lines: lines.clone(),
    };
    let writer = Writer {
        items,
        output,
        lines,
        fails: false,
    };
    Ok((queue, writer))
}

impl Queue {
    pub(super) fn put(&self, line: String) {
        if self.items.try_send(Item::Line(line.into())).is_err() {
            self.lines.count(labels::Line::Dropped, 1);
        }
    }

    pub(super) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.items.send(Item::Flush(done)).await.is_ok() {
            // Where the writer has ended, nothing is written any more.
            let _ = wait.await;
        }
    }
}

impl Writer {
    /// Writes until nobody can record any more.
    pub async fn run(mut self) {
        let mut items = Vec::with_capacity(AT_ONCE);
        while self.items.recv_many(&mut items, AT_ONCE).await > 0 {
            let (mut text, mut count, mut flushed) = (String::new(), 0, Vec::new());
            for item in items.drain(..) {
                match item {
                    Item::Line(line) => {
                        text.push_str(&line);
                        count += 1;
                    }
                    Item::Flush(done) => flushed.push(done),
                }
            }
            if count > 0 {
                self.write(&text, count);
            }
            flushed.into_iter().for_each(|done| _ = done.send(()));
        }
    }

    fn write(&mut self, text: &str, count: usize) {
        let written = match &mut self.output {
            Output::Stderr => io::stderr().lock().write_all(text.as_bytes()),
            Output::File(file) => file.append(text),
        };
        match written {
            Ok(()) => {
                self.lines.count(labels::Line::Written, count);
                self.fails = false;
            }
            Err(error) => {
                self.lines.count(labels::Line::Failed, count);
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::error!(%error, "the audit log cannot be written: its lines are lost until it can be");
                }
            }
        }
    }
}
