//! A home of classic Aegir, as its programs lay it out, and what is said of everything in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::said::Said;
use crate::support::{program, root};

/// The password of its database server's account, which nothing may print.
const PASSWORD: &str = "Tr0ub4dor";

/// A classic home of three servers, two platforms that are there and two that are not, and their sites.
struct Classic {
    dir: tempfile::TempDir,
}

impl Classic {
    fn new() -> Classic {
        let classic = Classic { dir: tempfile::Builder::new().prefix("ae").tempdir_in("/tmp").unwrap() };
        classic.servers();
        classic.platforms();
        classic.sites();
        classic
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("classic")
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A context, as classic Aegir writes it.
    fn context(&self, name: &str, says: &[(&str, &str)]) {
        let says: String = says.iter().map(|(key, value)| format!("  '{key}' => {value},\n")).collect();
        self.put(
            &format!(".drush/{name}.alias.drushrc.php"),
            &format!("<?php \n$aliases['{name}'] = array (\n{says});\n"),
        );
    }

    fn servers(&self) {
        let url = format!("'mysql://aegir_root:{PASSWORD}@localhost'");
        self.context(
            "server_master",
            &[
                ("context_type", "'server'"),
                ("remote_host", "'panel.example.org'"),
                ("http_service_type", "'https_nginx'"),
                ("http_port", "'80'"),
                ("web_group", "'www-data'"),
            ],
        );
        self.context(
            "server_localhost",
            &[
                ("context_type", "'server'"),
                ("remote_host", "'localhost'"),
                ("db_service_type", "'mysql'"),
                ("master_db", &url),
            ],
        );
        self.context(
            "server_web2exampleorg",
            &[("context_type", "'server'"), ("remote_host", "'web2.example.org'"), ("http_service_type", "'apache'")],
        );
        self.context("server_pack", &[("context_type", "'server'"), ("http_service_type", "'pack'")]);
    }

    fn platform(&self, name: &str, root: &Path, server: &str) {
        let root = format!("'{}'", root.display());
        let server = format!("'@{server}'");
        self.context(
            name,
            &[("context_type", "'platform'"), ("root", &root), ("web_server", &server), ("makefile", "''")],
        );
    }

    fn platforms(&self) {
        let seven = self.home().join("platforms/seven");
        let assembled =
            Command::new(root().join("fixtures/platforms/assemble")).arg("seven-1.0").arg(&seven).status().unwrap();
        assert!(assembled.success());
        self.platform("platform_Seven", &seven, "server_master");
        self.platform("platform_gone", &self.home().join("platforms/gone"), "server_master");
        self.platform("platform_far", &seven, "server_web2exampleorg");
        self.put("platforms/empty/index.php", "<?php\n");
        self.platform("platform_empty", &self.home().join("platforms/empty"), "server_master");
    }

    fn site(&self, uri: &str, platform: &str, more: &[(&str, &str)]) {
        let (quoted, platform) = (format!("'{uri}'"), format!("'@{platform}'"));
        let mut says = vec![
            ("context_type", "'site'"),
            ("uri", quoted.as_str()),
            ("platform", platform.as_str()),
            ("db_server", "'@server_localhost'"),
            ("language", "'en'"),
        ];
        says.extend(more);
        self.context(uri, &says);
    }

    fn sites(&self) {
        let folder = "platforms/seven/sites/www.example.org";
        self.put(
            &format!("{folder}/drushrc.php"),
            "<?php \n# comment;\n$options['db_type'] = 'mysql';\n$options['db_name'] = 'wwwexampleorg';\n$options['db_passwd'] = 'Other-Secret';\n$_SERVER['db_name'] = $options['db_name'];\n",
        );
        self.put(&format!("{folder}/local.settings.php"), "<?php\n");
        self.put("config/server_master/nginx/vhost.d/www.example.org", "server { }\n");
        for time in ["20250101.000000", "20260202.020202"] {
            self.put(&format!("backups/www.example.org-{time}.tar.gz"), "");
        }
        self.site(
            "www.example.org",
            "platform_Seven",
            &[
                ("client_name", "'Some-Client'"),
                ("profile", "'standard'"),
                (
                    "aliases",
                    "array (\n    0 => 'example.org',\n    1 => 'bad_name.org',\n    2 => 'example.org/shop',\n  )",
                ),
                ("redirection", "'example.org'"),
                ("site_enabled", "true"),
                ("cron_key", "'abc'"),
            ],
        );
        self.site("twin.example.org", "platform_Seven", &[("aliases", "array('example.org')")]);
        fs::create_dir_all(self.home().join("platforms/seven/sites/twin.example.org")).unwrap();
        self.site("lost.example.org", "platform_Seven", &[]);
        self.site("homeless.example.org", "platform_gone", &[]);
        self.site(
            "hostmaster.example.org",
            "platform_empty",
            &[("profile", "'hostmaster'"), ("aliases", "array('panel.example.org')")],
        );
        fs::create_dir_all(self.home().join("clients/another")).unwrap();
        self.put(".drush/hm.alias.drushrc.php", "<?php\n$aliases['hm'] = array('parent' => '@hostmaster');\n");
    }

    fn adopt(&self, more: &[&str]) -> Said {
        let (home, own) = (self.home().display().to_string(), self.dir.path().join("none").display().to_string());
        let mut words = vec!["--home", own.as_str(), "adopt", "--dry-run", home.as_str()];
        words.extend(more);
        Said::of(Command::new(program()).args(&words), &words)
    }

    /// What is said of each thing, by its kind and name.
    fn things(&self) -> BTreeMap<(String, String), Value> {
        let said = self.adopt(&["--json"]).ends(1);
        let lines: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (last, things) = lines.split_last().unwrap();
        assert_eq!(last["come"].as_u64().unwrap() + last["cannot"].as_u64().unwrap(), things.len() as u64);
        let key = |thing: &Value, word: &str| thing[word].as_str().unwrap().to_owned();
        things.iter().map(|thing| ((key(thing, "kind"), key(thing, "name")), thing.clone())).collect()
    }
}

/// Every file below `path`, with its content and its times.
fn all_of(path: &Path) -> BTreeMap<PathBuf, (i64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let stat = fs::symlink_metadata(&path).unwrap();
        if stat.is_dir() {
            found.extend(all_of(&path));
        }
        let text = if stat.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path, (stat.mtime(), stat.mtime_nsec(), text));
    }
    found
}

fn text(thing: &Value) -> String {
    thing.to_string()
}

#[test]
fn of_everything_in_a_classic_home_it_is_said_what_it_becomes_and_nothing_changes() {
    let classic = Classic::new();
    let before = all_of(&classic.home());

    let said = classic.adopt(&[]).ends(1);

    for line in [
        "server_master becomes @server_master: nginx on port 80",
        "it answers over HTTPS too",
        "server_localhost becomes @server_localhost: MariaDB or MySQL at `localhost`, by the account `aegir_root`",
        "server_web2exampleorg cannot come, because its web server is on another machine, `web2.example.org`",
        "server_pack cannot come, because it is a `pack` of web servers",
        "platform_Seven becomes @platform_seven: a copy of",
        "platform_gone cannot come, because",
        "platform_empty cannot come, because",
        "platform_far cannot come, because its server `server_web2exampleorg` cannot come",
        "Some-Client becomes the client `some_client`, of 1 site",
        "another becomes the client `another`, of 0 sites",
        "www.example.org becomes @www.example.org on @platform_seven, of the client `some_client`",
        "its database there is `wwwexampleorg`",
        "its vhost there is",
        "its alias example.org becomes another name of @twin.example.org",
        "its alias bad_name.org cannot come",
        "its alias example.org/shop cannot come, because it is a folder of another name",
        "--redirect-to example.org",
        "restore www.example.org-20260202.020202.tar.gz --platform @platform_seven --db-server localhost",
        "lost.example.org cannot come, because there is no folder",
        "homeless.example.org cannot come, because its platform `platform_gone` cannot come",
        "hostmaster.example.org is not needed: it is the classic front end",
    ] {
        assert!(said.out.contains(line), "it does not say `{line}`:\n{}", said.all());
    }
    for secret in [PASSWORD, "Other-Secret"] {
        assert!(!said.all().contains(secret), "{}", said.all());
    }
    // Its twin comes first, by its name, and has the alias.
    assert_eq!(
        said.out.matches("cannot come, because another site of that home answers to it too").count(),
        1,
        "{}",
        said.all()
    );
    assert!(!said.out.contains("panel.example.org becomes"), "{}", said.all());
    assert_eq!(all_of(&classic.home()), before);
}

#[test]
fn it_is_said_as_json_too() {
    let classic = Classic::new();

    let things = classic.things();

    let of = |kind: &str, name: &str| &things[&(kind.to_owned(), name.to_owned())];
    assert!(of("server", "server_localhost")["becomes"].as_str().unwrap().starts_with("@server_localhost"));
    assert_eq!(
        of("server", "server_localhost")["commands"][0],
        "aegir provision save @server_localhost --db mariadb --db-host localhost --db-account aegir_root --db-password-file -"
    );
    assert!(of("platform", "platform_gone")["cannot"]["because"].is_string());
    assert!(of("site", "hostmaster.example.org")["not-needed"].is_string());
    assert!(!things.values().any(|thing| text(thing).contains(PASSWORD)));
}

#[test]
fn what_is_no_classic_home_is_refused_with_what_to_name() {
    let dir = tempfile::Builder::new().prefix("ae").tempdir_in("/tmp").unwrap();
    let own = dir.path().join("none").display().to_string();
    for (home, says) in [
        ("/nonexistent", "there is no folder"),
        ("/etc/passwd", "there is no folder"),
        ("/tmp", "no home of classic Aegir"),
    ] {
        let words = ["--home", own.as_str(), "adopt", "--dry-run", home];
        Said::of(Command::new(program()).args(words), &words).ends(1).says(says).remedy("name the home of its user");
    }
    let words = ["--home", own.as_str(), "adopt", "/tmp"];
    Said::of(Command::new(program()).args(words), &words).ends(2).says("--dry-run");
}

#[test]
fn files_that_mean_harm_are_neither_run_nor_followed_nor_believed() {
    let classic = Classic::new();
    let home = classic.home();
    let ran = home.join("ran");
    classic.put(
        ".drush/server_evil.alias.drushrc.php",
        &format!("<?php touch('{}'); $aliases['server_evil'] = get();", ran.display()),
    );
    classic.put(".drush/deep.alias.drushrc.php", &format!("<?php $aliases['deep'] = {};", "array(".repeat(100_000)));
    classic.context(
        "up",
        &[
            ("context_type", "'site'"),
            ("uri", "'../../../etc'"),
            ("platform", "'@platform_Seven'"),
            ("db_server", "'@server_localhost'"),
        ],
    );
    classic.context(
        "esc",
        &[
            ("context_type", "'site'"),
            ("uri", "'\u{1b}[31mred'"),
            ("platform", "'@platform_Seven'"),
            ("db_server", "'@server_localhost'"),
        ],
    );
    classic.context(
        "server_quote",
        &[("context_type", "'server'"), ("db_service_type", "'mysql'"), ("master_db", "'mysql://$(id):x@h;rm'")],
    );
    classic.context(
        "platform_quote",
        &[("context_type", "'platform'"), ("root", "'/tmp/$(id)'"), ("web_server", "'@server_master'")],
    );
    classic.context("thing", &[("context_type", "'spaceship'")]);
    std::os::unix::fs::symlink("/etc/shadow", home.join(".drush/shadow.alias.drushrc.php")).unwrap();

    let said = classic.adopt(&[]).ends(1);

    let said = said.says("server_evil.alias.drushrc.php` says nothing of `server_evil`");
    let said = said.says("shadow.alias.drushrc.php` was not read: it is no file").says("it is a `spaceship`");
    assert!(!ran.exists());
    assert!(
        !said.out.contains("$(id)")
            || !said.out.contains("$ aegir provision save @server_quote --db mariadb --db-host")
    );
    assert!(!said.all().contains('\u{1b}'), "{}", said.all());
    let things = classic.things();
    for (_, thing) in things {
        for command in thing["commands"].as_array().into_iter().flatten() {
            assert!(!command.as_str().unwrap().contains(['$', '(', ';', '`', '\n']), "{command}");
        }
    }
}
