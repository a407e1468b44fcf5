//! Keys that are fetched, and what they have vouched for.

use std::time::Duration;

use futures_util::FutureExt as _;

use super::*;
use crate::auth::jwt::jwks::Origin;
use crate::auth::jwt::{KeySet, KeyUrl, Keys};
use crate::auth::ticket::Kind;

/// The private key of RFC 8037 appendix A.1, as PKCS #8.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

fn url() -> KeyUrl {
    KeyUrl::parse("https://id.example/keys").unwrap()
}

/// Authorities of one gateway, one after another, and the cell that they share.
fn gateway() -> (impl Fn() -> Authority, Arc<KeySet>) {
    let sets = KeySets::default();
    let cell = sets.of(&url());
    let key = jwt::Key::Url {
        url: url(),
        refresh: Duration::from_secs(600),
    };
    let entry = jwt::Settings {
        algorithm: Algorithm::EdDSA,
        key,
        ..issuer()
    };
    let authority = move || {
        let mut all = settings();
        all.jwt = vec![entry.clone()];
        all.tickets.secrets = vec![Secret::new("a secret for the tickets, 32 bytes")];
        Authority::with_key_sets(all, &sets).unwrap()
    };
    (authority, cell)
}

/// The public key of that private one, under these names.
fn keys(names: &[&str]) -> Option<Keys> {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = |kid: &&str| json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid});
    let keys: Vec<_> = names.iter().map(key).collect();
    let text = json!({"keys": keys}).to_string();
    Some(Keys::parse(text.as_bytes(), Origin::Network).unwrap())
}

/// Ann's token, signed by the key `a`.
fn ann() -> Credential {
    let private = jsonwebtoken::EncodingKey::from_ed_pem(PRIVATE.as_bytes()).unwrap();
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.kid = Some("a".to_owned());
    let claims = json!({"sub": "ann", "role": "viewer", "exp": NOW.0 / 1000 + 60});
    let token = jsonwebtoken::encode(&header, &claims, &private).unwrap();
    Credential::from_token(&token).unwrap()
}

/// What Ann's session is.
fn session(authority: &Authority) -> Credential {
    let swapped = authority.session(&ann(), None, NOW).unwrap();
    Credential::Ticket(Kind::Cookie, swapped.ticket)
}

fn told(authority: &Authority, credential: &Credential) -> Result<Arc<Access>, Code> {
    let verdict = authority.identify(credential, NOW);
    verdict.map_err(|refusal| refusal.code)
}

#[test]
fn a_verdict_ends_with_the_key_of_a_set_that_it_was_made_with() {
    let (authority, cell) = gateway();
    let first = authority();
    let refusal = first.identify(&ann(), NOW).unwrap_err();
    assert_eq!(refusal.code, Code::Unavailable);
    let pause = refusal.retry_after.unwrap().as_millis();
    assert!((1000..3000).contains(&pause), "{pause}");
    cell.ends(keys(&["a"]));
    let access = told(&first, &ann()).unwrap();
    // Another key comes: the verdict stays. The next authority has the keys that were fetched before it.
    cell.ends(keys(&["a", "b"]));
    assert!(Arc::ptr_eq(&access, &told(&first, &ann()).unwrap()));
    let second = authority();
    assert!(second.judge_anew(&access, NOW).is_ok());
    assert!(first.made(&access) && !second.made(&access));
    cell.ends(keys(&["b"]));
    assert!(!first.made(&access));
    for authority in [&first, &second] {
        assert_eq!(told(authority, &ann()).unwrap_err(), Code::Unauthorized);
        let anew = authority.judge_anew(&access, NOW).unwrap_err();
        assert_eq!(anew.code, Code::Unauthorized);
    }
    // It comes back, and is another one of the same name.
    cell.ends(keys(&["a"]));
    assert!(told(&first, &ann()).is_ok());
}

#[test]
fn a_session_ends_with_the_key_of_the_token_that_was_swapped_for_it() {
    let (authority, cell) = gateway();
    let first = authority();
    cell.ends(keys(&["a", "b"]));
    let ticket = session(&first);
    let access = told(&first, &ticket).unwrap();
    assert!(first.made(&access));
    cell.ends(keys(&["c", "a"]));
    assert!(first.made(&access) && told(&first, &ticket).is_ok());
    assert!(told(&authority(), &ticket).is_ok());
    cell.ends(keys(&["c"]));
    assert!(!first.made(&access));
    for authority in [first, authority()] {
        assert_eq!(told(&authority, &ticket).unwrap_err(), Code::Unauthorized);
        assert!(authority.judge_anew(&access, NOW).is_err());
    }
}

#[test]
fn a_session_from_before_a_restart_is_waited_for_until_its_keys_are_here() {
    let (authority, cell) = gateway();
    cell.ends(keys(&["a"]));
    let ticket = session(&authority());

    let (authority, cell) = gateway();
    let restarted = authority();
    cell.begins();
    assert_eq!(told(&restarted, &ticket).unwrap_err(), Code::Unavailable);
    let search = restarted.search(&ticket).unwrap();
    let forged = Credential::Ticket(Kind::Cookie, Secret::new("e30.AAAA"));
    assert!(restarted.search(&forged).is_none(), "it was not made here");
    cell.ends(keys(&["a"]));
    assert!(search.ended().now_or_never().is_some());
    assert!(told(&restarted, &ticket).is_ok());
    assert!(restarted.search(&ticket).is_none());
}
