//! Why a token is refused, sorted by fault.

use crate::model::code::{Code, Refusal};

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Fault {
    /// Not three parts of base64url, of which two are JSON objects.
    Malformed,
    /// `crit` is there: an extension that must be understood, and we understand none (RFC 7515 §4.1.11).
    Critical,
    /// `alg` is `none`, not known, or not the one of the entry.
    Algorithm,
    /// No entry has its `kid`, or its algorithm and issuer.
    NoEntry,
    /// The entry's set of keys has none of its `kid`, or several that could be meant.
    NoKey,
    /// The entry's set of keys has never been fetched.
    NotFetched,
    /// The signature is not that of the entry's key.
    Signature,
    /// A claim that must be there is missing, or is not of its type.
    Claim(&'static str),
    /// `iss` is another.
    Issuer,
    /// `aud` does not hold ours, or the token is for an audience and the entry names none (RFC 7519 §4.1.3).
    Audience,
    /// Beyond `exp`.
    Expired,
    /// Before `nbf`, or issued in the future where its age counts.
    NotYet,
    /// Beyond the entry's `max_age`.
    TooOld,
    /// The role claim is missing or no string.
    NoRole,
}

impl Fault {
    /// What the caller is told: enough to mend a token of one's own, no help in making one.
    fn message(self) -> &'static str {
        match self {
            Self::Malformed => "the token is malformed",
            Self::Critical | Self::Algorithm | Self::NoEntry | Self::NoKey | Self::Signature => {
                "the token was not signed for this gateway"
            }
            Self::NotFetched => "the keys of the token's issuer are not here yet",
            Self::Claim(_) => "the token lacks a claim that is needed here",
            Self::Issuer => "the token is from another issuer",
            Self::Audience => "the token is for another audience",
            Self::Expired => "the token has expired",
            Self::NotYet => "the token is not valid yet",
            Self::TooOld => "the token is too old",
            Self::NoRole => "the token names no role",
        }
    }

    fn operator(self) -> String {
        match self {
            Self::Malformed => "not three parts of base64url with JSON objects".to_owned(),
            Self::Critical => "the header has `crit`".to_owned(),
            Self::Algorithm => "`alg` is not that of the entry".to_owned(),
            Self::NoEntry => "no [[auth.jwt]] fits its kid, or its algorithm and issuer".to_owned(),
            Self::NoKey => {
                "the entry's set has no key of its kid, or more than one that could be meant"
                    .to_owned()
            }
            Self::NotFetched => "the entry's `jwks_url` has not been fetched yet".to_owned(),
            Self::Signature => "the signature does not verify".to_owned(),
            Self::Claim(name) => format!("the claim `{name}` is missing or of a wrong type"),
            Self::Issuer => "`iss` is not that of the entry".to_owned(),
            Self::Audience => {
                "`aud` does not hold the entry's `audience`, or the entry names none".to_owned()
            }
            Self::Expired => "`exp` has passed".to_owned(),
            Self::NotYet => "`nbf` or `iat` lies in the future".to_owned(),
            Self::TooOld => "`iat` lies further back than `max_age`".to_owned(),
            Self::NoRole => "the entry's `role_claim` is missing or no string".to_owned(),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let code = match fault {
            Fault::NoRole => Code::Forbidden,
            // Nothing is wrong with the token, as far as anybody here can know.
            Fault::NotFetched => Code::Unavailable,
            Fault::Malformed
            | Fault::Critical
            | Fault::Algorithm
            | Fault::NoEntry
            | Fault::NoKey
            | Fault::Signature
            | Fault::Claim(_)
            | Fault::Issuer
            | Fault::Audience
            | Fault::Expired
            | Fault::NotYet
            | Fault::TooOld => Code::Unauthorized,
        };
        Self::new(code, fault.message()).operator(fault.operator())
    }
}
