//! proto-docs/errors.md lists the table of refusals, row by row.

use gatecast::model::code::{Advice, Code};

/// The text of the page for what a client should do.
const fn advice(advice: Advice) -> &'static str {
    match advice {
        Advice::ComeBack => "come back",
        Advice::StayAway => "stay away",
        Advice::Mend => "mend",
    }
}

#[test]
fn the_page_on_errors_lists_every_code_as_the_table_has_it() {
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            let row = code.row();
            let close = row.close.map_or("–".to_owned(), |close| close.to_string());
            format!(
                "| `{}` | {} | {close} | {} |",
                row.text,
                row.status,
                advice(row.advice)
            )
        })
        .collect();
    let page = super::page("errors.md");
    let listed: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(columns)
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_table_of_limits_names_each_limit_that_a_refusal_can_name() {
    let mut named: Vec<String> = super::page("http.md")
        .lines()
        .filter_map(|row| row.split('|').nth(3))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned))
        .collect();
    named.sort();
    named.dedup();
    let mut given: Vec<String> = sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src").into())
        .iter()
        .flat_map(|text| limits(text).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    given.sort();
    given.dedup();
    assert!(given.len() > 5, "{given:?}");
    assert_eq!(named, given);
}

/// What stands in `.limit("…")`.
fn limits(source: &str) -> impl Iterator<Item = &str> {
    let calls = source.split(".limit(\"").skip(1);
    calls.filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
}

fn sources(directory: std::path::PathBuf) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            None => sources(path),
            Some(kind) if kind == "rs" => vec![std::fs::read_to_string(path).unwrap()],
            Some(_) => Vec::new(),
        })
        .collect()
}

/// The first four columns of a row; the last is prose.
fn columns(row: &str) -> String {
    let cells: Vec<&str> = row.split(" | ").collect();
    assert_eq!(cells.len(), 5, "five columns: {row}");
    format!("{} |", cells[..4].join(" | "))
}
