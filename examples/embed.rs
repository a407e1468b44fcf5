//! gatecast inside a program of your own: it starts a gateway, publishes from its own code, and answers a route of its
//! own on the same port.
//!
//! ```sh
//! cargo run --example embed
//! curl -N -H 'Accept: text/event-stream' 'http://127.0.0.1:8080/v1/stream'     # in a second terminal
//! curl -d '{"item": "tea"}' 'http://127.0.0.1:8080/orders'                     # in a third
//! ```
#![allow(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use gatecast::config;
use gatecast::ingress::Publisher;
use gatecast::lifecycle::clock::Clock;
use gatecast::model::code::Refusal;
use gatecast::server::Gateway;
use gatecast::service::Fallback;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The same TOML as the binary's, and GATECAST__… of the environment over it. All mistakes are one error.
    let toml = include_str!("embed.toml");
    let mut settings = config::load(Some(toml), &config::environment())?;
    settings.service.fallback = Some(Fallback::new(service_fn(routes)));

    let clock = Clock::system();
    let gateway = Gateway::start(settings, clock.clone()).await?;
    for endpoint in gateway.endpoints() {
        println!("listening on {endpoint}");
    }
    let publisher = gateway.publisher();
    tokio::select! {
        refusal = tick(&publisher, &clock) => println!("{refusal}"),
        ended = tokio::signal::ctrl_c() => ended?,
    }
    // Every stream is told to come back, and answers that are under way are finished.
    gateway.drain().await;
    Ok(())
}

/// The program's own events, one a second, until one is refused.
async fn tick(publisher: &Publisher, clock: &Clock) -> Refusal {
    let mut seconds = 0_u64;
    loop {
        seconds += 1;
        if let Err(refusal) = publisher.publish(&["clock"], "tick", &seconds).await {
            return refusal;
        }
        clock.sleep(Duration::from_secs(1)).await;
    }
}

/// The program's own routes. Paths under `/v1` never come here: they are the gateway's.
async fn routes(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match (request.method(), request.uri().path()) {
        (&Method::POST, "/orders") => order(request).await,
        _ => answer(StatusCode::NOT_FOUND, "nothing is here\n"),
    })
}

/// The largest order, in bytes.
const ORDER: usize = 4096;

/// `POST /orders`: takes the body as one event, and answers with its id.
async fn order(request: Request<Incoming>) -> Response<Full<Bytes>> {
    // The gateway leaves a publisher in each request that it hands over.
    let Some(publisher) = request.extensions().get::<Publisher>().cloned() else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, "no publisher\n");
    };
    let Ok(body) = Limited::new(request.into_body(), ORDER).collect().await else {
        return answer(StatusCode::PAYLOAD_TOO_LARGE, "an order is shorter\n");
    };
    let Ok(order) = serde_json::from_slice::<serde_json::Value>(&body.to_bytes()) else {
        return answer(StatusCode::BAD_REQUEST, "an order is JSON\n");
    };
    match publisher.publish(&["orders"], "order", &order).await {
        Ok(id) => answer(StatusCode::CREATED, format!("{id}\n")),
        Err(refusal) => answer(StatusCode::SERVICE_UNAVAILABLE, format!("{refusal}\n")),
    }
}

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response
}
