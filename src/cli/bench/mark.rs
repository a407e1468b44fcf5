//! The mark that travels in a payload: which event of this run it is, and when it was sent.

use memchr::memmem::Finder;

use crate::model::time::Moment;

/// The shortest payload, in bytes: a mark alone.
pub(super) const LENGTH: usize = PREFIX + 8 + 16;
/// `@@` and the run.
const PREFIX: usize = 2 + 8;

/// Of which event of this run a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Counts from 0.
    pub(super) seq: u32,
    /// When it was sent.
    pub(super) sent: Moment,
}

/// The marks of one run. Those of other runs, which a room may still hold, are no marks to it.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    prefix: String,
    finder: Finder<'static>,
}

impl Marks {
    /// Those of the run that these random bits name.
    pub(super) fn of_run(bits: u64) -> Self {
        let prefix = format!("@@{:08x}", bits >> 32);
        let finder = Finder::new(prefix.as_bytes()).into_owned();
        Self { prefix, finder }
    }

    /// A payload of `size` bytes (or of [`LENGTH`], if that is more), of characters that JSON takes as they are.
    pub(super) fn payload(&self, mark: Mark, size: usize) -> String {
        let Mark { seq, sent } = mark;
        let text = format!("{}{seq:08x}{:016x}", self.prefix, sent.as_nanos());
        format!("{text:.<size$}")
    }

    /// The marks in `text`, in their order.
    pub(super) fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Mark> + 'a {
        self.finder
            .find_iter(text)
            .filter_map(|at| Mark::read(text.get(at + PREFIX..at + LENGTH)?))
    }
}

impl Mark {
    fn read(digits: &[u8]) -> Option<Self> {
        let (seq, nanos) = std::str::from_utf8(digits).ok()?.split_at_checked(8)?;
        let nanos = u64::from_str_radix(nanos, 16).ok()?;
        Some(Self {
            seq: u32::from_str_radix(seq, 16).ok()?,
            sent: Moment::from_origin(std::time::Duration::from_nanos(nanos)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn mark(seq: u32) -> Mark {
        Mark {
            seq,
            sent: Moment::from_origin(Duration::from_nanos(u64::from(seq) * 1_000_003)),
        }
    }

    fn found(marks: &Marks, text: &str) -> Vec<Mark> {
        marks.find(text.as_bytes()).collect()
    }

    #[test]
    fn every_mark_of_the_run_is_found_whatever_is_around_it() {
        let marks = Marks::of_run(7 << 32);
        let texts = [0, 1, u32::MAX].map(|seq| marks.payload(mark(seq), 100));
        assert!(texts.iter().all(|text| text.len() == 100));
        let stream = format!(
            "data: {{\"data\":\"{}\"}}\n\n@@{}@{}",
            texts[0], texts[1], texts[2]
        );
        assert_eq!(found(&marks, &stream), [mark(0), mark(1), mark(u32::MAX)]);
    }

    #[test]
    fn a_payload_is_never_shorter_than_its_mark() {
        let marks = Marks::of_run(7 << 32);
        assert_eq!(marks.payload(mark(3), 5).len(), LENGTH);
    }

    #[test]
    fn another_runs_mark_and_half_a_mark_are_none() {
        let marks = Marks::of_run(7 << 32);
        let text = marks.payload(mark(3), LENGTH);
        assert_eq!(found(&Marks::of_run(8 << 32), &text), []);
        assert_eq!(found(&marks, &text[..LENGTH - 1]), []);
        assert_eq!(found(&marks, &text.replace("000", "é0")), []);
    }
}
