//! L4: the drivers. Each carries a session over one transport, with one select loop, and encodes what it sends.

pub mod agreed;
pub mod audited;
pub mod ceiling;
pub mod context;
mod delivery;
pub mod directory;
pub mod emit;
pub(crate) mod engine;
pub mod engineio;
pub mod entrance;
pub mod format;
pub mod granted;
pub mod invite;
pub mod limits;
pub mod link;
pub mod long_poll;
pub mod patience;
mod presence;
pub mod publishing;
pub mod registry;
mod serving;
pub mod shard;
pub mod socketio;
pub mod sse;
mod turn;
pub mod voice;
pub mod websocket;
pub mod wishes;

use crate::bus::reader::Credit;

/// What a stream takes from the log at a time: enough to fill a socket, little enough that a reader which stops
/// reading pins no more than this.
const CREDIT: Credit = Credit {
    events: 256,
    bytes: 64 * 1024,
};

/// What the answer to a join by another request holds at most.
const ANSWER: Credit = Credit {
    events: 1000,
    bytes: 1 << 20,
};
