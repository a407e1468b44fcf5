//! What an event may say besides what has happened: `key`, `retain`, `volatile`, `ttl`, `except`, `ack`.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::model::code::Refusal;
use crate::model::event::{Awaited, Except, Key, Of, Offer, Options};
use crate::model::span;
use crate::wire::client::{Fields, bad, fields, none_left, text};

/// How long an event may live.
const TTL: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(366 * 86_400);
/// How long a publisher may wait for confirmations.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60);
/// Names that a list may hold.
const NAMES: usize = 64;
/// The longest name, in bytes.
const NAME_BYTES: usize = 255;
/// The longest origin, in bytes.
const ORIGIN_BYTES: usize = 64;

/// Takes what `offer` says besides out of `fields`.
///
/// # Errors
/// One of them is malformed, or says what another rules out.
pub(super) fn take(fields: &mut Fields<'_>, offer: Offer) -> Result<Offer, Refusal> {
    let awaited = fields.remove("ack").map(awaited).transpose()?;
    let options = Options {
        key: text(fields, "key")?
            .map(|key| Key::parse(&key))
            .transpose()?,
        retain: flag(fields, "retain")?,
        ttl: span_field(fields, "ttl", TTL)?,
        except: fields.remove("except").map(except).transpose()?.flatten(),
        confirm: awaited.is_some(),
    };
    let offer = Offer {
        volatile: flag(fields, "volatile")?,
        awaited,
        options,
        ..offer
    };
    offer.check()?;
    Ok(offer)
}

fn awaited(raw: &RawValue) -> Result<Box<Awaited>, Refusal> {
    let mut fields = fields(raw.get()).map_err(|_| bad("`ack` is {timeout, of}"))?;
    let timeout = span_field(&mut fields, "timeout", TIMEOUT)?
        .ok_or_else(|| bad("`ack.timeout` is missing: a duration such as \"5s\""))?;
    let of = match fields.remove("of") {
        None => Of::Count(1),
        Some(raw) => of(raw)?,
    };
    none_left(&fields, Box::new(Awaited { timeout, of }))
}

fn of(raw: &RawValue) -> Result<Of, Refusal> {
    let wrong = || {
        bad(format!(
            "`ack.of` is a whole number from 1 to 1000, or a list of 1 to {NAMES} principals"
        ))
    };
    if let Ok(count) = serde_json::from_str::<usize>(raw.get()) {
        return Some(count)
            .filter(|count| (1..=1000).contains(count))
            .map(Of::Count)
            .ok_or_else(wrong);
    }
    let names = names(raw).filter(|names| !names.is_empty());
    names.map(Of::Names).ok_or_else(wrong)
}

/// `null`, and one that names nobody, are absent.
fn except(raw: &RawValue) -> Result<Option<Box<Except>>, Refusal> {
    if raw.get() == "null" {
        return Ok(None);
    }
    let mut fields = fields(raw.get()).map_err(|_| bad("`except` is {principals, origin}"))?;
    let principals = match fields.remove("principals") {
        None => Vec::new(),
        Some(raw) => names(raw).ok_or_else(|| {
            bad(format!(
                "`except.principals` is a list of at most {NAMES} principals"
            ))
        })?,
    };
    let origin = text(&mut fields, "origin")?;
    let origin = origin.map(|text| origin_of(&text)).transpose()?;
    let except = Except { principals, origin };
    none_left(&fields, ())?;
    Ok((except != Except::default()).then(|| Box::new(except)))
}

/// Names without repetition; nothing where it is no list of them.
fn names(raw: &RawValue) -> Option<Vec<Box<str>>> {
    let mut names: Vec<Box<str>> = serde_json::from_str(raw.get()).ok()?;
    names.sort_unstable();
    names.dedup();
    let are_fine = names
        .iter()
        .all(|name| (1..=NAME_BYTES).contains(&name.len()));
    (names.len() <= NAMES && are_fine).then_some(names)
}

/// Checks an origin, as a client chooses it for its stream.
///
/// # Errors
/// It is none.
pub(in crate::wire) fn origin_of(text: &str) -> Result<Box<str>, Refusal> {
    let is_one =
        (1..=ORIGIN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    is_one.then(|| text.into()).ok_or_else(|| {
        bad(format!(
            "`origin` is 1 to {ORIGIN_BYTES} visible ASCII characters"
        ))
    })
}

/// The flag `name`; `null` and what is absent are `false`.
pub(in crate::wire) fn flag(fields: &mut Fields<'_>, name: &str) -> Result<bool, Refusal> {
    let Some(raw) = fields.remove(name) else {
        return Ok(false);
    };
    let flag: Option<bool> =
        serde_json::from_str(raw.get()).map_err(|_| bad(format!("`{name}` is true or false")))?;
    Ok(flag.unwrap_or_default())
}

/// The span `name`: a text with its unit, or a whole number of milliseconds; `null` is absent.
fn span_field(
    fields: &mut Fields<'_>,
    name: &str,
    range: RangeInclusive<Duration>,
) -> Result<Option<Duration>, Refusal> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Span {
        Millis(u64),
        Text(String),
    }
    let Some(raw) = fields.remove(name) else {
        return Ok(None);
    };
    let wrong = |why: &str| {
        let longest = range.end().as_secs();
        bad(format!(
            "`{name}` {why}: it is a duration such as \"5s\", or a number of milliseconds, at most {longest} s"
        ))
    };
    let span = match serde_json::from_str::<Option<Span>>(raw.get()) {
        Ok(None) => return Ok(None),
        Ok(Some(Span::Millis(millis))) => Duration::from_millis(millis),
        Ok(Some(Span::Text(text))) => span::parse(&text).map_err(|why| wrong(&why))?,
        Err(_) => return Err(wrong("is no duration")),
    };
    if range.contains(&span) {
        Ok(Some(span))
    } else {
        Err(wrong("is out of bounds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::code::Code;
    use crate::model::room::Room;
    use crate::wire::publish::one;

    fn read(options: &str) -> Result<Offer, Code> {
        let room = Room::parse("a").unwrap();
        let body = format!(r#"{{"event":"e","data":1{options}}}"#);
        one(room, body.as_bytes()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn each_option_is_read() {
        let plain = read("").unwrap();
        assert_eq!(
            (plain.options, plain.volatile, plain.awaited),
            (Options::default(), false, None)
        );
        let offer = read(r#","key":"7","retain":true,"ttl":"2m""#).unwrap();
        assert_eq!(offer.options.key.unwrap().as_str(), "7");
        assert_eq!(
            (offer.options.retain, offer.options.ttl),
            (true, Some(Duration::from_secs(120)))
        );
        assert_eq!(
            read(r#","ttl":1500"#).unwrap().options.ttl,
            Some(Duration::from_millis(1500))
        );
        assert!(read(r#","volatile":true"#).unwrap().volatile);
        let offer = read(r#","except":{"principals":["bob","ann","bob"],"origin":"t7"}"#).unwrap();
        let except = offer.options.except.unwrap();
        assert_eq!(except.principals, ["ann".into(), "bob".into()]);
        assert!(except.covers("ann", None) && except.covers("eve", Some("t7")));
        assert!(!except.covers("eve", Some("t8")) && !except.covers("eve", None));
        let offer = read(r#","ack":{"timeout":"5s","of":["ann"]}"#).unwrap();
        let awaited = offer.awaited.unwrap();
        assert_eq!(awaited.of, Of::Names(vec!["ann".into()]));
        assert!(offer.options.confirm && awaited.timeout == Duration::from_secs(5));
        assert_eq!(
            read(r#","ack":{"timeout":1}"#).unwrap().awaited.unwrap().of,
            Of::Count(1)
        );
        for absent in [
            r#","key":null,"retain":null,"ttl":null,"except":null,"volatile":false"#,
            r#","except":{}"#,
        ] {
            assert_eq!(
                read(absent).unwrap().options,
                Options::default(),
                "{absent}"
            );
        }
    }

    #[test]
    fn what_is_malformed_or_ruled_out_is_refused() {
        for wrong in [
            r#","key":"""#,
            r#","key":7"#,
            r#","key":"a\nb""#,
            r#","retain":true"#,
            r#","retain":1,"key":"a""#,
            r#","ttl":0"#,
            r#","ttl":-1"#,
            r#","ttl":"5""#,
            r#","ttl":1.5"#,
            r#","ttl":"400d""#,
            r#","except":["ann"]"#,
            r#","except":{"principals":"ann"}"#,
            r#","except":{"principals":[""]}"#,
            r#","except":{"origin":"a b"}"#,
            r#","except":{"origins":"a"}"#,
            r#","except":{"origin":"a"},"retain":true,"key":"a""#,
            r#","volatile":true,"retain":true,"key":"a""#,
            r#","volatile":true,"ttl":"1s""#,
            r#","volatile":true,"ack":{"timeout":"1s"}"#,
            r#","ack":{}"#,
            r#","ack":{"timeout":"61s"}"#,
            r#","ack":{"timeout":"1s","of":0}"#,
            r#","ack":{"timeout":"1s","of":[]}"#,
            r#","ack":{"timeout":"1s","off":1}"#,
            r#","ack":true"#,
        ] {
            assert_eq!(read(wrong).unwrap_err(), Code::BadRequest, "{wrong}");
        }
        let many: Vec<String> = (0..65).map(|n| format!("\"p{n}\"")).collect();
        let many = format!(r#","except":{{"principals":[{}]}}"#, many.join(","));
        assert_eq!(read(&many).unwrap_err(), Code::BadRequest);
    }
}
