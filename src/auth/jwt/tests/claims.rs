//! What a signed token says.

use super::*;
use crate::model::id::Principal;

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
    assert_eq!(verified.holds.end, UnixMillis((NOW + 60) * 1000));
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

/// An entry that wants an audience and an issuer.
fn strict() -> Settings {
    Settings {
        audience: Some("gatecast".to_owned()),
        issuer: Some("https://i.example".to_owned()),
        ..entry()
    }
}

/// The fault of a token for [`strict`], by its `kid` so that a wrong issuer is met and not passed by.
fn fault_of(changes: &Value) -> Option<Fault> {
    let good = json!({"aud": "gatecast", "iss": "https://i.example"});
    let mut all = claims(good);
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    let token = sign(
        Algorithm::HS256,
        &Secret::new(SECRET),
        Some("k"),
        &claims(all),
    )
    .unwrap();
    let settings = Settings {
        kid: Some("k".to_owned()),
        ..strict()
    };
    verify(vec![settings], &token).err()
}

#[test]
fn claims_that_are_as_configured_pass() {
    for changes in [
        json!({}),
        json!({"aud": ["other", "gatecast"]}),
        json!({"sub": "x".repeat(256)}),
        json!({"exp": NOW as f64 + 0.5}),
    ] {
        assert_eq!(fault_of(&changes), None, "{changes}");
    }
}

#[test]
fn claims_that_must_be_there_must_be_there() {
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
        assert_eq!(fault_of(&changes), Some(fault), "{changes}");
    }
}

#[test]
fn a_token_for_somebody_else_is_refused_where_no_audience_is_configured() {
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
        let end = found.map(|verified| verified.holds.end.0 / 1000);
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
