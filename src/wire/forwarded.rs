//! Who is behind a proxy: `Forwarded` (RFC 7239), and what was there before it.
//!
//! Each proxy adds whom it has heard at the right end. So the walk goes from the connection to the left, for as long as
//! it meets proxies that are trusted, and what is left of the first that is not was written by a stranger. Where an
//! entry cannot be read, or names nobody, the walk ends: the client is then the last one that was known.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::network::Proxies;
use crate::model::peer::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its end of the connection that the request was made on.
    pub peer: Peer,
    /// Whether that connection was encrypted, where a proxy has said so.
    pub secure: Option<bool>,
}

/// What a proxy says of one connection that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hop {
    /// Its other end, if it is said and is an address.
    from: Option<SocketAddr>,
    secure: Option<bool>,
}

/// The client of a request that came over a connection `from` there: whoever that is, unless it is one of `proxies`.
/// From anybody else the headers are not looked at.
///
/// `Forwarded` counts, and where there is none `X-Forwarded-For`. Where there are both and they differ, one was written
/// by a proxy and the other, perhaps, by its client, and neither counts.
#[must_use]
pub fn client(headers: &HeaderMap, from: Peer, proxies: &Proxies) -> Client {
    let itself = Client {
        peer: from,
        secure: None,
    };
    if !proxies.trust(&from) {
        return itself;
    }
    let (mut new, mut old) = (itself, itself);
    let lines = headers.get_all(FORWARDED).iter().rev();
    walk(&mut new, lines.flat_map(elements), proxies);
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let read = walk(&mut old, lines.flat_map(addresses), proxies);
    old.secure = x_forwarded_proto(headers, read);
    let agree = new.peer.ip() == old.peer.ip();
    match (headers.contains_key(FORWARDED), read > 0) {
        (false, _) => old,
        (true, true) if !agree => itself,
        (true, _) => new,
    }
}

/// Goes from proxy to proxy, and gives how many `hops` it has read.
fn walk(client: &mut Client, hops: impl Iterator<Item = Hop>, proxies: &Proxies) -> usize {
    let mut read = 0;
    for hop in hops {
        read += 1;
        client.secure = hop.secure.or(client.secure);
        let Some(from) = hop.from else { break };
        client.peer = Peer::Tcp(from);
        if !proxies.trust(&client.peer) {
            break;
        }
    }
    read
}

/// The elements of one line of `Forwarded`, the last one first. A line that cannot be read is one element that says
/// nothing.
fn elements(line: &HeaderValue) -> Vec<Hop> {
    let mut hops = line
        .to_str()
        .ok()
        .and_then(forwarded)
        .unwrap_or_else(|| vec![Hop::default()]);
    hops.reverse();
    hops
}

/// `[ pair ] *( ";" [ pair ] )`, several of them between commas (RFC 7239 §4). What the standard wants in quotes may
/// stand without: an address with a port is often sent so.
fn forwarded(mut line: &str) -> Option<Vec<Hop>> {
    let (mut hops, mut hop, mut is_empty) = (Vec::new(), Hop::default(), true);
    loop {
        line = line.trim_start_matches([' ', '\t']);
        if !line.starts_with([',', ';']) && !line.is_empty() {
            let (name, rest) = line.split_once('=').filter(|(name, _)| is_token(name))?;
            let (value, rest) = value(rest)?;
            hop.take(name, &value)?;
            (line, is_empty) = (rest.trim_start_matches([' ', '\t']), false);
        }
        let end = line.chars().next();
        if end != Some(';') && !is_empty {
            hops.push(std::mem::take(&mut hop));
            is_empty = true;
        }
        match end {
            None => return Some(hops),
            Some(',' | ';') => line = &line[1..],
            Some(_) => return None,
        }
    }
}

/// The name of a parameter (RFC 9110 §5.6.2). No more than that: a name with a comma in it would reach into what the
/// next proxy has added.
fn is_token(name: &str) -> bool {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(fine)
}

/// A value with or without quotes, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', ' ', '\t', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            char => value.push(char),
        }
    }
}

impl Hop {
    /// Takes one pair; nothing where it stands there twice, because two readers could take different ones.
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        if name.eq_ignore_ascii_case("for") {
            // Said, though nobody may be named.
            let twice = self.from.is_some();
            self.from = address(value);
            (!twice).then_some(())
        } else if name.eq_ignore_ascii_case("proto") {
            let twice = self.secure.is_some();
            self.secure = secure(value);
            (!twice).then_some(())
        } else {
            Some(())
        }
    }
}

/// The addresses of one line of `X-Forwarded-For`, the last one first.
fn addresses(line: &HeaderValue) -> Vec<Hop> {
    let hop = |from| Hop { from, secure: None };
    // By bytes: what a client has put there that is no text must not hide what a proxy has added to it.
    let members = line
        .as_bytes()
        .rsplit(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty());
    let text = |member| std::str::from_utf8(member).ok();
    members
        .map(|member| hop(text(member).and_then(address)))
        .collect()
}

/// What `X-Forwarded-Proto` says of the connection that was reached after so many hops: one value is for all, and in a
/// list each stands where its address does.
fn x_forwarded_proto(headers: &HeaderMap, read: usize) -> Option<bool> {
    let lines = headers.get_all(X_FORWARDED_PROTO).iter();
    let text: Vec<&str> = lines.map(|line| line.to_str().unwrap_or("?")).collect();
    let all: Vec<&str> = text.iter().flat_map(|line| line.split(',')).collect();
    let one = match all[..] {
        [one] => Some(one),
        _ => all.iter().rev().nth(read.saturating_sub(1)).copied(),
    };
    secure(one?.trim())
}

fn secure(scheme: &str) -> Option<bool> {
    let is_one_of = |all: [&str; 2]| all.iter().any(|one| scheme.eq_ignore_ascii_case(one));
    if is_one_of(["https", "wss"]) {
        Some(true)
    } else {
        is_one_of(["http", "ws"]).then_some(false)
    }
}

/// A node (RFC 7239 §6): an address of IPv4, or one of IPv6 in brackets, and perhaps a port. `unknown` and the names
/// that proxies make up are none. An address of IPv6 may stand without its brackets, where there is no port.
fn address(node: &str) -> Option<SocketAddr> {
    if let Ok(alone) = node.parse::<IpAddr>() {
        return Some((alone, 0).into());
    }
    let (address, port) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (IpAddr::V6(address.parse().ok()?), port)
        }
        None => {
            let (address, _) = node.split_once(':')?;
            (IpAddr::V4(address.parse().ok()?), &node[address.len()..])
        }
    };
    let port = match port.strip_prefix(':') {
        None => port.is_empty().then_some(0)?,
        // A port may be a made-up name too.
        Some(name) if name.starts_with('_') => 0,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
    };
    Some((address, port).into())
}

#[cfg(test)]
mod tests;
