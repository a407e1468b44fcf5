//! What a client tells the backend: whether it may, and whether it is published instead.

use std::sync::Arc;

use crate::auth::Access;
use crate::auth::emits::Target;
use crate::model::code::{Code, Refusal};
use crate::model::event::{EventName, Offer};
use crate::model::room::Room;
use crate::wire::client::{Emit, Ref};

use super::{Action, Ask};

/// What becomes of what a client emits.
#[derive(Debug)]
pub enum Emission {
    /// The configuration has it published; whether that needs no grant, because the room is the configuration's too.
    Publish {
        /// What.
        offer: Offer,
        /// Whether the client need not be granted the room.
        is_granted: bool,
    },
    /// The backend is told.
    Tell(Emit),
}

impl Emission {
    /// What becomes of `emit`, which comes with `access`.
    ///
    /// # Errors
    /// `forbidden`: its role may not emit what is called so, or it may not use the room that it names, or has no claim that
    /// the room is made of; `too_large`; `bad_request`: it names no room where it must, or one where it must not.
    pub fn of(access: &Access, emit: Emit) -> Result<Self, Refusal> {
        let Emit { event, room, data } = &emit;
        if !access.may_emit(event) {
            let message = format!("this credential may not emit {}", event.as_str());
            return Err(Refusal::new(Code::Forbidden, message));
        }
        let most = access.role.limits.event;
        if data.as_bytes().len() > most {
            let message = format!("the payload of an event has at most {most} bytes");
            return Err(Refusal::new(Code::TooLarge, message).limit("event"));
        }
        if let Some(room) = room {
            may_use(access, room)?;
        }
        let (rooms, name, is_granted) = match access.target(event) {
            None => return Ok(Self::Tell(emit)),
            Some(Target::Named(name)) => (vec![named(room.as_ref(), event)?], name, false),
            Some(Target::Rooms(rooms, name)) => (made(rooms, room.as_ref(), event)?, name, true),
        };
        let offer = Offer::to_rooms(rooms, name.clone(), data.clone());
        Ok(Self::Publish { offer, is_granted })
    }
}

/// What its driver is asked for what a client emits.
pub(super) fn ask(
    reference: Option<Ref>,
    access: Arc<Access>,
    emit: Emit,
) -> Result<Action, Refusal> {
    let emission = Emission::of(&access, emit)?;
    Ok(Action::Ask(Ask::Emit {
        reference,
        access,
        emission,
    }))
}

/// A client tells the backend of a room that concerns it.
fn may_use(access: &Access, room: &Room) -> Result<(), Refusal> {
    if access.may_subscribe(room) || access.may_publish(room) {
        return Ok(());
    }
    let message = format!("this credential may neither subscribe nor publish to {room}");
    Err(Refusal::new(Code::Forbidden, message).room(room.clone()))
}

fn named(room: Option<&Room>, event: &EventName) -> Result<Room, Refusal> {
    room.cloned().ok_or_else(|| {
        let message = format!("{} is published: name its `room`", event.as_str());
        Refusal::new(Code::BadRequest, message)
    })
}

fn made(rooms: &[Room], named: Option<&Room>, event: &EventName) -> Result<Vec<Room>, Refusal> {
    if named.is_some_and(|room| !rooms.contains(room)) {
        let message = format!(
            "{} goes to a room of its own: leave `room` out",
            event.as_str()
        );
        return Err(Refusal::new(Code::BadRequest, message));
    }
    if rooms.is_empty() {
        let message = format!(
            "this credential has no claim that the room of {} is made of",
            event.as_str()
        );
        return Err(Refusal::new(Code::Forbidden, message));
    }
    Ok(rooms.to_vec())
}
