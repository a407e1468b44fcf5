use futures_util::{FutureExt as _, poll};

use super::*;
use crate::auth::jwt::Algorithm;
use crate::auth::jwt::jwks::Origin;

/// A set of keys with these names and, by their first letter, these bytes.
fn keys(names: &[&str]) -> Keys {
    let key = |name: &&str| {
        let x = name[..1].repeat(42) + "A";
        format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"{name}","x":"{x}"}}"#)
    };
    let all: Vec<String> = names.iter().map(key).collect();
    let text = format!("{{\"keys\":[{}]}}", all.join(","));
    Keys::parse(text.as_bytes(), Origin::Network).unwrap()
}

fn filled(names: &[&str]) -> Arc<KeySet> {
    let set = Arc::new(KeySet::default());
    set.ends(Some(keys(names)));
    set
}

#[test]
fn a_key_that_is_still_there_goes_on_and_one_that_is_not_is_gone() {
    let set = filled(&["a", "b"]);
    let find = |name| set.now().find(Some(name), Algorithm::EdDSA).cloned();
    let (a, b) = (find("a").unwrap(), find("b").unwrap());
    let change = set.ends(Some(keys(&["c", "b"])));
    assert_eq!(
        change,
        Change {
            added: 1,
            removed: 1
        }
    );
    assert!(a.is_gone() && !b.is_gone());
    assert!(Arc::ptr_eq(&b, &find("b").unwrap()));
    assert!(find("a").is_none() && find("c").is_some());
    assert_eq!(set.ends(Some(keys(&["b", "c"]))), Change::default());

    // The same name for another key is another key.
    let text = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"b","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    let other = Keys::parse(text.as_bytes(), Origin::Network).unwrap();
    assert_eq!(
        set.ends(Some(other)),
        Change {
            added: 1,
            removed: 2
        }
    );
    assert!(b.is_gone() && !find("b").unwrap().is_gone());
}

#[test]
fn a_fetch_that_brings_nothing_leaves_the_keys_as_they_are() {
    let set = filled(&["a"]);
    let a = set.now().find(None, Algorithm::EdDSA).cloned().unwrap();
    set.begins();
    assert_eq!(set.ends(None), Change::default());
    assert!(!a.is_gone() && set.is_filled());
    assert_eq!(set.now().len(), 1);
    assert!(!KeySet::default().is_filled());
}

#[tokio::test]
async fn who_misses_a_key_waits_for_one_fetch_and_no_other_is_asked_for_until_the_set_has_rested() {
    let set = filled(&["a"]);
    assert!(set.clone().search().is_none(), "it was fetched just now");
    set.rests();
    let mut wanted = Box::pin(set.is_wanted());
    assert!(poll!(&mut wanted).is_pending());
    let searches: Vec<_> = (0..100).map(|_| set.clone().search().unwrap()).collect();
    wanted.await;
    set.begins();
    let late = set.clone().search().unwrap();
    let mut waiting: Vec<_> = searches
        .into_iter()
        .map(|one| Box::pin(one.ended()))
        .collect();
    waiting.push(Box::pin(late.ended()));
    for one in &mut waiting {
        assert!(poll!(one).is_pending());
    }
    set.ends(None);
    for one in waiting {
        assert!(one.now_or_never().is_some());
    }
    assert!(set.clone().search().is_none());
    assert!(set.is_wanted().now_or_never().is_none());
}

#[test]
fn a_set_that_nobody_fetches_is_not_waited_for() {
    assert!(Arc::new(KeySet::default()).search().is_none());
}

#[test]
fn a_url_has_one_cell_as_long_as_it_is_wanted() {
    let sets = KeySets::default();
    let url = |path: &str| KeyUrl::parse(&format!("https://id.example/{path}")).unwrap();
    let (a, b) = (sets.of(&url("a")), sets.of(&url("b")));
    assert!(Arc::ptr_eq(&a, &sets.of(&url("a"))) && !Arc::ptr_eq(&a, &b));
    sets.retain(|one| *one == url("b"));
    assert!(!Arc::ptr_eq(&a, &sets.of(&url("a"))) && Arc::ptr_eq(&b, &sets.of(&url("b"))));
}
