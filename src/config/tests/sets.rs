//! Sets of keys, and keys that replace one another.

use std::io::Write as _;

use super::{load, mistakes};
use crate::auth::jwt;

/// RFC 8037 appendix A.2, for tokens of EdDSA.
const ED25519: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The mistakes of an entry of this algorithm with a file of these keys.
fn of_file(algorithm: &str, text: &str) -> String {
    let file = file(text);
    mistakes(&format!(
        "[[auth.jwt]]\nalgorithm = \"{algorithm}\"\njwks_file = {:?}",
        file.path()
    ))
}

#[test]
fn a_set_stands_in_a_file_or_is_fetched() {
    let file = file(&format!("{{\"keys\":[{ED25519}]}}"));
    let toml = format!(
        "[[auth.jwt]]\nalgorithm = \"EdDSA\"\njwks_file = {:?}\n\
         [[auth.jwt]]\nalgorithm = \"RS256\"\njwks_url = \"https://id.example/keys\"\njwks_refresh = \"1h\"",
        file.path()
    );
    let settings = load(Some(&toml), &[]).unwrap();
    let [written, fetched] = &*settings.auth.jwt else {
        panic!("two entries");
    };
    assert!(matches!(&written.key, jwt::Key::Set(keys) if keys.len() == 1));
    let jwt::Key::Url { url, refresh } = &fetched.key else {
        panic!("{:?}", fetched.key);
    };
    assert_eq!(url.as_str(), "https://id.example/keys");
    assert_eq!(refresh.as_secs(), 3600);
}

#[test]
fn a_file_that_is_no_set_for_its_algorithm_is_a_mistake_and_no_part_of_it_is_shown() {
    let private = ED25519.replace("}", r#","d":"hunter2"}"#);
    let secret = r#"{"kty":"oct","k":"hunter2hunter2hu"}"#;
    for (algorithm, text, says) in [
        ("EdDSA", "hunter2", "it is no JSON"),
        ("EdDSA", "[\"hunter2\"]", "no list `keys`"),
        ("EdDSA", "{\"keys\":[]}", "no key of the set is for EdDSA"),
        (
            "ES256",
            &*format!("{{\"keys\":[{ED25519}]}}"),
            "for others: 1",
        ),
        (
            "EdDSA",
            &*format!("{{\"keys\":[{private}]}}"),
            "private key",
        ),
        ("HS256", &*format!("{{\"keys\":[{secret}]}}"), "1 too short"),
    ] {
        let text = of_file(algorithm, text);
        assert!(
            text.contains(says) && text.contains("jwks_file"),
            "{says}: {text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn what_a_set_cannot_be_is_told_with_its_place() {
    insta::assert_snapshot!(mistakes(
        r#"
[[auth.jwt]]
algorithm = "RS256"
jwks_url = "http://id.example/keys"
[[auth.jwt]]
algorithm = "HS256"
jwks_url = "https://id.example/keys"
[[auth.jwt]]
algorithm = "RS256"
kid = "one"
jwks_url = "https://id.example/keys"
[[auth.jwt]]
algorithm = "RS256"
jwks_url = "https://id.example/keys"
jwks_file = "keys.json"
[[auth.jwt]]
algorithm = "RS256"
issuer = "https://id.example"
jwks_file = "/does/not/exist"
[[auth.jwt]]
algorithm = "RS256"
issuer = "https://id.example"
jwks_url = "https://id.example/keys"
jwks_refresh = "1s"
"#
    ));
}

#[test]
fn a_key_of_the_gateway_has_one_hash_or_two() {
    let (new, old) = ("ab".repeat(32), "cd".repeat(32));
    let with = |hashes: &str, more: &str| {
        format!(
            "[roles.a]\n[[auth.api_key]]\nname = \"a\"\nrole = \"a\"\nsha256 = {hashes}\n{more}"
        )
    };
    let two = load(Some(&with(&format!("[\"{new}\", \"{old}\"]"), "")), &[]).unwrap();
    assert_eq!(two.auth.api_keys[0].sha256, [[0xab; 32], [0xcd; 32]]);
    let one = load(Some(&with(&format!("\"{new}\""), "")), &[]).unwrap();
    assert_eq!(one.auth.api_keys[0].sha256, [[0xab; 32]]);
    let added = [(
        "GATECAST__AUTH__API_KEY__0__SHA256__1".to_owned(),
        old.clone(),
    )];
    let laid = load(Some(&with(&format!("\"{new}\""), "")), &added).unwrap();
    assert_eq!(laid.auth.api_keys[0].sha256, two.auth.api_keys[0].sha256);

    let other = format!("[[auth.api_key]]\nname = \"b\"\nrole = \"a\"\nsha256 = \"{old}\"");
    for (hashes, more, says) in [
        ("[]".to_owned(), "", "it takes 1 to 2"),
        (
            format!("[\"{new}\", \"{old}\", \"{}\"]", "ef".repeat(32)),
            "",
            "it takes 1 to 2",
        ),
        (format!("[\"{new}\", \"{new}\"]"), "", "twice"),
        (format!("[\"{new}\", \"abc\"]"), "", "64 hexadecimal digits"),
        (format!("[\"{new}\", 7]"), "", "not an integer"),
        (
            format!("[\"{new}\", \"{old}\"]"),
            &*other,
            "another key has this hash",
        ),
    ] {
        let text = mistakes(&with(&hashes, more));
        assert!(text.contains(says), "{says}: {text}");
        assert!(!text.contains(&new) && !text.contains(&old), "{text}");
    }
}
