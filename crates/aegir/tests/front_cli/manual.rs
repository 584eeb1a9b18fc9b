//! The manual is what the program says.

use std::process::Command;

use aegir_hosting::OperationId;

use crate::stage::Stage;
use crate::support::{lacks, program, root};

fn said(words: &[&str]) -> String {
    let said = Command::new(program()).args(words).output().unwrap();
    assert!(said.status.success(), "{words:?}");
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn the_page_about_the_command_line_is_made_from_the_operations() {
    let path = root().join("docs/manual/command-line.md");
    let page = std::fs::read_to_string(&path).unwrap_or_default();

    // Not compared by `assert_eq`, which would print both.
    assert!(said(&["manual"]) == page, "write it anew with `aegir manual > docs/manual/command-line.md`");
    for id in OperationId::ALL {
        let operation = id.declaration();
        assert!(page.contains(&format!("### `aegir {}", operation.name())), "{}", operation.name());
    }
}

#[test]
fn every_operation_explains_itself() {
    for id in OperationId::ALL {
        let operation = id.declaration();
        let help = said(&[operation.subject.word(), operation.verb, "--help"]);
        assert!(help.contains(operation.about.trim_end_matches('.')), "{help}");
    }
}

#[test]
fn every_operation_has_a_page_that_man_can_show() {
    let stage = Stage::new();
    let dir = stage.lab.beside().join("man1");
    std::fs::create_dir(&dir).unwrap();
    said(&["man", dir.to_str().unwrap()]);

    let groff = std::env::var("PATH").unwrap().split(':').any(|dir| std::path::Path::new(dir).join("groff").exists());
    if !groff {
        lacks("groff");
    }
    for id in OperationId::ALL {
        let operation = id.declaration();
        let page = dir.join(format!("aegir-{}.1", operation.slug()));
        assert!(page.exists(), "{}", page.display());
        if groff {
            let shown = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&page).output().unwrap();
            let warned = String::from_utf8_lossy(&shown.stderr).into_owned();
            assert!(shown.status.success() && warned.is_empty(), "{}: {warned}", page.display());
        }
    }
    for no_operation in ["aegir-task-follow.1", "aegir-queue-dispatch.1"] {
        assert!(dir.join(no_operation).exists(), "{no_operation}");
    }
    assert!(!dir.join("aegir-complete.1").exists(), "what is hidden has no page");
    stage.aegir(&["man", "/nonexistent"]).ends(1).says("cannot write").remedy("name a folder");
}
