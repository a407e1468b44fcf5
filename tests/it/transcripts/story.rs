//! The notation of the pages: a fenced block ```` ```transcript ```` is a story that runs from top to bottom.
//!
//! ```text
//! sse$ curl -N …        a request on a connection named `sse` (the name may be empty; a new one ends the old one)
//! sse< event: checkin   a line that arrives on it
//! ws> {"type":"ping"}   a message sent on it
//! * 15 s pass           time
//! * the gateway restarts
//!   …                   a line that begins with white space continues the one before
//! ```

use std::time::Duration;

/// One fenced block.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) page: String,
    pub(super) steps: Vec<Step>,
}

/// One line, continued or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Its line on the page.
    pub(super) line: usize,
    pub(super) act: Act,
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    Run { name: String, command: String },
    Say { name: String, text: String },
    Expect { name: String, text: String },
    Pass(Duration),
    Restart,
}

/// The stories of a page, in order.
pub(super) fn read(page: &str, markdown: &str) -> Result<Vec<Story>, String> {
    let mut stories = Vec::new();
    let mut open: Option<Vec<(usize, String)>> = None;
    for (number, line) in (1..).zip(markdown.lines()) {
        match (&mut open, line) {
            (None, "```transcript") => open = Some(Vec::new()),
            (None, _) => {}
            (Some(lines), "```") => {
                stories.push(Story {
                    page: page.to_owned(),
                    steps: steps(page, std::mem::take(lines))?,
                });
                open = None;
            }
            (Some(lines), _) => gather(lines, number, line),
        }
    }
    match open {
        Some(_) => Err(format!("{page}: a transcript is never closed")),
        None => Ok(stories),
    }
}

/// The fenced block of this language that stands first on the page.
pub(super) fn block<'a>(markdown: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = markdown.split_once(&format!("\n```{language}\n"))?;
    rest.split_once("\n```").map(|(block, _)| block)
}

/// Adds a line, or what it continues: commands go on after a space, texts without one.
fn gather(lines: &mut Vec<(usize, String)>, number: usize, line: &str) {
    match lines.last_mut() {
        Some((_, before)) if line.starts_with([' ', '\t']) => {
            let command = before
                .split(['<', '>'])
                .next()
                .is_some_and(|head| head.contains('$'));
            if command {
                let shell = before.trim_end_matches('\\').trim_end().len();
                before.truncate(shell);
                before.push(' ');
            }
            before.push_str(line.trim_start());
        }
        _ if line.is_empty() => {}
        _ => lines.push((number, line.to_owned())),
    }
}

fn steps(page: &str, lines: Vec<(usize, String)>) -> Result<Vec<Step>, String> {
    lines
        .into_iter()
        .map(|(line, text)| match act(&text) {
            Some(act) => Ok(Step { line, act }),
            None => Err(format!("{page}:{line}: not a line of a transcript: {text}")),
        })
        .collect()
}

fn act(line: &str) -> Option<Act> {
    if let Some(what) = line.strip_prefix("* ") {
        return match what {
            "the gateway restarts" => Some(Act::Restart),
            _ => pass(what).map(Act::Pass),
        };
    }
    let at = line.find(['$', '<', '>'])?;
    let (name, rest) = line.split_at(at);
    if !name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        return None;
    }
    let (sign, text) = rest.split_at(1);
    let name = name.to_owned();
    let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
    Some(match sign {
        "$" => Act::Run {
            name,
            command: text,
        },
        ">" => Act::Say { name, text },
        _ => Act::Expect { name, text },
    })
}

/// `15 s pass`.
fn pass(what: &str) -> Option<Duration> {
    let number = what.strip_suffix(" s pass")?;
    number.parse().ok().map(Duration::from_secs)
}

#[test]
fn a_block_is_read_line_by_line_with_continuations() {
    let page = "text\n```transcript\na$ curl -N \\\n    'x'\na< data: {\n   \"b\":1}\na< \n\n* 15 s pass\nws> hi\n* the gateway restarts\n```\n```sh\n$ no\n```\n";
    let stories = read("p.md", page).unwrap();
    assert_eq!(stories.len(), 1);
    let name = || "a".to_owned();
    let expected = [
        (
            3,
            Act::Run {
                name: name(),
                command: "curl -N 'x'".into(),
            },
        ),
        (
            5,
            Act::Expect {
                name: name(),
                text: "data: {\"b\":1}".into(),
            },
        ),
        (
            7,
            Act::Expect {
                name: name(),
                text: String::new(),
            },
        ),
        (9, Act::Pass(Duration::from_secs(15))),
        (
            10,
            Act::Say {
                name: "ws".into(),
                text: "hi".into(),
            },
        ),
        (11, Act::Restart),
    ];
    let expected = expected.map(|(line, act)| Step { line, act });
    assert_eq!(stories[0].steps, expected);
}

#[test]
fn a_line_that_means_nothing_is_named() {
    let error = read("p.md", "```transcript\nHello\n```\n").unwrap_err();
    assert_eq!(error, "p.md:2: not a line of a transcript: Hello");
    assert!(read("p.md", "```transcript\n$ curl x\n").is_err());
}
