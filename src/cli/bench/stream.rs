//! A client on a stream: Server-Sent Events, or a WebSocket.

use super::book::Book;
use super::connection::{Connection, Scratch};
use super::frames::{self, Frames, Said};
use super::http1::{Answer, Malformed};
use super::lines::Lines;
use super::plan::Plan;
use super::refused;
use crate::lifecycle::random;
use crate::model::transport::Transport;
use crate::wire::websocket::Offer;

/// What ends a stream that is none.
const FOREIGN: &str = "what came was not the protocol";

/// An open connection, and how what comes on it is read.
pub(super) struct Stream<'g> {
    plan: &'g Plan,
    scratch: &'g Scratch,
    connection: Connection,
    inbound: Inbound<'g>,
}

/// From bytes to texts.
struct Inbound<'g> {
    plan: &'g Plan,
    offer: Option<Offer>,
    answer: Answer,
    /// Whether the head was the wanted one; else the content tells why not.
    is_accepted: bool,
    refusal: Vec<u8>,
    content: Content<'g>,
}

struct Content<'g> {
    plan: &'g Plan,
    decoder: Decoder,
    /// What is to be sent: Pongs and other answers.
    replies: Vec<u8>,
    end: Option<String>,
}

enum Decoder {
    Sse(Lines),
    WebSocket(Frames),
}

impl<'g> Stream<'g> {
    /// Connects and asks.
    pub(super) async fn ask(plan: &'g Plan, scratch: &'g Scratch) -> Result<Self, String> {
        let is_socket = plan.transport == Transport::WebSocket;
        let offer = is_socket.then(|| Offer::from_random(random::wide_bits()));
        let request = plan.get(plan.since.as_deref(), offer.as_ref())?;
        let connection = Connection::open(&plan.stream.dialer).await;
        let mut connection = connection.map_err(|why| refused::connection(&why))?;
        let written = connection.write(&request).await;
        written.map_err(|why| refused::connection(&why))?;
        let decoder = if is_socket {
            Decoder::WebSocket(Frames::default())
        } else {
            Decoder::Sse(Lines::default())
        };
        Ok(Self {
            plan,
            scratch,
            connection,
            inbound: Inbound {
                plan,
                offer,
                answer: Answer::default(),
                is_accepted: false,
                refusal: Vec::new(),
                content: Content {
                    plan,
                    decoder,
                    replies: Vec::new(),
                    end: None,
                },
            },
        })
    }

    /// Reads once, and answers what wants an answer. The error is why the stream ended.
    pub(super) async fn step(&mut self, book: &mut Book<'_>) -> Result<(), String> {
        let was_accepted = self.inbound.is_accepted;
        let inbound = &mut self.inbound;
        let read = self
            .connection
            .read(self.scratch, |bytes| inbound.take(bytes, book));
        read.await.map_err(|why| refused::connection(&why))??;
        if !was_accepted && self.inbound.is_accepted {
            for hello in &self.plan.hello {
                self.inbound.content.replies.extend(frames::text(hello));
            }
        }
        let replies = std::mem::take(&mut self.inbound.content.replies);
        if !replies.is_empty() {
            let written = self.connection.write(&replies).await;
            written.map_err(|why| refused::connection(&why))?;
        }
        match &book.code() {
            Some(code) if !book.is_open() => Err((*code).clone()),
            Some(_) | None => Ok(()),
        }
    }
}

impl Inbound<'_> {
    /// Takes the next bytes; none are the end.
    fn take(&mut self, bytes: &[u8], book: &mut Book<'_>) -> Result<(), String> {
        if bytes.is_empty() {
            return Err(self.broken_off());
        }
        let content = &mut self.content;
        let pushed = if self.is_accepted {
            self.answer
                .push(bytes, &mut |bytes| content.take(bytes, book))
        } else {
            self.opening(bytes, book)
        };
        pushed.map_err(|Malformed| FOREIGN.to_owned())?;
        if !self.is_accepted && self.answer.is_whole() {
            return Err(self.broken_off());
        }
        if self.answer.is_whole() {
            return Err("ended".to_owned());
        }
        self.content.end.take().map_or(Ok(()), Err)
    }

    fn opening(&mut self, bytes: &[u8], book: &mut Book<'_>) -> Result<(), Malformed> {
        let mut first = Vec::new();
        self.answer
            .push(bytes, &mut |bytes| first.extend_from_slice(bytes))?;
        let Some(head) = self.answer.head() else {
            return Ok(());
        };
        if !self.plan.is_open(head, self.offer.as_ref()) {
            self.refusal.extend_from_slice(&first);
            return Ok(());
        }
        self.is_accepted = true;
        if !self.plan.is_native {
            book.opened();
        }
        self.content.take(&first, book);
        Ok(())
    }

    fn broken_off(&self) -> String {
        match self.answer.head() {
            Some(head) if !self.is_accepted => refused::answer(head, &self.refusal),
            Some(_) | None => "broken off".to_owned(),
        }
    }
}

impl Content<'_> {
    fn take(&mut self, bytes: &[u8], book: &mut Book<'_>) {
        let (plan, replies, end) = (self.plan, &mut self.replies, &mut self.end);
        let foreign = match &mut self.decoder {
            Decoder::Sse(lines) => lines.push(bytes, &mut |text| book.text(text)).is_err(),
            Decoder::WebSocket(frames) => {
                let pushed = frames.push(bytes, &mut |said| match said {
                    Said::Message(text) => {
                        if let Some((_, reply)) = plan
                            .answer
                            .as_ref()
                            .filter(|(asked, _)| asked.as_bytes() == text)
                        {
                            replies.extend(frames::text(reply));
                        }
                        book.text(text);
                    }
                    Said::Ping(payload) => replies.extend(frames::pong(payload)),
                    Said::Close(Some(code)) => *end = Some(format!("closed with {code}")),
                    Said::Close(None) => *end = Some("closed".to_owned()),
                });
                pushed.is_err()
            }
        };
        if foreign {
            self.end = Some(FOREIGN.to_owned());
        }
    }
}
