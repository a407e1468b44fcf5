//! Sets of keys: which key of which entry verifies.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, EncodingKey, Header};

use super::*;
use crate::auth::jwt::jwks::Origin;

const P256_PRIVATE: &[u8] = include_bytes!("../../testdata/p256-private.pem");
const P256_PUBLIC: &[u8] = include_bytes!("../../testdata/p256-public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../testdata/ed25519-private.pem");
const ED_PUBLIC: &[u8] = include_bytes!("../../testdata/ed25519-public.pem");

/// The public keys of the tests under these names.
fn set(keys: &[(&str, Algorithm)]) -> Keys {
    let keys: Vec<Value> = keys
        .iter()
        .map(|(kid, algorithm)| {
            let key = if *algorithm == Algorithm::ES256 {
                DecodingKey::from_ec_pem(P256_PUBLIC)
            } else {
                DecodingKey::from_ed_pem(ED_PUBLIC)
            };
            let jwk = Jwk::from_decoding_key(&key.unwrap(), None).unwrap();
            let mut jwk = serde_json::to_value(jwk).unwrap();
            jwk["kid"] = (*kid).into();
            jwk
        })
        .collect();
    let text = json!({"keys": keys}).to_string();
    Keys::parse(text.as_bytes(), Origin::Network).unwrap()
}

fn signed(algorithm: Algorithm, kid: Option<&str>, changes: Value) -> String {
    let key = if algorithm == Algorithm::ES256 {
        EncodingKey::from_ec_pem(P256_PRIVATE)
    } else {
        EncodingKey::from_ed_pem(ED_PRIVATE)
    };
    let mut header = Header::new(algorithm.in_library());
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(&header, &claims(changes), &key.unwrap()).unwrap()
}

fn entry_of(algorithm: Algorithm, key: Key) -> Settings {
    Settings {
        algorithm,
        key,
        ..entry()
    }
}

fn url() -> KeyUrl {
    KeyUrl::parse("https://id.example/keys").unwrap()
}

fn fetched(algorithm: Algorithm) -> Settings {
    let refresh = Duration::from_secs(600);
    entry_of(
        algorithm,
        Key::Url {
            url: url(),
            refresh,
        },
    )
}

#[test]
fn a_tokens_kid_chooses_the_key_of_a_set() {
    use Algorithm::{ES256, EdDSA};
    let both = set(&[("e", ES256), ("d", EdDSA)]);
    let entries = || {
        vec![
            entry_of(ES256, Key::Set(both.clone())),
            entry_of(EdDSA, Key::Set(both.clone())),
        ]
    };
    for (algorithm, kid, expected) in [
        (ES256, Some("e"), None),
        (ES256, None, None),
        (EdDSA, Some("d"), None),
        (EdDSA, Some("e"), Some(Fault::NoKey)),
        (ES256, Some("d"), Some(Fault::NoKey)),
        (ES256, Some("x"), Some(Fault::NoKey)),
        (ES256, Some(""), Some(Fault::NoKey)),
    ] {
        let token = signed(algorithm, kid, json!({}));
        let found = verify(entries(), &token).err();
        assert_eq!(found, expected, "{algorithm:?} {kid:?}");
    }
    // The entry's algorithm is the only one, whatever else its set has.
    let only = vec![entry_of(ES256, Key::Set(both.clone()))];
    let token = signed(EdDSA, Some("d"), json!({}));
    assert_eq!(verify(only, &token).unwrap_err(), Fault::NoEntry);
    let two = vec![entry_of(
        ES256,
        Key::Set(set(&[("e", ES256), ("f", ES256)])),
    )];
    let nameless = signed(ES256, None, json!({}));
    assert_eq!(verify(two, &nameless).unwrap_err(), Fault::NoKey);
}

#[test]
fn an_entry_of_the_kid_comes_before_a_set_of_the_issuer() {
    let plain = Settings {
        kid: Some("e".to_owned()),
        algorithm: Algorithm::EdDSA,
        key: Key::PublicPem(ED_PUBLIC.to_vec()),
        ..entry()
    };
    let of_issuer = Settings {
        issuer: Some("https://i.example".to_owned()),
        ..entry_of(Algorithm::ES256, Key::Set(set(&[("e", Algorithm::ES256)])))
    };
    let entries = || vec![plain.clone(), of_issuer.clone()];
    let issued = json!({"iss": "https://i.example"});
    let token = signed(Algorithm::ES256, Some("e"), issued.clone());
    assert_eq!(verify(entries(), &token).unwrap_err(), Fault::Algorithm);
    let token = signed(Algorithm::EdDSA, Some("e"), json!({}));
    assert!(verify(entries(), &token).is_ok());
    let alone = signed(Algorithm::ES256, Some("e"), issued);
    assert!(verify(vec![of_issuer.clone()], &alone).is_ok());
    let other = signed(
        Algorithm::ES256,
        Some("e"),
        json!({"iss": "https://other.example"}),
    );
    assert_eq!(verify(vec![of_issuer], &other).unwrap_err(), Fault::NoEntry);
}

#[test]
fn where_a_key_is_said_to_be_in_a_tokens_header_is_not_looked_at() {
    let token = signed(Algorithm::ES256, Some("e"), json!({}));
    let (_, rest) = token.split_once('.').unwrap();
    let entries = || {
        vec![entry_of(
            Algorithm::ES256,
            Key::Set(set(&[("d", Algorithm::EdDSA), ("f", Algorithm::ES256)])),
        )]
    };
    for more in [
        json!({"jku": "https://evil.example/keys"}),
        json!({"x5u": "https://evil.example/"}),
    ] {
        let mut header = json!({"alg": "ES256", "kid": "e"});
        header
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let found = verify(entries(), &format!("{header}.{rest}")).unwrap_err();
        assert_eq!(found, Fault::NoKey);
    }
}

#[test]
fn a_set_that_is_fetched_is_waited_for_by_who_misses_a_key_of_it() {
    let sets = KeySets::default();
    let mut mistakes = Vec::new();
    let verifier = Verifier::new(vec![fetched(Algorithm::ES256)], &sets, &mut mistakes);
    assert!(mistakes.is_empty() && verifier.fetches());
    let cell = sets.of(&url());
    let told = |kid| {
        let token = Secret::new(signed(Algorithm::ES256, kid, json!({})));
        let verified = verifier.verify(&token, UnixMillis(NOW * 1000));
        let missed = verifier.misses(&token);
        assert!(
            missed
                .as_ref()
                .is_none_or(|missed| Arc::ptr_eq(missed, &cell))
        );
        (verified.err(), missed.is_some())
    };
    assert_eq!(told(Some("e")), (Some(Fault::NotFetched), true));
    assert_eq!(told(None), (Some(Fault::NotFetched), true));
    cell.ends(Some(set(&[("e", Algorithm::ES256)])));
    assert_eq!(told(Some("e")), (None, false));
    assert_eq!(told(None), (None, false));
    assert_eq!(told(Some("x")), (Some(Fault::NoKey), true));
    cell.ends(Some(set(&[("f", Algorithm::ES256)])));
    assert_eq!(told(Some("e")), (Some(Fault::NoKey), true));
    cell.ends(Some(set(&[("d", Algorithm::EdDSA)])));
    assert_eq!(told(None), (Some(Fault::NoKey), false));

    // Of somebody else's, or of nobody's.
    for token in ["", "a.b.c", &signed(Algorithm::EdDSA, Some("e"), json!({}))] {
        assert!(verifier.misses(&Secret::new(token)).is_none(), "{token}");
    }
    assert_eq!(Refusal::from(Fault::NotFetched).code, Code::Unavailable);
    assert_eq!(Refusal::from(Fault::NoKey).code, Code::Unauthorized);
}

#[test]
fn a_set_has_no_kid_and_no_other_entry_of_its_algorithm_and_issuer_beside_it() {
    let mistakes = |entries: Vec<Settings>| {
        let mut mistakes = Vec::new();
        Verifier::new(entries, &KeySets::default(), &mut mistakes);
        mistakes
    };
    let named = Settings {
        kid: Some("e".to_owned()),
        ..fetched(Algorithm::ES256)
    };
    assert!(matches!(&*mistakes(vec![named]), [one] if one.contains("leave `kid` out")));
    let pem = entry_of(Algorithm::ES256, Key::PublicPem(P256_PUBLIC.to_vec()));
    let beside = mistakes(vec![fetched(Algorithm::ES256), pem]);
    assert!(
        matches!(&*beside, [one] if one.contains("write `issuer`")),
        "{beside:?}"
    );
    let secret = mistakes(vec![fetched(Algorithm::HS256)]);
    assert!(
        matches!(&*secret, [one] if one.contains("jwks_file")),
        "{secret:?}"
    );
}
