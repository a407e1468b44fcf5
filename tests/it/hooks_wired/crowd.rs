//! Many who come at once, while the backend takes its time.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::backend::{Backend, Does};
use super::{ACCEPT, KEY, gate, get, publish, told};
use crate::support::http::request;

#[tokio::test]
async fn a_herd_waits_for_the_backend_and_everybody_else_is_served() {
    let held = Arc::new(Semaphore::new(0));
    let backend = Backend::start(Does::Holds(held.clone(), "{}".into())).await;
    let gate = gate("connect", &backend, "concurrency = 8\n").await;
    let comes = || async {
        let mut socket = gate.connect().await;
        let target = "/v1/stream?room=r";
        socket
            .send(request("GET", target, &[KEY, ACCEPT], ""))
            .await;
        socket
    };
    let herd = join_all((0..100).map(|_| comes())).await;
    backend.was_asked(8).await;
    assert_eq!(get(&gate, "/healthz").await.status(), 200);
    publish(&gate, "r", "meanwhile").await;
    assert_eq!(backend.asked().len(), 8);
    held.add_permits(100);
    let bodies = herd.into_iter().map(|socket| socket.open_body("GET"));
    let mut bodies = join_all(bodies).await;
    for (_, body) in &mut bodies {
        told(body, "welcome").await;
    }
    publish(&gate, "r", "after").await;
    for (_, body) in &mut bodies {
        told(body, "after").await;
    }
    assert_eq!(backend.most_under_way(), 8);
}
