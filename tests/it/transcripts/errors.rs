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

/// The first four columns of a row; the last is prose.
fn columns(row: &str) -> String {
    let cells: Vec<&str> = row.split(" | ").collect();
    assert_eq!(cells.len(), 5, "five columns: {row}");
    format!("{} |", cells[..4].join(" | "))
}
