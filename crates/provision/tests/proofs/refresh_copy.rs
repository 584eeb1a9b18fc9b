//! Refresh: a copy of somebody's site is what that is now, or what it was; for the last time, if it is to take its place.

use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::{
    Context, DbEngine, ImportSite, KeepFormer, OutcomeKind, Password, Quiet, RefreshCopy, Secrets, SiteContext,
    SourceDatabase, SwitchCopy, Task,
};
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{ByHand, Lab, THEIR_PASSWORD};
use aegir_provision::look_at_refresh;

use crate::import_copy::{asked, below, made_by_hand, php};
use crate::{another_name_for_the_neighbour, lines};

fn refreshing() -> RefreshCopy {
    RefreshCopy { site: "copy.test".parse().unwrap(), switch: None, keep: None }
}

fn refresh() -> Task {
    Task::RefreshCopy(refreshing())
}

fn switching(although_live: bool) -> RefreshCopy {
    RefreshCopy { switch: Some(SwitchCopy { although_live }), ..refreshing() }
}

fn switch(although_live: bool) -> Task {
    Task::RefreshCopy(switching(although_live))
}

/// A copy, and what was written to its original since; gives the folder of that.
fn outdated(lab: &Lab, shape: &str, how: &ByHand) -> PathBuf {
    let folder = made_by_hand(lab, shape, how);
    lab.must(Task::ImportSite(Box::new(ImportSite { db_server: server_for(lab, how), ..asked(&folder, shape) })));
    let own = lab.site_folder("copy.test").join("local.settings.php");
    fs::write(own, "<?php\n$conf['ours'] = TRUE;\n").unwrap();
    fs::write(folder.join("files/later.txt"), "Later.\n").unwrap();
    if !how.in_a_file {
        let accounts = if shape == "seven" { "users" } else { "users_field_data" };
        lab.run_in_theirs(
            "Theirs-a.test",
            &format!(
                "INSERT INTO {}{accounts} (uid, name, mail) VALUES ('9', 'later', 'later@example.org')",
                how.prefix
            ),
        );
    }
    folder
}

fn server_for(lab: &Lab, how: &ByHand) -> Option<aegir_domain::ServerName> {
    how.in_a_file.then(|| {
        lab.file_server("files");
        "files".parse().unwrap()
    })
}

fn close(lab: &Lab) {
    lab.run_in_theirs("Theirs-a.test", "INSERT INTO variable (name, value) VALUES ('maintenance_mode', 'i:1;')");
}

fn accounts(lab: &Lab) -> Vec<String> {
    lab.rows_of("copy.test", "SELECT name FROM users WHERE name <> '' ORDER BY name")
}

#[test]
fn a_copy_is_brought_up_to_date_or_left_as_it_was() {
    let scene = Scene::new("refresh-copy", |lab| {
        outdated(lab, "seven", &ByHand { prefix: "old_", ..ByHand::default() });
        refresh()
    });
    let (before, after) = scene.worlds();
    assert!(before.find("seven/sites/copy.test/files/later.txt").is_empty());
    assert!(!after.find("seven/sites/copy.test/files/later.txt").is_empty(), "its files came along");
    scene.lines_are(&lines("refresh-copy"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_copy_takes_the_place_of_its_original_or_stays_one() {
    let scene = Scene::new("refresh-copy, switched", |lab| {
        outdated(lab, "seven", &ByHand::default());
        close(lab);
        switch(false)
    });
    scene.prove(Extent::OneOf(6));
}

#[test]
fn a_copy_in_sqlite_is_brought_up_to_date_or_left_as_it_was() {
    let scene = Scene::new("refresh-copy, Drupal 10 in SQLite", |lab| {
        outdated(lab, "ten", &ByHand { in_a_file: true, ..ByHand::default() });
        refresh()
    });
    scene.prove(Extent::OneOf(8));
}

#[test]
fn a_copy_is_brought_up_to_date_beside_others_that_live_on() {
    let scene = Scene::new("refresh-copy, beside others", |lab| {
        outdated(lab, "ten", &ByHand::default());
        refresh()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(4), another_name_for_the_neighbour);
}

#[test]
fn the_copy_stays_quiet_with_its_own_lines_and_what_it_was_is_kept() {
    let lab = Lab::new();
    let folder = outdated(&lab, "seven", &ByHand::default());
    let (before, theirs, salt) = (lab.site("copy.test"), below(&folder), lab.credentials("copy.test").1);
    assert_eq!(accounts(&lab), ["them"]);

    let ending = lab.must(refresh());

    assert_eq!(accounts(&lab), ["later", "them"]);
    let copy = lab.site("copy.test");
    let there = lab.site_folder("copy.test");
    assert_eq!(fs::read_to_string(there.join("files/later.txt")).unwrap(), "Later.\n");
    assert_eq!(fs::read_to_string(there.join("local.settings.php")).unwrap(), "<?php\n$conf['ours'] = TRUE;\n");
    assert_eq!((copy.quiet, &copy.copy_of), (Quiet { mail: true, cron: true }, &before.copy_of));
    assert_eq!(lab.credentials("copy.test").1, salt);
    assert_eq!(copy.formers.len(), 1);
    assert_eq!(copy.formers[0].database, before.database);
    assert_eq!(below(&folder), theirs, "theirs was only read");
    assert_eq!(ending.answer["compared"]["differ"], serde_json::json!([]));
    lab.must(Task::VerifySite { site: copy.name.clone(), context: None });
    lab.must(Task::GoBackSite { site: copy.name, former: None, keep: None, although_broken: false });
    assert_eq!(accounts(&lab), ["them"]);
}

#[test]
fn a_copy_that_was_switched_is_a_site_like_any_other() {
    let lab = Lab::new();
    let folder = outdated(&lab, "seven", &ByHand::default());
    lab.run_in_theirs("Theirs-a.test", "UPDATE variable SET value = 's:3:\"key\";' WHERE name = 'cron_key'");
    let key = "SELECT value FROM variable WHERE name = 'cron_key'";
    lab.must(refresh());
    assert_ne!(lab.rows_of("copy.test", key), ["s:3:\"key\";"], "a copy has keys of its own");
    assert!(lab.refuses(switch(false)).contains("is not in maintenance mode"));
    close(&lab);

    lab.must(switch(false));

    let site = lab.site("copy.test");
    assert_eq!((site.quiet, site.copy_of), (Quiet::default(), None));
    assert_eq!(lab.rows_of("copy.test", key), ["s:3:\"key\";"], "the site has those of its original");
    assert_eq!(lab.rows_of("copy.test", "SELECT name FROM variable WHERE name = 'maintenance_mode'"), [""; 0]);
    let settings = fs::read_to_string(lab.site_folder("copy.test").join("settings.php")).unwrap();
    assert!(
        !settings.contains("It writes to nobody") && !settings.contains("Cron runs when somebody asks"),
        "{settings}"
    );
    assert!(lab.refuses(refresh()).contains("is no copy of somebody's site"));
    assert!(folder.join("settings.php").is_file());
}

#[test]
fn a_site_that_is_written_to_is_switched_if_somebody_says_so() {
    let lab = Lab::new();
    outdated(&lab, "ten", &ByHand::default());

    let ending = lab.must(switch(true));

    assert_eq!(lab.site("copy.test").copy_of, None);
    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded);
}

#[test]
fn what_cannot_be_refreshed_is_refused_and_lies_as_it_was() {
    let lab = Lab::new();
    let folder = outdated(&lab, "seven", &ByHand::default());
    let other = RefreshCopy { site: "other.test".parse().unwrap(), switch: None, keep: None };
    assert!(lab.refuses(Task::RefreshCopy(other)).contains("is no copy of somebody's site"));
    lab.must(Task::CloneSite(Box::new(
        serde_json::from_value(serde_json::json!({
            "site": "copy.test", "to": "clone.test"
        }))
        .unwrap(),
    )));
    assert_eq!(lab.site("clone.test").copy_of, None, "a copy of a copy is one of ours");
    let aside = folder.with_file_name("aside");
    fs::rename(&folder, &aside).unwrap();
    assert!(lab.refuses(refresh()).contains("there is no folder"));
    fs::rename(&aside, &folder).unwrap();

    for trouble in [Trouble::UpdateDies, Trouble::PageBroken] {
        let before = lab.snapshot();
        lab.machine.begin(trouble);
        let ending = lab.run(refresh());
        lab.machine.end(trouble);
        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

/// Asks what would be done, and finds the world the same byte for byte, with what is theirs.
fn told(lab: &Lab, folder: &Path, asked: &RefreshCopy, secrets: &Secrets) -> Result<String, String> {
    let (before, theirs) = (lab.snapshot(), below(folder));
    let tables = lab.their_tables("Theirs-a.test");
    let found = look_at_refresh(&lab.parts, asked, secrets, php);
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    assert_eq!((below(folder), lab.their_tables("Theirs-a.test")), (theirs, tables));
    assert_eq!(lab.mess(), Vec::<String>::new());
    match found {
        Ok(found) => {
            assert_eq!((found.site.as_str(), found.tables), ("copy.test", 5), "{found:?}");
            Ok([found.told, found.changes].concat().join("\n"))
        }
        Err(fault) => Err(format!("{:?}", fault.report())),
    }
}

fn says(all: &str, those: &[&str]) {
    for said in those {
        assert!(all.contains(said), "{said}: {all}");
    }
    assert!(!all.contains(THEIR_PASSWORD), "{all}");
}

#[test]
fn what_a_refresh_or_a_switch_would_do_is_told_and_nothing_changes() {
    let lab = Lab::new();
    let folder = outdated(&lab, "seven", &ByHand::default());
    let told = |asked: RefreshCopy| told(&lab, &folder, &asked, &Secrets::default());

    let all = told(refreshing()).unwrap();
    says(
        &all,
        &[
            "not in maintenance mode: a refresh does not need that",
            "There is room",
            "5 tables of `Theirs-a.test` are copied into a new database",
            "are copied beside the copy",
            "is kept as a former self",
            "stay behind: $conf['theirs']",
        ],
    );
    let all = told(RefreshCopy { keep: Some(KeepFormer::Archive), ..refreshing() }).unwrap();
    says(&all, &["is packed into a backup"]);
    says(&told(switching(false)).unwrap_err(), &["is not in maintenance mode", "--although-live"]);
    says(&told(switching(true)).unwrap(), &["what is written to it from now on is not in the site"]);
    close(&lab);
    says(&told(switching(false)).unwrap(), &["is in maintenance mode", "knows no source any more"]);
    says(&told(refreshing()).unwrap(), &["is in maintenance mode"]);

    lab.machine.begin(Trouble::DatabaseDown);
    let nobody_answers = told(refreshing());
    lab.machine.end(Trouble::DatabaseDown);
    says(&nobody_answers.unwrap_err(), &["connecting to the database server"]);
    lab.must(switch(false));
    says(&told(refreshing()).unwrap_err(), &["is no copy of somebody's site"]);
}

#[test]
fn a_password_that_was_said_is_kept_nowhere_and_said_again() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand::default());
    let mut copy = asked(&folder, "seven");
    copy.copy_of.as_mut().unwrap().database = Some(SourceDatabase {
        at: DbEngine::Socket(lab.home().run().join("mariadb.sock")),
        name: "Theirs-a.test".into(),
        account: "Theirs-a.test".into(),
        prefix: String::new(),
    });
    let mut secrets = Secrets::default();
    secrets.insert("source_db_password", Password::new(THEIR_PASSWORD));
    lab.run_with(Task::ImportSite(Box::new(copy)), secrets.clone());
    let text = serde_json::to_string(&Context::Site(Box::new(SiteContext { ..lab.site("copy.test") }))).unwrap();
    assert!(text.contains("copy_of") && !text.contains(THEIR_PASSWORD), "{text}");
    assert!(!holds(lab.home().path(), THEIR_PASSWORD, &folder), "the password lies nowhere in the home");

    assert!(lab.refuses(refresh()).contains("is not said"));
    assert!(told(&lab, &folder, &refreshing(), &Secrets::default()).unwrap_err().contains("is not said"));
    assert!(told(&lab, &folder, &refreshing(), &secrets).unwrap().contains("are copied into a new database"));
    let ending = lab.run_with(refresh(), secrets);

    assert_eq!(ending.outcome.kind(), OutcomeKind::Succeeded, "{ending:?}");
}

/// Whether a file of a folder, less those of `but`, holds a text.
fn holds(folder: &Path, text: &str, but: &Path) -> bool {
    let mut files = below(folder).into_iter().filter(|(path, _)| !path.starts_with(but));
    files.any(|(_, bytes)| String::from_utf8_lossy(&bytes).contains(text))
}
