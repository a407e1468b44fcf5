//! From a script that fails to one that fails with fewer operations.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::checker::{Complaint, Kind};
use super::record::Record;
use super::script::Script;

/// A script that was played, and what is wrong with it.
pub(super) struct Outcome {
    pub(super) script: Script,
    pub(super) complaints: Vec<Complaint>,
    pub(super) record: Record,
}

/// Shrinking ends after so long, with the best that was found.
const PATIENCE: Duration = Duration::from_secs(45);

/// Drops operations, many at a time and then fewer, while `run` goes on failing in the same way.
pub(super) fn shrink(
    first: Outcome,
    most: usize,
    mut run: impl FnMut(&Script) -> Outcome,
) -> Outcome {
    #[allow(
        clippy::disallowed_methods,
        reason = "how long a person waits is no matter of the gateway's clock"
    )]
    let begin = Instant::now();
    let kind = first.complaints.first().map(|complaint| complaint.kind);
    let (mut best, mut runs, mut width) = (first, 0, usize::MAX);
    while width > 0 {
        width = width.min(best.script.ops.len() / 2).max(1);
        let mut at = 0;
        let mut progress = false;
        while at < best.script.ops.len() && runs < most && begin.elapsed() < PATIENCE {
            runs += 1;
            let end = (at + width).min(best.script.ops.len());
            let outcome = run(&best.script.without(at, end));
            if outcome.has(kind) {
                (best, progress) = (outcome, true);
            } else {
                at = end;
            }
        }
        if !progress || runs >= most || begin.elapsed() >= PATIENCE {
            width = if width == 1
                || runs >= most
                || begin.elapsed() >= PATIENCE
                || begin.elapsed() >= PATIENCE
            {
                0
            } else {
                width / 2
            };
        }
    }
    best
}

impl Outcome {
    fn has(&self, kind: Option<Kind>) -> bool {
        self.complaints
            .iter()
            .any(|complaint| Some(complaint.kind) == kind)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!(
            "seed {} ({} operations after shrinking)\n",
            self.script.seed,
            self.script.ops.len()
        );
        for complaint in self.complaints.iter().take(5) {
            let _ = writeln!(text, "  {complaint}");
        }
        for op in &self.script.ops {
            let _ = writeln!(text, "  op {op:?}");
        }
        for (step, entry) in self.record.log.iter().enumerate() {
            let _ = writeln!(text, "  log {} {entry:?}", step + 1);
        }
        for (client, happenings) in self.record.clients.iter().enumerate() {
            for happening in happenings {
                let _ = writeln!(
                    text,
                    "  client {client} at {} {:?}",
                    happening.step, happening.what
                );
            }
        }
        // Padding says nothing.
        while let Some(at) = text.find("x x x x ") {
            let end = text[at..]
                .find(|c| c != 'x' && c != ' ')
                .map_or(text.len(), |length| at + length);
            text.replace_range(at..end, "(pad)");
        }
        f.write_str(&text)
    }
}
