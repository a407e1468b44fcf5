//! The names are a promise: dashboards and alerts are written with them.

use std::collections::BTreeSet;

use super::{gate, numbers};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/metrics.md");
    std::fs::read_to_string(path).unwrap()
}

/// Name, type and labels of each row of the page's tables.
fn rows(page: &str) -> Vec<(String, String, String)> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let plain = |cell: &str| cell.replace('`', "");
        (plain(cells[0]), plain(cells[1]), plain(cells[2]))
    })
    .collect()
}

#[tokio::test]
async fn the_names_types_and_helps_stay_what_they_are() {
    let numbers = numbers(&gate().await).await;
    let families = numbers.families.iter();
    let lines: Vec<_> = families
        .map(|(name, kind, help)| format!("{name} {kind}: {help}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn the_page_on_metrics_names_each_with_its_type_and_labels() {
    let numbers = numbers(&gate().await).await;
    let mut exposed: Vec<_> = numbers
        .families
        .iter()
        .map(|(name, kind, _)| (name.clone(), kind.clone(), numbers.labels(name).join(", ")))
        .collect();
    let mut documented = rows(&page());
    exposed.sort();
    documented.sort();
    assert_eq!(documented, exposed);
}

#[tokio::test]
async fn the_pages_rules_ask_for_what_exists() {
    let numbers = numbers(&gate().await).await;
    let names: BTreeSet<_> = numbers
        .families
        .iter()
        .flat_map(|(name, kind, _)| match kind.as_str() {
            "histogram" => vec![format!("{name}_bucket"), format!("{name}_count")],
            _ => vec![name.clone()],
        })
        .collect();
    let page = page();
    let rules = page.split("```yaml").nth(1).unwrap();
    let rules = rules.split("```").next().unwrap();
    let expressions = rules.lines().filter(|line| line.contains("expr:"));
    let words = expressions.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let asked: BTreeSet<_> = words
        .filter(|word| word.starts_with("gatecast_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect();
    assert!(asked.len() >= 8, "{asked:?}");
    assert_eq!(
        asked.difference(&names).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}
