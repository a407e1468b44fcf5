//! Where limits meet clients: who is looked at, who may open another stream.

use std::sync::Arc;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::limit::address::Address;
use crate::limit::{Held, Payer};
use crate::model::code::{Code, Refusal};
use crate::model::peer::Peer;
use crate::model::transport::Transport;

use super::context::{Context, come_back};

impl Context {
    /// Who shows this credential, or what stands in its place, from the address of `peer`.
    ///
    /// # Errors
    /// Why it is not good; `rate_limited`, without a look at it, if too many from there were not.
    pub fn authenticate(
        &self,
        credential: Result<Credential, Refusal>,
        peer: Peer,
    ) -> Result<Arc<Access>, Refusal> {
        let (rules, now) = (self.rules(), self.clock.now());
        let address = Address::of_peer(peer);
        let bound = rules
            .addresses
            .failures
            .and_then(|rate| Some((address?, rate)));
        if let Some((address, rate)) = bound {
            self.limiter.may_try(address, rate, now)?;
        }
        let verdict = credential.and_then(|credential| self.identify(&credential));
        if let (Err(refusal), Some((address, rate))) = (&verdict, bound)
            && refusal.code == Code::Unauthorized
        {
            self.limiter.failed(address, rate, now);
        }
        verdict
    }

    /// The places of a stream that is asked for from the address of `peer`.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn arrive(&self, peer: Peer, transport: Transport) -> Result<Held, Refusal> {
        let Some(address) = Address::of_peer(peer) else {
            return Ok(Held::default());
        };
        let (rules, now) = (self.rules(), self.clock.now());
        let held = self.limiter.open(address, transport, &rules.addresses, now);
        held.map_err(in_time)
    }

    /// A stream of `access` opens: it is given its place.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn enter(&self, access: &Access, peer: Peer, held: &mut Held) -> Result<(), Refusal> {
        let payer = Payer::of(&access.principal, Address::of_peer(peer));
        let most = access.role.limits.per_principal;
        let place = self.limiter.stream(payer, most).map_err(in_time)?;
        held.count_for_principal(place);
        Ok(())
    }

    /// `access` makes a request.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn request(&self, access: &Access, peer: Peer) -> Result<(), Refusal> {
        let payer = Payer::of(&access.principal, Address::of_peer(peer));
        let (rate, now) = (access.role.limits.requests, self.clock.now());
        self.limiter.request(payer, rate, now)
    }
}

/// When a place will be free nobody knows: its client comes back as others do.
#[must_use]
pub fn in_time(refusal: Refusal) -> Refusal {
    match refusal.retry_after {
        Some(_) => refusal,
        None => refusal.retry_after(come_back()),
    }
}
