use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::auth::access::Proof;
use crate::auth::authority::tests::{NOW, issuer, settings, token};
use crate::auth::credentials::Credential;
use crate::auth::digest::sha256;
use crate::auth::{Authority, jwt};
use crate::model::code::Refusal;
use crate::model::id::Principal;

fn authority(jwt: jwt::Settings) -> Authority {
    Authority::new(crate::auth::Settings {
        jwt: vec![jwt],
        ..settings()
    })
    .unwrap()
}

fn good() -> Credential {
    token(&json!({"sub": "ann", "role": "viewer", "org": "acme", "exp": NOW.0 / 1000 + 60}))
}

/// Everything that an answer says.
fn told(answer: Result<Arc<Access>, Refusal>) -> String {
    format!("{answer:#?}")
}

prop_compose! {
    /// Times of a token in seconds, `now` being 1000, with the entry that it meets.
    fn dated()(
        exp in 900_u64..1100,
        nbf in of(900_u64..1100),
        iat in of(900_u64..1100),
        leeway in 0_u64..=60,
        max_age in of(0_u64..100),
    ) -> (serde_json::Value, jwt::Settings) {
        let mut claims = json!({"sub": "ann", "role": "viewer", "org": ["acme", "b"]});
        for (name, second) in [("exp", Some(exp)), ("nbf", nbf), ("iat", iat)] {
            if let Some(second) = second {
                claims[name] = (NOW.0 / 1000 - 1000 + second).into();
            }
        }
        let entry = jwt::Settings {
            leeway: Duration::from_secs(leeway),
            max_age: max_age.map(Duration::from_secs),
            ..issuer()
        };
        (claims, entry)
    }
}

proptest! {
    /// Also where the calendar goes back.
    #[test]
    fn what_is_remembered_is_what_verifying_says_at_every_time(
        (claims, entry) in dated(),
        times in vec(800_000_u64..1_250_000, 1..32),
    ) {
        let (remembers, credential) = (authority(entry), token(&claims));
        let Credential::Token(secret) = &credential else {
            panic!("three dotted parts are a token");
        };
        for time in times {
            let now = UnixMillis(NOW.0 - 1_000_000 + time);
            let fresh = remembers.verify(secret, now).map(|verdict| verdict.access);
            prop_assert_eq!(told(remembers.identify(&credential, now)), told(fresh));
        }
    }
}

#[test]
fn all_who_present_one_token_share_its_rights_in_memory() {
    let authority = authority(issuer());
    let first = authority.identify(&good(), NOW).unwrap();
    let second = authority.identify(&good(), NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let end = UnixMillis(NOW.0 + 60_000);
    assert!(authority.identify(&good(), end).is_err());
}

#[test]
fn a_refused_token_takes_no_place() {
    let authority = authority(issuer());
    for claims in [
        json!({"sub": "ann", "role": "viewer", "exp": 1}),
        json!({"sub": "ann", "role": "nobody", "exp": NOW.0 / 1000 + 60}),
    ] {
        assert!(authority.identify(&token(&claims), NOW).is_err());
    }
    assert_eq!(authority.verdicts.0.len(), 0);
}

#[test]
fn a_token_of_another_signature_is_another_token() {
    let authority = authority(issuer());
    authority.identify(&good(), NOW).unwrap();
    let Credential::Token(secret) = good() else {
        panic!("three dotted parts are a token");
    };
    let (message, _) = secret.expose().rsplit_once('.').unwrap();
    let forged = Credential::from_token(&format!("{message}.AAAA")).unwrap();
    assert!(authority.identify(&forged, NOW).is_err());
}

#[test]
fn tokens_without_end_take_the_memory_of_the_table_and_no_more() {
    let authority = authority(issuer());
    let role = &authority.roles["viewer"];
    let verdicts = Verdicts::with_capacity(64 * 1024);
    let mut made = 0;
    for index in 0..1000 {
        let claims = json!({"org": vec!["acme"; index % 64], "sub": index.to_string()});
        let claims: Map<_, _> = claims.as_object().unwrap().clone();
        let access = Access::new(
            Principal::Anonymous,
            Arc::clone(role),
            &claims,
            None,
            Proof::Anonymous,
        );
        made += access.weight();
        let holds = UnixMillis(0)..UnixMillis(1);
        verdicts.remember(sha256(&index.to_string()), Verdict { access, holds });
        assert!(verdicts.0.weight() <= 64 * 1024);
    }
    assert!(made > 10 * 64 * 1024, "{made}");
    assert!(verdicts.0.len() > 20);
}

/// The least recently used would have gone each time, one step before it was asked for.
#[test]
fn a_herd_that_is_larger_than_the_table_still_finds_a_part_of_it_there() {
    let authority = authority(issuer());
    let access = authority.identify(&good(), NOW).unwrap();
    let verdicts = Verdicts::with_capacity(64 * 1024);
    let herd = 64 * 1024 / u64::try_from(access.weight()).unwrap();
    let mut found = 0;
    for _ in 0..10 {
        for index in 0..herd {
            let digest = sha256(&index.to_string());
            if verdicts.get(&digest, NOW).is_some() {
                found += 1;
                continue;
            }
            let verdict = Verdict {
                access: Arc::clone(&access),
                holds: NOW..UnixMillis(NOW.0 + 1),
            };
            verdicts.remember(digest, verdict);
        }
    }
    assert!(found > herd * 3, "{found} of {}", herd * 10);
}
