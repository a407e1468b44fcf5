//! Which limits were met.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::family::Family;
use super::labels::Label;
use crate::model::code::Refusal;

/// A limit that time or another client's leaving heals. The names that `limits.events` lists are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit(usize);

/// By their keys in the configuration.
const KEYS: [&str; 9] = [
    "connections",
    "per_ip",
    "handshakes",
    "failures",
    "requests",
    "per_principal",
    "publishes",
    "messages",
    "events.NAME",
];

impl Label for Limit {
    const KEY: &'static str = "limit";
    const COUNT: usize = KEYS.len();

    fn values() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    fn place(self) -> usize {
        self.0
    }

    fn text(self) -> &'static str {
        KEYS[self.0].trim_end_matches(".NAME")
    }
}

#[derive(Debug)]
pub(super) struct Limits(Family<Limit, Counter>);

impl Limits {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let new = Self(Family::default());
        registry.register(
            "limited",
            "Refusals by the limit that was met, as the configuration names it",
            new.0.clone(),
        );
        new
    }

    /// Counts a refusal, if a limit of these was met.
    pub(super) fn refused(&self, refusal: &Refusal) {
        let place = KEYS.iter().position(|key| refusal.limit == Some(key));
        if let Some(place) = place {
            self.0.with(Limit(place)).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;

    #[test]
    fn a_limit_counts_by_its_key_and_whatever_else_does_not() {
        let limits = Limits::register(&mut Registry::default());
        for key in KEYS.into_iter().chain(["event", "body"]) {
            limits.refused(&Refusal::new(Code::RateLimited, "").limit(key));
        }
        limits.refused(&Refusal::new(Code::Forbidden, ""));
        for limit in Limit::values() {
            assert_eq!(limits.0.with(limit).get(), 1, "{}", limit.text());
        }
    }
}
