//! Over WebSocket (RFC 6455).

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Method};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use super::{End, Follow, MOST, Message, Reach, Unopened, message, refusal};
use crate::cli::remote::Refused;
use crate::lifecycle::random;
use crate::outbound::{Connection, Upgrade};
use crate::wire::websocket::Offer;

/// Without a credential the gateway waits for one, unless it admits everybody. A message that wants an answer finds
/// out which it is.
const WHO_AM_I: &str = r#"{"type":"ping","ref":"am I in"}"#;

pub(in crate::cli::tail) struct Source {
    socket: WebSocketStream<Connection>,
    welcomed: bool,
}

impl Source {
    pub(super) async fn open(reach: &Reach<'_>, follow: &Follow) -> Result<Self, Unopened> {
        let connection = connect(reach, follow).await?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST))
            .max_frame_size(Some(MOST));
        let mut socket =
            WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
        if !reach.remote.has_credential() {
            let asked = socket.send(Frame::text(WHO_AM_I)).await;
            asked.map_err(|_| End::Broken)?;
        }
        Ok(Self {
            socket,
            welcomed: false,
        })
    }

    /// Reading answers Pings, too.
    pub(super) async fn next(&mut self) -> Result<Vec<Message>, End> {
        let text = match self.socket.next().await {
            Some(Ok(Frame::Text(text))) => text,
            Some(Ok(Frame::Close(why))) => {
                return Err(why.map_or(End::Finished, |why| End::Closed(why.code.into())));
            }
            Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => return Ok(Vec::new()),
            Some(Ok(Frame::Binary(_)) | Err(tungstenite::Error::Capacity(_))) => {
                return Err(End::Foreign);
            }
            Some(Err(_)) | None => return Err(End::Broken),
        };
        let message = message(&text)?;
        match message {
            // Before the first message there is nothing to go on with.
            Message::Error(refusal) if !self.welcomed => {
                return Err(End::Refused(Refused::by_message(refusal)));
            }
            Message::Welcome(_) => self.welcomed = true,
            Message::Event(_)
            | Message::Heartbeat { .. }
            | Message::Gap(_)
            | Message::SessionExpired
            | Message::Bye(_)
            | Message::Error(_)
            | Message::Other => {}
        }
        Ok(vec![message])
    }
}

async fn connect(reach: &Reach<'_>, follow: &Follow) -> Result<Connection, Unopened> {
    let offer = Offer::from_random(random::wide_bits());
    let mut request = reach
        .remote
        .request(Method::GET, &follow.target(), "")
        .map_err(Unopened::Local)?;
    for (name, value) in offer.headers() {
        // A key is base64.
        let value = HeaderValue::from_str(value).map_err(|why| Unopened::Local(why.to_string()))?;
        request.headers_mut().insert(name, value);
    }
    let answer = reach.client.upgrade(request, follow.patience()).await;
    match answer.map_err(End::Unanswered)? {
        Upgrade::Switched(headers, connection) if offer.is_accepted(&headers) => Ok(connection),
        Upgrade::Switched(..) => Err(End::Foreign.into()),
        Upgrade::Answered(answer) => Err(refusal(reach, answer, follow.patience()).await.into()),
    }
}
