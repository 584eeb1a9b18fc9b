//! Rename: a site is called otherwise, with its folder, and what it was is kept; or it is as it was.

use std::fs;

use aegir_domain::{Context, HostName, InstallSite, OldName, OutcomeKind, Redirect, SiteContext, Task};
use aegir_lab::Lab;
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};

use crate::{another_name_for_the_neighbour, lines, two_platforms};

fn rename(to: &str, old_name: OldName) -> Task {
    Task::RenameSite { site: "a.test".parse().unwrap(), to: to.parse().unwrap(), old_name, keep: None }
}

fn a_site(lab: &Lab, on: &str) {
    two_platforms(lab);
    lab.install("other.test", on);
    lab.install("a.test", on);
    fs::write(lab.site_folder("a.test").join("files/a.txt"), "An upload.\n").unwrap();
}

fn hosts(names: &[&str]) -> Vec<HostName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn a_site_is_renamed_or_left_as_it_was() {
    let scene = Scene::new("rename-site", |lab| {
        a_site(lab, "seven");
        rename("b.test", OldName::Redirect)
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("seven/sites/b.test/files/a.txt").is_empty(), "its files went along");
    assert!(after.find("seven/sites/a.test/").is_empty() && after.find("contexts/a.test").is_empty());
    assert!(!after.find("sites/.aegir-former/a.test-").is_empty(), "what it was is kept");
    scene.lines_are(&lines("rename-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_site_of_drupal_10_in_sqlite_is_renamed_or_left_as_it_was() {
    let scene = Scene::new("rename-site, Drupal 10 in SQLite", |lab| {
        two_platforms(lab);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        rename("b.test", OldName::Gone)
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_gets_one_of_its_aliases_for_its_name_or_is_left_as_it_was() {
    let scene = Scene::new("rename-site, to an alias", |lab| {
        a_site(lab, "ten");
        let site = lab.site("a.test");
        let aliases = hosts(&["www.a.test"]);
        lab.save(Context::Site(Box::new(SiteContext { aliases, ..site })));
        lab.must(Task::VerifySite { site: "a.test".parse().unwrap(), context: None });
        rename("www.a.test", OldName::Alias)
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_site_is_renamed_beside_others_that_live_on() {
    let scene = Scene::new("rename-site, beside others", |lab| {
        a_site(lab, "seven");
        rename("b.test", OldName::Redirect)
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn its_paths_are_put_right_and_its_keys_stay() {
    for (platform, ask) in [
        ("seven", "SELECT value FROM variable WHERE name IN ('logo_path', 'cron_key') ORDER BY name"),
        (
            "ten",
            "SELECT value FROM key_value WHERE name = 'system.cron_key' UNION ALL \
             SELECT data FROM config WHERE name = 'olivero.settings'",
        ),
    ] {
        let lab = Lab::new();
        a_site(&lab, platform);
        let salt = lab.credentials("a.test").1;

        lab.must(rename("new.b.test", OldName::Redirect));

        let rows = lab.rows_of("new.b.test", ask).join("\n");
        assert!(rows.contains("s:31:\"sites/new.b.test/files/logo.png\"") && rows.contains("the first key"), "{rows}");
        assert_eq!(lab.credentials("new.b.test").1, salt, "the salt stays");
        assert!(lab.contexts().site(&"a.test".parse().unwrap()).is_err());
    }
}

#[test]
fn the_old_name_becomes_what_was_asked_for() {
    let b = || Redirect::To("b.test".parse().unwrap());
    for (old_name, aliases, redirect) in [
        (OldName::Redirect, vec!["www.a.test", "a.test"], b()),
        (OldName::Alias, vec!["www.a.test", "a.test"], Redirect::None),
        (OldName::Gone, vec!["www.a.test"], Redirect::None),
    ] {
        let lab = Lab::new();
        a_site(&lab, "ten");
        let site = lab.site("a.test");
        lab.save(Context::Site(Box::new(SiteContext { aliases: hosts(&["www.a.test"]), ..site })));

        lab.must(rename("b.test", old_name));

        let renamed = lab.site("b.test");
        assert_eq!((renamed.aliases, renamed.redirect), (hosts(&aliases), redirect), "{old_name:?}");
    }
}

#[test]
fn what_led_to_its_name_leads_to_the_new_one() {
    let lab = Lab::new();
    a_site(&lab, "ten");
    let site = lab.site("a.test");
    let (aliases, redirect) = (hosts(&["www.a.test", "b.test"]), Redirect::To("a.test".parse().unwrap()));
    lab.save(Context::Site(Box::new(SiteContext { aliases, redirect, ..site })));

    lab.must(rename("b.test", OldName::Gone));

    let renamed = lab.site("b.test");
    assert_eq!((renamed.aliases, renamed.redirect), (hosts(&["www.a.test"]), Redirect::To("b.test".parse().unwrap())));
}

#[test]
fn a_name_that_is_taken_is_refused_by_name() {
    let lab = Lab::new();
    a_site(&lab, "seven");
    let site = lab.site("other.test");
    lab.save(Context::Site(Box::new(SiteContext { aliases: hosts(&["third.test"]), ..site })));
    let says = |to: &str| lab.refuses(rename(to, OldName::Redirect));

    assert!(says("other.test").contains("taken by the site `other.test`"), "{}", says("other.test"));
    assert!(says("third.test").contains("taken by the site `other.test`"), "{}", says("third.test"));
    assert!(says("a.test").contains("already"), "{}", says("a.test"));
    fs::create_dir(lab.home().platforms().join("seven/sites/b.test")).unwrap();
    assert!(says("b.test").contains("in the way"), "{}", says("b.test"));
}

#[test]
fn a_page_that_breaks_under_the_new_name_leaves_the_site_as_it_was() {
    let lab = Lab::new();
    a_site(&lab, "seven");
    let before = lab.snapshot();
    lab.machine.begin(Trouble::PageBroken);

    let ending = lab.run(rename("b.test", OldName::Redirect));

    assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{ending:?}");
    assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new());
}

#[test]
fn a_site_that_was_renamed_goes_back_to_its_name_or_is_left_as_it_is() {
    let scene = Scene::new("go-back-site, over a change of name", |lab| {
        a_site(lab, "ten");
        lab.must(rename("b.test", OldName::Redirect));
        fs::write(lab.site_folder("b.test").join("files/since.txt"), "An upload.\n").unwrap();
        Task::GoBackSite { site: "b.test".parse().unwrap(), former: None, keep: None, although_broken: false }
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("ten/web/sites/a.test/settings.php").is_empty() && after.find("sites/b.test/").is_empty());
    assert!(!after.find("sites/.aegir-former/b.test-").is_empty(), "what it was just now is kept");
    scene.prove(Extent::OneOf(2));
}

#[test]
fn names_go_along_however_often_one_goes_back_and_renames() {
    let lab = Lab::new();
    a_site(&lab, "ten");
    let go_back = |site: &str| {
        lab.must(Task::GoBackSite { site: site.parse().unwrap(), former: None, keep: None, although_broken: false })
    };
    lab.must(rename("b.test", OldName::Alias));
    let ending = go_back("b.test");
    assert!(matches!(&ending.context, Some(Context::Site(site)) if site.name.as_str() == "a.test"), "{ending:?}");
    assert!(lab.site("a.test").aliases.is_empty());

    go_back("a.test");
    let site = lab.site("b.test");
    assert_eq!((site.formers.len(), site.aliases), (1, hosts(&["a.test"])));
    let back = Task::RenameSite {
        site: "b.test".parse().unwrap(),
        to: "a.test".parse().unwrap(),
        old_name: OldName::Gone,
        keep: None,
    };
    let ending = lab.must(back);
    assert!(matches!(&ending.context, Some(Context::Site(site)) if site.name.as_str() == "a.test"), "{ending:?}");
    let site = lab.site("a.test");
    assert_eq!((site.formers.len(), site.aliases.len()), (2, 0));
    lab.delete("a.test");
}

#[test]
fn a_name_that_is_taken_since_is_not_gone_back_to() {
    let lab = Lab::new();
    a_site(&lab, "seven");
    lab.must(rename("b.test", OldName::Gone));
    lab.install("a.test", "seven");
    let told = lab.refuses(Task::GoBackSite {
        site: "b.test".parse().unwrap(),
        former: None,
        keep: None,
        although_broken: false,
    });
    assert!(told.contains("taken by the site `a.test`"), "{told}");
}
