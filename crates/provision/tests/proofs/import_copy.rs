//! Import as a copy: there is a site of ours with the content of somebody's, or nothing of it; theirs is only read.

use std::fs;
use std::path::{Path, PathBuf};

use aegir_domain::{
    Cmd, CopySource, DbEngine, ImportSite, OutcomeKind, Password, Quiet, Secrets, SourceDatabase, Task,
};
use aegir_host::{CommandFailed, Ended, Ran};
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{ByHand, Code, Lab, THEIR_PASSWORD, THEIR_SALT};
use aegir_provision::look_at_import;

use crate::{another_name_for_the_neighbour, lines, two_platforms};

pub(crate) fn asked(folder: &Path, platform: &str) -> ImportSite {
    ImportSite {
        from_default: false,
        site: "copy.test".parse().unwrap(),
        platform: platform.parse().unwrap(),
        db_server: None,
        aliases: Vec::new(),
        client: "admin".parse().unwrap(),
        copy_of: Some(CopySource { folder: folder.to_owned(), database: None, sanitise: false }),
    }
}

fn task(asked: ImportSite) -> Task {
    Task::ImportSite(Box::new(asked))
}

/// What an installer writes, beside what the lab's own Drupal reads.
fn say_plainly(lab: &Lab, folder: &Path, how: &ByHand) {
    let path = folder.join("settings.php");
    let mut text = fs::read_to_string(&path).unwrap();
    let database = match how.in_a_file {
        true => format!("'driver' => 'sqlite', 'database' => '{}'", folder.join("files/.ht.sqlite").display()),
        false => format!(
            "'driver' => 'mysql', 'database' => 'Theirs-a.test', 'username' => 'Theirs-a.test', 'password' => '{THEIR_PASSWORD}', \
             'unix_socket' => '{}', 'prefix' => '{}'",
            lab.home().run().join("mariadb.sock").display(),
            how.prefix
        ),
    };
    text.push_str(&format!("$databases['default']['default'] = array({database});\n"));
    fs::write(path, text).unwrap();
}

/// Somebody's site in the code of a platform; gives its folder.
pub(crate) fn made_by_hand(lab: &Lab, platform: &str, how: &ByHand) -> PathBuf {
    two_platforms(lab);
    lab.install("other.test", platform);
    let folder = lab.made_by_hand("a.test", platform, how);
    say_plainly(lab, &folder, how);
    folder
}

/// Every file below a folder, with its text.
pub(crate) fn below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(below(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn a_copy_of_somebodys_site_is_made_or_nothing_of_it() {
    let scene = Scene::new("import-copy", |lab| {
        let folder = made_by_hand(lab, "seven", &ByHand { prefix: "old_", ..ByHand::default() });
        let mut asked = asked(&folder, "seven");
        asked.copy_of.as_mut().unwrap().sanitise = true;
        task(asked)
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("seven/sites/copy.test/files/a.txt").is_empty(), "its files came along");
    scene.lines_are(&lines("import-copy"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_copy_on_later_code_of_a_site_in_sqlite_is_made_or_nothing_of_it() {
    let scene = Scene::new("import-copy, Drupal 10 in SQLite, to later code", |lab| {
        lab.file_server("files");
        let how = ByHand { in_a_file: true, ..ByHand::default() };
        let folder = made_by_hand(lab, "ten", &how);
        lab.platform("later_ten", Code::LaterTen);
        task(ImportSite { db_server: Some("files".parse().unwrap()), ..asked(&folder, "later_ten") })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_copy_is_made_beside_others_that_live_on() {
    let scene = Scene::new("import-copy, beside others", |lab| {
        let folder = made_by_hand(lab, "ten", &ByHand::default());
        task(asked(&folder, "ten"))
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn the_copy_is_a_quiet_site_of_its_own_and_theirs_is_as_it_was() {
    for shape in ["seven", "ten"] {
        let lab = Lab::new();
        let folder =
            made_by_hand(&lab, shape, &ByHand { prefix: "old_", with_local_settings: true, ..ByHand::default() });
        lab.only_reads("Theirs-a.test");
        fs::create_dir(folder.join("modules")).unwrap();
        fs::write(folder.join("modules/theirs.txt"), "code").unwrap();
        let theirs = below(&folder);
        let tables = lab.their_tables("Theirs-a.test");

        lab.must(task(asked(&folder, shape)));

        let copy = lab.site("copy.test");
        assert_eq!((copy.title.as_str(), copy.account.as_str()), ("Theirs", "them"), "{shape}");
        assert_eq!(copy.quiet, Quiet { mail: true, cron: true });
        let there = lab.site_folder("copy.test");
        assert_eq!(fs::read_to_string(there.join("files/a.txt")).unwrap(), "An upload of theirs.\n");
        assert_eq!(fs::read_to_string(there.join("modules/theirs.txt")).unwrap(), "code");
        let (password, salt) = lab.credentials("copy.test");
        assert!(password != THEIR_PASSWORD && salt != THEIR_SALT);
        for file in ["settings.php", "local.settings.php"] {
            let text = fs::read_to_string(there.join(file)).unwrap();
            assert!(
                !text.contains("Theirs") && !text.contains(THEIR_PASSWORD) && !text.contains("theirs"),
                "{file}: {text}"
            );
        }
        let accounts = if shape == "seven" { "users" } else { "users_field_data" };
        assert_eq!(lab.rows_of("copy.test", &format!("SELECT name FROM {accounts}")), ["them"]);
        assert_eq!((below(&folder), lab.their_tables("Theirs-a.test")), (theirs, tables), "{shape}");
        lab.must(Task::VerifySite { site: copy.name, context: None });
    }
}

/// PHP, as it is asked what it is.
pub(crate) fn php(_: Cmd) -> Result<Ran, CommandFailed> {
    let extensions =
        ["pdo", "pdo_mysql", "dom", "simplexml", "xml", "json", "session", "mbstring", "gd", "filter", "hash"];
    let facts = serde_json::json!({ "version": "8.2.35", "extensions": extensions, "time_zones": ["UTC"] });
    let took = std::time::Duration::ZERO;
    Ok(Ran { ended: Ended::Code(0), stdout: facts.to_string(), stderr: String::new(), whole: true, took })
}

#[test]
fn what_a_copy_would_be_is_told_and_nothing_changes() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand { prefix: "old_", ..ByHand::default() });
    let mut copy = asked(&folder, "seven");
    copy.copy_of.as_mut().unwrap().sanitise = true;
    let (before, theirs) = (lab.snapshot(), below(&folder));

    let found = look_at_import(&lab.parts, &copy, &Secrets::default(), php).unwrap();

    assert_eq!((found.site.as_str(), found.database.as_str()), ("copy.test", "Theirs-a.test"));
    assert!(found.tables == 5 && found.mentions.is_empty(), "{found:?}");
    let all = [found.told, found.changes].concat().join("\n");
    for said in
        ["stay behind: $conf['theirs']", "`Theirs-a.test` is only read", "passwords are taken out", "sends no mail"]
    {
        assert!(all.contains(said), "{said}: {all}");
    }
    assert!(!all.contains(THEIR_PASSWORD), "{all}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
    assert_eq!(below(&folder), theirs);
    let settings = folder.join("settings.php");
    fs::write(&settings, fs::read_to_string(&settings).unwrap().replace(THEIR_PASSWORD, "another")).unwrap();
    let fault = look_at_import(&lab.parts, &copy, &Secrets::default(), php).unwrap_err().report();
    assert!(fault.message.contains("is not let into the database"), "{fault:?}");
}

#[test]
fn a_copy_of_a_site_in_maintenance_mode_shows_its_pages() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand::default());
    lab.run_in_theirs("Theirs-a.test", "INSERT INTO variable (name, value) VALUES ('maintenance_mode', 'i:1;')");

    let ending = lab.must(task(asked(&folder, "seven")));

    assert_eq!(lab.rows_of("copy.test", "SELECT name FROM variable WHERE name = 'maintenance_mode'"), [""; 0]);
    assert_eq!(ending.answer["compared"]["differ"], serde_json::json!([]));
    assert!(ending.answer["compared"]["files"].as_u64().unwrap() >= 1);
}

#[test]
fn files_behind_links_come_along_and_nothing_is_written_through_them() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand::default());
    let elsewhere = lab.home().path().parent().unwrap().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(folder.join("files"), elsewhere.join("uploads")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("uploads"), folder.join("files")).unwrap();
    fs::create_dir(elsewhere.join("private")).unwrap();
    fs::write(elsewhere.join("private/secret.txt"), "private").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.join("hostname")).unwrap();
    // Drupal 7 keeps it in its database.
    let private = elsewhere.join("private").display().to_string();
    lab.run_in_theirs(
        "Theirs-a.test",
        &format!(
            "INSERT INTO variable (name, value) VALUES ('file_private_path', 's:{}:\"{private}\";')",
            private.len()
        ),
    );

    let theirs = below(&elsewhere);

    lab.must(task(asked(&folder, "seven")));

    let there = lab.site_folder("copy.test");
    assert!(fs::symlink_metadata(there.join("files")).unwrap().is_dir());
    assert_eq!(fs::read_to_string(there.join("files/a.txt")).unwrap(), "An upload of theirs.\n");
    assert_eq!(fs::read_to_string(there.join("private/files/secret.txt")).unwrap(), "private");
    assert!(fs::symlink_metadata(there.join("hostname")).is_err());
    assert_eq!(below(&elsewhere), theirs, "nothing was written there");
}

#[test]
fn secrets_of_ours_do_not_come_along_because_a_site_names_them() {
    let refused = |say: &dyn Fn(&Lab, &Path)| {
        let lab = Lab::new();
        let folder = made_by_hand(&lab, "seven", &ByHand::default());
        say(&lab, &folder);
        let said = lab.refuses(task(asked(&folder, "seven")));
        assert!(said.contains("but in Ægir's"), "{said}");
    };
    let says = |folder: &Path, line: String| {
        let settings = folder.join("settings.php");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, text + &line).unwrap();
    };

    refused(&|lab, folder| {
        fs::remove_dir_all(folder.join("files")).unwrap();
        std::os::unix::fs::symlink(lab.home().path().join("credentials"), folder.join("files")).unwrap();
    });
    refused(&|lab, folder| {
        let other = lab.site_folder("other.test").join("private");
        says(folder, format!("$conf['file_private_path'] = '{}';\n", other.display()));
    });
    refused(&|lab, folder| {
        let home = lab.home().path().parent().unwrap();
        says(folder, format!("$conf['file_private_path'] = '{}';\n", home.display()));
    });
}

#[test]
fn where_the_data_is_can_be_said() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand::default());
    let settings = folder.join("settings.php");
    let text = fs::read_to_string(&settings).unwrap().replace("$databases[", "$others[");
    fs::write(&settings, text).unwrap();
    assert!(lab.refuses(task(asked(&folder, "seven"))).contains("gives no database in plain values"));
    let mut asked = asked(&folder, "seven");
    asked.copy_of.as_mut().unwrap().database = Some(SourceDatabase {
        at: DbEngine::Socket(lab.home().run().join("mariadb.sock")),
        name: "Theirs-a.test".into(),
        account: "Theirs-a.test".into(),
        prefix: String::new(),
    });
    let with = |password: &str| {
        let mut secrets = Secrets::default();
        secrets.insert("source_db_password", Password::new(password));
        lab.run_with(task(asked.clone()), secrets)
    };

    let wrong = with("another");
    assert_eq!(wrong.outcome.kind(), OutcomeKind::Refused, "{wrong:?}");
    let right = with(THEIR_PASSWORD);

    assert_eq!(right.outcome.kind(), OutcomeKind::Succeeded, "{right:?}");
}

#[test]
fn what_goes_wrong_leaves_nothing_of_the_copy() {
    for trouble in [Trouble::UpdateDies, Trouble::PageBroken] {
        let lab = Lab::new();
        let folder = made_by_hand(&lab, "seven", &ByHand::default());
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(task(asked(&folder, "seven")));

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

#[test]
fn a_copy_that_cannot_be_is_refused() {
    let lab = Lab::new();
    let folder = made_by_hand(&lab, "seven", &ByHand::default());
    lab.platform("later_seven", Code::LaterSeven);
    lab.file_server("files");
    let says = |asked: ImportSite, why: &str| {
        let said = lab.refuses(task(asked));
        assert!(said.contains(why), "{said}");
    };

    says(asked(Path::new("/nonexistent"), "seven"), "there is no folder");
    says(asked(Path::new("/tmp"), "seven"), "is no folder of a site");
    says(asked(&folder, "ten"), "and the platform of Drupal");
    says(asked(&lab.site_folder("other.test"), "seven"), "is a site of this home");
    says(ImportSite { db_server: Some("files".parse().unwrap()), ..asked(&folder, "seven") }, "takes no such data");
    says(
        ImportSite { site: "other.test".parse().unwrap(), ..asked(&folder, "seven") },
        "taken by the site `other.test`",
    );
    let later = lab.home().platforms().join("later_seven/sites/a.test");
    fs::rename(&folder, &later).unwrap();
    says(asked(&later, "seven"), "which is newer than the platform's");
}
