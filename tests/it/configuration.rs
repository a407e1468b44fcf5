//! The page on the configuration says what the code reads: neither less nor more.

use gatecast::config;

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/configuration.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_lists_every_key_with_its_default_unit_and_example_and_nothing_else() {
    let page = page();
    let (_, listed) = page.split_once("## Every key\n").unwrap();
    let (_, listed) = listed.split_once("\n### ").unwrap();
    let reference = config::reference();
    let mut expected = reference.trim_start_matches("### ").trim_end().lines();
    for (number, line) in listed.trim_end().lines().enumerate() {
        assert_eq!(
            Some(line),
            expected.next(),
            "line {number} of the list; `gatecast check-config --keys` prints it as it should be"
        );
    }
    assert_eq!(expected.next(), None, "the page lacks keys at its end");
}

#[test]
fn the_site_on_the_page_is_a_configuration_without_mistakes() {
    let page = page();
    let (_, toml) = page.split_once("```toml\n").unwrap();
    let (toml, _) = toml.split_once("```").unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("jwt-secret"),
        "0123456789abcdef".repeat(4) + "\n",
    )
    .unwrap();
    let file = directory.path().join("gatecast.toml");
    std::fs::write(&file, toml).unwrap();
    let settings = config::load_file(&file, &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(settings.auth.roles.len(), 2);
    assert_eq!(settings.auth.jwt.len(), 1);
}

#[test]
fn the_variables_on_the_page_lie_over_its_site() {
    let page = page();
    let (_, shell) = page.split_once("```sh\n").unwrap();
    let (shell, _) = shell.split_once("```").unwrap();
    let environment: Vec<(String, String)> = shell
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .filter(|(name, _)| !name.contains("JWT"))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    assert_eq!(environment.len(), 4);
    let settings = config::load(Some("[roles.display]\nrooms = []"), &environment)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(settings.listen[0].to_string(), "http://0.0.0.0:80");
    assert_eq!(settings.connections, 5000);
    assert_eq!(
        settings.auth.roles["display"].subscribe,
        ["display", "news"]
    );
    assert_eq!(settings.auth.roles["display"].limits.messages.count, 5);
}
