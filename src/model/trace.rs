//! Which trace of a distributed system a request is part of (W3C Trace Context, level 1).

use std::fmt;

/// `traceparent` (§3.2): the trace, and the operation in it that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    parent: [u8; 8],
    flags: u8,
}

/// The id of a whole trace: 16 bytes, not all of them zero. It is shown in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// The length of version 00, and of what a later version begins with, in bytes.
const LENGTH: usize = 55;
/// The flag that says that whoever asks may record the trace (§3.2.2.5.1).
const SAMPLED: u8 = 1;

impl TraceParent {
    /// Reads the header's value; nothing where it is malformed: then the trace begins anew (§4.3). Of a version later
    /// than 00 what it has in common with that is read (§3.2.4).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (common, rest) = text.split_at_checked(LENGTH)?;
        let mut parts = common.split('-');
        let mut next = || parts.next();
        let (version, trace, parent, flags) = (next()?, next()?, next()?, next()?);
        let [version] = hexadecimal(version)?;
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let (trace, parent) = (hexadecimal(trace)?, hexadecimal(parent)?);
        let [flags] = hexadecimal(flags)?;
        let is_one = is_known && parts.next().is_none() && trace != [0; 16] && parent != [0; 8];
        is_one.then_some(Self {
            trace: TraceId(trace),
            parent,
            flags,
        })
    }

    /// What an operation of ours in the same trace passes on: itself as the one that asks.
    #[must_use]
    pub const fn of(self, operation: [u8; 8]) -> Self {
        Self {
            parent: operation,
            ..self
        }
    }

    /// The trace.
    #[must_use]
    pub const fn trace(&self) -> TraceId {
        self.trace
    }

    /// The operation that asks.
    #[must_use]
    pub const fn parent(&self) -> [u8; 8] {
        self.parent
    }

    /// Whether whoever asks may record the trace.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl TraceId {
    /// Its bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// So many bytes in lower-case hexadecimal.
fn hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() != 2 * N || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; N];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

fn show(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, &self.0)
    }
}

impl fmt::Display for TraceParent {
    /// As the header has it, in version 00, whose only flag is the first (§4.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-", self.trace)?;
        show(f, &self.parent)?;
        write!(f, "-{:02x}", self.flags & SAMPLED)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_and_written_as_it_was() {
        let read = TraceParent::parse(GOOD).unwrap();
        assert_eq!(read.trace().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((read.parent()[1], read.is_sampled()), (0xf0, true));
        assert_eq!(read.to_string(), GOOD);
        let ours = "00-4bf92f3577b34da6a3ce929d0e0e4736-0102030405060708-01";
        assert_eq!(read.of([1, 2, 3, 4, 5, 6, 7, 8]).to_string(), ours);
    }

    #[test]
    fn a_later_version_may_say_more_and_only_flags_that_are_known_go_on() {
        let read = |text: &str| TraceParent::parse(text).map(|read| read.to_string());
        let later = GOOD.replacen("00", "cc", 1);
        assert_eq!(read(&later).as_deref(), Some(GOOD));
        assert_eq!(
            read(&format!("{later}-what-the-future")).as_deref(),
            Some(GOOD)
        );
        assert_eq!(read(&format!("{later}.what")), None);
        let flags = GOOD.replace("-01", "-09");
        assert_eq!(read(&flags).as_deref(), Some(GOOD));
        let none = GOOD.replace("-01", "-02");
        assert!(!TraceParent::parse(&none).unwrap().is_sampled());
    }

    #[test]
    fn what_is_malformed_is_none() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            " 0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902-b7-01",
            "0ü-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_reads_as_itself(text in "[0-9a-f-]{50,60}|\\PC{0,60}") {
            if let Some(read) = TraceParent::parse(&text) {
                prop_assert_eq!(TraceParent::parse(&read.to_string()).map(|again| again.trace()), Some(read.trace()));
            }
        }
    }
}
