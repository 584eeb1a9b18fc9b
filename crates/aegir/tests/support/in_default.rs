//! Sites that somebody made by hand in `sites/default`, by the installer of a real Drupal, and that are taken in under a name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aegir_domain::DbEngine;

use super::story::{Site, at_line, worker_of};
use super::web::{get, path_of};
use super::world::World;
use super::{Lab, kill, root as checkout, run};

/// What it is called on the database server.
const THEIRS: &str = "Made-In-Default";

/// Has real Drupal's own installer make a site in `sites/default` of the tree at `root`, with a picture and a page that links to
/// it, and a module of its own. What its settings say of its folder says `sites/default`. Gives its folder.
pub fn made_in_default(lab: &Lab, root: &Path, prefix: &str) -> PathBuf {
    let folder = root.join("sites/default");
    let is_seven = !root.join("core").exists();
    // What a tree is tried with may have left something there.
    for name in fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.file_name()) {
        if !name.to_string_lossy().starts_with("default.") {
            run(Command::new("rm").arg("-rf").arg(folder.join(name)));
        }
    }
    let up = lab.up();
    up.run_sql(&format!("CREATE DATABASE `{THEIRS}`"));
    for host in ["localhost", "127.0.0.1"] {
        up.run_sql(&format!("CREATE USER 'in default'@'{host}' IDENTIFIED BY 'a secret of theirs'"));
        up.run_sql(&format!("GRANT ALL PRIVILEGES ON `{THEIRS}`.* TO 'in default'@'{host}'"));
    }
    let at = match up.endpoints().db.unwrap() {
        DbEngine::Socket(path) => format!("'host' => 'localhost', 'unix_socket' => '{}',", path.display()),
        DbEngine::Tcp { host, port } => format!("'host' => '{host}', 'port' => '{port}',"),
    };
    let module = folder.join("modules/theirs_own");
    fs::create_dir_all(&module).unwrap();
    fs::create_dir_all(folder.join("files/config_theirs/sync")).unwrap();
    let (script, own) = match is_seven {
        true => {
            fs::write(module.join("theirs_own.info"), "name = Own\ncore = 7.x\n").unwrap();
            fs::write(module.join("theirs_own.module"), "<?php\n").unwrap();
            let own = "$drupal_hash_salt = 'a salt of theirs';\n$conf['file_public_path'] = 'sites/default/files';\n\
                       $conf['file_private_path'] = 'sites/default/files/private';\n";
            ("default_seven.php", own)
        }
        false => {
            let info = "name: Own\ntype: module\ncore_version_requirement: '>=8'\n";
            fs::write(module.join("theirs_own.info.yml"), info).unwrap();
            let own = "$settings['hash_salt'] = 'a salt of theirs';\n$settings['file_public_path'] = 'sites/default/files';\n\
                       $settings['file_private_path'] = 'sites/default/files/private';\n\
                       $settings['config_sync_directory'] = 'sites/default/files/config_theirs/sync';\n";
            ("default_eight.php", own)
        }
    };
    let default = fs::read_to_string(folder.join("default.settings.php")).unwrap();
    let text = format!(
        "{default}\n$databases['default']['default'] = ['driver' => 'mysql', 'database' => '{THEIRS}', 'username' => 'in default', \
         'password' => 'a secret of theirs', 'prefix' => '{prefix}', {at}];\n{own}include __DIR__ . '/settings.local.php';\n"
    );
    fs::write(folder.join("settings.php"), text).unwrap();
    fs::write(folder.join("settings.local.php"), "<?php\n$conf['theirs'] = $settings['theirs'] = 'theirs';\n").unwrap();
    lab.give(&folder);
    let installer = lab.beside().join(script);
    fs::write(&installer, fs::read(checkout().join("crates/aegir/tests/judge").join(script)).unwrap()).unwrap();
    let mut php = lab.as_owner("php");
    php.args(["-d", "display_errors=stderr", "-d", "memory_limit=512M"]).arg(&installer);
    let ended = php.current_dir(root).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("It has the page 1."), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    folder
}

/// Takes such a site in as `name`, which a line of an operator's own proposes; a kill on the way leaves it as it was.
pub fn leaves_default_well(lab: &Lab, root: &Path, name: &str, prefix: &str) {
    let folder = made_in_default(lab, root, prefix);
    let path = folder.to_str().unwrap();
    let lines = root.join("sites/local.sites.php");
    let before_us = fs::read_to_string(&lines).unwrap_or_else(|_| "<?php\n".into());
    fs::write(&lines, format!("{before_us}$sites['{name}'] = 'default';\n")).unwrap();
    lab.give(&lines);
    let shipped = || -> Vec<String> {
        let names = fs::read_dir(&folder).unwrap().flatten();
        let mut names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    };
    let code: Vec<String> = shipped().into_iter().filter(|name| name.starts_with("default.")).collect();
    let own = root.join("sites").join(name);
    let sums = || -> Vec<String> {
        let tables = lab.up().sql(&format!("SHOW TABLES FROM `{THEIRS}`"));
        tables.iter().flat_map(|table| lab.up().sql(&format!("CHECKSUM TABLE `{THEIRS}`.`{table}`"))).collect()
    };
    let before = (World::of(lab), sums());
    let words = ["import", path, "--name", name];

    let asked = lab.provision(&["import", path]);
    assert_ne!(asked.code, 0);
    asked.says("no name that visitors could type").says(&format!("import {path} --name {name}"));
    let told = lab.provision(&[&words[..], &["--dry-run"]].concat()).done();
    told.says("are copied into a new database").says(&format!("comes to lie in `{}`, but for default.", own.display()));
    let (mut follower, attempt) = at_line(lab, &words, "relocate");
    follower.kill().unwrap();
    kill(worker_of(&attempt));
    follower.wait().unwrap();
    lab.provision(&["recover"]).done();
    World::of(lab).must_be(&before.0);
    assert_eq!(sums(), before.1);

    let said = lab.provision(&words).done();

    let said = said.says("is not used any more").says("has no settings any more").says("lies in");
    assert!(!said.all().contains("secret"), "{}", said.all());
    assert_eq!(shipped(), code, "what the code ships stays, and nothing else");
    assert_eq!(sums(), before.1, "their database is only read");
    let shown = lab.provision(&["show", &format!("@{name}"), "--json"]).done();
    let context: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    let database = context["database"]["name"].as_str().unwrap().to_owned();
    let site = Site { name: name.into(), title: "Made in default".into(), database, said };
    site.answers(lab);
    site.lets_in(lab);
    let page = get(lab.up().listen(), name, "/node/1");
    assert_eq!(page.status, 200, "{}", page.body);
    let picture = format!("/sites/{name}/files/picture.png");
    assert!(page.body.contains(&format!("href=\"{picture}\"")), "{}", page.body);
    assert!(!page.body.contains("sites/default"), "{}", page.body);
    let served = get(lab.up().listen(), name, &path_of(&picture));
    assert_eq!((served.status, served.header("content-type")), (200, Some("image/png")));
    settings_lead_to_it(lab, root, &own, name);
    site.is_as_it_should_be(lab);
    lab.is_taken_out(name);
    lab.provision(&["delete", &format!("@{name}"), &format!("--confirm={name}")]).done();
    fs::write(&lines, before_us).unwrap();
}

/// What its settings say of its folder leads to where that lies now, whoever asks.
fn settings_lead_to_it(lab: &Lab, root: &Path, own: &Path, name: &str) {
    let of_local = "<?php $drupal_hash_salt = ''; $base_url = NULL; $databases = ['default' => ['default' => []]]; \
                    $conf = $settings = ['file_public_path' => 'ours']; $update_free_access = FALSE; \
                    $app_root = getcwd(); $site_path = 'sites/NAME'; \
                    include getcwd() . '/sites/NAME/local.settings.php'; \
                    print json_encode([$conf + $settings, $settings + $conf]);";
    let script = lab.beside().join("settings-of-local.php");
    fs::write(&script, of_local.replace("NAME", name)).unwrap();
    let said = lab.as_owner("php").arg(&script).current_dir(root).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).replace("\\/", "/");
    for holds in ["\"file_public_path\":\"ours\"", "\"theirs\":\"theirs\"", &format!("sites/{name}/files/private")] {
        assert!(said.contains(holds), "{holds}: {said}");
    }
    assert!(!said.contains("sites/default"), "{said}");
    assert!(own.join("imported.settings.php").is_file() && own.join("settings.local.php").is_file());
}
