//! What a refusal says of its limit in headers: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-10).

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::code::Refusal;
use crate::model::limits::{Quota, Rate};

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Adds what was used up, and when there is more. The policy's name is the limit's key, a string of structured fields (RFC
/// 9651 §3.3.3), in which none of its bytes need an escape.
pub(super) fn tell(headers: &mut HeaderMap, refusal: &Refusal) {
    let (Some(key), Some(spent)) = (refusal.limit_key(), &refusal.spent) else {
        return;
    };
    let policy = match spent.quota {
        Quota::Rate(Rate { count, per }) => format!("\"{key}\";q={count};w={}", seconds(per)),
        Quota::Count(most) => format!("\"{key}\";q={most};qu=\"concurrent-requests\""),
    };
    let limit = match refusal.retry_after {
        Some(pause) => format!("\"{key}\";r=0;t={}", seconds(pause)),
        None => format!("\"{key}\";r=0"),
    };
    for (name, value) in [(RATELIMIT_POLICY, policy), (RATELIMIT, limit)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// Whole seconds, rounded up so that nobody comes back too early.
pub(super) fn seconds(pause: std::time::Duration) -> u64 {
    let seconds = pause.as_nanos().div_ceil(1_000_000_000);
    u64::try_from(seconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::code::Code;

    fn told(refusal: &Refusal) -> Vec<String> {
        let mut headers = HeaderMap::new();
        tell(&mut headers, refusal);
        let values = headers.iter().map(|(name, value)| {
            let value = value.to_str().unwrap();
            format!("{name}: {value}")
        });
        values.collect()
    }

    #[test]
    fn a_rate_is_told_with_its_window_and_the_time_until_there_is_more() {
        let rate = Quota::Rate(Rate {
            count: 120,
            per: Duration::from_secs(60),
        });
        let refusal = Refusal::new(Code::RateLimited, "")
            .limit("events.NAME")
            .spent_by("kiosk_heartbeat", rate)
            .retry_after(Duration::from_millis(500));
        assert_eq!(
            told(&refusal),
            [
                "ratelimit-policy: \"events.kiosk_heartbeat\";q=120;w=60",
                "ratelimit: \"events.kiosk_heartbeat\";r=0;t=1",
            ]
        );
    }

    #[test]
    fn a_count_is_told_as_so_many_at_once() {
        let refusal = Refusal::new(Code::RateLimited, "")
            .limit("per_ip")
            .spent(Quota::Count(5));
        assert_eq!(
            told(&refusal),
            [
                "ratelimit-policy: \"per_ip\";q=5;qu=\"concurrent-requests\"",
                "ratelimit: \"per_ip\";r=0",
            ]
        );
    }

    #[test]
    fn of_what_is_no_quota_nothing_is_told() {
        let refusal = Refusal::new(Code::TooLarge, "").limit("event");
        assert!(told(&refusal).is_empty());
    }
}
