//! What a tail prints: events and gaps as lines, and about itself on standard error.

use crate::cli::remote::Remote;
use crate::model::gap::Reason;
use crate::model::time::UnixMillis;
use crate::model::transport::Transport;
use crate::wire::message::{Event, Gap, Welcome};

use super::follow::End;

/// The line of an event: when, where, what, and its payload.
pub(super) fn event(event: &Event, json: bool) -> String {
    if json {
        return event.envelope.clone();
    }
    let when = UnixMillis(event.ts).to_rfc3339();
    let line = format!("{when} {} {} {}", event.room, event.name, event.data);
    printable(&line)
}

/// What a gap means.
pub(super) fn gap(gap: &Gap) -> String {
    let Gap { room, from, to, .. } = gap;
    let between = match (from, to) {
        (Some(from), Some(to)) => format!(" after {from} and up to {to}"),
        (None, Some(to)) => format!(" up to {to}"),
        (Some(_) | None, None) => String::new(),
    };
    let what = match Reason::parse(&gap.reason) {
        Some(Reason::Evicted) => format!(
            "events{between} are missing: history is bounded, and this was away for longer than it reaches"
        ),
        Some(Reason::Epoch) => format!(
            "events{between} are missing: the gateway has lost its history since, or does not know the cursor"
        ),
        Some(Reason::Future) => {
            format!(
                "events{between} are missing: the cursor lies beyond everything that the gateway has"
            )
        }
        Some(Reason::Unauthorized) => {
            "the credential may not read this room any more; it is left".into()
        }
        None => format!("events{between} are missing"),
    };
    printable(&format!("gap in {room}: {what} ({})", gap.reason))
}

/// That a stream is open.
pub(super) fn open(transport: Transport, welcome: &Welcome) -> String {
    let over = transport.as_str();
    let Welcome {
        principal,
        role,
        rooms,
        ..
    } = welcome;
    if principal.is_empty() {
        return format!("connected over {over}");
    }
    let rooms = rooms.join(", ");
    printable(&format!(
        "connected over {over} as {principal} (role {role}); rooms: {rooms}"
    ))
}

/// Why a connection ended.
pub(super) fn end(end: &End, remote: &Remote) -> String {
    let why = match end {
        End::Unanswered(error) => remote.unanswered(error),
        End::Refused(refused) => remote.refused(refused),
        End::Closed(close) => format!("the connection was closed with {close}"),
        End::Finished => "the connection was ended".into(),
        End::Broken => "the connection broke off".into(),
        End::Silent => "nothing came for too long, not even a heartbeat".into(),
        End::Foreign => "what came was not the gateway's protocol".into(),
    };
    printable(&why)
}

/// Control characters, which a payload may hold and a terminal would obey, as JSON escapes.
fn printable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() && c != '\n' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str) -> Event {
        Event {
            id: Some("1a".into()),
            room: "units".into(),
            name: "checkin".into(),
            data: data.into(),
            ts: 1_700_000_000_123,
            envelope: format!(r#"{{"id":"1a","data":{data}}}"#),
        }
    }

    #[test]
    fn an_event_is_a_line_for_people_or_its_envelope() {
        let one = of(r#"{"n":1.50}"#);
        assert_eq!(
            event(&one, false),
            r#"2023-11-14T22:13:20.123Z units checkin {"n":1.50}"#
        );
        assert_eq!(event(&one, true), r#"{"id":"1a","data":{"n":1.50}}"#);
    }

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        let line = event(&of("\"\u{9b}31m\u{7f}é\""), false);
        assert!(line.ends_with(r#""\u009b31m\u007fé""#), "{line}");
    }

    #[test]
    fn each_gap_says_its_room_its_reason_and_what_it_means() {
        for (reason, means) in [
            ("evicted", "history is bounded"),
            ("epoch", "lost its history"),
            ("future", "beyond everything"),
            ("unauthorized", "may not read"),
            ("of_a_later_version", "missing"),
        ] {
            let said = gap(&Gap {
                room: "units".into(),
                from: Some("1".into()),
                to: Some("2".into()),
                reason: reason.into(),
            });
            assert!(
                said.starts_with("gap in units: ") && said.contains(means),
                "{said}"
            );
            assert!(said.ends_with(&format!("({reason})")), "{said}");
        }
    }
}
