//! Engine.IO 4: what carries the conversations of one client, by polling or by WebSocket.

pub mod door;
pub mod heart;
pub mod item;
pub mod sessions;
pub mod sid;
pub mod writer;

use crate::transport::socketio::Settings;
use crate::wire::engineio::{Open, Transport};
use sid::Sid;

/// What the client of the session `sid` is told first.
#[must_use]
pub fn opening(settings: &Settings, sid: Sid, transport: Transport) -> Vec<u8> {
    let open = Open {
        sid: &sid.expose(),
        transport,
        may_upgrade: true,
        ping_interval: settings.ping_interval,
        ping_timeout: settings.ping_timeout,
        max_payload: settings.max_payload,
    };
    open.to_packet()
}
