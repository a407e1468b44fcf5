use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::fault::Fault;
use super::verifier::{Verified, Verifier};
use super::*;
use crate::model::code::{Code, Refusal};
use crate::model::id::Principal;
use crate::model::time::UnixMillis;

const SECRET: &str = "a secret of the tests, 32 bytes or more";
const RSA_PUBLIC: &[u8] = include_bytes!("../testdata/rsa-public.pem");
const NOW: u64 = 1_800_000_000;

fn entry() -> Settings {
    Settings {
        kid: None,
        algorithm: Algorithm::HS256,
        key: Key::Secret(Secret::new(SECRET)),
        audience: None,
        issuer: None,
        leeway: Duration::ZERO,
        max_age: None,
        role_claim: "role".to_owned(),
    }
}

fn verifier(entries: Vec<Settings>) -> Verifier {
    let mut mistakes = Vec::new();
    let verifier = Verifier::new(entries, &mut mistakes);
    assert_eq!(mistakes, Vec::<String>::new());
    verifier
}

fn verify(entries: Vec<Settings>, token: &str) -> Result<Verified, Fault> {
    verifier(entries).verify(&Secret::new(token), UnixMillis(NOW * 1000))
}

/// Good claims, with `changes` on top; null takes a claim away.
fn claims(changes: Value) -> Value {
    let mut claims = json!({"sub": "ann", "role": "viewer", "exp": NOW + 60});
    let (Some(all), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
        panic!("claims are objects");
    };
    for (name, value) in changes {
        if value.is_null() {
            all.remove(&name);
        } else {
            all.insert(name, value);
        }
    }
    claims
}

fn token(changes: Value) -> String {
    let secret = Secret::new(SECRET);
    sign(Algorithm::HS256, &secret, None, &claims(changes)).unwrap()
}

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
fn a_good_token_gives_its_principal_its_role_and_its_end() {
    let issued = token(json!({"iss": "https://id.example"}));
    let settings = Settings {
        issuer: Some("https://id.example".to_owned()),
        ..entry()
    };
    let verified = verify(vec![settings], &issued).unwrap();
    let expected = Principal::Subject {
        issuer: "https://id.example".into(),
        subject: "ann".into(),
    };
    assert_eq!(verified.principal, expected);
    assert_eq!(verified.role, "viewer");
    assert_eq!(verified.expires_at, UnixMillis((NOW + 60) * 1000));
    assert_eq!(verified.claims.get("sub"), Some(&json!("ann")));
}

#[test]
fn an_issuer_that_is_not_configured_does_not_make_another_principal() {
    let verified = verify(vec![entry()], &token(json!({"iss": "whoever"}))).unwrap();
    let expected = Principal::Subject {
        issuer: "".into(),
        subject: "ann".into(),
    };
    assert_eq!(verified.principal, expected);
}

#[test]
fn every_algorithm_verifies_what_its_private_key_signed_and_nothing_else() {
    const RSA: (&[u8], &[u8]) = (
        include_bytes!("../testdata/rsa-private.pem"),
        include_bytes!("../testdata/rsa-public.pem"),
    );
    const P256: (&[u8], &[u8]) = (
        include_bytes!("../testdata/p256-private.pem"),
        include_bytes!("../testdata/p256-public.pem"),
    );
    const P384: (&[u8], &[u8]) = (
        include_bytes!("../testdata/p384-private.pem"),
        include_bytes!("../testdata/p384-public.pem"),
    );
    const ED: (&[u8], &[u8]) = (
        include_bytes!("../testdata/ed25519-private.pem"),
        include_bytes!("../testdata/ed25519-public.pem"),
    );
    let keys = |algorithm: Algorithm| match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            let public = Key::Secret(Secret::new(SECRET));
            (EncodingKey::from_secret(SECRET.as_bytes()), public)
        }
        Algorithm::ES256 => {
            let private = EncodingKey::from_ec_pem(P256.0).unwrap();
            (private, Key::PublicPem(P256.1.to_vec()))
        }
        Algorithm::ES384 => {
            let private = EncodingKey::from_ec_pem(P384.0).unwrap();
            (private, Key::PublicPem(P384.1.to_vec()))
        }
        Algorithm::EdDSA => {
            let private = EncodingKey::from_ed_pem(ED.0).unwrap();
            (private, Key::PublicPem(ED.1.to_vec()))
        }
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => {
            let private = EncodingKey::from_rsa_pem(RSA.0).unwrap();
            (private, Key::PublicPem(RSA.1.to_vec()))
        }
    };
    let tokens = Algorithm::ALL.map(|algorithm| {
        let header = Header::new(algorithm.in_library());
        let (private, _) = keys(algorithm);
        jsonwebtoken::encode(&header, &claims(json!({})), &private).unwrap()
    });
    for algorithm in Algorithm::ALL {
        let settings = Settings {
            kid: None,
            algorithm,
            key: keys(algorithm).1,
            ..entry()
        };
        for (signed_by, token) in Algorithm::ALL.iter().zip(&tokens) {
            let verified = verify(vec![settings.clone()], token);
            if *signed_by == algorithm {
                assert!(verified.is_ok(), "{algorithm:?}: {verified:?}");
                let message = token.rsplit_once('.').unwrap().0;
                let other = tokens.iter().find(|other| *other != token).unwrap();
                let borrowed = format!("{message}.{}", other.rsplit_once('.').unwrap().1);
                let verified = verify(vec![settings.clone()], &borrowed);
                assert_eq!(verified.unwrap_err(), Fault::Signature, "{algorithm:?}");
            } else {
                let fault = verified.unwrap_err();
                assert_eq!(fault, Fault::NoEntry, "{signed_by:?} as {algorithm:?}");
            }
        }
    }
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

#[test]
fn claims_that_must_be_there_must_be_there() {
    let strict = || Settings {
        audience: Some("gatecast".to_owned()),
        issuer: Some("https://i.example".to_owned()),
        kid: Some("k".to_owned()),
        ..entry()
    };
    let good = json!({"aud": "gatecast", "iss": "https://i.example"});
    let issue = |changes: Value| {
        let mut all = good.clone();
        all.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        sign(
            Algorithm::HS256,
            &Secret::new(SECRET),
            Some("k"),
            &claims(all),
        )
        .unwrap()
    };
    for changes in [
        json!({}),
        json!({"aud": ["other", "gatecast"]}),
        json!({"sub": "x".repeat(256)}),
        json!({"exp": NOW as f64 + 0.5}),
    ] {
        assert!(
            verify(vec![strict()], &issue(changes.clone())).is_ok(),
            "{changes}"
        );
    }
    for (changes, fault) in [
        (json!({"aud": null}), Fault::Claim("aud")),
        (json!({"aud": "other"}), Fault::Audience),
        (json!({"aud": "gatecast2"}), Fault::Audience),
        (json!({"aud": []}), Fault::Audience),
        (json!({"aud": [["gatecast"]]}), Fault::Audience),
        (json!({"aud": {"gatecast": 1}}), Fault::Audience),
        (json!({"iss": null}), Fault::Claim("iss")),
        (json!({"iss": "https://i.example/"}), Fault::Issuer),
        (json!({"iss": ["https://i.example"]}), Fault::Claim("iss")),
        (json!({"exp": null}), Fault::Claim("exp")),
        (json!({"exp": "soon"}), Fault::Claim("exp")),
        (json!({"exp": (NOW + 60).to_string()}), Fault::Claim("exp")),
        (json!({"exp": -1}), Fault::Claim("exp")),
        (json!({"nbf": "now"}), Fault::Claim("nbf")),
        (json!({"sub": null}), Fault::Claim("sub")),
        (json!({"sub": ""}), Fault::Claim("sub")),
        (json!({"sub": 7}), Fault::Claim("sub")),
        (json!({"sub": "x".repeat(257)}), Fault::Claim("sub")),
        (json!({"role": null}), Fault::NoRole),
        (json!({"role": ["viewer"]}), Fault::NoRole),
    ] {
        let fault_found = verify(vec![strict()], &issue(changes.clone())).unwrap_err();
        assert_eq!(fault_found, fault, "{changes}");
    }
    let for_somebody = token(json!({"aud": "other"}));
    assert_eq!(
        verify(vec![entry()], &for_somebody).unwrap_err(),
        Fault::Audience
    );
}

#[test]
fn times_are_judged_by_the_time_that_is_handed_in() {
    let second = Duration::from_secs(1);
    for (leeway, max_age, times, expected) in [
        (0, None, json!({"exp": NOW + 1}), Ok(NOW + 1)),
        (0, None, json!({"exp": NOW}), Err(Fault::Expired)),
        (0, None, json!({"exp": NOW - 1}), Err(Fault::Expired)),
        (0, None, json!({"exp": 0}), Err(Fault::Expired)),
        (0, None, json!({"exp": u64::MAX}), Ok(u64::MAX / 1000)),
        (5, None, json!({"exp": NOW + 1}), Ok(NOW + 1)),
        (5, None, json!({"exp": NOW - 4}), Ok(NOW + 1)),
        (5, None, json!({"exp": NOW - 5}), Err(Fault::Expired)),
        (0, None, json!({"nbf": NOW}), Ok(NOW + 60)),
        (0, None, json!({"nbf": NOW + 1}), Err(Fault::NotYet)),
        (5, None, json!({"nbf": NOW + 5}), Ok(NOW + 60)),
        (5, None, json!({"nbf": NOW + 6}), Err(Fault::NotYet)),
        (0, None, json!({"iat": "whenever"}), Ok(NOW + 60)),
        (0, Some(30), json!({"iat": NOW}), Ok(NOW + 30)),
        (0, Some(300), json!({"iat": NOW}), Ok(NOW + 60)),
        (0, Some(30), json!({"iat": NOW - 29}), Ok(NOW + 1)),
        (0, Some(30), json!({"iat": NOW - 30}), Err(Fault::TooOld)),
        (5, Some(30), json!({"iat": NOW - 34}), Ok(NOW + 1)),
        (5, Some(30), json!({"iat": NOW - 35}), Err(Fault::TooOld)),
        (0, Some(30), json!({"iat": NOW + 1}), Err(Fault::NotYet)),
        (0, Some(30), json!({}), Err(Fault::Claim("iat"))),
        (0, Some(30), json!({"iat": "now"}), Err(Fault::Claim("iat"))),
    ] {
        let settings = Settings {
            leeway: second * leeway,
            max_age: max_age.map(|seconds| second * seconds),
            ..entry()
        };
        let found = verify(vec![settings], &token(times.clone()));
        let end = found.map(|verified| verified.expires_at.0 / 1000);
        assert_eq!(
            end, expected,
            "leeway {leeway}, max_age {max_age:?}, {times}"
        );
    }
}

#[test]
fn the_role_claim_may_be_nested() {
    let settings = Settings {
        role_claim: "access.role".to_owned(),
        ..entry()
    };
    let nested = token(json!({"access": {"role": "editor"}}));
    assert_eq!(verify(vec![settings], &nested).unwrap().role, "editor");
}

#[test]
fn every_mistake_of_the_configuration_is_told_and_no_secret_shown() {
    let pem = |algorithm, pem: &[u8]| Settings {
        algorithm,
        key: Key::PublicPem(pem.to_vec()),
        ..entry()
    };
    let secret = |algorithm, secret: &str| Settings {
        algorithm,
        key: Key::Secret(Secret::new(secret)),
        ..entry()
    };
    for (settings, says) in [
        (secret(Algorithm::HS256, "hunter2"), "at least 32"),
        (secret(Algorithm::HS512, &"s".repeat(31)), "at least 32"),
        (secret(Algorithm::RS256, SECRET), "public_key_file"),
        (pem(Algorithm::HS256, RSA_PUBLIC), "`secret`"),
        (pem(Algorithm::RS256, b""), "BEGIN PUBLIC KEY"),
        (
            pem(
                Algorithm::RS256,
                b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            ),
            "not a public key for RS256",
        ),
        (
            pem(
                Algorithm::RS256,
                include_bytes!("../testdata/rsa-private.pem"),
            ),
            "private key",
        ),
        (
            pem(
                Algorithm::RS256,
                include_bytes!("../testdata/certificate.pem"),
            ),
            "openssl x509",
        ),
        (
            pem(
                Algorithm::RS256,
                include_bytes!("../testdata/rsa-pkcs1-public.pem"),
            ),
            "BEGIN PUBLIC KEY",
        ),
        (
            pem(
                Algorithm::PS256,
                include_bytes!("../testdata/short-rsa-public.pem"),
            ),
            "2048",
        ),
        (
            pem(
                Algorithm::PS256,
                include_bytes!("../testdata/p256-public.pem"),
            ),
            "RSA",
        ),
        (
            pem(Algorithm::RS256, &RSA_PUBLIC.repeat(2)),
            "one public key",
        ),
        (pem(Algorithm::ES256, RSA_PUBLIC), "P-256"),
        (
            pem(
                Algorithm::ES256,
                include_bytes!("../testdata/p384-public.pem"),
            ),
            "P-256",
        ),
        (
            pem(
                Algorithm::ES384,
                include_bytes!("../testdata/p256-public.pem"),
            ),
            "P-384",
        ),
        (
            pem(
                Algorithm::ES384,
                include_bytes!("../testdata/p521-public.pem"),
            ),
            "P-384",
        ),
        (
            pem(
                Algorithm::EdDSA,
                include_bytes!("../testdata/p256-public.pem"),
            ),
            "Ed25519",
        ),
        (
            Settings {
                leeway: Duration::from_secs(61),
                ..entry()
            },
            "at most \"60s\"",
        ),
    ] {
        let mut mistakes = Vec::new();
        Verifier::new(vec![settings], &mut mistakes);
        assert!(
            matches!(&*mistakes, [one] if one.contains(says)),
            "{says}: {mistakes:?}"
        );
        assert!(!mistakes[0].contains("hunter2"));
    }
    let keyed = Settings {
        kid: Some("k".to_owned()),
        ..entry()
    };
    for (twice, says) in [(keyed, "its own kid"), (entry(), "neither has a kid")] {
        let mut mistakes = Vec::new();
        Verifier::new(vec![twice.clone(), twice], &mut mistakes);
        assert!(
            matches!(&*mistakes, [one] if one.contains(says)),
            "{says}: {mistakes:?}"
        );
    }
}

#[test]
fn faults_meet_the_wire_as_unauthorized_and_a_missing_role_as_forbidden() {
    for (fault, code) in [
        (Fault::Malformed, Code::Unauthorized),
        (Fault::Signature, Code::Unauthorized),
        (Fault::Expired, Code::Unauthorized),
        (Fault::Claim("aud"), Code::Unauthorized),
        (Fault::NoRole, Code::Forbidden),
    ] {
        let refusal = Refusal::from(fault);
        assert_eq!(refusal.code, code, "{fault:?}");
        assert!(refusal.operator.is_some());
    }
}

#[test]
fn only_a_shared_secret_signs_here_and_only_claims_are_signed() {
    let secret = Secret::new(SECRET);
    let rsa = sign(Algorithm::RS256, &secret, None, &claims(json!({})));
    assert_eq!(rsa, Err(CannotSign::NotHmac));
    let text = sign(Algorithm::HS256, &secret, None, &json!("claims"));
    assert_eq!(text, Err(CannotSign::NotClaims));
}

#[test]
fn each_algorithm_is_known_by_its_name_only() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(algorithm.as_str()), Some(algorithm));
        assert_eq!(Algorithm::parse(&algorithm.as_str().to_lowercase()), None);
    }
    assert_eq!(Algorithm::parse("none"), None);
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
