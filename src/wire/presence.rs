//! Who is in a room, as JSON.

use serde::Serialize;

use crate::model::id::Principal;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::time::UnixMillis;

/// Somebody, as others see it: all three together are one principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The name.
    pub principal: String,
    /// By what it is shown: `anonymous`, `api_key` or `token`.
    pub kind: &'static str,
    /// Who vouches for the name, where the configuration names the issuers of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
}

impl Shown {
    /// How `principal` is shown.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self {
            principal: principal.name().to_owned(),
            kind: principal.kind(),
            issuer: principal.issuer().map(str::to_owned),
        }
    }

    /// The payload of the event that it has come or gone.
    #[must_use]
    pub fn to_data(&self) -> Json {
        // Strings: there is nothing in it that could fail.
        let text = serde_json::to_string(self).unwrap_or_default();
        Json::parse(&text).unwrap_or_else(|_| Json::null())
    }
}

/// One who is in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Who.
    #[serde(flatten)]
    pub who: Shown,
    /// Its streams there, waiting polls among them; 0 while it is away and may still come back.
    pub streams: usize,
    /// Since when.
    pub since: UnixMillis,
}

/// Who is in a room, a page of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many there are in all.
    pub count: usize,
    /// In the order of their names; all of one name are on one page.
    pub members: Vec<Member>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// The answer of `GET /v1/rooms/{room}/presence`.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The room.
    pub room: Room,
    /// How many there are in all.
    pub count: usize,
    /// Those of this page.
    pub members: Vec<Member>,
    /// Whether there are more behind the last.
    pub more: bool,
}

impl Page {
    /// As the answer for `room`.
    #[must_use]
    pub fn of(self, room: Room) -> Answer {
        let Self {
            count,
            members,
            more,
        } = self;
        Answer {
            room,
            count,
            members,
            more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_is_told_apart_by_what_shows_it() {
        let token = |issuer: &str| Principal::Subject {
            issuer: issuer.into(),
            subject: "ann".into(),
        };
        for (principal, data) in [
            (
                Principal::ApiKey("ann".into()),
                r#"{"principal":"ann","kind":"api_key"}"#,
            ),
            (token(""), r#"{"principal":"ann","kind":"token"}"#),
            (
                token("https://id.example"),
                r#"{"principal":"ann","kind":"token","issuer":"https://id.example"}"#,
            ),
            (
                Principal::Anonymous,
                r#"{"principal":"anonymous","kind":"anonymous"}"#,
            ),
            (
                Principal::ApiKey("a\"\u{1f600}".into()),
                "{\"principal\":\"a\\\"\u{1f600}\",\"kind\":\"api_key\"}",
            ),
        ] {
            assert_eq!(Shown::of(&principal).to_data().as_str(), data);
        }
    }
}
