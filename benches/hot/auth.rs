//! Who a client is, and what it may do.

use std::fmt::Write as _;
use std::hint::black_box;

use gatecast::auth::Authority;
use gatecast::auth::credentials::Credential;
use gatecast::config;
use gatecast::model::time::UnixMillis;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::event::room;
use crate::{Job, Work, job};

pub(crate) const JOBS: &[Job] = &[
    job("auth/HS256 verified", 1, || verified(Algorithm::HS256)),
    job("auth/RS256 verified", 1, || verified(Algorithm::RS256)),
    job("auth/ES256 verified", 1, || verified(Algorithm::ES256)),
    job("auth/EdDSA verified", 1, || verified(Algorithm::EdDSA)),
    job("auth/RS256 remembered", 1, remembered),
    job("auth/RS256 refused", 1, refused),
    job("auth/key", 1, key),
    job("auth/grants of a room", 1, grants),
];

/// A fresh verification each time: a token within its leeway is another answer than the same one before its end, so
/// that what is remembered of the one is of no use to the other.
fn verified(algorithm: Algorithm) -> Work {
    let (authority, token) = (authority(), token(algorithm));
    let mut before = false;
    Box::new(move || {
        before = !before;
        let now = UnixMillis(EXP * 1000 - u64::from(before));
        black_box(authority.identify(black_box(&token), now)).unwrap();
    })
}

fn remembered() -> Work {
    let (authority, token) = (authority(), token(Algorithm::RS256));
    Box::new(move || {
        black_box(authority.identify(black_box(&token), NOW)).unwrap();
    })
}

/// A good token under the signature of another one.
fn refused() -> Work {
    let authority = authority();
    let parts = |sub| {
        let token = signed(Algorithm::RS256, sub);
        let (message, signature) = token.rsplit_once('.').unwrap();
        (message.to_owned(), signature.to_owned())
    };
    let forged = format!("{}.{}", parts("ann").0, parts("bob").1);
    let forged = Credential::from_token(&forged).unwrap();
    Box::new(move || {
        black_box(authority.identify(black_box(&forged), NOW)).unwrap_err();
    })
}

/// The last of ten.
fn key() -> Work {
    let (authority, key) = (authority(), Credential::from_token("key-9").unwrap());
    Box::new(move || {
        black_box(authority.identify(black_box(&key), NOW)).unwrap();
    })
}

/// Whether a room is open to a member of two organisations: the last of its patterns says yes.
fn grants() -> Work {
    let access = authority().identify(&token(Algorithm::HS256), NOW).unwrap();
    let room = room(7);
    Box::new(move || {
        assert!(black_box(&access).may_subscribe(black_box(&room)));
    })
}

/// When the tokens end, in seconds.
const EXP: u64 = 1_900_000_000;
const NOW: UnixMillis = UnixMillis((EXP - 3600) * 1000);

fn token(algorithm: Algorithm) -> Credential {
    Credential::from_token(&signed(algorithm, "ann")).unwrap()
}

fn signed(algorithm: Algorithm, sub: &str) -> String {
    let claims = json!({
        "iss": "https://id.example", "aud": "gatecast", "sub": sub, "role": "member", "org": ["globex", "acme"],
        "iat": EXP - 7200, "exp": EXP,
    });
    let key = if algorithm == Algorithm::RS256 {
        EncodingKey::from_rsa_pem(pem!("rsa-private")).unwrap()
    } else if algorithm == Algorithm::ES256 {
        EncodingKey::from_ec_pem(pem!("p256-private")).unwrap()
    } else if algorithm == Algorithm::EdDSA {
        EncodingKey::from_ed_pem(pem!("ed25519-private")).unwrap()
    } else {
        EncodingKey::from_secret(SECRET.as_bytes())
    };
    jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).unwrap()
}

/// One issuer with a key of each kind, and ten API keys.
fn authority() -> Authority {
    let mut toml =
        "[roles.member]\nsubscribe = [\"news\", \"user:{sub}\", \"org:{org}:*\"]\n".to_owned();
    for (algorithm, key) in [
        ("HS256", format!("secret = \"{SECRET}\"")),
        ("RS256", public(pem!("rsa-public"))),
        ("ES256", public(pem!("p256-public"))),
        ("EdDSA", public(pem!("ed25519-public"))),
    ] {
        let whose = "issuer = \"https://id.example\"\naudience = \"gatecast\"";
        writeln!(
            toml,
            "[[auth.jwt]]\nalgorithm = \"{algorithm}\"\n{key}\n{whose}"
        )
        .unwrap();
    }
    for number in 0..10 {
        let hash = Sha256::digest(format!("key-{number}"));
        let hash = hash
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        writeln!(
            toml,
            "[[auth.api_key]]\nname = \"{number}\"\nsha256 = \"{hash}\"\nrole = \"member\""
        )
        .unwrap();
    }
    Authority::new(config::load(Some(&toml), &[]).unwrap().auth).unwrap()
}

fn public(pem: &[u8]) -> String {
    format!("public_key = \"\"\"{}\"\"\"", String::from_utf8_lossy(pem))
}

/// The keys of the library's own tests.
macro_rules! pem {
    ($name:literal) => {
        include_bytes!(concat!("../../src/auth/testdata/", $name, ".pem"))
    };
}
use pem;

const SECRET: &str = "a secret of the benches, 32 bytes or more";
