//! The opening handshake of RFC 6455 §4, both sides of it, as pure functions of heads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::model::code::{Code, Refusal};
use crate::model::secret::in_subprotocol;

use crate::wire::negotiate::{is_upgrade, tokens};

use super::deflate::Agreed;

/// The subprotocol of the native dialect.
pub const SUBPROTOCOL: &str = "gatecast.v1";

/// A handshake that may be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// `Sec-WebSocket-Accept`.
    pub accept: String,
    /// `Sec-WebSocket-Protocol`, in the client's own case; nothing where the client offered nothing.
    pub protocol: Option<String>,
    /// The compression of messages, if the client's offer of it is taken: `Sec-WebSocket-Extensions`.
    pub deflate: Option<Agreed>,
}

/// Judges a GET for a WebSocket.
///
/// # Errors
/// Not an upgrade, not over HTTP/1.1 or not version 13 (426), no proper key or only foreign subprotocols (400).
pub fn handshake(version: Version, headers: &HeaderMap) -> Result<Handshake, Refusal> {
    let versions = || headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    if version > Version::HTTP_11 {
        return Err(Refusal::new(
            Code::UpgradeRequired,
            "a WebSocket is opened over HTTP/1.1 here; or take transport=sse",
        ));
    }
    if !is_upgrade(version, headers) || versions().any(|version| version != "13") {
        return Err(Refusal::new(
            Code::UpgradeRequired,
            "send `Connection: Upgrade`, `Upgrade: websocket` and `Sec-WebSocket-Version: 13`",
        ));
    }
    if versions().count() != 1 {
        return Err(bad("exactly one `Sec-WebSocket-Version` is needed"));
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => key.as_bytes(),
        _ => return Err(bad("exactly one `Sec-WebSocket-Key` is needed")),
    };
    if STANDARD.decode(key).map(|nonce| nonce.len()) != Ok(16) {
        return Err(bad("`Sec-WebSocket-Key` is 16 bytes in base64"));
    }
    let accept = derive_accept_key(key);
    Ok(Handshake {
        accept,
        protocol: subprotocol(headers)?,
        deflate: None,
    })
}

/// An opening handshake as its client makes it (RFC 6455 §4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    key: String,
}

impl Offer {
    /// An offer whose key is these random bits.
    #[must_use]
    pub fn from_random(bits: u128) -> Self {
        Self {
            key: STANDARD.encode(bits.to_be_bytes()),
        }
    }

    /// The headers that ask for a WebSocket in the native dialect.
    #[must_use]
    pub fn headers(&self) -> [(HeaderName, &str); 5] {
        [
            (CONNECTION, "Upgrade"),
            (UPGRADE, "websocket"),
            (SEC_WEBSOCKET_VERSION, "13"),
            (SEC_WEBSOCKET_KEY, &self.key),
            (SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL),
        ]
    }

    /// Whether `headers`, which came with 101, accept this offer and nothing else.
    #[must_use]
    pub fn is_accepted(&self, headers: &HeaderMap) -> bool {
        let accept = derive_accept_key(self.key.as_bytes());
        let is = |name: &HeaderName, wanted: &str| {
            let mut values = tokens(headers, name);
            values.next().is_some_and(|value| value == wanted) && values.next().is_none()
        };
        tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("websocket"))
            && is(&SEC_WEBSOCKET_ACCEPT, &accept)
            && is(&SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            && !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)
    }
}

fn subprotocol(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let offers = tokens(headers, &SEC_WEBSOCKET_PROTOCOL);
    // One that carries a credential is never answered.
    let mut offers = offers
        .filter(|offer| in_subprotocol(offer.as_bytes()).is_none())
        .peekable();
    if offers.peek().is_none() {
        return Ok(None);
    }
    match offers.find(|offer| offer.eq_ignore_ascii_case(SUBPROTOCOL)) {
        Some(ours) => Ok(Some(ours.to_owned())),
        None => Err(bad(
            "of the subprotocols offered none is spoken here; offer `gatecast.v1`",
        )),
    }
}

fn bad(message: &str) -> Refusal {
    Refusal::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn judge(
        change: Option<(&str, Option<&str>)>,
        more: &[(&'static str, &str)],
    ) -> Result<Handshake, Code> {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD {
            let value = match change {
                Some((changed, value)) if changed == name => value,
                _ => Some(value),
            };
            value
                .into_iter()
                .for_each(|value| assert!(!headers.append(name, value.parse().unwrap())));
        }
        more.iter()
            .for_each(|(name, value)| _ = headers.append(*name, value.parse().unwrap()));
        handshake(Version::HTTP_11, &headers).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_standards_own_example_is_answered_as_it_says() {
        let handshake = judge(None, &[]).unwrap();
        assert_eq!(handshake.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(handshake.protocol, None);
    }

    #[test]
    fn each_fault_of_a_handshake_has_its_answer() {
        for (change, code) in [
            (("connection", Some("close")), Code::UpgradeRequired),
            (("upgrade", None), Code::UpgradeRequired),
            (("sec-websocket-version", Some("12")), Code::UpgradeRequired),
            (("sec-websocket-version", None), Code::BadRequest),
            (("sec-websocket-key", None), Code::BadRequest),
            (("sec-websocket-key", Some("c2hvcnQ=")), Code::BadRequest),
            (("sec-websocket-key", Some("not base64")), Code::BadRequest),
        ] {
            assert_eq!(judge(Some(change), &[]), Err(code), "{change:?}");
        }
        assert_eq!(
            judge(None, &[("sec-websocket-key", GOOD[3].1)]),
            Err(Code::BadRequest)
        );
    }

    #[test]
    fn exactly_our_subprotocol_is_answered_and_never_a_token() {
        let of = |lines: &[&str]| {
            let more: Vec<_> = lines
                .iter()
                .map(|line| ("sec-websocket-protocol", *line))
                .collect();
            judge(None, &more).map(|handshake| handshake.protocol)
        };
        assert_eq!(
            of(&["gatecast.v1, bearer.abc"]),
            Ok(Some("gatecast.v1".into()))
        );
        assert_eq!(
            of(&["bearer.abc", "GateCast.V1"]),
            Ok(Some("GateCast.V1".into()))
        );
        assert_eq!(of(&["bearer.abc"]), Ok(None));
        assert_eq!(of(&["mqtt"]), Err(Code::BadRequest));
        assert_eq!(of(&["mqtt, gatecast.v1"]), Ok(Some("gatecast.v1".into())));
    }

    #[test]
    fn an_offer_is_one_that_the_gateway_answers_and_only_its_own_answer_is_taken() {
        let offer = Offer::from_random(7);
        let mut request = HeaderMap::new();
        for (name, value) in offer.headers() {
            request.insert(name, value.parse().unwrap());
        }
        let handshake = handshake(Version::HTTP_11, &request).unwrap();
        let mut answer = HeaderMap::new();
        answer.insert(UPGRADE, "websocket".parse().unwrap());
        answer.insert(SEC_WEBSOCKET_ACCEPT, handshake.accept.parse().unwrap());
        assert!(!offer.is_accepted(&answer), "without the subprotocol");
        answer.insert(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL.parse().unwrap());
        assert!(offer.is_accepted(&answer));
        assert!(!Offer::from_random(8).is_accepted(&answer));
        answer.insert(
            SEC_WEBSOCKET_EXTENSIONS,
            "permessage-deflate".parse().unwrap(),
        );
        assert!(!offer.is_accepted(&answer));
    }
}
