//! Who the client is, and what it may have for that: when it says so, renews it, or is judged anew.

use std::sync::Arc;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::gap::Gap;
use crate::model::id::Principal;
use crate::model::room::Room;
use crate::model::transport::Transport;
use crate::wire::client::Ref;

use super::admission::{Invited, Rooms, admit_invited, readmit};
use super::{Action, Answer, Ask, Live, Now, Session, State};

impl Session {
    pub(super) fn authenticated(
        &mut self,
        reference: Option<Ref>,
        verdict: Result<Invited, Refusal>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let verdict = match self.principal() {
            Some(own) => verdict.and_then(|invited| of_the_same(own, invited)),
            None => verdict,
        };
        let invited = match verdict {
            Ok(invited) => invited,
            // What it has lasts as long as it did: it may try another one until then.
            Err(refusal) if self.principal().is_some() => {
                return out.push(Action::Answer(Answer::Refused(reference, refusal)));
            }
            // A credential that failed is never less than a credential: nobody stays on as anonymous.
            Err(refusal) => return self.end(reference, refusal, out),
        };
        let admitted = match std::mem::replace(&mut self.state, State::Ended) {
            State::Waiting { opening, .. } => {
                let access = invited.access.clone();
                admit_invited(invited, &opening)
                    .map(|admitted| self.go_live(access, &opening, admitted, now, out))
            }
            State::Live(live) => self.lift(live, invited, now, out),
            State::Ended => return,
        };
        match admitted {
            Ok(()) => out.push(Action::Answer(Answer::done(reference))),
            Err(refusal) => self.end(reference, refusal, out),
        }
    }

    /// The rooms that it would join for its role alone if it had `access`.
    #[must_use]
    pub fn would_join(&self, access: &Access) -> Vec<Room> {
        let State::Live(live) = &self.state else {
            return Vec::new();
        };
        let own = own_rooms(access, live.named, &[]);
        own.filter(|room| !live.rooms.contains(room) && !access.invited().contains(room))
            .cloned()
            .collect()
    }

    /// Who may what has changed. Whoever keeps all that it has hears nothing of it. Rooms that its role has got and about
    /// which the backend is to be asked (`unasked`) are not joined: nobody waits for an answer here.
    pub(super) fn judged(
        &mut self,
        verdict: Result<Arc<Access>, Refusal>,
        unasked: Vec<Room>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let access = match verdict {
            Ok(access) => access,
            Err(refusal) => return self.end(None, refusal, out),
        };
        if live.keeps_all_with(&access, &unasked, self.transport) {
            live.access = access;
            return;
        }
        if let State::Live(live) = std::mem::replace(&mut self.state, State::Ended)
            && let Err(refusal) = self.lift(
                live,
                Invited {
                    unasked,
                    ..access.into()
                },
                now,
                out,
            )
        {
            self.end(None, refusal, out);
        }
    }

    /// An anonymous client has said who it is, or a client has renewed its credential: it keeps its place and the rooms
    /// that it may keep, and gets its role's rooms if it named none.
    fn lift(
        &mut self,
        live: Live,
        invited: Invited,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Live {
            access: before,
            rooms: held,
            named,
            aside,
            ..
        } = live;
        let Invited {
            access,
            barred,
            unasked,
            first,
        } = invited;
        let own = own_rooms(&access, named, &unasked);
        let more = own.chain(added(&access, &before));
        let more = more.filter(|room| !held.contains(room));
        let wanted: Vec<_> = held.iter().chain(more).cloned().collect();
        let aside_of_grants = (aside.extra(), &*barred);
        let Rooms { granted, refused } =
            readmit(&access, self.transport, &wanted, aside_of_grants)?;
        let join = granted
            .iter()
            .filter(|room| !held.contains(room))
            .cloned()
            .collect();
        let leave = refused
            .iter()
            .filter(|room| held.contains(room))
            .cloned()
            .collect();
        let is_renamed = access.principal != before.principal;
        let gaps = refused.into_iter().map(Gap::unauthorized).collect();
        let expires = access.expires_at.map(|at| now.moment + at.since(now.unix));
        self.state = State::Live(Live {
            access,
            expires,
            noticed: false,
            rooms: granted,
            named,
            aside: aside.with_gaps(gaps).with_first(first),
        });
        out.push(Action::Ask(Ask::Lift {
            join,
            leave,
            is_renamed,
        }));
        Ok(())
    }
}

impl Live {
    /// Whether a client with `access` may go on as it is, and gets nothing more.
    fn keeps_all_with(&self, access: &Access, unasked: &[Room], transport: Transport) -> bool {
        let expires = self.access.expires_at == access.expires_at;
        let own = own_rooms(access, self.named, unasked);
        let mut more = own.chain(added(access, &self.access));
        let gets_more = more.any(|room| !self.rooms.contains(room));
        expires
            && !gets_more
            && self.access.role.name == access.role.name
            && access.may_use(transport)
            && self.rooms.len() <= access.role.limits.rooms_per_stream
            && self
                .rooms
                .iter()
                .all(|room| access.may_subscribe(room) || self.aside.grants(room))
    }
}

/// The rooms of its role that whoever has `access` gets unless it named its own, without those about which nobody was
/// asked.
fn own_rooms<'a>(
    access: &'a Access,
    named: bool,
    unasked: &[Room],
) -> impl Iterator<Item = &'a Room> {
    let own = access.rooms.iter().filter(move |_| !named);
    own.filter(|room| !unasked.contains(room))
}

/// The rooms that a backend has added to what was before.
fn added<'a>(access: &'a Access, before: &'a Access) -> impl Iterator<Item = &'a Room> {
    let added = access.invited().iter();
    added.filter(|room| !before.invited().contains(room))
}

/// A stream is its principal's for good: what it was told, and its name, are nobody else's.
fn of_the_same(own: &Principal, invited: Invited) -> Result<Invited, Refusal> {
    if invited.access.principal == *own {
        Ok(invited)
    } else {
        let message = "this credential is somebody else's: open a stream with it";
        Err(Refusal::new(Code::Forbidden, message))
    }
}
