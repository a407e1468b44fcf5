mod claims;
mod keys;
mod sets;
mod signature;

use std::time::Duration;

use serde_json::{Value, json};

use super::fault::Fault;
use super::verifier::{Verified, Verifier};
use super::*;
use crate::model::code::{Code, Refusal};
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
    let verifier = Verifier::new(entries, &KeySets::default(), &mut mistakes);
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
