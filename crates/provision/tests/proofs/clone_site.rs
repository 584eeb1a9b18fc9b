//! Clone: there is a new site with the content of another, or nothing of it; the other is only read.

use std::fs;

use aegir_domain::{CloneSite, Context, InstallSite, OutcomeKind, Quiet, Redirect, SiteContext, Task};
use aegir_lab::fake::Trouble;
use aegir_lab::proof::{Extent, Scene};
use aegir_lab::{Code, Lab};

use crate::{a_site_beside_another, another_name_for_the_neighbour, lines, two_platforms};

fn asked() -> CloneSite {
    CloneSite {
        site: "a.test".parse().unwrap(),
        to: "copy.test".parse().unwrap(),
        platform: None,
        db_server: None,
        aliases: Vec::new(),
        redirect: Redirect::None,
        sanitise: false,
        with_mail: false,
        with_cron: false,
    }
}

fn clone(asked: CloneSite) -> Task {
    Task::CloneSite(Box::new(asked))
}

#[test]
fn a_copy_of_a_site_is_made_or_nothing_of_it() {
    let scene = Scene::new("clone-site", |lab| {
        a_site_beside_another(lab, "seven");
        clone(CloneSite { sanitise: true, ..asked() })
    });
    let (_, after) = scene.worlds();
    assert!(!after.find("seven/sites/copy.test/files/a.txt").is_empty(), "its files went along");
    scene.lines_are(&lines("clone-site"));
    scene.prove(Extent::Whole);
}

#[test]
fn a_copy_on_later_code_in_sqlite_is_made_or_nothing_of_it() {
    let scene = Scene::new("clone-site, Drupal 10 in SQLite, to later code", |lab| {
        two_platforms(lab);
        lab.platform("later_ten", Code::LaterTen);
        lab.file_server("files");
        let site = InstallSite { db_server: "files".parse().unwrap(), ..lab.new_site("a.test", "ten") };
        lab.must(Task::InstallSite(Box::new(site)));
        clone(CloneSite { platform: Some("later_ten".parse().unwrap()), ..asked() })
    });
    scene.prove(Extent::OneOf(3));
}

#[test]
fn a_copy_is_made_beside_others_that_live_on() {
    let scene = Scene::new("clone-site, beside others", |lab| {
        a_site_beside_another(lab, "ten");
        clone(asked())
    });
    scene.leaves_neighbours_alone(Extent::OneOf(2), another_name_for_the_neighbour);
}

#[test]
fn the_copy_is_a_site_of_its_own_and_the_site_is_as_it_was() {
    for (platform, keys, logo) in [
        (
            "seven",
            "SELECT value FROM variable WHERE name = 'cron_key'",
            "SELECT value FROM variable WHERE name = 'logo_path'",
        ),
        (
            "ten",
            "SELECT value FROM key_value WHERE name = 'system.cron_key' UNION ALL \
             SELECT data FROM config WHERE name = 'system.site'",
            "SELECT data FROM config WHERE name = 'olivero.settings'",
        ),
    ] {
        let lab = Lab::new();
        a_site_beside_another(&lab, platform);
        let site = lab.site("a.test");
        let (of_site, before) = (lab.credentials("a.test"), lab.rows_of("a.test", keys));

        lab.must(clone(asked()));

        let copy = lab.site("copy.test");
        assert_eq!(lab.site("a.test"), site);
        assert_eq!((lab.credentials("a.test"), lab.rows_of("a.test", keys)), (of_site.clone(), before.clone()));
        let of_copy = lab.credentials("copy.test");
        assert!(of_copy.0 != of_site.0 && of_copy.1 != of_site.1, "a password and a salt of its own");
        let now = lab.rows_of("copy.test", keys);
        assert!(now.iter().zip(&before).all(|(now, before)| now != before), "{platform}: {now:?}");
        assert!(!now.join("").contains("the first"), "{now:?}");
        assert!(lab.rows_of("copy.test", logo)[0].contains("s:30:\"sites/copy.test/files/logo.png\""));
        assert_eq!(copy.quiet, Quiet { mail: true, cron: true });
        let settings = fs::read_to_string(lab.site_folder("copy.test").join("settings.php")).unwrap();
        assert!(settings.contains("It writes to nobody") && settings.contains("Cron runs when somebody asks"));
    }
}

#[test]
fn a_copy_does_what_it_was_allowed_and_what_is_allowed_later() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    lab.must(clone(CloneSite { with_mail: true, ..asked() }));
    let settings = || fs::read_to_string(lab.site_folder("copy.test").join("settings.php")).unwrap();
    let copy = lab.site("copy.test");
    assert_eq!(copy.quiet, Quiet { mail: false, cron: true });
    assert!(!settings().contains("It writes to nobody"));

    lab.save(Context::Site(Box::new(SiteContext { quiet: Quiet::default(), ..copy })));
    lab.must(Task::VerifySite { site: "copy.test".parse().unwrap(), context: None });

    assert!(!settings().contains("Cron runs when somebody asks"));
}

#[test]
fn a_sanitised_copy_has_nobodys_address() {
    for (platform, ask) in [("seven", "SELECT mail FROM users"), ("ten", "SELECT mail FROM users_field_data")] {
        let lab = Lab::new();
        a_site_beside_another(&lab, platform);
        lab.must(clone(CloneSite { sanitise: true, ..asked() }));
        assert_eq!(lab.rows_of("copy.test", ask), ["user1@example.invalid"]);
        assert_eq!(lab.rows_of("a.test", ask), ["admin@example.org"]);
    }
}

#[test]
fn what_goes_wrong_leaves_nothing_of_the_copy() {
    for (trouble, to) in [(Trouble::UpdateDies, Some("later_seven")), (Trouble::PageBroken, None)] {
        let lab = Lab::new();
        a_site_beside_another(&lab, "seven");
        let before = lab.snapshot();
        lab.machine.begin(trouble);

        let ending = lab.run(clone(CloneSite { platform: to.map(|name| name.parse().unwrap()), ..asked() }));

        assert_eq!(ending.outcome.kind(), OutcomeKind::RolledBack, "{trouble:?}: {ending:?}");
        assert_eq!(lab.snapshot().differences(&before), Vec::<String>::new(), "{trouble:?}");
    }
}

#[test]
fn a_copy_that_cannot_be_is_refused() {
    let lab = Lab::new();
    a_site_beside_another(&lab, "ten");
    lab.file_server("files");
    let says = |asked: CloneSite| lab.refuses(clone(asked));

    let taken = says(CloneSite { to: "other.test".parse().unwrap(), ..asked() });
    assert!(taken.contains("taken by the site `other.test`"), "{taken}");
    let other = says(CloneSite { db_server: Some("files".parse().unwrap()), ..asked() });
    assert!(other.contains("cannot change their kind"), "{other}");
    let older = says(CloneSite { platform: Some("seven".parse().unwrap()), ..asked() });
    assert!(older.contains("does not fit"), "{older}");
    let nobody = says(CloneSite { site: "nobody.test".parse().unwrap(), ..asked() });
    assert!(nobody.contains("nobody.test"), "{nobody}");
}
