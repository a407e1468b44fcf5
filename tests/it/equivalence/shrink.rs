//! From a script that fails to one that fails with fewer operations.

use std::fmt::Write as _;

use super::checker::{Complaint, Kind};
use super::record::Record;
use super::script::Script;

/// A failure, as it is printed.
pub(super) struct Failure {
    pub(super) script: Script,
    pub(super) complaints: Vec<Complaint>,
    pub(super) record: Record,
}

/// Drops operations, many at a time and then fewer, while `run` goes on failing in the same way.
pub(super) fn shrink(
    first: Failure,
    most: usize,
    mut run: impl FnMut(&Script) -> Option<Failure>,
) -> Failure {
    let kind = first.complaints.first().map(|complaint| complaint.kind);
    let (mut best, mut runs, mut width) = (first, 0, usize::MAX);
    while width > 0 {
        width = width.min(best.script.ops.len() / 2).max(1);
        let mut at = 0;
        let mut progress = false;
        while at < best.script.ops.len() && runs < most {
            runs += 1;
            let end = (at + width).min(best.script.ops.len());
            match run(&best.script.without(at, end)).filter(|failure| failure.has(kind)) {
                Some(failure) => (best, progress) = (failure, true),
                None => at = end,
            }
        }
        if !progress || runs >= most {
            width = if width == 1 || runs >= most {
                0
            } else {
                width / 2
            };
        }
    }
    best
}

impl Failure {
    fn has(&self, kind: Option<Kind>) -> bool {
        self.complaints
            .iter()
            .any(|complaint| Some(complaint.kind) == kind)
    }
}

impl std::fmt::Display for Failure {
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
