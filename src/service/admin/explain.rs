//! What a credential may do.

use std::sync::Arc;

use crate::auth::Access;
use crate::auth::credentials::Credential;
use crate::model::code::{Code, Refusal};
use crate::service::{Response, Service};
use crate::wire::admin;
use crate::wire::control::millis;

use super::{ok, room};

impl Service {
    /// Says it as the gateway would act on it now. One that is not good is refused as it would be, and the refusal tells
    /// an operator no more than its holder.
    pub(super) fn explain(&self, asked: admin::Explain) -> Result<Response, Refusal> {
        let access = match &asked.credential {
            Some(text) => {
                let credential = Credential::from_token(text);
                let access = credential.and_then(|one| self.context.identify(&one));
                access.map_err(|why| Refusal::new(Code::NotFound, why.to_string()))?
            }
            None => self.context.rules().authority.anonymous().ok_or_else(|| {
                Refusal::new(Code::NotFound, "nobody is let in without a credential")
            })?,
        };
        let rooms = asked.rooms.iter().map(|name| {
            let room = room(name)?;
            Ok(admin::Asked {
                subscribe: access.may_subscribe(&room),
                publish: access.may_publish(&room),
                presence: access.may_see(&room),
                room,
            })
        });
        let asked = rooms.collect::<Result<_, Refusal>>()?;
        Ok(ok(&self.explained(&access, asked)))
    }

    fn explained(&self, access: &Arc<Access>, asked: Vec<admin::Asked>) -> admin::Explained {
        let transports = access.role.transports.iter();
        let now = self.context.clock.unix();
        admin::Explained {
            principal: access.principal.name().to_owned(),
            kind: access.principal.kind(),
            role: access.role.name.clone(),
            transports: transports.map(|transport| transport.as_str()).collect(),
            rooms: access.rooms.to_vec(),
            subscribe: access.subscribes(),
            publish: access.publishes_to(),
            presence: access.sees(),
            admin: access.is_admin(),
            expires_in_ms: access.expires_at.map(|at| millis(at.since(now))),
            asked,
        }
    }
}
