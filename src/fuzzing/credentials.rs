//! Credentials: where they stand in a request, of which kind they are, and whose.

use std::sync::LazyLock;

use super::assert_tells_why;
use super::request::Head;
use crate::auth::Authority;
use crate::auth::credentials::{Credential, MAX_BYTES, find};
use crate::config;
use crate::model::code::{Code, Refusal};
use crate::model::id::Principal;
use crate::model::time::UnixMillis;

/// The head of a request that may carry a credential.
pub fn credentials(data: &[u8]) {
    let Some(head) = Head::read(data) else { return };
    let authority = &*AUTHORITY;
    match find(&head.headers, head.query.pairs(), authority.places(false)) {
        Ok(None) => assert_shows_none(&head),
        Ok(Some(credential)) => assert_identified(authority, &credential, data),
        Err(refusal) => {
            assert_tells_why(&refusal);
            let known = [Code::BadRequest, Code::Unauthorized];
            assert!(known.contains(&refusal.code), "{refusal}");
        }
    }
}

/// 2026-01-01, before the end of the tokens in the corpus.
const NOW: UnixMillis = UnixMillis(1_767_225_600_000);
const KEY: &str = "fuzzed-key";

/// The key's hash is that of [`KEY`]; the tokens in the corpus are signed with the secret.
const CONFIGURATION: &str = r#"
[auth]
query = "access_token"
session = { secret = "the-secret-of-the-fuzzer-32-bytes-long" }
[[auth.api_key]]
name = "tv"
sha256 = "d80c007c55f4736491ff37ab7e8b24a42dd0793cfbfc52079648bab0e7292dc4"
role = "member"
[[auth.jwt]]
algorithm = "HS256"
secret = "the-secret-of-the-fuzzer-32-bytes-long"
[roles.member]
subscribe = ["*"]
"#;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let settings = config::load(Some(CONFIGURATION), &[]).unwrap();
    Authority::new(settings.auth).unwrap()
});

/// No credential was found: none of the places that are always looked at has one.
fn assert_shows_none(head: &Head) {
    assert!(!head.headers.contains_key("x-api-key"));
    assert!(head.query.all("access_token").next().is_none());
    assert!(head.query.all("ticket").next().is_none());
    for cookies in head.headers.get_all("cookie") {
        let cookies = cookies.as_bytes().split(|&byte| byte == b';');
        let names = cookies.filter_map(|cookie| {
            let end = cookie.iter().position(|&byte| byte == b'=')?;
            Some(cookie[..end].trim_ascii())
        });
        assert!(names.into_iter().all(|name| name != b"gatecast_session"));
    }
    for value in head.headers.get_all("authorization") {
        let scheme = value.as_bytes().split(|&byte| matches!(byte, b' ' | b'\t'));
        let scheme = scheme.map(<[u8]>::to_ascii_lowercase).next();
        assert_ne!(scheme.as_deref(), Some(&b"bearer"[..]));
    }
}

fn assert_identified(authority: &Authority, credential: &Credential, sent: &[u8]) {
    let (Credential::Token(secret) | Credential::ApiKey(secret) | Credential::Ticket(_, secret)) =
        credential;
    let text = secret.expose();
    assert!((1..=MAX_BYTES).contains(&text.len()));
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    let shown = format!("{credential:?}");
    assert!(
        [
            "ApiKey(Secret(…))",
            "Token(Secret(…))",
            "Ticket(Cookie, Secret(…))",
            "Ticket(Url, Secret(…))"
        ]
        .contains(&&*shown),
        "{shown}"
    );
    match authority.identify(credential, NOW) {
        Ok(_) if matches!(credential, Credential::Ticket(..)) => {
            panic!("a ticket was good that nobody signed: {sent:?}")
        }
        Ok(access) => match &access.principal {
            Principal::ApiKey(name) => assert_eq!((&**name, text), ("tv", KEY)),
            Principal::Subject { .. } => {
                assert!(matches!(credential, Credential::Token(_)));
                assert!(access.expires_at > Some(NOW));
            }
            Principal::Anonymous => panic!("a credential made {sent:?} anonymous"),
        },
        Err(refusal) => {
            assert!(text != KEY || matches!(credential, Credential::Ticket(..)));
            assert_tells_why(&refusal);
            assert_keeps_secret(&refusal, text);
        }
    }
}

/// Neither the caller's text nor the operator's repeats what was presented. Short ones may be words of the sentence.
fn assert_keeps_secret(refusal: &Refusal, secret: &str) {
    let shown = format!("{refusal:?}");
    assert!(secret.len() < 16 || !shown.contains(secret), "{shown}");
}
