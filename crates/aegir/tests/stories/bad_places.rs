//! Bad input that only a running Ægir can tell: refused with a way out, and nothing left behind.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::said::Said;
use crate::support::web;
use crate::support::world::World;
use crate::support::{Lab, http, way};

/// Types a line that must be refused, and compares the world.
#[track_caller]
fn refused(lab: &Lab, words: &[&str]) -> Said {
    let before = World::of(lab);
    let said = lab.provision(words).ends(4).says("Nothing was touched");
    World::of(lab).must_be(&before);
    said
}

fn save(lab: &Lab, name: &str, root: &Path) -> Said {
    refused(lab, &["save", name, "--root", &root.display().to_string(), "--server", "localhost"])
}

#[test]
fn a_platform_lies_where_platforms_may_lie_and_is_drupal() {
    let lab = Lab::start(way());
    let platforms = lab.home().join("platforms");

    save(&lab, "@platform_a", &platforms.join("nothing")).says("there is nothing at").remedy("correct the path");

    let file = platforms.join("file");
    fs::write(&file, "no folder").unwrap();
    save(&lab, "@platform_a", &file).says("is no folder").remedy("index.php");

    let empty = platforms.join("empty");
    fs::create_dir(&empty).unwrap();
    lab.give(&empty);
    save(&lab, "@platform_a", &empty).remedy("");

    lab.platform("ten", "ten-1.0");
    let root = platforms.join("ten-1.0/web");
    save(&lab, "@platform_again", &root).says("is the platform `ten` already").remedy("@platform_ten");
    let link = platforms.join("link");
    symlink(&root, &link).unwrap();
    save(&lab, "@platform_again", &link).says("reached through a symbolic link").remedy(&root.display().to_string());

    let outside = lab.beside().join("outside");
    lab.assemble_at("ten-1.0", &outside);
    let way_out = platforms.join("way-out");
    symlink(outside.join("web"), &way_out).unwrap();
    save(&lab, "@platform_a", &way_out).says("outside the folders").remedy("platform_bases");
    save(&lab, "@platform_a", &outside.join("web")).says("outside the folders").remedy("platform_bases");

    let hidden = lab.assemble("seven-1.0");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o000)).unwrap();
    save(&lab, "@platform_a", &hidden).remedy("");
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_folder_that_the_settings_name_may_hold_platforms() {
    let lab = Lab::start(way());
    let outside = lab.beside().join("code/ten");
    lab.assemble_at("ten-1.0", &outside);
    lab.give(outside.parent().unwrap());
    let settings = format!("platform_bases = [\"{}\"]\n", outside.parent().unwrap().display());
    fs::write(lab.home().join("hostmaster/aegir.toml"), settings).unwrap();
    lab.give(&lab.home().join("hostmaster"));

    lab.save_platform("ten", &outside);
    lab.install("a.localhost", "ten").done();

    fs::write(lab.home().join("hostmaster/aegir.toml"), "platform_base = []\n").unwrap();
    lab.provision(&["show"]).ends(1).says("platform_base").remedy("aegir.toml");
}

#[test]
fn code_that_is_broken_or_needs_a_newer_php_is_named() {
    let lab = Lab::start(way());
    let project = lab.assemble("ten-1.0");
    lab.provision(&["save", "@platform_ten", "--root", &project.display().to_string(), "--server", "localhost"]).done();
    let profile = project.join("web/profiles/odd");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("odd.info.yml"), "name: [never closed\n").unwrap();
    lab.give(&profile);
    refused(&lab, &["verify", "@platform_ten"]).says("odd.info.yml").remedy("");
    let module = project.join("web/modules/odd");
    fs::rename(&profile, &module).unwrap();
    lab.provision(&["verify", "@platform_ten"]).done().says("warning: `modules/odd/odd.info.yml`");
    // With a `type`, Drupal takes it for a module, and stumbles over it in every site.
    fs::write(module.join("odd.info.yml"), "type: module\nname: [never closed\n").unwrap();
    refused(&lab, &["verify", "@platform_ten"]).says("modules/odd/odd.info.yml").remedy("");
    fs::remove_dir_all(&module).unwrap();

    let drupal = project.join("web/core/lib/Drupal.php");
    let text = fs::read_to_string(&drupal).unwrap();
    let at = text.find("MINIMUM_PHP = '").unwrap() + "MINIMUM_PHP = '".len();
    fs::write(&drupal, format!("{}99.1.0{}", &text[..at], &text[at + text[at..].find('\'').unwrap()..])).unwrap();
    refused(&lab, &["verify", "@platform_ten"]).says("the platform needs 99.1.0").remedy("--php");
    fs::write(&drupal, text).unwrap();

    lab.provision(&["verify", "@platform_ten"]).done();
    refused(&lab, &["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "nope"])
        .says("has no profile `nope`")
        .remedy("standard");
}

#[test]
fn a_name_belongs_to_one_site() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    lab.install("a.localhost", "ten").done();
    lab.provision(&["save", "@a.localhost", "--alias", "www.a.localhost"]).done();
    let install = |name: &str, more: &[&str]| {
        let mut words = vec!["install", name, "--platform", "ten", "--db-server", "localhost"];
        words.extend(more);
        refused(&lab, &words)
    };

    install("@a.localhost", &[]).says("taken").remedy("");
    install("@www.a.localhost", &[]).says("taken by the site `a.localhost`").remedy("");
    install("@b.localhost", &["--alias", "a.localhost"]).says("taken by the site `a.localhost`");
    install("@b.localhost", &["--alias", "c.localhost", "--alias", "c.localhost"]).says("given twice");
    install("@b.localhost", &["--redirect-to", "c.localhost"]).says("it is none of them").remedy("");

    let there = lab.home().join("platforms/ten-1.0/web/sites/Shop.localhost");
    fs::create_dir(&there).unwrap();
    lab.give(&there);
    install("@shop.localhost", &[]).says("Shop.localhost` is in the way").remedy("");
    refused(&lab, &["forget", "@platform_ten"]).says("is used by @a.localhost");
    refused(&lab, &["forget", "@server_localhost"]).says("is used by");
    refused(&lab, &["forget", "@a.localhost"]).remedy("delete @a.localhost");
}

#[test]
fn a_snippet_of_an_operator_that_breaks_the_web_server_is_named() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    lab.install("a.localhost", "ten").done();
    let snippet = lab.http_folder().join("post.d/mine.conf");
    fs::write(&snippet, "no_such_word on;\n").unwrap();
    lab.give(&snippet);
    let before = World::of(&lab);

    let said = lab.install("b.localhost", "ten");

    assert!(matches!(said.code, 4 | 7), "{}", said.all());
    said.says("mine.conf").remedy("mine.conf");
    World::of(&lab).must_be(&before);
    fs::remove_file(&snippet).unwrap();
    lab.install("b.localhost", "ten").done();
}

/// Apache tests a changed site without those that it found good before; what became bad since is found all the same.
#[test]
fn what_became_bad_since_the_last_change_is_named() {
    if http() != "apache" {
        // nginx reads all sites at each change.
        return;
    }
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    lab.install("a.localhost", "ten").done();
    let (own, outside) = (lab.http_folder().join("post.d/mine.conf"), lab.beside().join("outside.conf"));
    fs::write(&outside, "# nothing yet\n").unwrap();
    fs::write(&own, format!("Include \"{}\"\n", outside.display())).unwrap();
    lab.give(&own);
    lab.give(&outside);
    lab.install("b.localhost", "ten").done();
    let vhost = lab.http_folder().join("vhost.d/a.localhost.conf");
    let good = fs::read_to_string(&vhost).unwrap();
    for (file, is_now, was) in [
        (&vhost, good.replace("RewriteEngine", "NoSuchWord"), &good[..]),
        (&outside, "NoSuchWord on\n".into(), "# nothing yet\n"),
    ] {
        fs::write(file, is_now).unwrap();
        let before = World::of(&lab);

        let said = lab.install("c.localhost", "ten");

        assert!(matches!(said.code, 4 | 7), "{}", said.all());
        said.says(&file.display().to_string()).says("NoSuchWord");
        World::of(&lab).must_be(&before);
        fs::write(file, was).unwrap();
        lab.install("c.localhost", "ten").done();
        lab.delete("c.localhost");
    }
    assert_eq!(web::get(lab.up().listen(), "a.localhost", "/").status, 200);
}

#[test]
fn a_name_that_stands_in_a_left_over_file_too_is_told_and_nothing_is_changed() {
    if http() != "nginx" {
        // Apache takes the first of two sites with one name, and says nothing of it.
        return;
    }
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let left_over = lab.http_folder().join("vhost.d/old.test.conf");
    fs::write(&left_over, "old.test \"out of service\";\nb.localhost \"old.test\";\n").unwrap();
    lab.give(&left_over);
    let before = World::of(&lab);

    let said = lab.install("b.localhost", "ten").ends(7);

    said.says("the name `b.localhost` stands in").says("old.test.conf").remedy("grep -lF 'b.localhost'");
    World::of(&lab).must_be(&before);
    fs::remove_file(&left_over).unwrap();
    lab.install("b.localhost", "ten").done();
}
