//! What `scripts/setup` and `scripts/test` promise, with a pretended apt-get and a pretended cargo.
//!
//! The real setup is tried by every `make test`, but on a machine that lacks nothing. Here the
//! machine lacks things, or would lose some. `--print` keeps it from doing anything.

// The scripts are programs, and `xtask` is a tool: there is no task here to keep repeatable.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A folder with pretended programs, which are found before the real ones.
struct Machine(PathBuf);

impl Machine {
    fn new() -> Machine {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("scripts-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("table"), "the web | wanted other/another | ubuntus\n").unwrap();
        fs::write(folder.join("os-release"), "ID=debian\nVERSION_ID=\"12\"\n").unwrap();
        Machine(folder)
            .with("rustc", "echo rustc 99.0.0")
            .with("dpkg-query", "exit 1")
            .with("apt-get", "echo 'Inst wanted (1.0 Debian:12 [amd64])'")
            .with("npm", "exit 0")
            .with("node", "exit 0")
            .with("chromium", "exit 0")
    }

    fn with(self, name: &str, body: &str) -> Machine {
        let path = self.0.join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let path = std::env::var("PATH").unwrap();
        Command::new(root.join("scripts").join(script))
            .args(arguments)
            .env("PATH", format!("{}:{path}", self.0.display()))
            .env("AEGIR_PACKAGES_TABLE", self.0.join("table"))
            .env("AEGIR_OS_RELEASE", self.0.join("os-release"))
            .env("CARGO", self.0.join("cargo"))
            .env("AEGIR_POLICY_RC_D", self.0.join("policy-rc.d"))
            .env("AEGIR_SETUP_NOTES", self.0.join("notes"))
            .output()
            .unwrap()
    }

    fn setup(&self) -> Output {
        self.run("setup", &["--print", "--no-users"])
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn setup_says_what_it_would_install() {
    let output = Machine::new().setup();

    assert!(output.status.success());
    assert_eq!(said(&output), "setup: to install: wanted \n");
}

#[test]
fn setup_knows_ubuntus_names_and_refuses_what_it_does_not_know() {
    let ubuntu = Machine::new().with("apt-get", "for last; do :; done; echo \"Inst $last (1.0)\"");
    fs::write(ubuntu.0.join("os-release"), "ID=ubuntu\nVERSION_ID=\"24.04\"\n").unwrap();
    assert_eq!(said(&ubuntu.setup()), "setup: to install: ubuntus \n");

    let other = Machine::new();
    fs::write(other.0.join("os-release"), "ID=plan9\n").unwrap();
    assert_eq!(other.setup().status.code(), Some(1));
    assert!(said(&other.setup()).contains("only Debian 12 and Ubuntu 24.04"));
}

#[test]
fn setup_has_nothing_to_say_where_nothing_is_missing() {
    // Of `other/another` one is enough.
    let output = Machine::new()
        .with("dpkg-query", "printf 'wanted installed\\nanother installed\\n'")
        .with("apt-get", "echo called >&2; exit 1")
        .setup();

    assert!(output.status.success());
    assert_eq!(said(&output), "");
}

#[test]
fn setup_takes_no_package_away() {
    let output = Machine::new().with("apt-get", "echo 'Remv mysql-server [8.0]'; echo 'Inst wanted (1.0)'").setup();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("mysql-server would be removed") && said(&output).contains("how to fix it"));
}

#[test]
fn setup_takes_no_package_back_to_an_older_version() {
    let output = Machine::new().with("apt-get", "echo 'Inst php [8.3.1-1] (8.2.9-1 Debian:12 [amd64])'").setup();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("php would go back from 8.3.1-1 to 8.2.9-1"));
}

#[test]
fn setup_asks_for_a_newer_rust_before_all_else() {
    let output = Machine::new().with("rustc", "echo rustc 1.80.1").with("rustup", "exit 1").setup();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("this is 1.80.1") && said(&output).contains("rustup update stable"));
}

/// A machine on which a pretended apt installs `wanted` and `other`, with a service each, and writes down
/// what it was asked; `broken` is a shell's case for what goes wrong.
fn installing(broken: &str) -> Machine {
    let machine = Machine::new();
    let dir = machine.0.display().to_string();
    let apt = format!(
        "echo \"apt-get $*\" >>{dir}/log\ncase \"$*\" in\n{broken}\n\
         *' -s '*|-s*) echo 'Inst wanted (1.0 Debian:12 [amd64])'; echo 'Inst other (2.0 Debian:12 [amd64])';;\n\
         *--download-only*|*update*) ;;\n\
         *install*) cat {dir}/policy-rc.d >>{dir}/log; touch {dir}/installed;;\nesac"
    );
    let query = format!(
        "[ -e {dir}/installed ] || {{ case \"$1\" in -L) ;; *) exit 1;; esac; }}\n\
         case \"$1 $3\" in\n'-L '*) echo /lib/systemd/system/wanted.service; echo /lib/systemd/system/mine.service;;\n\
         '-W ${{db:Status-Status}}') printf installed;;\n*) echo 'wanted installed'; echo 'other installed';;\nesac"
    );
    let systemctl = format!(
        "echo \"systemctl $*\" >>{dir}/log\ncase \"$1\" in list-unit-files) echo 'mine.service enabled';; \
         is-enabled) echo enabled;; esac"
    );
    machine
        .with("apt-get", &apt)
        .with("dpkg-query", &query)
        .with("systemctl", &systemctl)
        .with("dpkg", "case \"$1\" in --audit) ;; *) exec /usr/bin/dpkg \"$@\";; esac")
        .with("apt-mark", "")
        .with("sudo", "[ \"$1\" = -n ] && shift; exec \"$@\"")
}

impl Machine {
    fn install(&self) -> Output {
        self.run("setup", &["--no-users"])
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

#[test]
fn setup_writes_down_what_it_installs_and_disables_units_that_came_with_it_and_no_others() {
    let machine = installing("");
    fs::write(machine.0.join("policy-rc.d"), "the machine's own").unwrap();

    let output = machine.install();

    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(machine.read("notes/setup"), "package wanted\npackage other\nunit wanted.service\n");
    let log = machine.read("log");
    assert!(log.contains("systemctl disable --quiet wanted.service"), "{log}");
    assert!(!log.contains("disable --quiet mine.service"), "{log}");
    // While packages were installed nothing could start; now it is as it was.
    assert!(log.contains("exit 101"), "{log}");
    assert_eq!(machine.read("policy-rc.d"), "the machine's own");
    assert!(said(&output).find("to install: wanted other").unwrap() < said(&output).find("came with").unwrap());

    // A second time nothing is to do; what was noted stays, once.
    assert_eq!(said(&machine.install()), "");
    assert_eq!(machine.read("notes/setup").lines().count(), 3);
}

#[test]
fn setup_that_fails_half_way_leaves_the_machine_s_policy_and_no_unit_enabled() {
    let machine = installing("*--download-only*) ;;\n*'-y -q'*) echo 'E: dpkg was interrupted'; exit 100;;");
    fs::write(machine.0.join("policy-rc.d"), "the machine's own").unwrap();

    let output = machine.install();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("ended with status 100") && said(&output).contains("how to fix it"));
    assert_eq!(machine.read("policy-rc.d"), "the machine's own");
    assert!(machine.read("log").contains("systemctl disable --quiet wanted.service"));
}

#[test]
fn setup_without_a_network_says_so_and_changes_nothing() {
    let machine = installing("*--download-only*|*update*) echo 'E: Failed to fetch'; exit 100;;");

    let output = machine.install();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("the package lists cannot be fetched; nothing was installed"), "{}", said(&output));
    assert!(said(&output).contains("reaches the network"));
    assert!(!machine.0.join("installed").exists() && !machine.0.join("notes").exists());
    assert!(!machine.0.join("policy-rc.d").exists());
}

#[test]
fn setup_does_not_build_upon_what_dpkg_left_half_done() {
    let machine = installing("")
        .with("dpkg", "echo 'The following packages are only half configured:'; echo ' broken  Something'");

    let output = machine.install();

    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("half installed: broken") && said(&output).contains("dpkg --configure -a"));
    assert!(!machine.0.join("installed").exists());
}

#[test]
fn setup_replaces_neither_what_is_held_nor_what_runs_a_service() {
    let upgrade = "echo 'Inst db [1.0] (1.1 Debian:12 [amd64])'; echo 'Inst wanted (1.0)'";
    let held = Machine::new().with("apt-get", upgrade).with("apt-mark", "echo db").setup();
    assert_eq!(held.status.code(), Some(1));
    assert!(said(&held).contains("db is held at 1.0, and would be replaced by 1.1"), "{}", said(&held));

    let unit = "case \"$1\" in -L) echo /lib/systemd/system/db.service;; *) exit 1;; esac";
    let serving = Machine::new().with("apt-get", upgrade).with("apt-mark", "").with("dpkg-query", unit).setup();
    assert_eq!(serving.status.code(), Some(1));
    assert!(said(&serving).contains("db, which has a service, would be replaced: 1.1 for 1.0"), "{}", said(&serving));

    let library = Machine::new().with("apt-get", upgrade).with("apt-mark", "").setup();
    assert!(library.status.success());
    assert_eq!(said(&library), "setup: to install: wanted \nsetup: to upgrade, because those need it: db \n");
}

/// A cargo whose tests end as told, of the examples and then of the release build, and whose other commands succeed.
fn cargo(nextest: &str, doc: &str, release: &str) -> Machine {
    let metadata = r#"echo '{"target_directory":"/builds/here","version":1}'"#;
    Machine::new().with(
        "cargo",
        &format!(
            "case \"$AEGIR_TEST_PROGRAM $*\" in *'nextest run'*) {nextest};; *metadata*) {metadata};; \
             '/builds/here/release-tests/aegir test '*) {release};; *'test --locked'*) {doc};; esac\nexit 0"
        ),
    )
}

/// What cargo says of some tests.
const OF_RELEASE: &str = "echo 'test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'";

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_test_run_ends_with_its_sum() {
    let output = cargo(
        "echo '     Summary [   1.20s] 12 tests run: 12 passed (1 slow), 3 skipped'",
        "echo 'test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'",
        OF_RELEASE,
    )
    .run("test", &[]);

    assert!(output.status.success());
    assert_eq!(last_line(&output), "19 passed, 0 failed");
}

#[test]
fn a_test_that_fails_or_never_ends_is_in_the_sum() {
    let output = cargo(
        "echo 'Summary [ 1.20s] 12 tests run: 10 passed, 1 failed, 1 timed out, 0 skipped'; exit 100",
        "echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 101",
        "echo 'test result: FAILED. 4 passed; 1 failed; 0 ignored'; exit 101",
    )
    .run("test", &[]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "16 passed, 4 failed");
}

#[test]
fn what_a_test_leaves_behind_is_not_waited_for() {
    let left = std::env::temp_dir().join(format!("scripts-left-{}", std::process::id()));
    let leaves = format!("sleep 600 & echo $! >{}; echo 'test result: ok. 2 passed; 0 failed'", left.display());

    let output = cargo("exit 0", &leaves, OF_RELEASE).run("test", &[]);

    let process = fs::read_to_string(&left).unwrap();
    let ended = Command::new("kill").arg(process.trim()).output().unwrap();
    assert_eq!(last_line(&output), "7 passed, 0 failed");
    assert!(ended.status.success(), "it was waited for: {ended:?}");
    fs::remove_file(left).unwrap();
}

#[test]
fn stories_in_a_browser_are_in_the_sum() {
    let stories = "case \"$*\" in *way_in*) echo '# pass 2'; echo '# fail 1'; echo '# cancelled 1'; exit 1;; esac";

    let output = cargo("exit 0", "exit 0", "exit 0").with("node", stories).run("test", &["browser"]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "2 passed, 2 failed");
    let none = cargo("exit 0", "exit 0", "exit 0").with("npm", "exit 1").run("test", &["browser"]);
    assert_eq!(last_line(&none), "0 passed, 1 failed", "what drives it cannot be fetched");
}

#[test]
fn a_build_that_breaks_is_a_failure() {
    let output = cargo("echo 'error: could not compile'; exit 101", "exit 0", "exit 0").run("test", &[]);

    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "0 passed, 1 failed");

    // So is one that breaks in the release build alone; what an older one would say does not count.
    let breaks = "case \"$*\" in *'build --locked --profile release-tests'*) exit 101;; *'test --locked'*) echo 'test result: ok. 9 passed;';; esac";
    let output = Machine::new().with("cargo", &format!("{breaks}\nexit 0")).run("test", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(last_line(&output), "9 passed, 1 failed");
}
