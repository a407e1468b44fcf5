//! What an operator, or a change of the configuration, says to all who are there: an entry of the log like an event, so
//! that each applies it before it is given anything that comes after it.

use std::sync::Arc;

use super::code::{Code, Refusal};
use super::id::{Principal, StreamId};
use super::room::Room;
use super::time::UnixMillis;

/// One such entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decree {
    /// Credentials do not hold any more.
    Revoked(Revocation),
    /// Who may what has changed: everybody is judged anew.
    Rights,
    /// Streams join a room, or leave it.
    Moved(Move),
    /// It stands for moves that are not known any more: who has not read them may have missed its own.
    Forgotten,
}

/// Streams that the backend moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose.
    pub whom: Whom,
    /// Into which room, or out of it.
    pub room: Room,
    /// Whether they join it.
    pub joins: bool,
}

/// Whose streams are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// The one of this name.
    Stream(StreamId),
    /// All of this principal, by the name that it is shown by.
    Principal(Arc<str>),
}

impl Whom {
    /// Whether the stream of this name, whose client is `principal`, is one of them.
    #[must_use]
    pub fn covers(&self, stream: StreamId, principal: &Principal) -> bool {
        match self {
            Self::Stream(one) => *one == stream,
            Self::Principal(name) => **name == *principal.name(),
        }
    }
}

impl Decree {
    /// The move, if it is one.
    #[must_use]
    pub const fn moved(&self) -> Option<&Move> {
        match self {
            Self::Moved(moved) => Some(moved),
            Self::Revoked(_) | Self::Rights | Self::Forgotten => None,
        }
    }
}

/// Which credentials do not hold any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The token of this `jti` (RFC 7519 §4.1.7), whoever issued it.
    Token(Arc<str>),
    /// All tokens of this subject that were issued before a time, or do not say when.
    Subject {
        /// `sub`.
        subject: Arc<str>,
        /// `iss`, where only one issuer's subject of that name is meant.
        issuer: Option<Arc<str>>,
        /// Before when.
        before: UnixMillis,
    },
    /// The API keys of this name.
    Key(Arc<str>),
    /// What this one stream was opened with goes on; the stream does not.
    Stream(StreamId),
}

/// What of a credential a revocation can name.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// A token's `jti`.
    pub token: Option<&'a str>,
    /// A token's `iat`.
    pub issued: Option<UnixMillis>,
}

impl Revocation {
    /// Whether the credential of `bearer` is one of them.
    #[must_use]
    pub fn covers(&self, bearer: Bearer<'_>) -> bool {
        match (self, bearer.principal) {
            (Self::Token(id), Principal::Subject { .. }) => bearer.token == Some(&**id),
            (Self::Key(name), Principal::ApiKey(key)) => name == key,
            (
                Self::Subject {
                    subject,
                    issuer,
                    before,
                },
                Principal::Subject {
                    issuer: own,
                    subject: who,
                },
            ) => {
                subject == who
                    && issuer.as_ref().is_none_or(|issuer| issuer == own)
                    && bearer.issued.is_none_or(|issued| issued < *before)
            }
            (Self::Token(_) | Self::Key(_) | Self::Subject { .. } | Self::Stream(_), _) => false,
        }
    }
}

/// The refusal of a credential that was revoked.
#[must_use]
pub fn revoked() -> Refusal {
    Refusal::new(Code::Revoked, "the credential was revoked")
}

impl Revocation {
    /// Whether all that this one covers `other` covers too.
    #[must_use]
    pub fn is_part_of(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Subject {
                    subject,
                    issuer,
                    before,
                },
                Self::Subject {
                    subject: same,
                    issuer: wide,
                    before: later,
                },
            ) => subject == same && (wide.is_none() || wide == issuer) && before <= later,
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(issuer: &str, subject: &str) -> Principal {
        Principal::Subject {
            issuer: issuer.into(),
            subject: subject.into(),
        }
    }

    fn bearer<'a>(principal: &'a Principal, token: Option<&'a str>, issued: u64) -> Bearer<'a> {
        Bearer {
            principal,
            token,
            issued: (issued > 0).then_some(UnixMillis(issued)),
        }
    }

    #[test]
    fn a_token_is_named_by_its_own_id_and_a_key_by_its_name() {
        let (ann, key) = (subject("", "ann"), Principal::ApiKey("ann".into()));
        let token = Revocation::Token("t1".into());
        assert!(token.covers(bearer(&ann, Some("t1"), 5)));
        assert!(!token.covers(bearer(&ann, Some("t2"), 5)));
        assert!(!token.covers(bearer(&ann, None, 5)));
        let named = Revocation::Key("ann".into());
        assert!(named.covers(bearer(&key, None, 0)));
        assert!(!named.covers(bearer(&ann, None, 0)));
        assert!(!named.covers(bearer(&Principal::Anonymous, None, 0)));
    }

    #[test]
    fn streams_are_meant_by_their_name_or_by_whose_they_are() {
        let (one, other) = (StreamId::from_random(1), StreamId::from_random(2));
        let ann = subject("a", "ann");
        assert!(Whom::Stream(one).covers(one, &ann) && !Whom::Stream(one).covers(other, &ann));
        let named = |name: &str| Whom::Principal(name.into()).covers(one, &ann);
        assert!(named("ann") && !named("bob"));
    }

    #[test]
    fn a_subject_loses_what_was_issued_before_and_what_does_not_say_when() {
        let revoked = |issuer: Option<&str>| Revocation::Subject {
            subject: "ann".into(),
            issuer: issuer.map(Arc::from),
            before: UnixMillis(100),
        };
        let (one, other) = (subject("a", "ann"), subject("b", "ann"));
        for (issued, covered) in [(0, true), (99, true), (100, false), (101, false)] {
            assert_eq!(revoked(None).covers(bearer(&one, None, issued)), covered);
        }
        assert!(revoked(None).covers(bearer(&other, None, 1)));
        assert!(revoked(Some("a")).covers(bearer(&one, None, 1)));
        assert!(!revoked(Some("a")).covers(bearer(&other, None, 1)));
        assert!(!revoked(None).covers(bearer(&subject("a", "bob"), None, 1)));
    }
}
