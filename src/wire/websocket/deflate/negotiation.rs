//! What is agreed on in the opening handshake (RFC 7692 §5 and §7.1).

use std::fmt;

use http::HeaderMap;

use crate::model::code::{Code, Refusal};

use super::super::extensions::{Extension, Malformed, offers};

const NAME: &str = "permessage-deflate";

/// A client's offer of permessage-deflate that is accepted. Its text is the answer's `Sec-WebSocket-Extensions`.
///
/// No side keeps a window from one message to the next, so that a message is compressed once for everybody, and a
/// connection costs no window. Clients may compress with any window (`client_max_window_bits` is never answered): the
/// gateway's own has the full size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    window: Option<Window>,
}

/// The base-2 logarithm of a window, 8 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window(u8);

impl Agreed {
    /// Whether a message of `length` bytes may be sent compressed.
    ///
    /// All are compressed with the largest window. What is not longer than a smaller one cannot tell: nothing in it lies
    /// further back. A longer message goes uncompressed to a client that asked for that window, which is always allowed
    /// (RFC 7692 §6).
    #[must_use]
    pub const fn covers(&self, length: usize) -> bool {
        match self.window {
            Some(Window(bits)) => length <= 1 << bits,
            None => true,
        }
    }

    /// Accepts an offer as far as it stands to §7.1; nothing declines it.
    fn accept(offer: &Extension<'_>) -> Option<Self> {
        let mut window = None;
        for (at, (name, value)) in offer.parameters.iter().enumerate() {
            if offer.parameters[..at]
                .iter()
                .any(|(earlier, _)| earlier == name)
            {
                return None;
            }
            match (*name, value) {
                ("server_no_context_takeover" | "client_no_context_takeover", None)
                | ("client_max_window_bits", None) => {}
                ("client_max_window_bits", Some(bits)) => _ = Window::parse(bits)?,
                ("server_max_window_bits", Some(bits)) => window = Some(Window::parse(bits)?),
                _ => return None,
            }
        }
        (offer.name == NAME).then_some(Self { window })
    }
}

impl Window {
    /// A decimal number without leading zeros (§7.1.2.1).
    fn parse(bits: &str) -> Option<Self> {
        Some(Self(match bits {
            "8" => 8,
            "9" => 9,
            "10" => 10,
            "11" => 11,
            "12" => 12,
            "13" => 13,
            "14" => 14,
            "15" => 15,
            _ => return None,
        }))
    }
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{NAME}; server_no_context_takeover; client_no_context_takeover"
        )?;
        match self.window {
            Some(Window(bits)) => write!(f, "; server_max_window_bits={bits}"),
            None => Ok(()),
        }
    }
}

/// The first of the client's offers that can be accepted; nothing, and so no extension, where there is none.
///
/// # Errors
/// `bad_request`: `Sec-WebSocket-Extensions` does not conform to its grammar (RFC 6455 §9.1).
pub fn negotiate(headers: &HeaderMap) -> Result<Option<Agreed>, Refusal> {
    let offers = offers(headers).map_err(|Malformed| {
        Refusal::new(Code::BadRequest, "`Sec-WebSocket-Extensions` is malformed")
    })?;
    Ok(offers.iter().find_map(Agreed::accept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::SEC_WEBSOCKET_EXTENSIONS;

    fn answer(offer: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_EXTENSIONS, offer.parse().unwrap());
        negotiate(&headers)
            .unwrap()
            .map(|agreed| agreed.to_string())
    }

    const BARE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[test]
    fn what_browsers_and_libraries_offer_is_accepted_without_windows_that_last() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; client_max_window_bits=10",
            "x-webkit-deflate-frame, permessage-deflate",
        ] {
            assert_eq!(answer(offer).as_deref(), Some(BARE), "{offer}");
        }
    }

    #[test]
    fn a_window_that_the_client_wants_of_the_server_is_answered() {
        for bits in 8..=15 {
            let offer = format!("permessage-deflate; server_max_window_bits={bits}");
            let expected = format!("{BARE}; server_max_window_bits={bits}");
            assert_eq!(answer(&offer), Some(expected));
        }
        assert_eq!(
            answer("permessage-deflate; server_max_window_bits=\"10\""),
            Some(format!("{BARE}; server_max_window_bits=10"))
        );
    }

    #[test]
    fn an_offer_with_a_parameter_that_is_not_the_standards_is_declined_and_the_next_one_tried() {
        for parameters in [
            "server_max_window_bits",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=9; server_max_window_bits=9",
            "client_max_window_bits=16",
            "client_max_window_bits; client_max_window_bits",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "client_no_context_takeover; client_no_context_takeover",
            "mystery",
            "Server_no_context_takeover",
        ] {
            let offer = format!("permessage-deflate; {parameters}");
            assert_eq!(answer(&offer), None, "{offer}");
            let offer = format!("{offer}, permessage-deflate");
            assert_eq!(answer(&offer).as_deref(), Some(BARE), "{offer}");
        }
        assert_eq!(answer("permessage-bzip2, x-webkit-deflate-frame"), None);
        assert_eq!(answer(""), None);
    }

    #[test]
    fn a_malformed_header_ends_the_handshake() {
        let mut headers = HeaderMap::new();
        headers.append(
            SEC_WEBSOCKET_EXTENSIONS,
            "permessage-deflate; =".parse().unwrap(),
        );
        assert_eq!(negotiate(&headers).unwrap_err().code, Code::BadRequest);
        assert_eq!(negotiate(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn a_small_window_covers_the_messages_that_fit_into_it() {
        let agreed = |window| Agreed { window };
        assert!(agreed(None).covers(usize::MAX));
        assert!(agreed(Some(Window(9))).covers(512) && !agreed(Some(Window(9))).covers(513));
    }
}
