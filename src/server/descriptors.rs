//! How many connections the limit of open files leaves room for: each is a descriptor, and so is much else.

use rlimit::Resource;

use super::OPERATORS;
use super::accept::SURPLUS;

/// Descriptors of each shard's thread: its queue of events, and what wakes it.
const SHARD: usize = 4;
/// Connections where the configuration says nothing of them.
pub(super) const DEFAULT: usize = 20_000;
const LOWERED: &str = "limits.connections is lowered to what the limit of open files leaves room for: the process needs \
                       some beside them (LimitNOFILE=, ulimit -n)";
/// Of all else: standard streams, listeners, files that are read, requests of the gateway's own.
const REST: usize = 64;

/// As many of the `wanted` connections as the process can have beside everything else. Beyond the limit nobody could be
/// told that there is no room, and files could not be read again.
pub(super) fn connections(wanted: usize, shards: usize) -> usize {
    let Ok(limit) = Resource::NOFILE.get_soft() else {
        return wanted;
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let allowed = allowed(limit, shards);
    // Nobody has asked for the default, and on a machine that gives less it is no mistake.
    match (allowed < wanted, wanted == DEFAULT) {
        (true, false) => tracing::warn!(limit, allowed, wanted, "{LOWERED}"),
        (true, true) => tracing::info!(limit, allowed, wanted, "{LOWERED}"),
        (false, _) => {}
    }
    wanted.min(allowed)
}

/// Half of the limit at least is for connections, however low it is.
fn allowed(limit: usize, shards: usize) -> usize {
    let needed = SURPLUS + OPERATORS + SHARD * shards + REST;
    limit.saturating_sub(needed).max(limit / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_else_is_needed_is_left() {
        let needed = SURPLUS + OPERATORS + REST;
        assert_eq!(allowed(65_536, 2), 65_536 - needed - 8);
        assert_eq!(allowed(usize::MAX, 2), usize::MAX - needed - 8);
        assert_eq!(allowed(100, 2), 50);
    }
}
