//! The texts of help, and the published schema, are what the code says.

use std::process::Command;

use crate::support::{program, root};

fn help(words: &[&str]) -> String {
    let said = Command::new(program()).args(words).output().unwrap();
    assert!(said.status.success());
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn every_command_explains_itself() {
    let commands = [
        "", "run", "attach", "cancel", "recover", "tasks", "save", "show", "forget", "verify", "build", "install",
        "import", "login", "migrate", "go-back", "delete",
    ];
    for command in commands {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        words.insert(0, "provision");
        words.push("--help");
        let name = if command.is_empty() { "provision".to_owned() } else { format!("provision-{command}") };
        insta::assert_snapshot!(name, help(&words));
    }
    insta::assert_snapshot!("aegir", help(&["--help"]));
    insta::assert_snapshot!("up", help(&["up", "--help"]));
    insta::assert_snapshot!("down", help(&["down", "--help"]));
    insta::assert_snapshot!("doctor", help(&["doctor", "--help"]));
    insta::assert_snapshot!("destroy", help(&["destroy", "--help"]));
    insta::assert_snapshot!("adopt", help(&["adopt", "--help"]));
    insta::assert_snapshot!("import", help(&["import", "--help"]));
    insta::assert_snapshot!("drush", help(&["drush", "--help"]));
    insta::assert_snapshot!("trash", help(&["trash", "--help"]));
    insta::assert_snapshot!("trash-empty", help(&["trash", "empty", "--help"]));
    // The others are made from declarations, and are described in `docs/manual/command-line.md`.
    insta::assert_snapshot!("site", help(&["site", "--help"]));
    insta::assert_snapshot!("site-edit", help(&["site", "edit", "--help"]));
    insta::assert_snapshot!("task-follow", help(&["task", "follow", "--help"]));
}

#[test]
fn the_program_says_its_version() {
    assert_eq!(help(&["--version"]), format!("aegir {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_published_schema_is_that_of_this_protocol() {
    let path = root().join("docs/protocol.schema.json");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(help(&["schema"]), published, "write it anew with `aegir schema > docs/protocol.schema.json`");
}
