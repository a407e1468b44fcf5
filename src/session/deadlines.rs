//! When a session must do something though nothing happens: heartbeats, Pings, silence, expiry and the notice of it.

use crate::model::code::{Code, Refusal};
use crate::model::dialect::Dialect;
use crate::model::time::Moment;
use crate::model::transport::Transport;
use crate::wire::control::{Control, SignedUrl, millis};

use super::{Action, Ask, Live, Now, Session, State};

impl Session {
    /// When the session wants [`super::Input::Due`], at the latest; nothing once it has ended. Only if what was said
    /// before is `writable` is a heartbeat due, or an answer of the client's.
    #[must_use]
    pub fn deadline(&self, writable: bool) -> Option<Moment> {
        match &self.state {
            State::Waiting { until, .. } => Some(*until),
            State::Live(live) if writable => {
                let heartbeat = self.last_write + self.settings.heartbeat;
                let notice = self.notice_due(live);
                [live.expires, notice, self.ping_due(), self.silence_due()]
                    .into_iter()
                    .flatten()
                    .chain([heartbeat])
                    .min()
            }
            State::Live(live) => live.expires,
            State::Ended => None,
        }
    }

    /// A client that reads a lively room says nothing by itself: whatever is written to it, it is asked for a sign
    /// of life as long as it has given none.
    fn ping_due(&self) -> Option<Moment> {
        self.can_answer()
            .then(|| self.last_heard.max(self.last_ping) + self.settings.heartbeat)
    }

    fn silence_due(&self) -> Option<Moment> {
        self.can_answer()
            .then(|| self.last_heard + self.settings.silence)
    }

    /// Whoever is told ahead of time can renew its credential without a break; whoever comes with one that ends sooner is
    /// told at once.
    fn notice_due(&self, live: &Live) -> Option<Moment> {
        let expires = live.expires.filter(|_| !live.noticed)?;
        Some(expires.before(live.access.notice(self.settings.expiry_notice)))
    }

    fn can_answer(&self) -> bool {
        // Elsewhere whatever carries the stream asks its client.
        self.transport == Transport::WebSocket && self.dialect == Dialect::Native
    }

    /// Something is due, or was thought to be.
    pub(super) fn due(&mut self, writable: bool, now: Now, out: &mut Vec<Action>) {
        let is_past = |due: Option<Moment>| due.is_some_and(|due| now.moment >= due);
        match &self.state {
            State::Waiting { until, .. } if now.moment >= *until => {
                let message =
                    "no credential came in time; send {\"type\":\"auth\",\"token\":…} first";
                self.end(None, Refusal::new(Code::AuthTimeout, message), out);
            }
            State::Live(live) if is_past(live.expires) => {
                out.push(Action::Send(Control::SessionExpired {}));
                self.leave(Code::SessionExpired, "the credential ran out".into(), out);
            }
            State::Live(_) if writable && is_past(self.silence_due()) => {
                self.leave(Code::Timeout, "nothing was heard for too long".into(), out);
            }
            State::Live(live) if writable => {
                if is_past(self.notice_due(live)) {
                    self.give_notice(now, out);
                }
                self.sign_of_life(now, out);
            }
            State::Waiting { .. } | State::Live(_) | State::Ended => {}
        }
    }

    /// Whoever came by a signed URL is told the next one with it: a page that can set no header has no other way to renew.
    fn give_notice(&mut self, now: Now, out: &mut Vec<Action>) {
        if let State::Live(live) = &mut self.state {
            live.noticed = true;
            if live.access.is_by_url() {
                return out.push(Action::Ask(Ask::Extend(live.access.clone())));
            }
        }
        self.notify(None, now, out);
    }

    pub(super) fn notify(&self, url: Option<SignedUrl>, now: Now, out: &mut Vec<Action>) {
        if let State::Live(live) = &self.state
            && let Some(expires) = live.expires
        {
            // It puts off no heartbeat, which tells a quiet client how far it is.
            out.push(Action::Send(Control::TokenExpiring {
                expires_in_ms: millis(expires.since(now.moment)),
                url,
            }));
        }
    }

    /// What keeps a quiet stream known to be alive, from both ends.
    fn sign_of_life(&mut self, now: Now, out: &mut Vec<Action>) {
        if now.moment >= self.last_write + self.settings.heartbeat {
            out.push(Action::Ask(Ask::Read));
        }
        if self.ping_due().is_some_and(|due| now.moment >= due) {
            self.last_ping = now.moment;
            self.asked = true;
            out.push(Action::Ping);
        }
    }
}
