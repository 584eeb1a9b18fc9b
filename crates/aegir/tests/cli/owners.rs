//! As whom a command runs.

use std::process::Command;

use crate::support::said::Said;
use crate::support::{Lab, Way, program, way};

#[test]
fn root_is_refused_with_the_line_to_use() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: this takes root");
        return;
    }
    let lab = Lab::bare(Way::TwoUsers);
    let home = lab.home().display().to_string();
    let words = ["--home", &home, "provision", "install", "@a.localhost", "--platform", "ten", "--db-server", "x"];
    let words: Vec<&str> = words.into_iter().chain(["--title", "A & B"]).collect();

    let said = Said::of(Command::new(program()).args(&words), &words).ends(1);

    let said = said.says("does not run as root").remedy(&format!("run `sudo -u aegir {}", program()));
    assert!(said.err.contains("--title 'A & B'`"), "{}", said.all());
}

#[test]
fn a_home_that_is_missing_or_anothers_is_refused() {
    let lab = Lab::bare(way());
    let home = lab.home().display().to_string();
    let mut nowhere = lab.as_user(&["--home", "/nonexistent/home", "provision", "show"]);
    Said::of(&mut nowhere, &["show"]).ends(1).says("there is no home").remedy("aegir up --home /nonexistent/home");

    if lab.way == Way::TwoUsers {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(lab.beside().join("aegir"));
        command.args(["--home", &home, "provision", "show"]);
        Said::of(&mut command, &["show"]).ends(1).says("belongs to the user `aegir`").remedy("sudo -u aegir");
    }
}

#[test]
fn the_environment_names_the_home_where_no_option_does() {
    let lab = Lab::bare(way());
    let mut command = lab.as_user(&["provision", "recover"]);
    command.env("AEGIR_HOME", lab.home());
    Said::of(&mut command, &["recover"]).done().says("Nothing was left to recover");
}

#[test]
fn the_environment_says_a_setting_otherwise_and_is_named_where_it_is_wrong() {
    let lab = Lab::bare(way());
    let home = lab.home();
    let with = |name: &str, value: &str| {
        let mut command = lab.as_user(&["provision", "recover"]);
        command.env("AEGIR_HOME", &home).env(name, value);
        Said::of(&mut command, &["recover"])
    };
    with("AEGIR_SETTING_UPDATE_LIMIT", "7200").done().says("Nothing was left to recover");
    let said = with("AEGIR_SETTING_UPDATE_LIMITS", "7200").ends(1);
    said.says("the variable `AEGIR_SETTING_UPDATE_LIMITS`").says("unknown field `update_limits`").remedy("take it out");
    with("AEGIR_SETTING_UPDATE_LIMIT", "often").ends(1).says("the variable `AEGIR_SETTING_UPDATE_LIMIT`");
    let mut doctor = lab.as_user(&["doctor"]);
    doctor.env("AEGIR_HOME", &home).env("AEGIR_SETTING_TRASH_DAYS", "-1");
    Said::of(&mut doctor, &["doctor"]).ends(1).says("the variable `AEGIR_SETTING_TRASH_DAYS`");
}

#[test]
fn a_task_is_told_the_settings_of_the_environment_too() {
    let lab = crate::sources::a_lab();
    let words = ["build", "@platform_d", "--server", "web", "--git", "https://127.0.0.1:1/x.git", "--ref", "main"];
    let mut command = lab.as_user(&[&["provision"], &words[..]].concat());
    command.env("AEGIR_HOME", lab.home()).env("AEGIR_SETTING_GIT", "/nonexistent/git");
    Said::of(&mut command, &["build"]).ends(4).says("git is not installed");
}
