//! The texts of help, and the published schema, are what the code says.

use std::process::Command;

use aegir_domain::TaskKind;

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

#[test]
fn every_task_can_be_asked_for_in_a_shell() {
    // Without a wildcard: a task that comes later needs its command here.
    let command_of = |kind: TaskKind| match kind {
        TaskKind::SaveContext => "save",
        TaskKind::ForgetContext => "forget",
        TaskKind::VerifyServer | TaskKind::VerifyPlatform | TaskKind::VerifySite => "verify",
        TaskKind::BuildPlatform => "build",
        TaskKind::DeletePlatform => "platform-delete",
        TaskKind::RestorePlatform => "trash-restore",
        TaskKind::InstallSite => "install",
        TaskKind::Login => "login",
        TaskKind::MigrateSite => "migrate",
        TaskKind::GoBackSite => "go-back",
        TaskKind::RebuildCaches => "rebuild-caches",
        TaskKind::UpdateSite => "update",
        TaskKind::DropFormers => "drop-formers",
        TaskKind::CloneSite => "clone",
        TaskKind::RenameSite => "rename",
        TaskKind::DisableSite => "disable",
        TaskKind::EnableSite => "enable",
        TaskKind::ImportSite | TaskKind::RefreshCopy => "import",
        TaskKind::EjectSite => "eject",
        TaskKind::DeleteSite => "delete",
        TaskKind::BackupSite => "backup",
        TaskKind::VerifyBackup => "backup-verify",
        TaskKind::RestoreBackup => "restore",
        TaskKind::DeleteBackup => "backup-delete",
        TaskKind::Custom => "custom",
    };
    for kind in TaskKind::ALL {
        let command = command_of(kind);
        let said = help(&["provision", command, "--help"]);
        assert!(said.contains(&format!("Usage: aegir provision {command}")), "{kind:?}: {said}");
    }
}
