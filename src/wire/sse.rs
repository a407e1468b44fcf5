//! Control messages as Server-Sent Events (WHATWG HTML §9.2). Events have their blocks in [`super::encoded`].
//!
//! A block is one write; `id:` is its last line, because some clients keep an id whose event never arrived
//! whole; lines end in LF; there are no blocks without data, because some clients make empty messages of them.

pub mod decoder;

use std::time::Duration;

use super::control::{Control, millis};

/// The block of a control message: its name, its JSON, and its cursor as `id:` if it has one. `retry` rides on
/// it where given.
#[must_use]
pub fn control(message: &Control, retry: Option<Duration>) -> String {
    let mut block = format!("event: {}\n", message.name());
    if let Some(retry) = retry {
        block.push_str(&format!("retry: {}\n", millis(retry)));
    }
    block.push_str("data: ");
    block.push_str(&message.to_json());
    if let Some(cursor) = message.cursor() {
        block.push_str("\nid: ");
        block.push_str(&cursor.to_cursor());
    }
    block.push_str("\n\n");
    block
}

/// A heartbeat that no script sees: one comment line, and no blank line, which would be a message to some.
pub const COMMENT: &str = ": heartbeat\n";

/// A comment of 2 KB, for clients and proxies that hold back the first bytes of a response.
#[must_use]
pub fn padding() -> String {
    format!(":{}\n", " ".repeat(2046))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::{Code, Refusal};
    use crate::model::position::{Epoch, Position};
    use crate::model::time::UnixMillis;

    #[test]
    fn a_cursor_stands_last_and_only_where_it_is_a_position() {
        let cursor = Position {
            epoch: Epoch::from_random(1),
            seq: 2,
        };
        let heartbeat = Control::Heartbeat {
            cursor,
            ts: UnixMillis(3),
        };
        assert_eq!(
            control(&heartbeat, Some(Duration::from_millis(1500))),
            format!(
                "event: heartbeat\nretry: 1500\ndata: {{\"type\":\"heartbeat\",\"cursor\":\"{cursor}\",\"ts\":3}}\nid: {cursor}\n\n"
            )
        );
        let refusal = Refusal::new(Code::Overloaded, "full");
        assert_eq!(
            control(&Control::error(None, refusal), None),
            "event: problem\ndata: {\"type\":\"error\",\"code\":\"overloaded\",\"message\":\"full\"}\n\n"
        );
    }

    #[test]
    fn the_prelude_is_one_line_of_2_kb() {
        let padding = padding();
        assert_eq!((padding.len(), padding.matches('\n').count()), (2048, 1));
        assert!(padding.starts_with(": "));
    }
}
