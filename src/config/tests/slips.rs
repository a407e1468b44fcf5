//! Configurations with slips of the fingers in them.

use super::mistakes;

/// A configuration with its secret in each place where one may stand.
const SECRETS: &str = r#"
[auth]
query = "access_token"
[[auth.jwt]]
algorithm = "HS256"  # it was hidden-value before
secret = "hidden-value hidden-value hidden-value"
[[auth.jwt]]
algorithm = "ES256"
public_key = """
hidden-value
hidden-value
"""
[roles.viewer]
limits = { event = "1KiB", messages = "1/s" }
[rooms]
"a:*" = { history = { events = 5 } }
"#;

proptest::proptest! {
    #[test]
    fn whatever_a_slip_of_the_fingers_makes_of_a_configuration_is_answered_without_a_panic_or_a_secret(
        edits in proptest::collection::vec((0..SECRETS.len(), 0..4_usize, "[\"'#\\[\\]{}=,\na-z0-9é]{0,3}"), 1..4)
    ) {
        let mut toml = SECRETS.to_owned();
        for (at, removed, inserted) in edits {
            let from = toml.floor_char_boundary(at);
            let to = toml.floor_char_boundary((from + removed).min(toml.len())).max(from);
            toml.replace_range(from..to, &inserted);
        }
        let said = mistakes(&toml);
        proptest::prop_assert!(!said.contains("hidden-value"), "{}\n{}", toml, said);
    }
}
