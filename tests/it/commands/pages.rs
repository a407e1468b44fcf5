//! `gatecast completions` and `gatecast man`: what they describe is the command line that there is.

use super::run;

/// Every command, as its own help names it.
pub(crate) fn commands() -> Vec<String> {
    let (_, help, _) = run(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn the_completions_of_each_shell_know_every_command_and_its_options() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, err) = run(&["completions", shell]);
        assert_eq!((code, err.as_str()), (0, ""));
        for word in commands().iter().map(String::as_str).chain(["cacert"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let (code, _, err) = run(&["completions", "tcsh"]);
    assert_eq!(code, 2);
    assert!(err.contains("bash"), "{err}");
}

#[test]
fn the_page_on_the_command_line_has_every_command_with_its_example_and_every_option() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-docs/command-line.md");
    let page = std::fs::read_to_string(page).unwrap();
    for command in commands() {
        let (_, help, _) = run(&[&command, "--help"]);
        let (_, example) = help.split_once("Example:\n  ").unwrap();
        let heading = format!("## gatecast {command}\n");
        assert!(page.contains(&heading), "{heading}");
        assert!(
            page.contains(example.lines().next().unwrap()),
            "{command}: its example"
        );
        let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        for option in words.filter(|word| word.starts_with("--") && *word != "--help") {
            assert!(page.contains(option), "{command}: {option}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_with_its_example() {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("man1");
    let (code, out, err) = run(&["man", inside.to_str().unwrap()]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    let (_, all, _) = run(&["man"]);
    for name in commands()
        .iter()
        .map(|name| format!("gatecast-{name}"))
        .chain(["gatecast".into()])
    {
        let page = std::fs::read_to_string(inside.join(format!("{name}.1"))).unwrap();
        assert!(page.contains("Example:"), "{name}");
        assert!(all.contains(page.trim_end()), "{name}");
    }
    let (code, _, err) = run(&["man", "/proc/nowhere"]);
    assert_eq!(code, 1);
    assert!(err.contains("cannot be written"), "{err}");
}
