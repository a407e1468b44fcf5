//! WebSocket (RFC 6455), both ways, over an upgraded connection.

use std::sync::Arc;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::auth::Access;
use crate::bus::rooms::Delivery;
use crate::lifecycle::random;
use crate::model::code::{Code, Refusal};
use crate::model::id::StreamId;
use crate::model::transport::Transport;
use crate::session::admission::{Admitted, Opening};
use crate::session::{Input, Session};
use crate::telemetry::metrics::labels::HttpVersion;
use crate::wire::client::ClientMessage;
use crate::wire::control::Control;

use super::context::Context;
use super::engine::{Engine, Output};
use super::link::GivenUp;

/// How a WebSocket's client is received.
pub enum Reception {
    /// With a client that was admitted.
    Admitted(Arc<Access>, Opening, Admitted),
    /// With silence, until the client says who it is.
    Waiting(Opening),
    /// With the reason why it ends at once: browsers cannot read a refused upgrade.
    Refused(Refusal),
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// More than one batch with its envelopes ever needs, because nothing is added behind unwritten bytes; a bound,
/// should that ever be wrong.
const WRITE_BUFFER: usize = 1 << 20;
/// The longest close reason (RFC 6455 §5.5: 125 bytes with the code).
const REASON: usize = 123;

/// How the client asked for its stream.
pub struct Terms {
    /// Whether what is due is joined into one frame.
    pub batch: bool,
    /// The HTTP that the handshake was made in.
    pub version: HttpVersion,
    /// Whether the connection gave its client up.
    pub given_up: GivenUp,
}

/// Runs one WebSocket to its end.
pub async fn run(context: Arc<Context>, upgraded: Upgraded, reception: Reception, terms: Terms) {
    let config = WebSocketConfig::default()
        // The default is zero-filled at every poll, 128 KiB a client.
        .read_buffer_size(4096)
        // Never met: the buffer only collects one turn's output, and a flush writes it. A write in the middle of
        // the turn could block it, out of reach of drain and expiry.
        .write_buffer_size(WRITE_BUFFER + 2 * context.event_bytes)
        .max_write_buffer_size(2 * (WRITE_BUFFER + 2 * context.event_bytes))
        .max_message_size(Some(context.message_bytes()))
        .max_frame_size(Some(context.message_bytes()));
    let io = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let (sink, mut incoming) = socket.split();
    let mut writer = Writer {
        sink,
        batch: terms.batch,
        unflushed: false,
    };
    let version = terms.version;
    if let Some((mut engine, outputs)) = begin(&context, reception, version, &mut writer).await {
        let said = drive(&mut engine, outputs, &mut writer, &mut incoming).await;
        if said.is_none() && terms.given_up.is_so() {
            engine.was_slow();
        }
    }
    context
        .clock
        .timeout(context.goodbye, goodbye(writer.sink, incoming))
        .await;
}

async fn begin(
    context: &Arc<Context>,
    reception: Reception,
    version: HttpVersion,
    writer: &mut Writer,
) -> Option<(Engine, Vec<Output>)> {
    let (id, now) = (StreamId::from_random(random::wide_bits()), context.now());
    let mut actions = Vec::new();
    let session = match reception {
        Reception::Admitted(access, opening, admitted) => Session::admitted(
            id,
            context.session,
            access,
            &opening,
            admitted,
            now,
            &mut actions,
        ),
        Reception::Waiting(opening) => Session::waiting(id, context.session, opening, now),
        Reception::Refused(refusal) => {
            let (code, reason) = (refusal.code, refusal.message.clone());
            let error = Output::Control(Control::error(None, refusal));
            let _ = writer
                .write(vec![error, Output::End { code, reason }])
                .await;
            return None;
        }
    };
    let meter = context.metrics.open(Transport::WebSocket, version);
    let mut engine = Engine::new(context.clone(), session, Delivery::envelope_len, meter);
    let outputs = engine.start(actions).await;
    Some((engine, outputs))
}

/// The loop of one stream, until its end has been said or the client is gone. Nothing is read from the client
/// while something waits to be written to it, so that its messages cannot pile up answers.
async fn drive(
    engine: &mut Engine,
    mut outputs: Vec<Output>,
    writer: &mut Writer,
    incoming: &mut SplitStream<Socket>,
) -> Option<()> {
    while let Written::Going = writer.write(outputs).await.ok()? {
        let ready = !writer.unflushed;
        let input = tokio::select! {
            flushed = writer.sink.flush(), if !ready => {
                flushed.ok()?;
                writer.unflushed = false;
                // It was blocked, and the client has taken what blocked it: it is alive, though its own frames
                // were not read meanwhile.
                Input::Heard
            }
            input = engine.next(ready) => input,
            message = incoming.next(), if ready && !engine.is_busy() => read(message?)?,
        };
        outputs = engine.run(input).await;
    }
    Some(())
}

/// What the client's frame means to the session; nothing if the connection is at its end.
fn read(message: Result<Message, Error>) -> Option<Input> {
    let fault = |code, message: &str| Some(Input::Fault(Refusal::new(code, message)));
    match message {
        Ok(Message::Text(text)) => Some(Input::Message {
            message: ClientMessage::parse(&text),
            by: None,
        }),
        Ok(Message::Binary(_)) => {
            fault(Code::UnsupportedData, "only text messages are spoken here")
        }
        Ok(Message::Ping(_)) => Some(Input::Pinged),
        Ok(Message::Pong(_) | Message::Frame(_)) => Some(Input::Heard),
        Ok(Message::Close(_)) => None,
        Err(Error::Capacity(CapacityError::MessageTooLong { max_size, .. })) => {
            let message = format!("a message has at most {max_size} bytes");
            Some(Input::Fault(
                Refusal::new(Code::TooLarge, message).limit("event"),
            ))
        }
        Err(Error::Utf8(_)) => fault(Code::InvalidUtf8, "a text message is UTF-8"),
        // Nobody is left to be told.
        Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => None,
        Err(Error::Protocol(error)) => fault(Code::ProtocolError, &error.to_string()),
        Err(_) => None,
    }
}

/// Writes what is left to write (our close frame, or the answer to the client's), and waits for the client's own Close
/// (RFC 6455 §7.1.1): over TLS our end of the connection is the end of both, and a client could not answer any more.
/// The connection's end takes the rest.
async fn goodbye(
    mut sink: SplitSink<Socket, Message>,
    mut incoming: SplitStream<Socket>,
) -> std::io::Result<()> {
    // An error here has been met before; what the kernel took is still on its way.
    let _ = sink.flush().await;
    // After a fault of framing there are no frames any more, and this ends at once.
    while !matches!(
        incoming.next().await,
        None | Some(Ok(Message::Close(_)) | Err(_))
    ) {}
    let mut socket = sink.reunite(incoming).map_err(std::io::Error::other)?;
    socket.get_mut().shutdown().await
}

struct Writer {
    sink: SplitSink<Socket, Message>,
    batch: bool,
    unflushed: bool,
}

enum Written {
    Going,
    Ended,
}

impl Writer {
    /// Hands everything over, and writes what the socket takes at once; the rest waits to be flushed. Also without
    /// outputs there may be something to write: the answer to a Ping, which the codec gives by itself.
    async fn write(&mut self, outputs: Vec<Output>) -> Result<Written, Error> {
        let mut lines = Lines {
            joined: String::new(),
            batch: self.batch,
        };
        for output in outputs {
            match output {
                Output::Control(control) => {
                    let json = control.to_json().into();
                    self.text(lines.add(json)).await?;
                }
                Output::Events(events) => {
                    for event in events {
                        let envelope = Utf8Bytes::try_from(event.envelope())?;
                        self.text(lines.add(envelope)).await?;
                    }
                }
                Output::Ping => self.sink.feed(Message::Ping(bytes::Bytes::new())).await?,
                Output::End { code, reason } => {
                    self.text(lines.take()).await?;
                    self.sink
                        .feed(Message::Close(Some(close_frame(code, &reason))))
                        .await?;
                    return Ok(Written::Ended);
                }
            }
        }
        self.text(lines.take()).await?;
        self.unflushed = match self.sink.flush().now_or_never() {
            Some(flushed) => flushed.map(|()| false)?,
            None => true,
        };
        Ok(Written::Going)
    }

    async fn text(&mut self, text: Option<Utf8Bytes>) -> Result<(), Error> {
        match text {
            Some(text) => self.sink.feed(Message::Text(text)).await,
            None => Ok(()),
        }
    }
}

/// One message a line, for clients that asked for `batch=1`; else one message a frame.
struct Lines {
    joined: String,
    batch: bool,
}

impl Lines {
    fn add(&mut self, message: Utf8Bytes) -> Option<Utf8Bytes> {
        if !self.batch {
            return Some(message);
        }
        if !self.joined.is_empty() {
            self.joined.push('\n');
        }
        self.joined.push_str(&message);
        None
    }

    fn take(&mut self) -> Option<Utf8Bytes> {
        (!self.joined.is_empty()).then(|| std::mem::take(&mut self.joined).into())
    }
}

fn close_frame(code: Code, reason: &str) -> CloseFrame {
    let number = code.row().close.unwrap_or(u16::from(CloseCode::Policy));
    let end = reason.floor_char_boundary(REASON);
    CloseFrame {
        code: CloseCode::from(number),
        reason: reason[..end].into(),
    }
}
