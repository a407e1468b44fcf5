//! What a yes is worth, and how many questions about rooms one client asks at once.

use futures_util::stream::{self, StreamExt as _};

use crate::wire::hook::{Answered, Misunderstood, Welcome};

/// How many questions about the rooms of one stream are under way at most: it holds so many of the hook's places, and
/// leaves the others to others.
pub const AT_ONCE: usize = 8;

/// Why a stream may be opened, or may join a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The backend has just said so.
    Given,
    /// It was not asked, or has not answered and the hook fails open: it may say otherwise the next time.
    #[default]
    Assumed,
}

impl Consent {
    pub(super) fn to_connect(answer: &[u8]) -> Result<Answered<(Welcome, Self)>, Misunderstood> {
        let answered = Welcome::parse(answer)?;
        Ok(answered.map(|welcome| (welcome, Self::Given)))
    }

    pub(super) fn to_subscribe(answer: &[u8]) -> Result<Answered<Self>, Misunderstood> {
        let answered = Answered::<()>::parse(answer)?;
        Ok(answered.map(|()| Self::Given))
    }
}

/// What all of `questions` give, in their order; of which [`AT_ONCE`] are under way at most.
pub async fn few_at_once<T>(questions: Vec<impl Future<Output = T>>) -> Vec<T> {
    stream::iter(questions).buffered(AT_ONCE).collect().await
}
