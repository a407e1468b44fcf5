//! The part of curl's command line that the pages use, so that what is tested is what a reader would type.

/// What a curl command asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Curl {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// `-i`: the head is shown.
    pub(super) head: bool,
    /// `--compressed`: unpacked before it is shown.
    pub(super) compressed: bool,
    /// `-N`: shown as it comes; the answer need not end.
    pub(super) stream: bool,
    /// `ws://`.
    pub(super) websocket: bool,
}

/// Reads a command as a shell and curl do.
pub(super) fn parse(command: &str) -> Result<Curl, String> {
    let mut words = words(command)?.into_iter();
    if words.next().as_deref() != Some("curl") {
        return Err("not a curl command".into());
    }
    let mut curl = Curl::default();
    let mut post = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "-i" => curl.head = true,
            "-N" => curl.stream = true,
            "--compressed" => curl.compressed = true,
            "-I" => {
                curl.head = true;
                curl.method = "HEAD".into();
            }
            "-X" => curl.method = value()?,
            "-H" => curl.headers.push(header(&value()?)?),
            "-b" => curl.headers.push(("Cookie".into(), value()?)),
            "-d" => {
                curl.body = value()?;
                post = Some("application/x-www-form-urlencoded");
            }
            "--json" => {
                curl.body = value()?;
                post = Some("application/json");
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            url => (curl.websocket, curl.target) = target(url)?,
        }
    }
    defaults(&mut curl, post);
    Ok(curl)
}

/// What curl adds by itself.
fn defaults(curl: &mut Curl, post: Option<&str>) {
    let default = |name: &str, value: &str, headers: &mut Vec<(String, String)>| {
        if !headers
            .iter()
            .any(|(have, _)| have.eq_ignore_ascii_case(name))
        {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if curl.compressed {
        default(
            "Accept-Encoding",
            "deflate, gzip, br, zstd",
            &mut curl.headers,
        );
    }
    if let Some(media) = post {
        default("Content-Type", media, &mut curl.headers);
    }
    default("User-Agent", "curl/8.14.1", &mut curl.headers);
    default("Accept", "*/*", &mut curl.headers);
    if curl.method.is_empty() {
        curl.method = if post.is_some() { "POST" } else { "GET" }.into();
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or(format!("no header: {text}"))?;
    Ok((name.to_owned(), value.trim_start().to_owned()))
}

/// Path and query of a URL on the documented address, and whether it is a WebSocket's.
fn target(url: &str) -> Result<(bool, String), String> {
    let (websocket, rest) = match url.split_once("://") {
        Some(("ws", rest)) => (true, rest),
        Some(("http", rest)) => (false, rest),
        Some((other, _)) => return Err(format!("unknown scheme {other}")),
        None => (false, url),
    };
    match rest.strip_prefix("localhost:8080") {
        Some("") => Ok((websocket, "/".into())),
        Some(target) if target.starts_with('/') => Ok((websocket, target.into())),
        _ => Err(format!("not on localhost:8080: {url}")),
    }
}

/// Splits as a POSIX shell does, with `$'…'` for `\n`, `\r` and `\t` as bash and zsh know it.
fn words(command: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' => out.extend(word.take()),
            '$' if rest.peek() == Some(&'\'') => {
                rest.next();
                ansi(&mut rest, word.get_or_insert_default())?;
            }
            '\'' | '"' => quoted(&mut rest, c, word.get_or_insert_default())?,
            '&' | ';' | '|' | '<' | '>' | '?' | '*' | '(' | ')' => {
                return Err(format!("{c} must stand in quotes: {command}"));
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    out.extend(word);
    Ok(out)
}

fn quoted(
    rest: &mut impl Iterator<Item = char>,
    end: char,
    out: &mut String,
) -> Result<(), String> {
    loop {
        match rest.next() {
            Some(c) if c == end => return Ok(()),
            Some(c) => out.push(c),
            None => return Err(format!("{end} without its end")),
        }
    }
}

fn ansi(rest: &mut impl Iterator<Item = char>, out: &mut String) -> Result<(), String> {
    loop {
        match rest.next() {
            Some('\'') => return Ok(()),
            Some('\\') => match rest.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c) => out.push(c),
                None => return Err("a backslash at the end".into()),
            },
            Some(c) => out.push(c),
            None => return Err("$' without its end".into()),
        }
    }
}

#[test]
fn a_command_asks_for_what_curl_would() {
    let curl =
        parse("curl -i -H 'X-API-Key: k' -d $'a\\nb' 'localhost:8080/v1/x?a=1&b=2'").unwrap();
    assert_eq!(
        (curl.method.as_str(), curl.target.as_str()),
        ("POST", "/v1/x?a=1&b=2")
    );
    assert_eq!(curl.body, "a\nb");
    assert!(curl.head && !curl.stream && !curl.websocket);
    let pairs: Vec<_> = curl
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let expected = [
        ("X-API-Key", "k"),
        form,
        ("User-Agent", "curl/8.14.1"),
        ("Accept", "*/*"),
    ];
    assert_eq!(pairs, expected);
    let stream = parse("curl -N ws://localhost:8080/v1/stream").unwrap();
    assert!(stream.stream && stream.websocket && stream.method == "GET");
}

#[test]
fn what_a_shell_would_not_pass_on_is_refused() {
    for command in [
        "wget localhost:8080/",
        "curl localhost:8080/?a=1",
        "curl 'localhost:8080/",
        "curl --unknown localhost:8080/",
        "curl other:8080/",
        "curl -H",
    ] {
        assert!(parse(command).is_err(), "{command}");
    }
}
