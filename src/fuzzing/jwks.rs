//! Sets of keys: whatever an issuer, or whoever answers in its place, calls one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::assert_tells_why;
use crate::auth::credentials::Credential;
use crate::auth::jwt::jwks::Origin;
use crate::auth::jwt::{self, Algorithm, Key, Keys};
use crate::auth::{Authority, Settings};
use crate::model::secret::Secret;
use crate::model::time::UnixMillis;

/// A text that may be a set of keys.
pub fn jwks(data: &[u8]) {
    let (file, network) = (
        Keys::parse(data, Origin::File),
        Keys::parse(data, Origin::Network),
    );
    let (Ok(file), Ok(network)) = (&file, &network) else {
        assert!(file.is_err() && network.is_err());
        return;
    };
    let set: Value = serde_json::from_slice(data).unwrap();
    let entries = set["keys"].as_array().unwrap();
    for keys in [file, network] {
        // The same one twice is one.
        assert!(keys.len() + keys.skipped().total() <= entries.len());
    }
    assert!(network.len() <= file.len(), "a secret is none there");
    let again = Keys::parse(set.to_string().as_bytes(), Origin::File);
    assert_eq!(again.as_ref(), Ok(file));
    let kids = entries.iter().filter_map(|key| key.get("kid")?.as_str());
    let kids: Vec<_> = std::iter::once(None).chain(kids.map(Some)).collect();
    for algorithm in Algorithm::ALL {
        assert_admits_nobody(algorithm, file, &kids[..kids.len().min(4)]);
    }
}

/// That no key of the set takes a signature that nobody has made.
fn assert_admits_nobody(algorithm: Algorithm, keys: &Keys, kids: &[Option<&str>]) {
    let entry = jwt::Settings {
        kid: None,
        algorithm,
        key: Key::Set(keys.clone()),
        audience: None,
        issuer: None,
        leeway: Duration::ZERO,
        max_age: None,
        role_claim: "role".to_owned(),
    };
    let settings = Settings {
        jwt: vec![entry],
        ..Settings::default()
    };
    let Ok(authority) = Authority::new(settings) else {
        return;
    };
    for kid in kids {
        let mut header = json!({"alg": algorithm.as_str()});
        if let Some(kid) = kid {
            header["kid"] = (*kid).into();
        }
        let claims = json!({"sub": "eve", "role": "member", "exp": 4_102_444_800_u64});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for signature in ["", "AAAA", &"A".repeat(86), &"A".repeat(342)] {
            let token = format!("{}.{}.{signature}", part(&header), part(&claims));
            let credential = Credential::Token(Secret::new(token));
            assert_tells_why(&authority.identify(&credential, UnixMillis(0)).unwrap_err());
        }
    }
}
