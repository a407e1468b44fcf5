//! Tickets are never more than the credentials that they came from.

use serde_json::json;

use super::*;
use crate::auth::authority::tests::{NOW, issuer, settings, token};
use crate::auth::jwt;
use crate::auth::{self, Authority};
use crate::model::room::Room;
use crate::model::transport::Transport;

const SECRET: &str = "a secret for the tickets, 32 bytes";
const HOUR: Duration = Duration::from_secs(60 * 60);

fn authority(change: impl FnOnce(&mut auth::Settings)) -> Authority {
    let mut settings = settings();
    settings.tickets.secrets = vec![Secret::new(SECRET)];
    change(&mut settings);
    Authority::new(settings).unwrap()
}

fn usual() -> Authority {
    authority(|_| {})
}

/// Ann's token, which lives for a day and says much that nobody here needs.
fn ann() -> Credential {
    token(&json!({
        "sub": "ann", "role": "viewer", "org": ["acme", "other"], "iat": NOW.0 / 1000 - 60,
        "exp": NOW.0 / 1000 + 86_400, "jti": "t1", "email": "ann@acme.example",
    }))
}

fn lobby() -> Credential {
    Credential::from_token("gk_lobby").unwrap()
}

fn room(name: &str) -> Room {
    Room::parse(name).unwrap()
}

fn bound(rooms: &[&str]) -> Bound {
    Bound {
        base: "https://live.example".to_owned(),
        transport: Transport::Sse,
        rooms: rooms.iter().map(|name| room(name)).collect(),
    }
}

fn cookie(authority: &Authority, credential: &Credential) -> Credential {
    let swapped = authority.session(credential, None, NOW).unwrap();
    Credential::Ticket(Kind::Cookie, swapped.ticket)
}

fn url(authority: &Authority, credential: &Credential, rooms: &[&str]) -> Credential {
    let swapped = authority
        .signed_url(credential, bound(rooms), None, NOW)
        .unwrap();
    Credential::Ticket(Kind::Url, swapped.ticket)
}

fn later(span: Duration) -> UnixMillis {
    after(NOW, span)
}

fn refused(authority: &Authority, credential: &Credential, now: UnixMillis) -> Code {
    authority.identify(credential, now).unwrap_err().code
}

#[test]
fn a_cookie_opens_what_its_credential_opens_and_is_as_easily_revoked() {
    let authority = usual();
    for credential in [ann(), lobby()] {
        let own = authority.identify(&credential, NOW).unwrap();
        let access = authority
            .identify(&cookie(&authority, &credential), NOW)
            .unwrap();
        assert_eq!(access.principal, own.principal);
        assert_eq!(
            (&access.role.name, &access.rooms),
            (&own.role.name, &own.rooms)
        );
        assert_eq!(access.expires_at, Some(later(12 * HOUR)));
        for name in [
            "org:other:x",
            "key:lobby",
            "display",
            "org:third:x",
            "out:ann",
        ] {
            let name = room(name);
            assert_eq!(
                access.may_subscribe(&name),
                own.may_subscribe(&name),
                "{name}"
            );
            assert_eq!(access.may_publish(&name), own.may_publish(&name), "{name}");
            assert_eq!(access.may_see(&name), own.may_see(&name), "{name}");
        }
        let (told, known) = (access.bearer(), own.bearer());
        assert_eq!((told.token, told.issued), (known.token, known.issued));
    }
    let access = authority
        .identify(&cookie(&authority, &ann()), NOW)
        .unwrap();
    assert_eq!(access.bearer().token, Some("t1"));
    assert_eq!(access.bearer().issued, Some(UnixMillis(NOW.0 - 60_000)));
}

#[test]
fn a_ticket_tells_neither_the_credential_nor_what_nobody_here_needs() {
    use base64::Engine as _;
    let authority = usual();
    for (credential, has) in [(ann(), "acme"), (lobby(), "by")] {
        let (Credential::Token(own) | Credential::ApiKey(own)) = &credential else {
            panic!("{credential:?}");
        };
        for ticket in [
            cookie(&authority, &credential),
            url(&authority, &credential, &["display"]),
        ] {
            let Credential::Ticket(_, ticket) = ticket else {
                panic!("{ticket:?}");
            };
            let payload = ticket.expose().split('.').next().unwrap();
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
            let payload = String::from_utf8(payload.unwrap()).unwrap();
            let signature = own.expose().rsplit('.').next().unwrap();
            assert!(!payload.contains(signature), "{payload}");
            assert!(
                payload.contains(has) && !payload.contains("email"),
                "{payload}"
            );
            assert!(!payload.contains("gk_"), "{payload}");
        }
    }
}

#[test]
fn a_ticket_ends_at_its_time_and_never_after_its_credential() {
    let authority = usual();
    let ends = |swapped: Swapped| swapped.expires_at;
    let session =
        |credential: &Credential, ttl, now| ends(authority.session(credential, ttl, now).unwrap());
    assert_eq!(session(&ann(), None, NOW), later(12 * HOUR));
    assert_eq!(session(&ann(), None, later(20 * HOUR)), later(24 * HOUR));
    assert_eq!(session(&ann(), Some(HOUR), NOW), later(HOUR));
    assert_eq!(session(&lobby(), Some(99 * HOUR), NOW), later(12 * HOUR));
    let signed = |credential: &Credential, ttl, now| {
        ends(
            authority
                .signed_url(credential, bound(&["display"]), ttl, now)
                .unwrap(),
        )
    };
    let (minute, five) = (Duration::from_secs(60), Duration::from_secs(300));
    assert_eq!(signed(&ann(), None, NOW), later(five));
    assert_eq!(signed(&ann(), Some(minute), NOW), later(minute));
    assert_eq!(signed(&lobby(), Some(HOUR), NOW), later(five));
    let late = later(24 * HOUR - minute);
    assert_eq!(signed(&ann(), None, late), later(24 * HOUR));

    let cookie = cookie(&authority, &ann());
    let end = later(12 * HOUR);
    assert!(authority.identify(&cookie, UnixMillis(end.0 - 1)).is_ok());
    assert_eq!(refused(&authority, &cookie, end), Code::Unauthorized);
    let url = url(&authority, &ann(), &["display"]);
    let end = later(five);
    assert!(authority.identify(&url, UnixMillis(end.0 - 1)).is_ok());
    assert_eq!(refused(&authority, &url, end), Code::Unauthorized);
}

#[test]
fn a_cookie_is_renewed_by_itself_and_never_beyond_its_credential() {
    let authority = usual();
    let old = cookie(&authority, &ann());
    let eleven = later(11 * HOUR);
    let new = authority.session(&old, None, eleven).unwrap();
    assert_eq!(new.expires_at, later(23 * HOUR));
    let new = Credential::Ticket(Kind::Cookie, new.ticket);
    let newest = authority.session(&new, None, later(22 * HOUR)).unwrap();
    assert_eq!(newest.expires_at, later(24 * HOUR));
    assert!(authority.session(&old, None, later(12 * HOUR)).is_err());
}

#[test]
fn a_signed_url_reads_its_rooms_and_nothing_else() {
    let authority = usual();
    let access = authority.identify(&ann(), NOW).unwrap();
    assert!(access.may_publish(&room("out:ann")));
    let url = url(
        &authority,
        &ann(),
        &["org:acme:ops", "display", "org:third:ops"],
    );
    let access = authority.identify(&url, NOW).unwrap();
    assert!(access.is_by_url());
    for (name, reads) in [
        ("org:acme:ops", true),
        ("display", true),
        ("org:acme:news", false),
        ("org:acme:ops:x", false),
        // Signed, and not granted: a ticket adds nothing to its role.
        ("org:third:ops", false),
    ] {
        assert_eq!(access.may_subscribe(&room(name)), reads, "{name}");
        // It keeps what its role may see, for its own rooms and their companions.
        assert_eq!(access.may_see(&room(name)), reads, "{name}");
    }
    assert!(!access.publishes());
    assert_eq!(
        access.rooms.len(),
        3,
        "the rooms that a client gets which names none"
    );
}

#[test]
fn a_signed_url_is_swapped_for_nothing() {
    let authority = usual();
    let url = url(&authority, &ann(), &["display"]);
    let refusal = authority.session(&url, None, NOW).unwrap_err();
    assert_eq!(refusal.code, Code::Forbidden);
    let again = authority.signed_url(&url, bound(&["display"]), None, NOW);
    assert_eq!(again.unwrap_err().code, Code::Forbidden);
}

#[test]
fn a_signed_url_is_extended_until_what_it_came_from_ends() {
    let authority = usual();
    let (minute, five) = (Duration::from_secs(60), Duration::from_secs(300));
    let from_cookie = authority.session(&ann(), Some(minute * 12), NOW).unwrap();
    let from_cookie = Credential::Ticket(Kind::Cookie, from_cookie.ticket);
    let at = |minutes| later(minute * minutes);
    let mut held = authority
        .identify(&url(&authority, &from_cookie, &["display"]), NOW)
        .unwrap();
    for (when, until) in [(4, 9), (8, 12)] {
        let (to, ticket) = authority.extended(&held, at(when)).unwrap();
        assert_eq!(to, bound(&["display"]));
        let credential = Credential::Ticket(Kind::Url, ticket);
        held = authority.identify(&credential, at(when)).unwrap();
        assert_eq!(held.expires_at, Some(at(until)));
        assert!(!held.may_subscribe(&room("org:acme:ops")));
    }
    assert!(
        authority.extended(&held, at(11)).is_none(),
        "it ends with its cookie"
    );

    // An API key does not end, and so the time of a session bounds what a stolen URL can become.
    let ttl = |settings: &mut auth::Settings| settings.tickets.ttl = minute * 7;
    let authority = self::authority(ttl);
    let held = authority
        .identify(&url(&authority, &lobby(), &["display"]), NOW)
        .unwrap();
    assert_eq!(held.expires_at, Some(later(five)));
    let (_, ticket) = authority.extended(&held, at(4)).unwrap();
    let held = authority
        .identify(&Credential::Ticket(Kind::Url, ticket), at(4))
        .unwrap();
    assert_eq!(held.expires_at, Some(at(7)));
    assert!(authority.extended(&held, at(6)).is_none());
    for credential in [lobby(), ann(), cookie(&authority, &ann())] {
        let access = authority.identify(&credential, NOW).unwrap();
        assert!(authority.extended(&access, NOW).is_none());
    }
}

#[test]
fn a_ticket_is_void_as_soon_as_its_key_or_issuer_is_another() {
    let before = usual();
    let of_ann = [cookie(&before, &ann()), url(&before, &ann(), &["display"])];
    let of_key = [
        cookie(&before, &lobby()),
        url(&before, &lobby(), &["display"]),
    ];
    let issuer_is = |change: fn(&mut jwt::Settings)| {
        authority(move |settings| {
            let mut issuer = issuer();
            change(&mut issuer);
            settings.jwt = vec![issuer];
        })
    };
    let others = [
        issuer_is(|one| one.kid = Some("new".to_owned())),
        issuer_is(|one| one.issuer = Some("https://id.example".to_owned())),
        issuer_is(|one| one.algorithm = jwt::Algorithm::HS384),
        issuer_is(|one| {
            one.key = jwt::Key::Secret(Secret::new("another key, of 32 bytes or more"))
        }),
        authority(|settings| settings.jwt.clear()),
    ];
    for (index, other) in others.iter().enumerate() {
        for ticket in &of_ann {
            assert_eq!(refused(other, ticket, NOW), Code::Unauthorized, "{index}");
        }
        for ticket in &of_key {
            assert!(other.identify(ticket, NOW).is_ok(), "{index}");
        }
    }
    let rotated = authority(|settings| settings.api_keys[0].sha256 = vec![[7; 32]]);
    let removed = authority(|settings| drop(settings.api_keys.remove(0)));
    let secret = authority(|settings| {
        settings.tickets.secrets = vec![Secret::new("another secret, of 32 bytes or more")];
    });
    for other in [&rotated, &removed, &secret] {
        for ticket in &of_key {
            assert_eq!(refused(other, ticket, NOW), Code::Unauthorized);
        }
    }
    for ticket in &of_ann {
        assert!(removed.identify(ticket, NOW).is_ok());
        assert_eq!(refused(&secret, ticket, NOW), Code::Unauthorized);
    }
    // What a stream holds is judged anew in the same way.
    for ticket in of_ann.iter().chain(&of_key) {
        let held = before.identify(ticket, NOW).unwrap();
        assert!(before.judge_anew(&held, NOW).is_ok());
        assert!(secret.judge_anew(&held, NOW).is_err());
    }
}

#[test]
fn a_ticket_has_the_rights_that_its_role_has_now() {
    let before = usual();
    let tickets = [cookie(&before, &ann()), cookie(&before, &lobby())];
    let of_url = url(&before, &lobby(), &["display", "org:acme:x"]);
    let poorer = authority(|settings| {
        let viewer = settings.roles.get_mut("viewer").unwrap();
        viewer.subscribe = vec!["other".to_owned()];
    });
    for ticket in &tickets {
        let access = poorer.identify(ticket, NOW).unwrap();
        assert!(access.may_subscribe(&room("other")) && !access.may_subscribe(&room("display")));
    }
    let access = poorer.identify(&of_url, NOW).unwrap();
    assert!(!access.may_subscribe(&room("display")) && !access.may_subscribe(&room("other")));

    let other = authority(|settings| settings.api_keys[0].role = "admin".to_owned());
    let access = other.identify(&tickets[1], NOW).unwrap();
    assert!(access.is_admin(), "a cookie has the role of its key");
    assert_eq!(
        refused(&other, &of_url, NOW),
        Code::Unauthorized,
        "a URL has the one that it was signed for"
    );

    let gone = authority(|settings| {
        drop(settings.roles.remove("viewer"));
        settings.anonymous = None;
        settings.api_keys.remove(0);
    });
    assert_eq!(refused(&gone, &tickets[0], NOW), Code::Forbidden);
}

#[test]
fn the_claims_of_a_ticket_are_judged_as_those_of_its_token() {
    let before = usual();
    let cookie = cookie(&before, &ann());
    let old = authority(|settings| settings.jwt[0].max_age = Some(Duration::from_secs(90)));
    let access = old.identify(&cookie, NOW).unwrap();
    assert_eq!(access.expires_at, Some(later(Duration::from_secs(30))));
    let after_that = later(Duration::from_secs(31));
    assert_eq!(refused(&old, &cookie, after_that), Code::Unauthorized);
    let audience = authority(|settings| settings.jwt[0].audience = Some("gatecast".to_owned()));
    assert_eq!(refused(&audience, &cookie, NOW), Code::Unauthorized);
}

#[test]
fn a_credential_whose_cookie_no_browser_would_keep_is_refused() {
    let authority = usual();
    let claims = |org: usize, other: usize| {
        token(&json!({
            "sub": "ann", "role": "viewer", "exp": NOW.0 / 1000 + 60,
            "org": "x".repeat(org), "other": "x".repeat(other),
        }))
    };
    let fits = authority.session(&claims(2000, 3000), None, NOW).unwrap();
    assert!(fits.ticket.expose().len() < MAX_BYTES);
    let refusal = authority.session(&claims(4000, 0), None, NOW).unwrap_err();
    assert_eq!(refusal.code, Code::TooLarge);
    let longest = (2000..4000).map(|org| authority.session(&claims(org, 0), None, NOW));
    let longest = longest.map_while(Result::ok).last().unwrap();
    let bytes = authority.cookie(true).len() + 1 + longest.ticket.expose().len();
    assert!((MAX_BYTES - 3..=MAX_BYTES).contains(&bytes), "{bytes}");
}

#[test]
fn without_a_secret_nothing_is_swapped() {
    let authority = Authority::new(settings()).unwrap();
    assert_eq!(
        authority.session(&ann(), None, NOW).unwrap_err().code,
        Code::NotFound
    );
}

#[test]
fn a_notice_leaves_a_signed_url_half_its_life() {
    let authority = usual();
    let usual = Duration::from_secs(30);
    let notice =
        |credential: &Credential, usual| authority.identify(credential, NOW).unwrap().notice(usual);
    let signed = url(&authority, &ann(), &["display"]);
    assert_eq!(notice(&signed, usual), usual);
    assert_eq!(notice(&signed, HOUR), Duration::from_secs(150));
    for credential in [ann(), lobby(), cookie(&authority, &ann())] {
        assert_eq!(notice(&credential, HOUR), HOUR);
    }
}

#[test]
fn a_cookie_of_a_key_cannot_be_renewed_for_ever() {
    let authority = usual();
    let key = lobby();
    let mut held = cookie(&authority, &key);
    let mut at = Duration::ZERO;
    let last = loop {
        at += 11 * HOUR;
        match authority.session(&held, None, later(at)) {
            Ok(new) => held = Credential::Ticket(Kind::Cookie, new.ticket),
            Err(refusal) => {
                assert_eq!(refusal.code, Code::Unauthorized);
                break at;
            }
        }
    };
    let days = last.as_secs() / (24 * HOUR).as_secs();
    assert!((30..=31).contains(&days), "{days} days");
    assert!(authority.session(&key, None, later(last)).is_ok());
}
