//! What is signed, and by whom.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;

use super::*;

/// A token with a header as it is, signed by HS256 under `secret`.
fn token_with_header(header: &Value, secret: &[u8]) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(&claims(json!({}))));
    let key = EncodingKey::from_secret(secret);
    let algorithm = jsonwebtoken::Algorithm::HS256;
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn tokens_that_are_no_tokens_are_malformed() {
    let good = token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let array = URL_SAFE_NO_PAD.encode("[]");
    let open = URL_SAFE_NO_PAD.encode("{\"alg\":");
    let not_utf8 = URL_SAFE_NO_PAD.encode(b"{\"alg\":\"\xFF\"}");
    let deep = URL_SAFE_NO_PAD.encode(format!("{{\"a\":{}", "[".repeat(5000)));
    for bad in [
        String::new(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b".to_owned(),
        header.to_owned(),
        format!("{header}.{body}"),
        format!("{good}.{signature}"),
        format!(".{good}"),
        format!("{header}..{signature}"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}=.{signature}"),
        format!("{header}.+{body}.{signature}"),
        format!("{header} .{body}.{signature}"),
        format!("{array}.{body}.{signature}"),
        format!("{open}.{body}.{signature}"),
        format!("{not_utf8}.{body}.{signature}"),
        format!("{header}.{array}.{signature}"),
        format!("{header}.{deep}.{signature}"),
        "x".repeat(100_000),
        format!("{}.x.x", "e".repeat(100_000)),
    ] {
        let start: String = bad.chars().take(80).collect();
        assert_eq!(
            verify(vec![entry()], &bad).unwrap_err(),
            Fault::Malformed,
            "{start}"
        );
    }
}

#[test]
fn a_signature_that_is_cut_changed_or_missing_does_not_verify() {
    let good = token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let claims_of_admin = URL_SAFE_NO_PAD.encode(claims(json!({"role": "admin"})).to_string());
    let header = good.split('.').next().unwrap();
    for bad in [
        format!("{message}."),
        good[..good.len() - 1].to_owned(),
        good[..good.len() - 4].to_owned(),
        format!("{good}A"),
        format!("{good}="),
        format!("{message}.{}", signature.to_lowercase()),
        format!("{header}.{claims_of_admin}.{signature}"),
    ] {
        assert_eq!(
            verify(vec![entry()], &bad).unwrap_err(),
            Fault::Signature,
            "{bad}"
        );
    }
    let other = Secret::new("another secret of 32 bytes or more");
    let foreign = sign(Algorithm::HS256, &other, None, &claims(json!({}))).unwrap();
    assert_eq!(
        verify(vec![entry()], &foreign).unwrap_err(),
        Fault::Signature
    );
}

#[test]
fn headers_that_ask_for_less_or_more_than_a_signature_are_refused() {
    let secret = SECRET.as_bytes();
    for (header, fault) in [
        (json!({"alg": "none"}), Fault::Algorithm),
        (json!({"alg": "None"}), Fault::Algorithm),
        (json!({"alg": ""}), Fault::Algorithm),
        (json!({"alg": "hs256"}), Fault::Algorithm),
        (json!({"alg": ["HS256"]}), Fault::Algorithm),
        (json!({"alg": "ES512"}), Fault::Algorithm),
        (json!({"typ": "JWT"}), Fault::Algorithm),
        (json!({"alg": "HS512"}), Fault::NoEntry),
        (json!({"alg": "HS256", "crit": ["exp"]}), Fault::Critical),
        (json!({"alg": "HS256", "crit": []}), Fault::Critical),
        (json!({"alg": "HS256", "crit": null}), Fault::Critical),
        (
            json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
            Fault::Critical,
        ),
        (json!({"alg": "HS256", "kid": 1}), Fault::Malformed),
        (json!({"alg": "HS256", "kid": null}), Fault::Malformed),
    ] {
        let bad = token_with_header(&header, secret);
        assert_eq!(verify(vec![entry()], &bad).unwrap_err(), fault, "{header}");
    }
    let unsigned = token_with_header(&json!({"alg": "none"}), secret);
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(
        verify(vec![entry()], &unsigned).unwrap_err(),
        Fault::Algorithm
    );
}

#[test]
fn keys_that_the_token_brings_along_are_not_used() {
    let own = "the attacker's own secret, which is long enough";
    let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(own)});
    for header in [
        json!({"alg": "HS256", "jwk": jwk}),
        json!({"alg": "HS256", "jku": "https://evil.example/keys"}),
        json!({"alg": "HS256", "x5u": "https://evil.example/cert"}),
        json!({"alg": "HS256", "x5c": ["MIIB"]}),
    ] {
        let bad = token_with_header(&header, own.as_bytes());
        assert_eq!(
            verify(vec![entry()], &bad).unwrap_err(),
            Fault::Signature,
            "{header}"
        );
        let good = token_with_header(&header, SECRET.as_bytes());
        assert!(verify(vec![entry()], &good).is_ok(), "{header}");
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    let rsa = |kid: Option<&str>| Settings {
        kid: kid.map(str::to_owned),
        algorithm: Algorithm::RS256,
        key: Key::PublicPem(RSA_PUBLIC.to_vec()),
        ..entry()
    };
    let by_algorithm = token_with_header(&json!({"alg": "HS256"}), RSA_PUBLIC);
    assert_eq!(
        verify(vec![rsa(None)], &by_algorithm).unwrap_err(),
        Fault::NoEntry
    );
    let by_kid = token_with_header(&json!({"alg": "HS256", "kid": "a"}), RSA_PUBLIC);
    let entries = vec![rsa(Some("a")), entry()];
    assert_eq!(verify(entries, &by_kid).unwrap_err(), Fault::Algorithm);
    let as_rsa = token_with_header(&json!({"alg": "RS256"}), RSA_PUBLIC);
    assert_eq!(
        verify(vec![rsa(None)], &as_rsa).unwrap_err(),
        Fault::Signature
    );
}

proptest! {
    #[test]
    fn arbitrary_texts_are_refused_and_do_no_harm(text in prop_oneof!["[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}", any::<String>()]) {
        prop_assert!(verify(vec![entry()], &text).is_err());
    }

    #[test]
    fn one_changed_byte_spoils_a_token(place in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let mut bytes = token(json!({})).into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = bytes[place].wrapping_add(by);
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(verify(vec![entry()], &text).is_err());
        }
    }
}
