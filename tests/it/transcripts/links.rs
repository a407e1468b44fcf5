//! The links between the pages lead to pages and headings that exist.

/// `[text](page.md#heading)`: the targets of a page's links.
fn links(markdown: &str) -> Vec<&str> {
    let ends = markdown.split("](").skip(1);
    ends.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The anchors that a page's headings have, as GitHub makes them.
fn anchors(markdown: &str) -> Vec<String> {
    let headings = markdown.lines().filter_map(|line| {
        let text = line.trim_start_matches('#');
        (text.len() < line.len()).then(|| text.trim().to_lowercase())
    });
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    headings
        .map(|text| text.chars().filter(kept).collect::<String>())
        .map(|text| text.replace(' ', "-"))
        .collect()
}

#[test]
fn every_link_leads_to_a_page_and_a_heading_that_exist() {
    let mut dead = Vec::new();
    for name in super::PAGES.into_iter().chain(super::STILL) {
        for link in links(&super::page(name)) {
            let (page, anchor) = link.split_once('#').unwrap_or((link, ""));
            let page = if page.is_empty() { name } else { page };
            let path = super::directory().join(page);
            let there = std::fs::read_to_string(path).unwrap_or_default();
            let found = !there.is_empty()
                && (anchor.is_empty() || anchors(&there).iter().any(|one| one == anchor));
            if !found {
                dead.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn a_dead_link_is_seen() {
    assert_eq!(
        links("[a](b.md#c) [d](https://x/) [e](f.md)"),
        ["b.md#c", "f.md"]
    );
    assert_eq!(
        anchors("# One, two\n## Join and leave\ntext"),
        ["one-two", "join-and-leave"]
    );
}
