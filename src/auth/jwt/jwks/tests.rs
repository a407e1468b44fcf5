use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// RFC 7517 appendix A.1: a P-256 key for encryption, and an RSA key.
const PUBLIC: &str = r#"{"keys":[
    {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
     "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
    {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
     "e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}"#;

/// RFC 7517 appendix A.3: a key for AES, and an HMAC key.
const SYMMETRIC: &str = r#"{"keys":[
    {"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},
    {"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
     "kid":"HMAC key used in JWS spec Appendix A.1 example"}]}"#;

fn read(text: &str, from: Origin) -> Keys {
    Keys::parse(text.as_bytes(), from).unwrap()
}

fn set(keys: &Value) -> Keys {
    read(&json!({"keys": keys}).to_string(), Origin::Network)
}

/// A key as another issuer would say it, from RFC 8037 appendix A.2, with `changes`; null takes a part away.
fn ed25519(changes: Value) -> Value {
    let mut key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "a",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let Value::Object(changes) = changes else {
        panic!("changes are an object");
    };
    for (name, value) in changes {
        key[&name] = value;
    }
    key.as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    key
}

/// Whether the only key of `jwk` verifies what the standard's example has signed.
#[track_caller]
fn verifies(jwk: &str, algorithm: Algorithm, token: &str) {
    let keys = read(&format!("{{\"keys\":[{jwk}]}}"), Origin::File);
    let key = keys.find(None, algorithm).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    for (message, good) in [(message, true), (&message[1..], false)] {
        let found = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            key.decoding(),
            algorithm.in_library(),
        );
        assert_eq!(found.ok(), Some(good), "{algorithm:?}");
    }
}

#[test]
fn the_public_keys_of_the_standards_example_are_read_and_the_one_for_encryption_is_left_out() {
    let keys = read(PUBLIC, Origin::Network);
    assert_eq!(
        (keys.len(), keys.skipped().to_string()),
        (1, "1 not for signatures".into())
    );
    assert!(keys.find(Some("2011-04-29"), Algorithm::RS256).is_some());
    assert!(keys.find(None, Algorithm::RS256).is_some());
    // It says which algorithm it is for.
    assert!(keys.find(None, Algorithm::RS512).is_none());
    assert!(keys.find(Some("1"), Algorithm::ES256).is_none());
}

#[test]
fn a_shared_secret_is_one_in_a_file_only() {
    let keys = read(SYMMETRIC, Origin::File);
    assert_eq!(
        (keys.len(), keys.skipped().to_string()),
        (1, "1 of an unknown kind or algorithm".into())
    );
    assert!(keys.have(Algorithm::HS256) && !keys.have(Algorithm::RS256));
    let keys = read(SYMMETRIC, Origin::Network);
    assert_eq!(
        (keys.len(), keys.skipped().to_string()),
        (
            0,
            "1 of an unknown kind or algorithm, 1 a shared secret".into()
        )
    );
}

#[test]
fn keys_of_each_kind_verify_what_the_standards_examples_have_signed() {
    const MESSAGE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    // RFC 7515 appendix A.1.
    verifies(
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        Algorithm::HS256,
        &format!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{MESSAGE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ),
    );
    // A.2, with a zero before the modulus as some issuers have it.
    verifies(
        r#"{"kty":"RSA","e":"AQAB","n":"AKH4Fgri48m0Zc6NLWViYzYrkn2-KeHwJHf8FiXMkKE244vZNJfFtupj3XcR5nx0KflWsPuKjwia3EtpiTzBMz9T7dAZuHeEJS_skU_khXdpWUvqQoDTLA9Vv2KUTxMDlrxum99uvdK9o2eO7KDGaPcBs42_-zjINCzi_m0n-t5KWkh0l53Uuc-a3sTHWwWFLCwPXvilwXUDkvlE6O1kwRDGtkdgmqR4OuucbJrXVTEwUGOLg2Zcb296gqOWcCofZBuC0-vyOSIZSR-2hocsVxb1Cvg1jZqLnRfDQHKPf4fYmhjY_KtnrYRZDC7PdZM5NjwHA01vYG-eIeBUVsrl6aE"}"#,
        Algorithm::RS256,
        &format!(
            "eyJhbGciOiJSUzI1NiJ9.{MESSAGE}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        ),
    );
    // A.3.
    verifies(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        Algorithm::ES256,
        &format!(
            "eyJhbGciOiJFUzI1NiJ9.{MESSAGE}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
    );
    // RFC 8037 appendix A.4.
    verifies(
        &ed25519(json!({})).to_string(),
        Algorithm::EdDSA,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
}

/// That `jwk` is left out for this reason, and the one beside it is not.
#[track_caller]
fn left_out(jwk: &Value, why: &str) {
    let keys = set(&json!([jwk, ed25519(json!({}))]));
    let found = (keys.len(), keys.skipped().to_string());
    assert_eq!(found, (1, format!("1 {why}")), "{jwk}");
}

#[test]
fn what_verifies_no_signature_is_left_out_and_counted() {
    const UNKNOWN: &str = "of an unknown kind or algorithm";
    for (changes, why) in [
        (json!({"use": "enc"}), "not for signatures"),
        (json!({"use": ["sig"]}), "not for signatures"),
        (json!({"key_ops": ["sign"]}), "not for signatures"),
        (json!({"key_ops": "verify"}), "malformed"),
        (json!({"alg": "ES512"}), UNKNOWN),
        (json!({"alg": "none"}), UNKNOWN),
        (json!({"alg": "RS256"}), "malformed"),
        (json!({"alg": 1}), "malformed"),
        (json!({"kid": 1}), "malformed"),
        (json!({"crv": "X25519"}), UNKNOWN),
        (json!({"crv": null}), "malformed"),
        (json!({"kty": "AKP"}), UNKNOWN),
        (json!({"kty": "okp"}), UNKNOWN),
        (json!({"kty": null}), "malformed"),
        (
            json!({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="}),
            "malformed",
        ),
        (json!({"x": "AAAA"}), "malformed"),
        (json!({"x": null}), "malformed"),
        // RFC 8037 appendix A.1.
        (
            json!({"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}),
            "private",
        ),
    ] {
        left_out(&ed25519(changes), why);
    }
    left_out(&json!("key"), "malformed");
    left_out(&json!(null), "malformed");
}

#[test]
fn keys_of_the_wrong_size_are_left_out() {
    let long = "_".repeat(341) + "w"; // 2048 bits, all set
    for (n, e, why) in [
        (&*"_".repeat(340), "AQAB", "too short"),
        (&*"A".repeat(342), "AQAB", "too short"),
        (&*"_".repeat(1368), "AQAB", "malformed"),
        (&long, "AQ", "malformed"),
        (&long, "AAAB", "malformed"),
        (&long, "AA", "malformed"),
        (&long, "Ag", "malformed"),
        (&long, "AQAAAAAB", "malformed"),
        (&long, "", "malformed"),
        (&*("_".repeat(341) + "g"), "AQAB", "malformed"),
    ] {
        left_out(&json!({"kty": "RSA", "n": n, "e": e}), why);
    }
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    for (curve, y, why) in [
        ("P-256", &x[1..], "malformed"),
        ("P-384", x, "malformed"),
        ("P-521", x, "of an unknown kind or algorithm"),
        ("secp256k1", x, "of an unknown kind or algorithm"),
    ] {
        left_out(&json!({"kty": "EC", "crv": curve, "x": x, "y": y}), why);
    }
    let octets = |count: usize| json!({"kty": "oct", "k": "A".repeat(count)});
    left_out(&octets(43), "a shared secret");
    let text = json!({"keys": [octets(42), octets(43)]}).to_string();
    let keys = read(&text, Origin::File);
    let found = (keys.len(), keys.skipped().to_string());
    assert_eq!(found, (1, "1 too short".into()));
}

#[test]
fn a_text_that_is_no_set_is_refused_and_not_repeated() {
    let many = json!({"keys": vec![json!({}); 257]}).to_string();
    for text in [
        "",
        "<html>hunter2",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[]"#,
        &many,
    ] {
        let why = Keys::parse(text.as_bytes(), Origin::Network).unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
    assert!(Keys::parse(b"{\"keys\":[\xff]}", Origin::File).is_err());
    assert!(read(r#"{"keys":[]}"#, Origin::Network).is_empty());
}

#[test]
fn the_kid_chooses_and_without_one_there_must_be_no_choice() {
    let other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let two = [ed25519(json!({})), ed25519(json!({"kid": "b", "x": other}))];
    let keys = set(&json!(two));
    let kid = |kid| {
        keys.find(kid, Algorithm::EdDSA)
            .and_then(|key| key.kid.clone())
    };
    assert_eq!(kid(Some("a")).as_deref(), Some("a"));
    assert_eq!(kid(Some("b")).as_deref(), Some("b"));
    assert_eq!(kid(Some("c")), None);
    assert_eq!(kid(None), None);
    assert!(keys.find(Some("a"), Algorithm::ES256).is_none());

    let same = set(&json!([
        ed25519(json!({})),
        ed25519(json!({})),
        ed25519(json!({"x": other}))
    ]));
    assert_eq!(same.len(), 2, "the same key twice is one");
    assert!(same.find(Some("a"), Algorithm::EdDSA).is_none());
    // One kid for two kinds is not one for two keys (RFC 7517 §4.5).
    let rsa = json!({"kty": "RSA", "n": "_".repeat(341) + "w", "e": "AQAB", "kid": "a"});
    let kinds = set(&json!([ed25519(json!({})), rsa]));
    assert!(kinds.find(Some("a"), Algorithm::EdDSA).is_some());
    assert!(kinds.find(Some("a"), Algorithm::PS384).is_some());
    let nameless = set(&json!([ed25519(json!({"kid": null}))]));
    assert!(nameless.find(None, Algorithm::EdDSA).is_some());
    assert!(nameless.find(Some("a"), Algorithm::EdDSA).is_none());
}

#[test]
fn no_key_is_shown() {
    let keys = read(SYMMETRIC, Origin::File);
    let shown = format!("{keys:?}");
    assert!(
        shown.contains("kid") && !shown.contains("AyM1") && !shown.contains("[3, 35"),
        "{shown}"
    );
}

/// A JSON value that is a little like a key.
fn keyish() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("RSA".to_owned()),
        Just("EC".to_owned()),
        Just("OKP".to_owned()),
        Just("oct".to_owned()),
        Just("Ed25519".to_owned()),
        Just("P-256".to_owned()),
        Just("sig".to_owned()),
        Just("ES256".to_owned()),
        "[A-Za-z0-9_-]{0,90}",
        any::<String>(),
    ];
    let value = prop_oneof![
        text.prop_map(Value::from),
        Just(Value::Null),
        any::<u8>().prop_map(Value::from),
        Just(json!(["verify"])),
    ];
    let name = prop::sample::select(vec![
        "kty", "crv", "use", "alg", "kid", "key_ops", "n", "e", "x", "y", "k", "d",
    ]);
    prop::collection::vec((name, value), 0..9).prop_map(|parts| parts.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_a_set_holds_each_key_is_taken_or_counted(keys in prop::collection::vec(keyish(), 0..6)) {
        let text = json!({"keys": keys}).to_string();
        for from in [Origin::File, Origin::Network] {
            let found = read(&text, from);
            prop_assert!(found.len() + found.skipped().total() <= keys.len());
            let distinct: HashSet<_> = keys.iter().map(Value::to_string).collect();
            prop_assert!(found.len() + found.skipped().total() >= distinct.len().min(1));
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in any::<Vec<u8>>()) {
        let _ = Keys::parse(&bytes, Origin::Network);
    }
}
