//! proto-docs/README.md lists the event names that the protocol keeps.

use gatecast::model::event::RESERVED_NAMES;

#[test]
fn the_overview_lists_every_event_name_that_is_refused() {
    let page = super::page("README.md");
    let line = page
        .lines()
        .find(|line| line.starts_with("- **Event name**"));
    let (_, list) = line.unwrap().split_once("refused: ").unwrap();
    let (list, _) = list.split_once(", whatever begins with").unwrap();
    let listed: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, RESERVED_NAMES);
}
