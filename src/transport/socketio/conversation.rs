//! One conversation: a stream in a namespace, as Socket.IO tells it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::code::{Code, Refusal};
use crate::model::event::EventName;
use crate::model::json::Json;
use crate::model::position::Position;
use crate::model::room::Room;
use crate::session::Input;
use crate::transport::context::Context;
use crate::transport::engine::{Engine, Output};
use crate::transport::engineio::writer::Writer;
use crate::wire::client::{ClientMessage, Malformed, Ref, Want};
use crate::wire::control::{Ack, Control, Envelope, Error, Welcome};
use crate::wire::engineio::Transport;
use crate::wire::socketio::{Event, arguments, encoder};

use super::admission::may_join;
use super::past::Past;
use super::recovery::{Kept, Record, View};
use super::said::{Meant, meant};
use super::settings::Space;
use super::style::Style;

/// One conversation.
pub(crate) struct Conversation {
    pub(crate) engine: Engine,
    /// How its events are written.
    style: Arc<Style>,
    space: Arc<Space>,
    /// What is under way; nothing of most.
    under_way: Option<Box<UnderWay>>,
    next: u32,
    /// Its place among those that may come back.
    kept: Option<Box<Kept>>,
    is_welcomed: bool,
}

/// What is under way in a conversation.
#[derive(Default)]
struct UnderWay {
    /// What its client waits for, oldest first.
    expected: VecDeque<Expected>,
    /// What is left of a message that wants several things.
    rest: VecDeque<ClientMessage>,
}

/// What is to be done with the answer to a message.
#[derive(Debug)]
struct Expected {
    reference: u32,
    /// Under which id the client waits for it.
    id: Option<u64>,
    /// What the client called it.
    name: Box<str>,
    /// What it is told once that is done, and with what.
    answer: Option<(EventName, Json)>,
    /// What of a room's past comes as one event, and its name.
    backfill: Option<EventName>,
    /// Whether what the backend says is the answer.
    is_emit: bool,
}

/// How a conversation ends.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: Code,
    pub(crate) reason: String,
}

impl Conversation {
    pub(crate) fn new(
        engine: Engine,
        space: Arc<Space>,
        carrier: Transport,
        kept: Option<Kept>,
    ) -> Self {
        Self {
            engine,
            style: space.style(carrier).clone(),
            space,
            under_way: None,
            next: 0,
            kept: kept.map(Box::new),
            is_welcomed: false,
        }
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    pub(crate) const fn style(&self) -> &Arc<Style> {
        &self.style
    }

    /// From now on this carries it.
    pub(crate) fn is_carried_by(&mut self, carrier: Transport) {
        self.style = self.space.style(carrier).clone();
        self.engine.is_carried_by(super::transport(carrier));
    }

    /// Its client has left: it does not come back as the same.
    pub(crate) fn is_over(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.is_over();
        }
    }

    /// What its engine is to do next of what its client has said, if that is something.
    pub(crate) fn next_said(&mut self) -> Option<Input> {
        if self.engine.is_busy() {
            return None;
        }
        let under_way = self.under_way.as_mut()?;
        under_way.rest.pop_front().map(Input::Uncounted)
    }

    /// What its client says, as an input.
    pub(crate) fn said(&mut self, event: &Event) -> Option<Input> {
        let session = self.engine.session();
        let access = session.access()?;
        let Meant {
            want,
            rest,
            answer,
            backfill,
            is_emit,
        } = meant(&self.space, access, session.rooms(), event);
        let several = rest.len();
        let mut references = Vec::new();
        let under_way = self.under_way.get_or_insert_default();
        for place in 0..=several {
            self.next = self.next.wrapping_add(1);
            references.push(self.next);
            // The last answer is the answer.
            let is_last = place == several;
            under_way.expected.push_back(Expected {
                reference: self.next,
                id: event.id.filter(|_| is_last),
                name: event.name.as_str().into(),
                answer: answer.clone().filter(|_| is_last),
                backfill: backfill.clone(),
                is_emit,
            });
        }
        let number = |reference: u32| Ref::Number(reference.into());
        let mut references = references.into_iter().map(number);
        let reference = references.next();
        let rest = rest.into_iter().zip(references);
        under_way
            .rest
            .extend(rest.map(|(want, reference)| ClientMessage {
                reference: Some(reference),
                want,
            }));
        let message = match want {
            Ok(want) => Ok(ClientMessage { reference, want }),
            Err(refusal) => Err(Malformed {
                reference,
                refusal: Box::new(refusal),
            }),
        };
        Some(Input::Message { message, by: None })
    }

    /// Its client has acknowledged the event of this number in the log.
    pub(crate) fn acknowledged(&self, seq: u64) -> Option<Input> {
        let cursor = self.engine.subscription()?.cursor();
        let id = Position { seq, ..cursor };
        if let Some(kept) = self.kept.as_ref().filter(|_| seq <= cursor.seq) {
            kept.has(id);
        }
        let message = ClientMessage {
            reference: None,
            want: Want::Confirm { id },
        };
        let message = Ok(message);
        Some(Input::Message { message, by: None })
    }

    /// Adds what `outputs` say to `out`, up to an end.
    pub(crate) fn write(
        &mut self,
        context: &Context,
        outputs: Vec<Output>,
        out: &mut Vec<u8>,
    ) -> Option<End> {
        for output in outputs {
            match output {
                Output::Events(events) => {
                    events.iter().for_each(|event| self.style.event(event, out));
                }
                Output::Control(control) => self.control(context, control, out),
                Output::Ping => {}
                Output::End { code, reason } => return Some(End { code, reason }),
            }
        }
        self.note();
        None
    }

    /// What it would come back with is kept.
    fn note(&mut self) {
        let session = self.engine.session();
        if let (Some(kept), Some(access)) = (&mut self.kept, session.access()) {
            let view = View {
                access,
                rooms: session.rooms(),
                extra: session.extra(),
                named: session.is_named(),
            };
            let subscription = self.engine.subscription();
            let from = |room: &Room| subscription.and_then(|own| own.joined_from(room));
            kept.note(&view, |room| from(room).unwrap_or_default());
        }
    }

    /// The rooms, of those that it had when it came back, that were taken from it while it was let in: nobody knew its
    /// stream then.
    ///
    /// # Errors
    /// `disconnected`: its stream was ended meanwhile.
    pub(crate) fn missed<'a>(&self, had: &'a [Room]) -> Result<Vec<&'a Room>, Refusal> {
        let Some(kept) = &self.kept else {
            return Ok(Vec::new());
        };
        let Some(record) = kept.record() else {
            let message = "this stream was ended while its client was away";
            return Err(Refusal::new(Code::Disconnected, message));
        };
        let has = |room: &Room| record.rooms.iter().any(|(one, _)| one == room);
        Ok(had.iter().filter(|room| !has(room)).collect())
    }

    /// Whether who speaks here may still be in its namespace.
    pub(crate) fn may_stay(&self) -> Result<(), Refusal> {
        let access = self.engine.session().access();
        access.map_or(Ok(()), |access| may_join(&self.space, access))
    }

    /// Whether something is under way that is one with what was said before.
    pub(crate) fn is_saying(&self) -> bool {
        self.under_way
            .as_ref()
            .is_some_and(|one| !one.rest.is_empty())
    }

    fn control(&mut self, context: &Context, control: Control, out: &mut Vec<u8>) {
        match control {
            Control::Welcome(welcome) if !self.is_welcomed => self.welcome(context, &welcome, out),
            // Whatever carries it has heartbeats of its own.
            Control::Heartbeat { .. } => {}
            Control::Ack(ack) => self.done(*ack, out),
            Control::Error(error) => self.refused(error, out),
            Control::Backfill { events, .. } => self.past(&events, out),
            Control::Welcome(_)
            | Control::Gap(_)
            | Control::StateBegin { .. }
            | Control::State(_)
            | Control::StateEnd { .. }
            | Control::TokenExpiring { .. }
            | Control::SessionExpired {}
            | Control::Bye { .. } => {
                let said = without_type(&control.to_json());
                self.style.emit(control.name(), vec![said], out);
            }
        }
    }

    /// Lets the client in. Whoever comes back as the same has its name of before, unless something is missing.
    fn welcome(&mut self, context: &Context, welcome: &Welcome, out: &mut Vec<u8>) {
        self.is_welcomed = true;
        let is_same = welcome.recovered == Some(true) && self.kept.is_some();
        if self.space.terms.recovery && !is_same {
            let lost = self.kept.take();
            if let Some(mut lost) = lost {
                lost.is_over();
            }
            self.kept = self.begins(context, welcome.cursor).map(Box::new);
        }
        let pid = self.kept.as_ref().map(|kept| kept.pid().expose());
        Writer::new(self.style.carrier, out).message(|packet| {
            encoder::connect(packet, &self.space.name, &welcome.stream, pid.as_deref());
        });
    }

    fn begins(&self, context: &Context, since: Option<Position>) -> Option<Kept> {
        let session = self.engine.session();
        let (stream, namespace) = (session.stream(), self.space.name.clone());
        let record = Record::new(stream, session.access()?, namespace, since);
        let span = context.rules().socketio.recovery;
        Some(context.recovery.begin(record, span, &context.clock))
    }

    fn done(&mut self, ack: Ack, out: &mut Vec<u8>) {
        let Some(expected) = self.take(ack.reference.as_ref()) else {
            return;
        };
        if let Some((name, said)) = &expected.answer {
            self.style.emit(name.as_str(), vec![said.clone()], out);
        }
        let Some(id) = expected.id else { return };
        let answer = match ack.data.as_deref() {
            Some(Envelope(data)) => {
                let data = std::str::from_utf8(data).unwrap_or("null");
                arguments::split(&Json::parse(data).unwrap_or_else(|_| Json::null()))
            }
            None if expected.is_emit && ack.id.is_none() => Vec::new(),
            None => vec![Json::around(&Ack {
                reference: None,
                ..ack
            })],
        };
        self.style.ack(id, &answer, out);
    }

    fn refused(&mut self, error: Error, out: &mut Vec<u8>) {
        #[derive(serde::Serialize)]
        struct Answer {
            error: Error,
        }
        #[derive(serde::Serialize)]
        struct Told<'a> {
            #[serde(flatten)]
            error: &'a Error,
            #[serde(skip_serializing_if = "Option::is_none")]
            event: Option<&'a str>,
        }
        let expected = self.take(error.reference.as_ref());
        let error = Error {
            reference: None,
            ..error
        };
        if let Some(id) = expected.as_ref().and_then(|expected| expected.id) {
            return self.style.ack(id, &[Json::around(&Answer { error })], out);
        }
        let event = expected.as_ref().map(|expected| &*expected.name);
        let told = Json::around(&Told {
            error: &error,
            event,
        });
        self.style.emit("error", vec![told], out);
    }

    /// What of a room's past its client is told before it has joined it: as one event, where that is wanted.
    fn past(&self, events: &[Envelope], out: &mut Vec<u8>) {
        // Nothing is asked behind a join that is under way.
        let expected = self.under_way.as_ref().and_then(|one| one.expected.back());
        let backfill = expected.and_then(|one| one.backfill.as_ref());
        let read = events.iter().filter_map(Past::read);
        if let Some(name) = backfill {
            let payloads: Vec<_> = read.map(|past| past.data).collect();
            let texts: Vec<_> = payloads.iter().map(Json::as_str).collect();
            let list = Json::parse(&format!("[{}]", texts.join(",")));
            let list = list.unwrap_or_else(|_| Json::null());
            return self.style.emit(name.as_str(), vec![list], out);
        }
        // It lies before what its client has: how far that is does not change with it.
        let cursor = self.engine.subscription().map(|own| own.cursor());
        let offset = cursor.filter(|_| self.style.offset);
        for past in read {
            let mut said = arguments::split(&past.data);
            if self.style.meta {
                said.push(past.meta);
            }
            said.extend(offset.map(|offset| Json::string(&offset.to_cursor())));
            self.style.past(&past.event, &said, out);
        }
    }

    fn take(&mut self, reference: Option<&Ref>) -> Option<Expected> {
        let Some(Ref::Number(number)) = reference else {
            return None;
        };
        let under_way = self.under_way.as_mut()?;
        let is_it = |one: &Expected| i64::from(one.reference) == *number;
        let place = under_way.expected.iter().position(is_it)?;
        let expected = under_way.expected.remove(place);
        if under_way.expected.is_empty() && under_way.rest.is_empty() {
            self.under_way = None;
        }
        expected
    }
}

/// The fields of a control message: its name is the event's.
fn without_type(control: &str) -> Json {
    let rest = control.strip_prefix(r#"{"type":""#).unwrap_or_default();
    let rest = rest.split_once('"').map_or("", |(_, rest)| rest);
    let rest = rest.strip_prefix(',').unwrap_or(rest);
    Json::parse(&format!("{{{rest}")).unwrap_or_else(|_| Json::null())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_control_message_are_told_under_its_name() {
        for (control, fields) in [
            (Control::SessionExpired {}, "{}"),
            (
                Control::TokenExpiring {
                    expires_in_ms: 5,
                    url: None,
                },
                r#"{"expires_in_ms":5}"#,
            ),
        ] {
            assert_eq!(without_type(&control.to_json()).as_str(), fields);
        }
    }
}
