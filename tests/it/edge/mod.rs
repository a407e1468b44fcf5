//! What stands between the gateway and its clients: proxies, names, and the end of its memory.

mod forwarded;
mod hosts;
mod memory;
mod proxy_protocol;

use std::convert::Infallible;

use bytes::Bytes;
use gatecast::model::peer::Peer;
use gatecast::server::Settings;
use gatecast::service::Fallback;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;

use crate::support::http::request;
use crate::support::socket::Socket;

/// Answers with who the client is.
async fn who(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let peer = request.extensions().get::<Peer>().unwrap();
    Ok(Response::new(peer.to_string().into()))
}

fn tells_who(settings: &mut Settings) {
    settings.service.fallback = Some(Fallback::new(service_fn(who)));
}

/// Who the gateway says the client of this connection is; nothing where it is not served.
async fn asked(socket: &mut Socket, headers: &[(&str, &str)]) -> Option<String> {
    socket.send(request("GET", "/who", headers, "")).await;
    let answer = socket.try_answer("GET").await?;
    Some(answer.text().to_owned())
}
