//! Two live API keys of one name.

use super::is;
use crate::support::{Gate, sha256};

#[tokio::test]
async fn a_key_and_the_one_that_replaces_it_are_the_same_principal() {
    let key = format!(
        "[[auth.api_key]]\nname = \"tv\"\nsha256 = [\"{}\", \"{}\"]\nrole = \"tv\"\n[roles.tv]\nrooms = [\"open\"]\nsubscribe = [\"open\", \"key:{{key}}\"]\n",
        sha256("new-key"),
        sha256("old-key")
    );
    let gate = Gate::open("", &key).await;
    let mut told = Vec::new();
    for key in ["new-key", "old-key"] {
        let answer = gate
            .request("GET", "/v1/negotiate", &[("X-API-Key", key)], "")
            .await;
        is(&answer, 200);
        told.push((
            answer.json()["principal"].clone(),
            answer.json()["rooms"].clone(),
        ));
        let own = gate
            .request("GET", "/v1/rooms/key:tv/events", &[("X-API-Key", key)], "")
            .await;
        is(&own, 200);
    }
    assert_eq!(told[0].0, "tv");
    assert_eq!(told[0], told[1]);
    let other = gate
        .request("GET", "/v1/negotiate", &[("X-API-Key", "older-key")], "")
        .await;
    is(&other, 401);
}
