//! What a service is told of streams.

use serde::Serialize;

use crate::model::room::Room;
use crate::model::time::UnixMillis;

/// Streams.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Streams {
    /// How many something was done to.
    Count(usize),
    /// Those that there are.
    These(Vec<Stream>),
}

/// One stream.
#[derive(Clone, Debug, Serialize)]
pub struct Stream {
    /// Its name.
    pub stream: String,
    /// Whose it is.
    pub principal: String,
    /// In which role.
    pub role: String,
    /// How its events go.
    pub transport: &'static str,
    /// In which language.
    pub dialect: &'static str,
    /// Its rooms.
    pub rooms: Vec<Room>,
    /// When it began.
    pub since: UnixMillis,
}
