//! What `aegir destroy` leaves: nothing of the home, its processes, its places elsewhere; and all of the rest.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::said::Said;
use crate::support::stack::Up;
use crate::support::story::{Site, at_line};
use crate::support::{Lab, Way, kill, run, until, way};

impl Lab {
    /// A lab whose home's owner may remove the home itself, if it is a person.
    fn to_destroy(way: Way) -> Lab {
        let lab = Lab::start(way);
        lab.own_beside();
        lab
    }

    fn own_beside(&self) {
        if self.way == Way::Person && rustix::process::geteuid().is_root() {
            run(Command::new("chown").arg("65534:65534").arg(self.beside()));
        }
    }

    /// A command line as whoever starts services: root, or the person.
    fn as_starter(&self, words: &[&str]) -> Command {
        match self.way {
            Way::Person => self.as_user(words),
            Way::TwoUsers => {
                let mut command = Command::new(self.beside().join("aegir"));
                command.args(words).current_dir("/").env("AEGIR_SETUP_NOTES", self.notes());
                command
            }
        }
    }

    fn destroy(&self) -> Said {
        self.destroy_at(&self.home())
    }

    fn destroy_at(&self, home: &Path) -> Said {
        let name = home.file_name().unwrap().to_string_lossy().into_owned();
        let home = home.display().to_string();
        let words = ["--home", &home, "destroy", "--confirm", &name];
        Said::of(self.as_starter(&words).stdin(Stdio::null()), &words)
    }

    /// What there is besides the home: names beside it, and everything of ours in shared folders.
    fn surroundings(&self) -> BTreeSet<PathBuf> {
        let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        list(self.beside()).filter(|path| *path != self.home()).collect()
    }
}

/// The packages of the machine, and what its init system starts.
fn machine() -> (Vec<u8>, BTreeSet<PathBuf>) {
    let list = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let units = list("/etc/systemd/system".into()).flat_map(|path| list(path.clone()).chain([path]));
    let levels = list("/etc".into()).filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("rc"));
    let all = units.chain(levels.flat_map(list)).chain(list("/etc/init.d".into())).collect();
    (fs::read("/var/lib/dpkg/status").unwrap_or_default(), all)
}

/// Folders of sockets outside of homes.
fn short_places() -> BTreeSet<PathBuf> {
    let list = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    let all: Vec<PathBuf> = ["/run", "/tmp"].into_iter().flat_map(|folder| -> Vec<PathBuf> { list(folder) }).collect();
    all.into_iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("aegir-")).collect()
}

#[test]
fn nothing_is_left_of_a_home_that_runs_and_has_sites() {
    nothing_is_left(way());
}

#[test]
fn nothing_is_left_of_a_persons_home_either() {
    nothing_is_left(Way::Person);
}

fn nothing_is_left(way: Way) {
    let mut lab = Lab::to_destroy(way);
    let before = (lab.surroundings(), machine());
    lab.platform("ten", "ten-1.0");
    Site::install(&lab, "a.localhost", "ten", "localhost", Some("minimal")).answers(&lab);
    assert!(!lab.processes().is_empty());

    lab.destroy().done().says("ending `aegir up`").says("Removed the home");

    assert!(!lab.home().exists());
    assert_eq!(lab.processes(), Vec::<String>::new());
    assert_eq!((lab.surroundings(), machine()), before);
    lab.up.as_mut().unwrap().stop();
    // Again, it has nothing to do.
    lab.destroy().done().says("There is no home at");
    // And the place can be used anew.
    fs::create_dir(lab.home()).unwrap();
    lab.give(&lab.home());
    lab.start_stack(&["--db=sqlite"]);
    lab.destroy().done();
}

#[test]
fn what_a_killed_stack_and_a_killed_first_start_left_goes_too() {
    let mut lab = Lab::to_destroy(way());
    let up = lab.processes_of_up();
    kill(up);
    drop(lab.up.take());
    lab.destroy().done().says("Removed the home");
    assert_eq!(lab.processes(), Vec::<String>::new());

    // Killed while it made its folders, and at any later moment.
    for delay in [0, 3, 10, 40, 150, 600] {
        fs::create_dir(lab.home()).unwrap();
        lab.give(&lab.home());
        let home = lab.home().display().to_string();
        let mut command = lab.as_starter(&["--home", &home, "up", "--only-services"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        kill(child.id());
        child.wait().unwrap();
        lab.destroy().done();
        assert!(!lab.home().exists(), "{delay}");
        assert_eq!(lab.processes(), Vec::<String>::new(), "{delay}");
    }
}

impl Lab {
    /// The process of `aegir up`.
    fn processes_of_up(&self) -> u32 {
        fs::read_to_string(self.home().join("run/up.lock")).unwrap().trim().parse().unwrap()
    }
}

#[test]
fn a_task_that_runs_is_named_and_ended() {
    let lab = Lab::to_destroy(way());
    lab.platform("ten", "ten-1.0");
    let endless = ["install", "@a.localhost", "--platform", "ten", "--db-server", "localhost", "--profile", "endless"];
    let (mut follower, folder) = at_line(&lab, &endless, "run-installer");
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();

    lab.destroy().done().says(&format!("Attempt {id} (install-site @a.localhost) is running")).says("Removed the home");

    until("the follower ends", || follower.try_wait().unwrap().is_some());
    assert!(!lab.home().exists());
    assert_eq!(lab.processes(), Vec::<String>::new());
}

#[test]
fn sockets_of_a_deep_home_go_with_it() {
    let lab = Lab::bare(way());
    lab.own_beside();
    let before = short_places();
    let deep = lab.beside().join("a-long-name-of-a-folder-that-others-have-too/".repeat(3)).join("var");
    fs::create_dir_all(&deep).unwrap();
    lab.give(&lab.beside().join("a-long-name-of-a-folder-that-others-have-too"));
    let home = deep.display().to_string();
    let port = crate::support::free_port().to_string();
    let words = ["--home", &home, "up", "--only-services", "--db=sqlite", "--port", &port];
    let _up = Up::start(lab.as_starter(&words), deep.clone());
    let run = fs::read_link(deep.join("run")).unwrap();
    assert!(run.is_dir() && !before.contains(&run));

    lab.destroy_at(&deep).done().says(&format!("Removed the folder of sockets `{}`", run.display()));

    assert!(!run.exists() && !deep.exists() && deep.parent().unwrap().exists());
}

#[test]
fn a_destroy_that_was_killed_is_finished_by_the_next() {
    let lab = Lab::bare(way());
    lab.own_beside();
    for delay in [1, 2, 4, 8, 16, 32, 64] {
        let home = lab.home();
        for number in 0..40 {
            fs::create_dir_all(home.join(format!("platforms/{number}/a/b/c"))).unwrap();
            (0..20).for_each(|file| fs::write(home.join(format!("platforms/{number}/a/b/c/{file}")), "x").unwrap());
        }
        fs::create_dir_all(home.join("tasks/open")).unwrap();
        lab.give(&home);
        let words = ["--home", &home.display().to_string(), "destroy", "--confirm=h"];
        let mut child = lab.as_starter(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        kill(child.id());
        child.wait().unwrap();

        lab.destroy().done();

        assert!(!home.exists(), "{delay}");
    }
}

#[test]
fn what_is_no_home_or_not_ours_or_not_meant_is_refused_and_untouched() {
    let lab = Lab::start(way());
    lab.own_beside();
    let home = lab.home().display().to_string();
    let line = |words: &[&str]| Said::of(lab.as_starter(words).stdin(Stdio::null()), words);

    line(&["--home", &home, "destroy"]).ends(2).says("was not confirmed").remedy("--confirm=h`");
    line(&["--home", &home, "destroy", "--confirm=other"]).ends(2).remedy("--confirm=h`");
    line(&["--home", "/", "destroy", "--confirm=/"]).ends(1);
    line(&["--home", "/tmp", "destroy", "--confirm=tmp"]).ends(1);

    let project = lab.beside().join("project");
    fs::create_dir_all(project.join("cache")).unwrap();
    fs::write(project.join("cache/page"), "x").unwrap();
    lab.give(&project);
    lab.destroy_at(&project).ends(1).says("does not look like a home of Ægir: it holds `cache`");
    assert!(project.join("cache/page").exists());

    let link = lab.beside().join("link");
    symlink(lab.home(), &link).unwrap();
    lab.destroy_at(&link).ends(1).says("is a link to").remedy(&format!("--home {home}"));
    let file = lab.beside().join("file");
    fs::write(&file, "").unwrap();
    lab.destroy_at(&file).ends(1).says("is no folder");

    if rustix::process::geteuid().is_root() {
        let words = ["--home", &home, "destroy", "--confirm=h"];
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65533", "--regid=65533", "--clear-groups"]).arg(lab.beside().join("aegir")).args(words);
        Said::of(&mut command, &words).ends(1).says("belongs to the user").remedy("sudo -u ");
        if lab.way == Way::TwoUsers {
            // Root's services are root's to end.
            Said::of(&mut lab.as_user(&words), &words).ends(1).says("were started by another user").remedy("sudo ");
        }
    }
    // Nothing of all that touched the home.
    lab.provision(&["verify", "@server_localhost"]).done().changed_nothing();
}

#[test]
fn what_is_mounted_in_a_home_is_no_part_of_it() {
    let lab = Lab::bare(way());
    fs::create_dir_all(lab.home().join("tasks/open")).unwrap();
    fs::create_dir_all(lab.home().join("backups")).unwrap();
    let backups = lab.home().join("backups");
    let mount = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&backups).stderr(Stdio::null()).status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("skipped: nothing can be mounted here");
        return;
    }
    fs::write(backups.join("precious"), "x").unwrap();

    let said = lab.destroy();

    let kept = backups.join("precious").exists();
    run(Command::new("umount").arg(&backups));
    assert!(kept);
    said.ends(1).says("something is mounted in the home").remedy(&format!("umount {}", backups.display()));
    lab.destroy().done();
    assert!(!lab.home().exists());
}

/// Another lab whose database server is one that was there already, and a first one with sites on it.
fn with_a_server_elsewhere() -> (Lab, Lab, PathBuf) {
    let server = Lab::started(way(), &[]);
    let lab = Lab::to_destroy(way());
    let endpoints = server.up().endpoints();
    let text: serde_json::Value = serde_json::from_slice(&fs::read(&endpoints.db_credentials).unwrap()).unwrap();
    let password = lab.beside().join("password");
    fs::write(&password, text["password"].as_str().unwrap()).unwrap();
    lab.give(&password);
    let socket = server.home().join("run/mariadb.sock").display().to_string();
    let words = ["save", "@server_db", "--db", "mariadb", "--db-socket", &socket, "--db-account", "aegir"];
    let words: Vec<&str> = words.into_iter().chain(["--db-password-file", password.to_str().unwrap()]).collect();
    lab.provision(&words).done();

    let outside = lab.beside().join("code/ten");
    lab.assemble_at("ten-1.0", &outside);
    lab.give(&lab.beside().join("code"));
    let settings = format!("platform_bases = [\"{}\"]\n", outside.parent().unwrap().display());
    fs::write(lab.home().join("hostmaster/aegir.toml"), settings).unwrap();
    lab.give(&lab.home().join("hostmaster"));
    lab.save_platform("ten", &outside);
    for site in ["@a.localhost", "@b.localhost"] {
        lab.provision(&["install", site, "--platform", "ten", "--db-server", "db", "--profile", "minimal"]).done();
    }
    (server, lab, outside)
}

const OURS: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE '%\\_localhost\\_%'";
const USERS: &str = "SELECT User FROM mysql.global_priv WHERE User LIKE '%\\_localhost\\_%'";

#[test]
fn databases_and_sites_elsewhere_go_and_what_is_not_ours_there_stays() {
    let (server, lab, outside) = with_a_server_elsewhere();
    assert_eq!((server.up().sql(OURS).len(), server.up().sql(USERS).len()), (2, 2));
    let mut before = fs::read_dir(outside.join("web/sites")).unwrap().flatten().count();
    assert!(outside.join("web/sites/a.localhost").is_dir());
    lab.delete("b.localhost");
    assert!(outside.join("web/sites/.aegir-trash").is_dir());
    before -= 2;

    let said = lab.destroy().done().says("Dropped the database").says("a.localhost`");
    let said = said.says(&format!("Left: the code at `{}", outside.display()));
    assert!(!said.out.contains("problem"), "{}", said.all());

    assert_eq!((server.up().sql(OURS), server.up().sql(USERS)), (Vec::new(), Vec::new()));
    let sites = outside.join("web/sites");
    assert!(sites.join("default").exists() || outside.join("web/index.php").exists());
    for gone in ["a.localhost", "b.localhost", ".aegir-trash", "sites.php"] {
        assert!(!sites.join(gone).exists(), "{gone}");
    }
    assert!(fs::read_dir(&sites).unwrap().flatten().count() <= before);
}

#[test]
fn a_database_that_is_anothers_or_cannot_be_reached_is_told_and_left() {
    let (mut server, lab, _) = with_a_server_elsewhere();
    let names = server.up().sql(OURS);
    let taken = names.iter().find(|name| name.starts_with("a_")).unwrap();
    server.up().run_sql(&format!("ALTER DATABASE `{taken}` COMMENT 'somebody'"));
    lab.destroy().done().says(&format!("Left: the database `{taken}`")).says("does not bear our mark");
    assert_eq!(&server.up().sql(OURS), std::slice::from_ref(taken));

    let (mut other, lab, _) = with_a_server_elsewhere();
    drop(other.up.take());
    let said =
        lab.destroy().done().says("Left: the database `a_localhost_").says("As its administrator, run: DROP USER");
    assert!(said.out.contains("DROP DATABASE IF EXISTS `b_localhost_"), "{}", said.all());
    assert!(!lab.home().exists());
    drop(server.up.take());
}

#[test]
fn users_that_setup_made_go_with_the_last_home_and_packages_stay_with_the_line_that_removes_them() {
    if way() != Way::TwoUsers {
        eprintln!("skipped: this takes root");
        return;
    }
    let name = format!("aegir-t{}", std::process::id() % 100_000);
    run(Command::new("groupadd").args(["--system", &name]));
    run(Command::new("useradd").args(["--system", "--gid", &name, "--no-create-home", &name]));
    let there =
        |kind: &str| Command::new("getent").args([kind, &name]).stdout(Stdio::null()).status().unwrap().success();

    let lab = Lab::bare(Way::TwoUsers);
    let (notes, other) = (lab.notes(), lab.beside().join("other"));
    fs::create_dir(&notes).unwrap();
    let setup = format!("package bash\npackage no-such-package\nuser {name}\ngroup {name}\n");
    fs::write(notes.join("setup"), setup).unwrap();
    fs::create_dir_all(other.join("stack")).unwrap();
    fs::write(notes.join("homes"), format!("{}\n", other.display())).unwrap();
    let mut lab = lab;
    lab.start_stack(&["--db=sqlite"]);
    assert!(fs::read_to_string(notes.join("homes")).unwrap().contains(&lab.home().display().to_string()));

    let said = lab.destroy().done().says("The users stay").says("apt-get purge bash\n");
    assert!(!said.out.contains("no-such-package") && there("passwd"), "{}", said.all());

    fs::remove_dir_all(&other).unwrap();
    lab.destroy().done().says(&format!("Removed the user `{name}`")).says("apt-get purge bash\n");
    let gone = !there("passwd") && !there("group");
    if !gone {
        let _ = Command::new("userdel").arg(&name).status();
    }
    assert!(gone);

    // Nothing is installed any more of what it notes, so the note goes too.
    fs::write(notes.join("setup"), "package no-such-package\n").unwrap();
    let said = lab.destroy().done();
    assert!(!said.out.contains("apt-get") && !notes.exists(), "{}", said.all());
}

#[test]
fn notes_that_others_could_have_written_are_none() {
    if way() != Way::TwoUsers {
        eprintln!("skipped: this takes root");
        return;
    }
    let lab = Lab::bare(Way::TwoUsers);
    fs::create_dir(lab.notes()).unwrap();
    fs::write(lab.notes().join("setup"), "package bash\nuser daemon\n").unwrap();
    fs::set_permissions(lab.notes().join("setup"), fs::Permissions::from_mode(0o666)).unwrap();

    let said = lab.destroy().done();

    assert!(!said.out.contains("bash") && !said.out.contains("daemon"), "{}", said.all());
    let mut passwd = String::new();
    fs::File::open("/etc/passwd").unwrap().read_to_string(&mut passwd).unwrap();
    assert!(passwd.contains("\ndaemon:"));
}
