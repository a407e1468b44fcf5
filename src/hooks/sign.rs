//! How a request shows where it comes from, and that nobody changed it: Standard Webhooks 1.0.0, symmetric (`v1`).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::lifecycle::random;
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

/// The name of a message: the same however often it is sent, and without a `.`, which parts what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("msg_{:032x}", random::wide_bits()))
    }

    /// The one that was sent as `text`, if it can be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.starts_with("msg_") && !text.contains('.');
        is_one.then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The fewest bytes of a key; what the standard asks for.
const LEAST: usize = 24;
/// The most: what the standard allows.
const MOST: usize = 64;
/// What a secret in base64 begins with.
const PREFIX: &str = "whsec_";

/// What signs.
#[derive(Clone)]
pub struct Key {
    secret: Secret,
    hmac: hmac::Key,
}

impl Key {
    /// The key of a secret: `whsec_` and base64, or a text whose bytes it is.
    ///
    /// # Errors
    /// Says what is wrong with it; the secret is not repeated.
    pub fn parse(secret: &Secret) -> Result<Self, String> {
        let text = secret.expose();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| "what follows `whsec_` is not base64".to_owned())?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < LEAST {
            return Err(format!("a key of fewer than {LEAST} bytes can be guessed"));
        }
        if bytes.len() > MOST {
            return Err(format!(
                "a key has {MOST} bytes at most (Standard Webhooks)"
            ));
        }
        Ok(Self {
            secret: secret.clone(),
            hmac: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
        })
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.secret == other.secret
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// `webhook-signature`: one signature for each key, of `id.timestamp.body`; the timestamp in seconds.
#[must_use]
pub fn signature(keys: &[Key], id: &MessageId, seconds: u64, body: &[u8]) -> String {
    let signatures = keys.iter().map(|key| {
        let mut context = hmac::Context::with_key(&key.hmac);
        context.update(format!("{}.{seconds}.", id.0).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// `webhook-timestamp` of an attempt that is made `now`.
#[must_use]
pub const fn seconds(now: UnixMillis) -> u64 {
    now.0 / 1000
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn key(text: &str) -> Key {
        Key::parse(&Secret::new(text)).unwrap()
    }

    /// What the standard's own libraries are tested with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SECONDS: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    fn id() -> MessageId {
        MessageId("msg_p5jXN8AQM9LWM0D4loKWxJek".into())
    }

    #[test]
    fn the_standards_own_example_has_its_signature() {
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature(&[key(SECRET)], &id(), SECONDS, BODY), expected);
    }

    /// HMAC as RFC 2104 §2 writes it.
    fn hmac_by_hand(key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        let pad = |with: u8| block.map(|byte| byte ^ with);
        let inner = Sha256::new()
            .chain_update(pad(0x36))
            .chain_update(text)
            .finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner);
        outer.finalize().to_vec()
    }

    #[test]
    fn while_a_secret_is_replaced_each_of_the_two_signs_and_both_can_be_recomputed() {
        let text = "a text of 24 bytes or so";
        let both = signature(&[key(text), key(SECRET)], &id(), SECONDS, BODY);
        let (new, old) = both.split_once(' ').unwrap();
        assert_eq!(old, signature(&[key(SECRET)], &id(), SECONDS, BODY));
        let signed = [b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.".as_slice(), BODY].concat();
        let expected = hmac_by_hand(text.as_bytes(), &signed);
        assert_eq!(new, format!("v1,{}", STANDARD.encode(expected)));
    }

    #[test]
    fn a_key_is_neither_short_nor_longer_than_the_standard_allows_nor_shown() {
        let encoded = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [encoded(24), encoded(64), "x".repeat(24), "x".repeat(64)] {
            assert!(Key::parse(&Secret::new(good)).is_ok());
        }
        for bad in [
            encoded(23),
            encoded(65),
            "x".repeat(23),
            "x".repeat(65),
            "whsec_".into(),
            "whsec_a secret that is not base64, and long".into(),
        ] {
            let why = Key::parse(&Secret::new(bad.clone())).unwrap_err();
            assert!(!why.contains(&*bad), "{why}");
        }
        assert_eq!(format!("{:?}", key(SECRET)), "Key(…)");
    }

    #[test]
    fn no_two_messages_have_a_name_in_common_and_none_has_a_dot() {
        let (one, other) = (MessageId::random(), MessageId::random());
        assert_ne!(one, other);
        assert!(one.as_str().starts_with("msg_") && !one.as_str().contains('.'));
    }
}
