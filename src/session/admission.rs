//! Who gets a stream, and of which rooms: judged at each connect and at each resume.

use std::sync::Arc;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::gap::Gap;
use crate::model::json::Json;
use crate::model::room::Room;
use crate::model::start::Start;
use crate::model::transport::Transport;
use crate::wire::hook::First;
use crate::wire::negotiate::StreamRequest;

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Opening {
    /// How the events shall come.
    pub transport: Transport,
    /// In which language.
    pub dialect: Dialect,
    /// The rooms that it named.
    pub rooms: Vec<Room>,
    /// Where it wants to begin.
    pub start: Start,
    /// Where it goes on as it was: whether its rooms were its own. Then they are all that it wants, be they none.
    pub keeps: Option<bool>,
}

/// What it gets.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The rooms.
    pub rooms: Vec<Room>,
    /// Where it begins.
    pub start: Start,
    /// The rooms that it may not read any more.
    pub gaps: Vec<Gap>,
    /// Those of its rooms that the stream is granted though the client's credential does not grant them.
    pub extra: Vec<Room>,
    /// What it is told first.
    pub first: Vec<First>,
}

/// A client about which the backend was asked.
#[derive(Clone, Debug)]
pub struct Invited {
    /// What it may, with what the backend has added.
    pub access: Arc<Access>,
    /// The rooms that the backend refuses it.
    pub barred: Vec<Room>,
    /// Rooms of its role about which the backend is to be asked and has not answered: it does not get them, and is not
    /// told so.
    pub unasked: Vec<Room>,
    /// What it is told first.
    pub first: Vec<First>,
}

/// What a client would have, once the backend has been asked.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How the events shall come.
    pub transport: Transport,
    /// In which language.
    pub dialect: Dialect,
    /// The rooms that it named, or has.
    pub rooms: Vec<Room>,
    /// Whether it takes those of its role besides.
    pub takes_own: bool,
    /// Whether it brings a cursor.
    pub resumes: bool,
    /// Whether it goes on with the other rooms where it is refused some.
    pub keeps_rest: bool,
    /// What it says of itself besides its credential, where its dialect has that.
    pub says: Option<Json>,
}

impl From<Arc<Access>> for Invited {
    /// A client about which nobody was asked.
    fn from(access: Arc<Access>) -> Self {
        Self {
            access,
            barred: Vec::new(),
            unasked: Vec::new(),
            first: Vec::new(),
        }
    }
}

impl From<&Opening> for Wish {
    fn from(opening: &Opening) -> Self {
        let resumes = opening.start.is_resume();
        Self {
            transport: opening.transport,
            dialect: opening.dialect,
            rooms: opening.rooms.clone(),
            takes_own: opening.takes_own(),
            resumes,
            keeps_rest: resumes,
            says: None,
        }
    }
}

impl Opening {
    /// What `request` asks for.
    #[must_use]
    pub fn of(request: &StreamRequest) -> Self {
        Self {
            transport: request.transport,
            dialect: Dialect::Native,
            rooms: request.rooms.clone(),
            start: request.start,
            keeps: None,
        }
    }

    /// Whether it takes the rooms of its role.
    const fn takes_own(&self) -> bool {
        self.rooms.is_empty() && self.keeps.is_none()
    }

    /// Whether its rooms are its own from now on, rather than its role's.
    pub(super) fn is_named(&self) -> bool {
        self.keeps.unwrap_or(!self.rooms.is_empty())
    }
}

/// Admits a client, or says why not.
///
/// A first connect with any room refused is refused, naming the room. A resume goes on without the rooms that
/// are no longer granted, each told as a gap, because a screen that lost one room should still show the others;
/// when none is left it is refused.
///
/// # Errors
/// `transport_not_allowed`, `too_many_rooms`, `forbidden`.
pub fn admit(access: &Access, opening: &Opening) -> Result<Admitted, Refusal> {
    admit_but(access, opening, (&[], &[]))
}

/// Admits a client about which the backend was asked: the rooms that it was refused are as good as not granted, and those
/// that the backend has added come behind its own.
///
/// # Errors
/// As [`admit`].
pub fn admit_invited(invited: Invited, opening: &Opening) -> Result<Admitted, Refusal> {
    let Invited {
        access,
        barred,
        unasked,
        first,
    } = invited;
    let admitted = admit_but(&access, opening, (&barred, &unasked))?;
    Ok(Admitted { first, ..admitted })
}

fn admit_but(
    access: &Access,
    opening: &Opening,
    (barred, unasked): (&[Room], &[Room]),
) -> Result<Admitted, Refusal> {
    let named: Vec<_> = if opening.takes_own() {
        let own = access.rooms.iter();
        own.filter(|room| !unasked.contains(room)).collect()
    } else {
        opening.rooms.iter().collect()
    };
    let added = access.invited().iter();
    let added = added.filter(|room| !named.contains(room));
    let wanted: Vec<_> = named.iter().copied().chain(added).cloned().collect();
    let Rooms { granted, refused } = sort(access, opening.transport, &wanted, (&[], barred))?;
    match refused.first() {
        Some(room) if granted.is_empty() || !opening.start.is_resume() => Err(forbidden(room)),
        _ => Ok(Admitted {
            rooms: granted,
            start: opening.start,
            gaps: refused.into_iter().map(Gap::unauthorized).collect(),
            extra: Vec::new(),
            first: Vec::new(),
        }),
    }
}

/// Admits a client that is here already and has said who it is: it keeps what it may keep of the rooms `held`,
/// and the `extra` ones that were granted to its stream.
///
/// # Errors
/// As [`admit`] at a resume.
pub(super) fn readmit(
    access: &Access,
    transport: Transport,
    held: &[Room],
    (extra, barred): (&[Room], &[Room]),
) -> Result<Rooms, Refusal> {
    let rooms = sort(access, transport, held, (extra, barred))?;
    match rooms.refused.first() {
        Some(room) if rooms.granted.is_empty() => Err(forbidden(room)),
        _ => Ok(rooms),
    }
}

/// Rooms that are granted, and those that are not.
pub(super) struct Rooms {
    pub(super) granted: Vec<Room>,
    pub(super) refused: Vec<Room>,
}

fn sort(
    access: &Access,
    transport: Transport,
    wanted: &[Room],
    (extra, barred): (&[Room], &[Room]),
) -> Result<Rooms, Refusal> {
    may_use(access, transport)?;
    let granted = |room: &Room| access.may_subscribe(room) || extra.contains(room);
    let (granted, refused): (Vec<_>, Vec<_>) = wanted
        .iter()
        .cloned()
        .partition(|room| granted(room) && !barred.contains(room));
    let most = access.role.limits.rooms_per_stream;
    if granted.len() > most {
        return Err(too_many_rooms(most));
    }
    Ok(Rooms { granted, refused })
}

/// Whether `access` may be served so.
///
/// # Errors
/// `transport_not_allowed`.
pub fn may_use(access: &Access, transport: Transport) -> Result<(), Refusal> {
    if access.may_use(transport) {
        return Ok(());
    }
    let message = format!(
        "the role {} may not use {}",
        access.role.name,
        transport.as_str()
    );
    Err(Refusal::new(Code::TransportNotAllowed, message))
}

/// The refusal of a room that is not granted.
#[must_use]
pub fn forbidden(room: &Room) -> Refusal {
    let message = match room.tells_of() {
        Some(name) => format!("this credential may not see who is in {name}"),
        None => format!("this credential may not subscribe to {room}"),
    };
    Refusal::new(Code::Forbidden, message).room(room.clone())
}

/// The end of a stream that fell out of what `room` keeps, where that ends it: it comes back to what is held.
#[must_use]
pub fn fallen(room: Room) -> Refusal {
    let message = format!("events of {room} were dropped before this client took them");
    Refusal::new(Code::Slow, message).room(room)
}

/// The refusal of more rooms than a stream may have.
#[must_use]
pub fn too_many_rooms(most: usize) -> Refusal {
    Refusal::new(
        Code::TooManyRooms,
        format!("a stream has at most {most} rooms"),
    )
    .limit("rooms_per_stream")
}
