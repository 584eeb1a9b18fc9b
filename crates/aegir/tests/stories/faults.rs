//! What goes wrong around a site while it is moved, copied, renamed or restored: the disk fills up, the database server
//! dies, code goes away, the web server refuses, two people ask at once. All is as it was, or all of it happened.

use std::fs;
use std::path::PathBuf;

use crate::installers::settle;
use crate::moves::two_releases;
use crate::restores::back_up;
use crate::support::disk::{Disk, fill};
use crate::support::said::Said;
use crate::support::story::{Site, at_line};
use crate::support::world::World;
use crate::support::{Lab, kill, until, way};

const NAME: &str = "shop.localhost";
const MIGRATE: [&str; 4] = ["migrate", "@shop.localhost", "--platform", "@new"];
const CLONE: [&str; 5] = ["clone", "@shop.localhost", "copy.localhost", "--platform", "@new"];
const RENAME: [&str; 3] = ["rename", "@shop.localhost", "store.localhost"];

/// A site whose updates on the platform `new` do what `word` says, and a backup of it.
fn a_troubled_site(lab: &Lab, shape: &str, word: &str) -> (Site, String) {
    // Before the platforms are verified: their pools have the limit.
    settle(lab, "update_limit = 5\n");
    let [old, _] = two_releases(lab, shape);
    let site = Site::install(lab, NAME, "old", "localhost", Some("troubled"));
    is_troubled(lab, &old, word);
    site.answers(lab);
    let backup = back_up(lab, NAME);
    (site, backup)
}

fn is_troubled(lab: &Lab, root: &std::path::Path, word: &str) {
    let trouble = root.join("sites").join(NAME).join("trouble");
    fs::write(&trouble, word).unwrap();
    lab.give(&trouble);
}

/// The three that run updates on later code.
fn to_later_code(backup: &str) -> [Vec<&str>; 3] {
    [MIGRATE.to_vec(), CLONE.to_vec(), vec!["restore", backup, "--platform", "@new"]]
}

#[test]
fn a_disk_that_is_full_while_updates_run_leaves_the_site_as_it_was() {
    let mut lab = Lab::bare(way());
    let home = lab.home();
    let Some(_disk) = Disk::mount(&home, "200m") else { return };
    lab.give(&home);
    lab.start_stack(&["--db", "sqlite"]);
    lab.provision(&["save", "@server_localhost", "--private-stack"]).done();
    lab.provision(&["verify", "@server_localhost"]).done();
    let (site, backup) = a_troubled_site(&lab, "ten", "endless");
    let filler = home.join("run/filler");
    for words in to_later_code(&backup) {
        let before = World::of(&lab);

        let (follower, _) = at_line(&lab, &words, "run-updates");
        fill(&filler);
        let said = Said::whole(follower, &words);

        fs::remove_file(&filler).unwrap();
        said.ends(7);
        World::of(&lab).must_be(&before);
        site.answers(&lab);
    }
}

#[test]
fn a_database_server_that_dies_while_updates_run_leaves_the_site_as_it_was() {
    let lab = Lab::start(way());
    let (site, backup) = a_troubled_site(&lab, "ten", "endless");
    for (deaths, words) in (1..).zip(to_later_code(&backup)) {
        let before = World::of(&lab);
        let mariadbd = lab.up().pid("mariadbd").or_else(|| lab.up().pid("mariadb")).unwrap();

        let (follower, _) = at_line(&lab, &words, "run-updates");
        kill(mariadbd);
        let said = Said::whole(follower, &words);

        until("MariaDB is back", || lab.up().said().matches("MariaDB is back").count() >= deaths);
        said.ends(7).says("all is as it was");
        World::of(&lab).must_be(&before);
        site.answers(&lab);
    }
}

#[test]
fn a_copy_or_a_restore_whose_updates_go_wrong_or_never_end_leaves_all_as_it_was() {
    for shape in ["seven", "ten"] {
        let lab = Lab::start(way());
        settle(&lab, "update_limit = 5\n");
        let old = two_releases(&lab, shape)[0].clone();
        let site = Site::install(&lab, NAME, "old", "localhost", Some("troubled"));
        for word in ["error", "exit", "requirement", "endless"] {
            is_troubled(&lab, &old, word);
            site.answers(&lab);
            let backup = back_up(&lab, NAME);
            let before = World::of(&lab);
            for words in &to_later_code(&backup)[1..] {
                lab.provision(words).ends(7).says("error: ").says("all is as it was");

                World::of(&lab).must_be(&before);
                site.answers(&lab);
            }
        }
    }
}

#[test]
fn a_module_that_is_removed_from_the_target_while_a_site_comes_to_it_takes_all_back() {
    for (shape, module) in [("seven", "sites/all/modules/lantern"), ("ten", "modules/contrib/lantern")] {
        let lab = Lab::start(way());
        let [_, new] = two_releases(&lab, shape);
        let site = Site::install(&lab, NAME, "old", "localhost", Some("standard"));
        site.answers(&lab);
        let backup = back_up(&lab, NAME);
        let (module, aside) = (new.join(module), lab.beside().join("lantern"));
        for (words, line) in to_later_code(&backup).iter().zip(["copy-files", "load-dump", "load-dump"]) {
            let before = World::of(&lab);

            let (follower, _) = at_line(&lab, words, line);
            fs::rename(&module, &aside).unwrap();
            let said = Said::whole(follower, words);

            fs::rename(&aside, &module).unwrap();
            said.ends(7).says("lantern");
            World::of(&lab).must_be(&before);
            site.answers(&lab);
        }
    }
}

#[test]
fn a_web_server_that_refuses_the_new_vhost_leaves_the_site_as_it_was() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    let site = Site::install(&lab, NAME, "old", "localhost", Some("standard"));
    site.answers(&lab);
    let backup = back_up(&lab, NAME);
    let snippet: PathBuf = lab.http_folder().join("post.d/mine.conf");
    let restore = ["restore", &backup];
    let tasks: [(&[&str], &str); 4] =
        [(&MIGRATE, "copy-files"), (&RENAME, "copy-files"), (&CLONE, "load-dump"), (&restore, "load-dump")];
    for (words, line) in tasks {
        let before = World::of(&lab);

        let (follower, _) = at_line(&lab, words, line);
        fs::write(&snippet, "no_such_word on;\n").unwrap();
        lab.give(&snippet);
        let said = Said::whole(follower, words);

        fs::remove_file(&snippet).unwrap();
        said.ends(7).says("mine.conf");
        World::of(&lab).must_be(&before);
        site.answers(&lab);
    }
}

/// Two people ask at once: both get an answer, and what is there afterwards is what one of the orders leads to.
#[test]
fn of_two_who_ask_at_once_for_one_site_nobody_gets_half() {
    let lab = Lab::start(way());
    two_releases(&lab, "ten");
    for (turn, pair) in [["migrate", "rename"], ["rename", "migrate"], ["migrate", "migrate"], ["clone", "disable"]]
        .into_iter()
        .enumerate()
    {
        let (name, new) = (format!("s{turn}.localhost"), format!("t{turn}.localhost"));
        let site = Site::install(&lab, &name, "old", "localhost", Some("standard"));
        site.answers(&lab);
        let at = format!("@{name}");
        let words = pair.map(|task| match task {
            "migrate" => vec!["migrate", &at, "--platform", "@new"],
            "disable" => vec!["disable", &at, "--no-backup"],
            task => vec![task, &at, &new],
        });

        let [one, two] = [lab.begin(&words[0]), lab.begin(&words[1])];
        let said = [Said::whole(one, &words[0]), Said::whole(two, &words[1])];

        let codes = said.each_ref().map(|said| said.code);
        let told = format!("{}\n{}", said[0].all(), said[1].all());
        // Who comes second finds another world: the site is there already, is called otherwise, or is disabled.
        assert!(codes.contains(&0) && codes.iter().all(|code| matches!(code, 0 | 1 | 4)), "{told}");
        lab.provision(&["recover"]).done().says("Nothing was left to recover");
        let there: Vec<String> = [&name, &new]
            .into_iter()
            .filter(|name| lab.provision(&["show", &format!("@{name}")]).code == 0)
            .cloned()
            .collect();
        match pair {
            // The copy is made before its source goes out of service, or not at all.
            ["clone", "disable"] => assert_eq!(there.contains(&new), codes[0] == 0, "{told}"),
            _ => assert_eq!(there.len(), 1, "{there:?}\n{told}"),
        }
        let in_service = |name: &&String| pair[1] != "disable" || **name == new;
        for name in there.iter().filter(in_service).cloned() {
            let site = Site { name, title: site.title.clone(), database: String::new(), said: site.said.clone() };
            site.answers(&lab);
            site.is_as_it_should_be(&lab);
        }
    }
}
