//! Eject: a site runs on without Ægir, or is Ægir's as before.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aegir_domain::{Context, ImportSite, InstallSite, MigrateSite, SiteContext, Task};
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{ByHand, Lab};

use crate::disable_site::disable;
use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn eject() -> Task {
    Task::EjectSite { site: "a.test".parse().unwrap() }
}

fn import(platform: &str) -> Task {
    Task::ImportSite(Box::new(ImportSite {
        from_default: false,
        site: "a.test".parse().unwrap(),
        platform: platform.parse().unwrap(),
        db_server: None,
        aliases: Vec::new(),
        client: "admin".parse().unwrap(),
        copy_of: None,
    }))
}

/// Gives the site another name.
fn with_an_alias(lab: &Lab) {
    let site = lab.site("a.test");
    let aliases = vec!["www.a.test".parse().unwrap()];
    let context = Some(Box::new(SiteContext { aliases, ..site.clone() }));
    lab.must(Task::VerifySite { site: site.name, context });
}

#[test]
fn a_site_is_let_go_of_or_is_ours_as_before() {
    let scene = Scene::new("eject-site", |lab| {
        a_site_beside_another(lab, "seven");
        with_an_alias(lab);
        eject()
    });
    let (before, after) = scene.worlds();
    let database = before.find("database a_test")[0].0;
    let changed = after.differences(before);
    let changed: Vec<&str> = changed.iter().filter_map(|line| line.split(": ").next()).collect();
    let (bears, folder) = (format!("~ {database}"), changed[8]);
    assert!(folder.starts_with("+ file ejected/a.test-"), "{changed:?}");
    let of = |name: &str| format!("{folder}/{name}");
    let expected = [
        bears.as_str(),
        "- file clients/admin/a.test",
        "- file contexts/a.test.json",
        "- file credentials/a.test.json",
        "- file drush/sites/a.test.alias.drushrc.php",
        "~ file platforms/seven/sites/a.test/settings.php",
        "~ file platforms/seven/sites/sites.php",
        "+ file ejected",
        folder,
        &of("README.txt"),
        &of("crontab"),
        &of("vhost.conf"),
        "+ file platforms/seven/sites/local.sites.php",
    ];
    assert_eq!(changed, expected, "no file, no table and no vhost besides");
    scene.lines_are(&lines("eject-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_whose_database_is_a_file_is_let_go_of_or_is_ours_as_before() {
    let scene = Scene::new("eject-site, in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        eject()
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_let_go_of_beside_others_that_live_on() {
    let scene = Scene::new("eject-site, beside others", |lab| {
        a_site_beside_another(lab, "ten");
        eject()
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn what_is_left_needs_nothing_of_aegir_and_tells_nobody_its_secrets() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    with_an_alias(&lab);
    let (password, salt) = lab.credentials("a.test");
    let folder = lab.site_folder("a.test");
    let database = lab.site("a.test").database;

    let ending = lab.must(eject());

    let entry = format!("database {}", database.name);
    assert!(!lab.snapshot().find(&entry)[0].1.contains(database.marker.as_str()), "nobody here would drop it");
    let settings = fs::read_to_string(folder.join("settings.php")).unwrap();
    assert!(!settings.contains("AegirCredentials") && settings.contains(&password) && settings.contains(&salt));
    assert!(!format!("{ending:?}").contains(&password), "the answer tells no secret");
    let local = fs::read_to_string(folder.with_file_name("local.sites.php")).unwrap();
    assert!(local.contains("$sites['www.a.test'] = 'a.test';"), "{local}");
    assert!(!lab.home().credentials().join("a.test.json").exists());
    let left: Vec<_> = fs::read_dir(lab.home().ejected()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let read = |name: &str| fs::read_to_string(left[0].join(name)).unwrap();
    let vhost = read("vhost.conf");
    assert!(vhost.contains("www.a.test") && !vhost.contains(&password), "{vhost}");
    assert!(read("crontab").contains("curl") && read("README.txt").contains("vhost.d/a.test.conf"));
    let mode = |name: &str| fs::metadata(left[0].join(name)).unwrap().permissions().mode();
    assert!(["crontab", "vhost.conf", "README.txt"].iter().all(|name| mode(name) & 0o077 == 0));
}

#[test]
fn what_was_let_go_of_can_be_taken_in_again() {
    for platform in ["seven", "ten"] {
        let lab = Lab::new();
        two_platforms(&lab);
        let folder = lab.made_by_hand("a.test", platform, &ByHand::default());
        lab.must(import(platform));
        let salt = lab.credentials("a.test").1;
        let theirs = fs::read(folder.join("imported.settings.php")).unwrap();
        let local = fs::read(folder.join("local.settings.php")).unwrap();
        lab.must(eject());

        lab.must(import(platform));

        assert_eq!(lab.credentials("a.test").1, salt);
        assert_eq!(fs::read(folder.join("imported.settings.php")).unwrap(), theirs);
        assert_eq!(fs::read(folder.join("local.settings.php")).unwrap(), local, "it reads theirs already");
        assert!(folder.join("ejected.settings.php").exists());
        let accounts = if platform == "seven" { "users" } else { "users_field_data" };
        assert_eq!(lab.rows_of("a.test", &format!("SELECT name FROM {accounts}")), ["them"]);
        lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
    }
}

#[test]
fn what_cannot_be_let_go_of_is_refused_and_stays() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "seven");
    lab.must(disable(true));
    assert!(lab.refuses(eject()).contains("out of service"));
    lab.must(Task::EnableSite { site: "a.test".parse().unwrap() });
    let to = "later_seven".parse().unwrap();
    lab.must(Task::MigrateSite(Box::new(MigrateSite::to("a.test".parse().unwrap(), to))));
    assert!(lab.refuses(eject()).contains("has former selves (1)"));
    assert!(matches!(lab.contexts().find(&"@a.test".parse().unwrap()), Ok(Some(Context::Site(_)))));
}

#[test]
fn what_was_let_go_of_keeps_its_name_and_its_platform_while_the_web_server_answers_for_it() {
    let lab = Lab::new();
    two_platforms(&lab);
    lab.install("a.test", "ten");
    lab.must(eject());
    let before = lab.snapshot();

    let again = Task::InstallSite(Box::new(lab.new_site("a.test", "seven")));
    assert!(lab.refuses(again).contains("still answers for a `a.test`"));
    let forget = || Task::ForgetContext { name: "@platform_ten".parse().unwrap() };
    assert!(lab.refuses(forget()).contains("answers with `ten` for `a.test`"));
    let delete = Task::DeletePlatform { platform: "ten".parse().unwrap(), confirm: "ten".into() };
    assert!(lab.refuses(delete).contains("answers with `ten` for `a.test`"));
    assert_eq!(lab.snapshot().differences(&before), [""; 0]);

    let vhost = before.find("vhost.d/a.test.conf").into_iter().find_map(|(what, _)| what.strip_prefix("file "));
    fs::remove_file(lab.home().path().join(vhost.unwrap())).unwrap();
    // Of a platform that nobody knows nothing tells whose databases are.
    lab.may_leave_a_mess();
    lab.must(forget());
}
