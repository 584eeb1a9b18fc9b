//! What crosses for every operation: a line that is typed, and the request as it arrives.
//!
//! One file for each operation in `rendered/front/`; run with `AEGIR_RENDER=1` to write what crosses now, and read
//! the difference.

use std::path::{Path, PathBuf};

use aegir_hosting::{Operation, OperationId};

use crate::double::Asked;
use crate::stage::Stage;

const LINE: &str = "----------\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rendered/front")
}

/// Words between blanks; single quotes keep blanks.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.trim().chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            letter => word.push(letter),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// The line of an operation's example, what crosses, and where the example lies.
pub fn example(operation: &Operation) -> (String, String, PathBuf) {
    let path = folder().join(format!("{}.txt", operation.slug()));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no example: {}", path.display()));
    let (input, expected) = text.split_once(LINE).unwrap_or((&text, ""));
    (input.to_owned(), expected.to_owned(), path)
}

fn written(asked: &Asked) -> String {
    let key = if asked.headers.contains_key("idempotency-key") { "idempotency-key: UUID\n" } else { "" };
    let body = asked.body.as_ref().map(|body| format!("{body:#}\n")).unwrap_or_default();
    format!("{} {}\n{key}{body}", asked.method, asked.target)
}

#[test]
fn every_operation_crosses_as_its_example_says() {
    for id in OperationId::ALL {
        let operation = id.declaration();
        let (input, expected, path) = example(&operation);
        let stage = Stage::new();
        let secret = stage.secret_file("a long secret\nand more\n").display().to_string();
        let line = input.trim().strip_prefix("aegir ").unwrap().replace("SECRET", &secret);
        let typed = words(&line);
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        assert_eq!(format!("{} {}", typed[0], typed[1]), operation.name(), "{}", path.display());

        let said = stage.aegir(&typed);

        assert!(said.code != 2 && said.code >= 0, "{}", said.all());
        // Others follow from its answer.
        let asked = stage.front.state().asked.first().cloned().unwrap_or_else(|| panic!("{}", said.all()));
        if std::env::var_os("AEGIR_RENDER").is_some() {
            std::fs::write(&path, format!("{}\n{LINE}{}", input.trim(), written(&asked))).unwrap();
            continue;
        }
        assert_eq!(written(&asked), expected, "{}", path.display());
        for parameter in operation.parameters {
            let word = parameter.name.replace('_', "-");
            assert!(
                input.contains(&word) || parameter.is_positional(),
                "{}: the example leaves out {word}",
                path.display()
            );
        }
    }
}

#[test]
fn there_is_an_example_for_each_operation_and_no_other() {
    let mut known: Vec<String> = OperationId::ALL.map(|id| format!("{}.txt", id.declaration().slug())).to_vec();
    let mut found: Vec<String> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    known.sort();
    found.sort();
    assert_eq!(found, known);
}

#[test]
fn a_change_whose_answer_is_lost_is_sent_again_and_done_once() {
    let stage = Stage::new();
    stage.front.state().swallow = true;

    stage.aegir(&["site", "verify", "a.test", "--no-wait"]).done().says("42 a.test");

    let changes = stage.front.changes();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].headers["idempotency-key"], changes[1].headers["idempotency-key"]);
    assert_eq!(stage.front.state().tasks.len(), 1);
}

#[test]
fn a_password_is_in_no_argument_and_nothing_that_is_said() {
    let stage = Stage::new();
    let secret = stage.secret_file("hunter2\n").display().to_string();
    let words = ["server", "edit", "db1", "--db-password-file", secret.as_str(), "--no-wait"];

    let said = stage.aegir(&words).done();

    assert!(!said.all().contains("hunter2"));
    assert_eq!(stage.front.changes()[0].body.as_ref().unwrap()["db_password"], "hunter2");
    stage.aegir(&["server", "edit", "db1", "--db-password", "x"]).ends(2).says("--db-password-file");
    let nothing = stage.lab.home().join("none").display().to_string();
    stage.aegir(&["server", "edit", "db1", "--db-password-file", &nothing]).ends(1).remedy("only you can read");
    let with_input = |words: &[&str]| crate::support::said::Said::with_input(&mut stage.line(words), words, b"piped\n");
    with_input(&["server", "edit", "db1", "--db-password-file", "-", "--no-wait"]).done();
    assert_eq!(stage.front.changes()[1].body.as_ref().unwrap()["db_password"], "piped");
}
