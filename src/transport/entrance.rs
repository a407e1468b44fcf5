//! Who is let in: by its rights, its place among the streams, and the backend where there are hooks.

use std::sync::Arc;

use crate::auth::Access;
use crate::model::code::{Code, Refusal};
use crate::model::json::Json;
use crate::session::admission::{Admitted, Opening, Wish, admit, admit_invited};

use super::context::Context;
use super::granted::Caller;

impl Context {
    /// What `access` is let in with: by its transport and rooms, and its place among the streams; where there are hooks,
    /// by its backend too, which is told what the client `says` of itself.
    ///
    /// # Errors
    /// What it is refused for.
    pub async fn let_in(
        &self,
        access: Arc<Access>,
        opening: &Opening,
        says: Option<Json>,
        caller: &mut Caller,
    ) -> Result<(Arc<Access>, Admitted), Refusal> {
        if caller.voice.is_some() && self.asks() {
            return Box::pin(self.invited(access, opening, says, caller)).await;
        }
        let admitted = admit(&access, opening)?;
        self.enter(&access, caller.peer, &mut caller.held)?;
        Ok((access, admitted))
    }

    /// The same with the backend's word. It has its place while that is waited for, so that nobody has more questions
    /// under way than streams.
    async fn invited(
        &self,
        access: Arc<Access>,
        opening: &Opening,
        says: Option<Json>,
        caller: &mut Caller,
    ) -> Result<(Arc<Access>, Admitted), Refusal> {
        self.enter(&access, caller.peer, &mut caller.held)?;
        let Some(voice) = &mut caller.voice else {
            return Err(Refusal::new(Code::Internal, "the gateway failed"));
        };
        let wish = Wish {
            says,
            ..Wish::from(opening)
        };
        let entrance = voice.entrance();
        let asked = self.invite(voice.line(), access, &wish, &entrance);
        let verdict = asked.await;
        voice.may_be_let_in();
        let admitted = verdict.and_then(|invited| {
            let access = invited.access.clone();
            Ok((access, admit_invited(invited, opening)?))
        });
        admitted.inspect_err(|refusal| voice.ends(refusal.code))
    }
}
