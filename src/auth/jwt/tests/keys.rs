//! Keys: which one verifies, and which the configuration takes.

use jsonwebtoken::{EncodingKey, Header};

use super::*;

macro_rules! pem {
    ($name:literal) => {
        include_bytes!(concat!("../../testdata/", $name, ".pem")) as &[u8]
    };
}

/// A private key for `algorithm`, and what the configuration holds for it.
fn pair(algorithm: Algorithm) -> (EncodingKey, Key) {
    let public = |pem: &[u8]| Key::PublicPem(pem.to_vec());
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            let private = EncodingKey::from_secret(SECRET.as_bytes());
            (private, Key::Secret(Secret::new(SECRET)))
        }
        Algorithm::ES256 => {
            let private = EncodingKey::from_ec_pem(pem!("p256-private")).unwrap();
            (private, public(pem!("p256-public")))
        }
        Algorithm::ES384 => {
            let private = EncodingKey::from_ec_pem(pem!("p384-private")).unwrap();
            (private, public(pem!("p384-public")))
        }
        Algorithm::EdDSA => {
            let private = EncodingKey::from_ed_pem(pem!("ed25519-private")).unwrap();
            (private, public(pem!("ed25519-public")))
        }
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => {
            let private = EncodingKey::from_rsa_pem(pem!("rsa-private")).unwrap();
            (private, public(pem!("rsa-public")))
        }
    }
}

#[test]
fn every_algorithm_verifies_what_its_private_key_signed_and_nothing_else() {
    let tokens = Algorithm::ALL.map(|algorithm| {
        let header = Header::new(algorithm.in_library());
        let (private, _) = pair(algorithm);
        jsonwebtoken::encode(&header, &claims(json!({})), &private).unwrap()
    });
    for (algorithm, own) in Algorithm::ALL.into_iter().zip(&tokens) {
        let settings = Settings {
            algorithm,
            key: pair(algorithm).1,
            ..entry()
        };
        assert!(verify(vec![settings.clone()], own).is_ok(), "{algorithm:?}");
        let message = own.rsplit_once('.').unwrap().0;
        for other in tokens.iter().filter(|other| *other != own) {
            let found = verify(vec![settings.clone()], other).unwrap_err();
            assert_eq!(found, Fault::NoEntry, "{algorithm:?}");
            let borrowed = other.rsplit_once('.').unwrap().1;
            let spliced = format!("{message}.{borrowed}");
            let found = verify(vec![settings.clone()], &spliced).unwrap_err();
            assert_eq!(found, Fault::Signature, "{algorithm:?}");
        }
    }
}

#[test]
fn the_kid_chooses_the_entry_and_else_algorithm_and_issuer_do() {
    let keyed = |kid: Option<&str>, issuer: Option<&str>, secret: &str| Settings {
        kid: kid.map(str::to_owned),
        issuer: issuer.map(str::to_owned),
        key: Key::Secret(Secret::new(secret.repeat(32))),
        ..entry()
    };
    let entries = || {
        vec![
            keyed(Some("k1"), None, "1"),
            keyed(Some("k2"), None, "2"),
            keyed(None, Some("https://i.example"), "3"),
            keyed(None, None, "4"),
        ]
    };
    let issued = |kid, issuer: Value, secret: &str| {
        let secret = Secret::new(secret.repeat(32));
        sign(
            Algorithm::HS256,
            &secret,
            kid,
            &claims(json!({"iss": issuer})),
        )
        .unwrap()
    };
    for (kid, issuer, secret) in [
        (Some("k1"), Value::Null, "1"),
        (Some("k2"), Value::Null, "2"),
        (Some("k2"), json!("https://i.example"), "2"),
        (None, json!("https://i.example"), "3"),
        (Some("theirs"), json!("https://i.example"), "3"),
        (None, json!("https://other.example"), "4"),
        (None, Value::Null, "4"),
        (Some("theirs"), Value::Null, "4"),
    ] {
        for signed_with in ["1", "2", "3", "4"] {
            let token = issued(kid, issuer.clone(), signed_with);
            let good = verify(entries(), &token).is_ok();
            assert_eq!(
                good,
                signed_with == secret,
                "{kid:?} {issuer} {signed_with}"
            );
        }
    }
    let only_keyed = || vec![keyed(Some("k1"), None, "1")];
    for kid in [None, Some("k2"), Some("")] {
        let token = issued(kid, Value::Null, "1");
        assert_eq!(
            verify(only_keyed(), &token).unwrap_err(),
            Fault::NoEntry,
            "{kid:?}"
        );
    }
}

fn with_pem(algorithm: Algorithm, pem: &[u8]) -> Settings {
    Settings {
        algorithm,
        key: Key::PublicPem(pem.to_vec()),
        ..entry()
    }
}

fn with_secret(algorithm: Algorithm, secret: &str) -> Settings {
    Settings {
        algorithm,
        key: Key::Secret(Secret::new(secret)),
        ..entry()
    }
}

#[track_caller]
fn assert_only_mistake(entries: Vec<Settings>, says: &str) {
    let mut mistakes = Vec::new();
    Verifier::new(entries, &KeySets::default(), &mut mistakes);
    let told = matches!(&*mistakes, [one] if one.contains(says));
    assert!(told, "{says}: {mistakes:?}");
    assert!(!mistakes[0].contains("hunter2"));
}

#[test]
fn a_secret_that_is_short_or_misplaced_is_a_mistake_and_is_not_shown() {
    for (algorithm, secret, says) in [
        (Algorithm::HS256, "hunter2", "at least 32"),
        (Algorithm::HS512, &*"s".repeat(31), "at least 32"),
        (Algorithm::RS256, SECRET, "public_key_file"),
    ] {
        assert_only_mistake(vec![with_secret(algorithm, secret)], says);
    }
}

#[test]
fn a_file_that_is_no_public_key_of_the_algorithm_is_a_mistake() {
    let empty_block = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
    for (algorithm, pem, says) in [
        (Algorithm::HS256, RSA_PUBLIC, "`secret`"),
        (Algorithm::RS256, b"", "BEGIN PUBLIC KEY"),
        (Algorithm::RS256, empty_block, "not a public key for RS256"),
        (Algorithm::RS256, pem!("rsa-private"), "private key"),
        (Algorithm::RS256, pem!("certificate"), "openssl x509"),
        (
            Algorithm::RS256,
            pem!("rsa-pkcs1-public"),
            "BEGIN PUBLIC KEY",
        ),
        (Algorithm::RS256, &RSA_PUBLIC.repeat(2), "one public key"),
        (Algorithm::PS256, pem!("short-rsa-public"), "2048"),
        (Algorithm::PS256, pem!("p256-public"), "RSA"),
        (Algorithm::ES256, RSA_PUBLIC, "P-256"),
        (Algorithm::ES256, pem!("p384-public"), "P-256"),
        (Algorithm::ES384, pem!("p256-public"), "P-384"),
        (Algorithm::ES384, pem!("p521-public"), "P-384"),
        (Algorithm::EdDSA, pem!("p256-public"), "Ed25519"),
    ] {
        assert_only_mistake(vec![with_pem(algorithm, pem)], says);
    }
}

#[test]
fn a_leeway_beyond_a_minute_and_entries_that_cannot_be_told_apart_are_mistakes() {
    let lax = Settings {
        leeway: Duration::from_secs(61),
        ..entry()
    };
    assert_only_mistake(vec![lax], "at most \"60s\"");
    let keyed = Settings {
        kid: Some("k".to_owned()),
        ..entry()
    };
    assert_only_mistake(vec![keyed.clone(), keyed], "its own kid");
    assert_only_mistake(vec![entry(), entry()], "neither has a kid");
}
