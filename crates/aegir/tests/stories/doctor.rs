//! What `aegir doctor` says: of a healthy Ægir, and of every way in which one can be unwell. What it tells
//! to do is done, and it has nothing more to say.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::said::Said;
use crate::support::story::{Site, at_line, worker_of};
use crate::support::{Lab, Way, kill, way};

impl Lab {
    /// Types `aegir doctor` as the user that Ægir runs as.
    fn doctor(&self) -> Said {
        let home = self.home().display().to_string();
        let words = ["--home", &home, "doctor"];
        Said::of(self.as_user(&words).stdin(Stdio::null()), &words)
    }

    /// It has no problem to tell.
    #[track_caller]
    fn is_well(&self) -> Said {
        self.doctor().ends(0).says("0 problems")
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What a finding holds, and what to do about it: the lines behind the one with `text`.
#[track_caller]
fn remedy_of(said: &Said, text: &str) -> String {
    let behind = said.out.split(text).nth(1).unwrap_or_else(|| panic!("no finding `{text}`:\n{}", said.all()));
    let remedy = behind.split("how to fix it: ").nth(1).unwrap_or_default();
    remedy.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_healthy_home_has_no_problem_and_each_thing_that_breaks_is_told_with_what_mends_it() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal"));
    let home = lab.home();
    let said = lab.is_well().says("the web server answers").says("php-fpm answers").says("the database server answers");
    let said = said
        .says("1 platform and 1 site are known")
        .says("no task was left unfinished")
        .says("GRANT ALL PRIVILEGES ON *.* TO 'aegir'");
    assert!(!said.out.contains("problem  "), "{}", said.all());

    let credentials = home.join("credentials/a.localhost.json");
    mode(&credentials, 0o444);
    let said = lab.doctor().ends(1).says("1 problem,");
    let remedy = remedy_of(&said, "a.localhost.json` is open to everybody");
    assert_eq!(remedy, format!("run `chmod o-rwx {}`", credentials.display()));
    mode(&credentials, 0o400);

    let vhost = lab.http_folder().join("vhost.d/a.localhost.conf");
    fs::rename(&vhost, home.join("aside")).unwrap();
    let said = lab.doctor().ends(1);
    assert_eq!(
        remedy_of(&said, "the web server knows nothing of @a.localhost"),
        "run `aegir provision verify @a.localhost`"
    );
    lab.provision(&["verify", "@a.localhost"]).done();
    fs::remove_file(home.join("aside")).unwrap();
    lab.is_well();

    let root = home.join("platforms/ten-1.0");
    fs::rename(&root, home.join("aside")).unwrap();
    remedy_of(&lab.doctor().ends(1), "the code of @platform_ten is gone");
    fs::rename(home.join("aside"), &root).unwrap();
    let folder = root.join("web/sites/a.localhost");
    fs::rename(&folder, home.join("aside")).unwrap();
    remedy_of(&lab.doctor().ends(1), "the folder of @a.localhost is gone");
    fs::rename(home.join("aside"), &folder).unwrap();

    let context = home.join("contexts/a.localhost.json");
    let text = fs::read(&context).unwrap();
    fs::write(&context, b"{ not json").unwrap();
    let said = lab.doctor().ends(1);
    assert!(remedy_of(&said, "what is saved as `@a.localhost`").contains("put `"), "{}", said.all());
    fs::write(&context, text).unwrap();
    lab.is_well();

    let database = lab.up().sql("SHOW DATABASES LIKE 'a\\_localhost%'").remove(0);
    lab.up().run_sql(&format!("ALTER DATABASE `{database}` COMMENT 'somebody'"));
    remedy_of(&lab.doctor().ends(1), "does not bear the mark of @a.localhost");
    lab.up().run_sql(&format!("DROP DATABASE `{database}`"));
    remedy_of(&lab.doctor().ends(1), &format!("the database `{database}` of @a.localhost is gone"));
}

#[test]
fn what_belongs_to_nobody_is_told_and_never_touched() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let home = lab.home();
    let vhost = lab.http_folder().join("vhost.d/ghost.localhost.conf");
    let folder = home.join("platforms/ten-1.0/web/sites/ghost.localhost");
    let credentials = home.join("credentials/ghost.localhost.json");
    fs::write(&vhost, "").unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("settings.php"), "<?php\n").unwrap();
    fs::write(&credentials, "{}").unwrap();
    mode(&credentials, 0o400);
    fs::create_dir(home.join("databases/ghost_abc")).unwrap();
    lab.up().run_sql("CREATE DATABASE ghost COMMENT 'aegir ghost.localhost x'");
    let trash = home.join("platforms/ten-1.0/web/sites/.aegir-trash");
    fs::create_dir_all(trash.join("old")).unwrap();
    for path in [&vhost, &folder, &credentials] {
        lab.give(path);
    }

    let said =
        lab.is_well().says("ghost.localhost`, which is no known site").says("holds a site that is not known here");
    let said = said.says("the database `ghost` on @server_localhost bears the mark of Ægir");
    let said = said.says("holds a database that no known site has").says("holds 1 things");
    assert!(remedy_of(&said, &vhost.display().to_string()).contains("by hand"), "{}", said.all());
    assert!(vhost.exists() && folder.exists() && credentials.exists());
    assert_eq!(lab.up().sql("SHOW DATABASES LIKE 'ghost'"), ["ghost"]);
}

#[test]
fn a_task_whose_worker_was_killed_is_told_with_the_command_that_ends_it() {
    let lab = Lab::start(way());
    lab.platform("ten", "ten-1.0");
    let endless = ["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "endless"];
    let (mut follower, folder) = at_line(&lab, &endless, "run-installer");
    lab.is_well().says("is running");
    follower.kill().unwrap();
    kill(worker_of(&folder));
    follower.wait().unwrap();

    let mut said = lab.doctor();
    // Its programs may take a moment to die.
    while said.out.contains("is running") {
        said = lab.doctor();
    }
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();
    let text = format!("attempt {id} (install-site @a.localhost) was interrupted");
    assert_eq!(remedy_of(&said.ends(1), &text), "run `aegir provision recover`");
    lab.provision(&["recover"]).done();
    lab.is_well();

    // A journal in whose middle a disk wrote something else.
    let (mut follower, folder) = at_line(&lab, &endless, "run-installer");
    follower.kill().unwrap();
    kill(worker_of(&folder));
    follower.wait().unwrap();
    let journal = folder.join("journal");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[20] ^= 1;
    fs::write(&journal, bytes).unwrap();
    assert!(remedy_of(&lab.doctor().ends(1), "cannot be recovered").contains(&journal.display().to_string()));
}

#[test]
fn who_has_the_home_and_who_has_its_port_are_named() {
    let mut lab = Lab::start(way());
    let listen = lab.up().listen();
    lab.is_well().says("`aegir up` runs as process ");
    drop(lab.up.take());
    lab.doctor().says("`aegir up` does not run here; start it with `aegir up --home");

    let _squatter = TcpListener::bind(listen).unwrap();
    let said = lab.doctor().ends(1);
    assert!(remedy_of(&said, &format!("port {}", listen.port())).contains("--port"), "{}", said.all());
}

#[test]
fn a_home_that_is_none_yet_empty_closed_or_from_the_future_is_told_as_what_it_is() {
    let lab = Lab::bare(way());
    lab.is_well().says("is empty");
    let words = ["--home", "/nonexistent/home", "doctor"];
    Said::of(&mut lab.as_user(&words), &words).ends(0).says("there is no home at `/nonexistent/home` yet");
    let words = ["--home", "/tmp/a\"b", "doctor"];
    Said::of(&mut lab.as_user(&words), &words).ends(1).says("cannot be used: it contains '\"'");

    let home = lab.home();
    fs::create_dir_all(home.join("contexts")).unwrap();
    mode(&home.join("contexts"), 0o700);
    mode(&home, 0o755);
    fs::write(home.join("contexts/later"), "").unwrap();
    lab.give(&home);
    mode(&home.join("contexts/later"), 0o600);
    let touched = Command::new("touch").args(["-d", "2 hours"]).arg(home.join("contexts/later")).status().unwrap();
    assert!(touched.success());
    let said = lab.doctor().ends(1).says("the clock is wrong");
    assert!(remedy_of(&said, "is open to everybody (mode 0755)").contains("chmod o-rwx"), "{}", said.all());

    if rustix::process::geteuid().is_root() {
        mode(&home, 0o700);
        let words = ["--home", &home.display().to_string(), "doctor"];
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65533", "--regid=65533", "--clear-groups"]).arg(lab.beside().join("aegir")).args(words);
        Said::of(&mut command, &words).ends(1).says("we may not look into it");
    }
}

#[test]
fn a_person_is_told_what_is_not_separated_and_root_that_it_is() {
    let lab = Lab::started(Way::Person, &["--db=sqlite"]);
    let said = lab.is_well().says("sites are not kept apart from Ægir").says("`credentials/`").says("`hostmaster/`");
    assert!(remedy_of(&said, "sites are not kept apart").contains("sudo aegir up"), "{}", said.all());

    if way() == Way::TwoUsers {
        let lab = Lab::started(Way::TwoUsers, &["--db=sqlite"]);
        lab.is_well().says("PHP of sites runs as `aegir-web` and everything else as `aegir`");
        // A home where the users of the stack may not go.
        let closed = lab.beside().join("closed");
        fs::create_dir(&closed).unwrap();
        mode(&closed, 0o700);
        let words = ["--home", &closed.join("home").display().to_string(), "doctor"];
        let said = Said::of(Command::new(env!("CARGO_BIN_EXE_aegir")).args(words), &words).ends(1);
        let remedy = remedy_of(&said, "the user `aegir` may not pass through");
        assert!(remedy.contains(&format!("chmod o+x {}", closed.display())), "{remedy}");

        let words = ["--home", &lab.home().display().to_string(), "doctor", "--json"];
        let said = Said::of(Command::new(env!("CARGO_BIN_EXE_aegir")).args(words), &words).done();
        for line in said.out.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["health"] != "problem", "{line}");
        }
        assert!(said.out.contains("\"problems\":0"), "{}", said.all());
    }
}
