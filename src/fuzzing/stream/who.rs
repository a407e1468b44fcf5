//! Who the clients are, and what each may read: the configuration of the gateway under test, and its answer by hand.

use std::sync::{Arc, LazyLock};

use crate::auth::credentials::Credential;
use crate::auth::jwt::{self, Algorithm};
use crate::auth::{Access, Authority};
use crate::bus::naive::name;
use crate::config;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

/// One of the clients' identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Without credential.
    Guest,
    /// With an API key.
    Key,
    /// With a token, which ends.
    Token,
    /// With a key that is not known.
    Stranger,
}

/// How long a token is good, in seconds.
const LIFETIME: f64 = 60.0;
const SECRET: &str = "the-secret-of-the-fuzzer-32-bytes-long";
/// The hash is that of `fuzzed-key`.
const CONFIGURATION: &str = r#"
[auth]
anonymous = "guest"
[[auth.api_key]]
name = "key"
sha256 = "d80c007c55f4736491ff37ab7e8b24a42dd0793cfbfc52079648bab0e7292dc4"
role = "member"
[[auth.jwt]]
algorithm = "HS256"
secret = "the-secret-of-the-fuzzer-32-bytes-long"
leeway = "0s"
[roles.guest]
rooms = ["plain"]
subscribe = ["plain", "few", "other"]
[roles.member]
rooms = ["plain", "small"]
subscribe = ["plain", "few", "small", "short"]
publish = ["plain", "few", "other"]
[roles.member.limits]
rooms_per_stream = 3
"#;

impl Who {
    pub(super) const ALL: [Self; 4] = [Self::Guest, Self::Key, Self::Token, Self::Stranger];

    /// Who calls itself so in `welcome`.
    pub(super) fn named(principal: &str) -> Self {
        match principal {
            "anonymous" => Self::Guest,
            "key" => Self::Key,
            "ann" => Self::Token,
            other => panic!("nobody is named {other}"),
        }
    }

    pub(super) fn may_read(self, room: usize) -> bool {
        let rooms: &[&str] = match self {
            Self::Guest => &["plain", "few", "other"],
            Self::Key | Self::Token => &["plain", "few", "small", "short"],
            Self::Stranger => &[],
        };
        rooms.contains(&name(room).as_str())
    }

    pub(super) fn may_publish(self, rooms: &[usize]) -> bool {
        let all = |rooms: &[usize]| {
            let granted = |room: &usize| matches!(name(*room).as_str(), "plain" | "few" | "other");
            rooms.iter().all(granted)
        };
        matches!(self, Self::Key | Self::Token) && all(rooms)
    }

    /// What it presents at `now`.
    pub(super) fn credential(self, now: UnixMillis) -> Option<String> {
        match self {
            Self::Guest => None,
            Self::Key => Some("fuzzed-key".into()),
            Self::Token => Some(token(now)),
            Self::Stranger => Some("another-key".into()),
        }
    }

    /// Its rights, if it is known.
    pub(super) fn access(self, authority: &Authority, now: UnixMillis) -> Option<Arc<Access>> {
        match self.credential(now) {
            None => authority.anonymous(),
            Some(text) => authority
                .identify(&Credential::from_token(&text).ok()?, now)
                .ok(),
        }
    }
}

/// Who decides, made once for all runs.
pub(super) static AUTHORITY: LazyLock<Arc<Authority>> = LazyLock::new(|| {
    let settings = config::load(Some(CONFIGURATION), &[]).unwrap();
    Arc::new(Authority::new(settings.auth).unwrap())
});

fn token(now: UnixMillis) -> String {
    let end = now.0 as f64 / 1000.0 + LIFETIME;
    let claims = serde_json::json!({ "sub": "ann", "role": "member", "exp": end });
    jwt::sign(Algorithm::HS256, &Secret::new(SECRET), None, &claims).unwrap()
}
