//! Publishes a timeline over a WebSocket of its own: through the same door, grants and limits as everybody.

use std::iter::Peekable;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::feed::{Due, Timeline};
use crate::lifecycle::clock::Clock;

/// What is published before anybody is invited, so that a page shows a day from its first moment on.
const HEAD_START: Duration = Duration::from_secs(24 * 3600);
/// Asks for an answer, which comes when everything before it has been published.
const PING: &str = r#"{"type":"ping","ref":"head-start"}"#;
const PONG: &str = r#"{"type":"ack","ref":"head-start"}"#;

/// A publisher that is connected.
pub(super) struct Publisher {
    socket: WebSocketStream<TcpStream>,
    timeline: Peekable<Timeline>,
}

impl Publisher {
    /// Connects, and publishes the head start.
    pub(super) async fn start(
        address: SocketAddr,
        key: &str,
        timeline: Timeline,
    ) -> Result<Self, String> {
        let socket = connect(address, key).await.map_err(|why| why.to_string())?;
        let timeline = timeline.peekable();
        let mut publisher = Self { socket, timeline };
        while let Some(due) = publisher.timeline.next_if(|due| due.at <= HEAD_START) {
            publisher.send(client_message(&due)).await?;
        }
        publisher.send(PING.into()).await?;
        while !matches!(accepted(publisher.socket.next().await)?, Some(text) if text == PONG) {}
        Ok(publisher)
    }

    /// Publishes what follows, `speed` times as fast as it was recorded; returns only with the reason why it cannot.
    pub(super) async fn run(mut self, speed: u32, clock: &Clock) -> String {
        let start = clock.now();
        loop {
            let Some(due) = self.timeline.peek().copied() else {
                return "it is over".into();
            };
            let at = start + due.at.saturating_sub(HEAD_START) / speed;
            let done = tokio::select! {
                // Reading also answers the gateway's pings.
                message = self.socket.next() => accepted(message).map(|_| ()),
                () = clock.sleep_until(at) => {
                    self.timeline.next();
                    self.send(client_message(&due)).await
                }
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    async fn send(&mut self, message: String) -> Result<(), String> {
        let sent = self.socket.send(Message::text(message)).await;
        sent.map_err(|why| why.to_string())
    }
}

async fn connect(
    address: SocketAddr,
    key: &str,
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let mut request = format!("ws://{address}/v1/stream").into_client_request()?;
    let mut key = HeaderValue::from_str(key).map_err(http::Error::from)?;
    key.set_sensitive(true);
    request.headers_mut().insert("X-API-Key", key);
    let (socket, _) = client_async(request, TcpStream::connect(address).await?).await?;
    Ok(socket)
}

/// Without `ref`, so that only a refusal is answered.
fn client_message(due: &Due) -> String {
    let Due {
        room, event, data, ..
    } = due;
    format!(r#"{{"type":"publish","room":"{room}","event":"{event}","data":{data}}}"#)
}

/// What the gateway says back, if it is a text; an error where it refuses or ends.
fn accepted(
    message: Option<Result<Message, tungstenite::Error>>,
) -> Result<Option<String>, String> {
    match message {
        Some(Ok(Message::Text(text))) if text.starts_with(r#"{"type":"error""#) => {
            Err(text.to_string())
        }
        Some(Ok(Message::Text(text))) => Ok(Some(text.to_string())),
        Some(Ok(Message::Close(why))) => Err(format!("the gateway closed: {why:?}")),
        Some(Ok(_)) => Ok(None),
        Some(Err(why)) => Err(why.to_string()),
        None => Err("the gateway hung up".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::client::{ClientMessage, Want};

    #[test]
    fn what_is_sent_is_a_publish_of_the_recorded_line() {
        let due = Due {
            at: Duration::ZERO,
            room: "quakes",
            event: "quake",
            data: r#"{"mag":1.50}"#,
        };
        let message = ClientMessage::parse(&client_message(&due)).unwrap();
        let Want::Publish(publish) = message.want else {
            panic!("{message:?}");
        };
        assert_eq!(publish.rooms[0].as_str(), "quakes");
        assert_eq!(publish.name.as_str(), "quake");
        assert_eq!(publish.data.as_str(), r#"{"mag":1.50}"#);
    }

    #[test]
    fn a_refusal_and_an_end_stop_the_feed_and_nothing_else_does() {
        let text = |text: &str| accepted(Some(Ok(Message::text(text))));
        assert!(text(r#"{"type":"welcome"}"#).is_ok());
        assert!(text(r#"{"type":"heartbeat"}"#).is_ok());
        assert!(accepted(Some(Ok(Message::Ping("x".into())))).is_ok());
        assert!(text(r#"{"type":"error","code":"rate_limited"}"#).is_err());
        assert!(accepted(Some(Ok(Message::Close(None)))).is_err());
        assert!(accepted(None).is_err());
    }
}
