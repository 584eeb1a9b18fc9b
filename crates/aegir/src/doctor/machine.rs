//! The machine: its system, its programs, its limits.

use std::fs;
use std::net::ToSocketAddrs;
use std::path::Path;

use aegir_domain::{Cmd, Finding, Remedy};
use aegir_host::{Accounts, Files, own_uid};
use aegir_stack::Programs;

use crate::run_now::run_now;

/// What PHP must have for Drupal 7 to 11: the extension as `php -m` names it, and the package that has it.
const NEEDED: [(&str, &str); 13] = [
    ("ctype", "common"),
    ("date", "common"),
    ("dom", "xml"),
    ("filter", "common"),
    ("gd", "gd"),
    ("hash", "common"),
    ("json", "common"),
    ("mbstring", "mbstring"),
    ("PDO", "common"),
    ("session", "common"),
    ("SimpleXML", "xml"),
    ("tokenizer", "common"),
    ("xml", "xml"),
];
/// What it should have.
const WANTED: [(&str, &str, &str); 6] = [
    ("pdo_mysql", "mysql", "sites cannot have their data in MariaDB"),
    ("pdo_sqlite", "sqlite3", "sites cannot have their data in SQLite"),
    ("curl", "curl", "sites fetch updates slowly or not at all"),
    ("zip", "zip", "sites cannot unpack some archives"),
    ("intl", "intl", "names in other scripts are sorted and shown badly"),
    ("Zend OPcache", "opcache", "every page is several times slower"),
];

pub(super) fn look() -> Vec<Finding> {
    let programs = Programs::find();
    let mut findings = vec![system(&fs::read_to_string("/etc/os-release").unwrap_or_default())];
    // One of the two will do.
    let nginx = programs.nginx.as_deref();
    if nginx.is_some() || programs.apache.is_none() {
        findings.push(program("nginx", "nginx", nginx, "-v", (1, 19, 5), "the private stack cannot start"));
    }
    if let Some(apache) = &programs.apache {
        findings.push(program("Apache", "apache2-bin", Some(apache), "-v", (2, 4, 0), ""));
    }
    findings.push(program(
        "MariaDB",
        "mariadb-server-core",
        programs.mariadbd.as_deref(),
        "--version",
        (10, 5, 0),
        "sites can have SQLite alone (`aegir up --db sqlite`)",
    ));
    if own_uid() == 0 {
        findings.extend(users(&Accounts::read().unwrap_or_default()));
    }
    findings.push(localhost(
        ("doctor.localhost", 80)
            .to_socket_addrs()
            .is_ok_and(|mut found| found.any(|address| address.ip().is_loopback())),
    ));
    findings.push(memory(&fs::read_to_string("/proc/meminfo").unwrap_or_default()));
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    findings.push(open_files(limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX)));
    findings.extend(half_installed());
    findings
}

/// Debian 12 is what Ægir is tried on.
fn system(os_release: &str) -> Finding {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let name = match value("PRETTY_NAME") {
        name if name.is_empty() => "a system that does not say its name".to_owned(),
        name => name,
    };
    match (value("ID").as_str(), value("VERSION_ID").as_str()) {
        ("debian", "12") => Finding::ok(name),
        ("ubuntu", "24.04") => {
            Finding::ok(format!("{name}: its packages are known, and nobody tries Ægir on it regularly"))
        }
        _ => Finding::warning(
            format!("{name}: Ægir is tried on Debian 12"),
            "nothing, if all else here is well; else look for what the packages in `scripts/packages.table` are called here",
        ),
    }
}

/// A server program: there, and new enough.
fn program(
    what: &str,
    package: &str,
    path: Option<&Path>,
    ask: &str,
    least: (u32, u32, u32),
    without: &str,
) -> Finding {
    let Some(path) = path else {
        return Finding::problem(format!("{what} is not installed: {without}"), install(&[package.to_owned()]));
    };
    let said = run_now(Cmd::new(path.display().to_string()).args([ask]));
    let said = said.map(|ran| format!("{}{}", ran.stdout, ran.stderr)).unwrap_or_default();
    judged(what, path, &said, least)
}

fn judged(what: &str, path: &Path, said: &str, least: (u32, u32, u32)) -> Finding {
    let path = path.display();
    let in_words = |(major, minor, patch)| format!("{major}.{minor}.{patch}");
    match version_in(said) {
        None => Finding::warning(
            format!("{what} at `{path}` does not say its version"),
            format!("see what it says: `{path}`"),
        ),
        Some(version) if version < least => Finding::problem(
            format!(
                "{what} {} at `{path}` is too old: {} is the least that will do",
                in_words(version),
                in_words(least)
            ),
            "upgrade it, or the system it comes with",
        ),
        Some(version) => Finding::ok(format!("{what} {} at `{path}`", in_words(version))),
    }
}

/// The first number with two dots in a text.
fn version_in(said: &str) -> Option<(u32, u32, u32)> {
    said.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
        let mut numbers = word.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    })
}

/// The line that installs packages, as this user would type it.
fn install(packages: &[String]) -> String {
    let sudo = if own_uid() == 0 { "" } else { "sudo " };
    format!(
        "run `{sudo}apt-get install --no-install-recommends {}`, or `make setup` in Ægir's source",
        packages.join(" ")
    )
}

/// Root starts services as two users.
fn users(accounts: &Accounts) -> Vec<Finding> {
    let find = |name: &str| accounts.user(name).cloned();
    let make = "run `make setup` as root, which makes them";
    match (find("aegir"), find("aegir-web").zip(accounts.group("aegir-web"))) {
        (None, _) => vec![Finding::problem("there is no user `aegir`, as whom Ægir runs when root starts it", make)],
        (_, None) => vec![Finding::problem("there is no user and group `aegir-web`, as whom sites' PHP runs", make)],
        (Some(aegir), Some((_, group))) if !accounts.is_in(&aegir, group) => vec![Finding::problem(
            "the user `aegir` is not in the group `aegir-web`, and could not give files to the web server",
            "run `usermod --append --groups aegir-web aegir`, then start Ægir again",
        )],
        (Some(aegir), Some((web, _))) if aegir.uid == web.uid || web.uid == 0 || aegir.uid == 0 => {
            vec![Finding::problem("the users `aegir` and `aegir-web` are not two users without privileges", make)]
        }
        // What remains is what the stack itself asks: the group that reaches PHP, and who is in it.
        _ => match aegir_stack::Users::find("aegir", "aegir-web") {
            Err(fault) => vec![Finding::problem(fault.to_string(), fault.remedy().unwrap_or_else(|| make.into()))],
            Ok(_) => vec![Finding::ok("the users `aegir` and `aegir-web` are there, each in the groups that it needs")],
        },
    }
}

fn localhost(resolves: bool) -> Finding {
    match resolves {
        true => Finding::ok("names in `.localhost` lead to this machine"),
        false => Finding::warning(
            "names in `.localhost` lead nowhere for some programs of this machine; browsers and `curl` know them by themselves",
            "install the package `libnss-myhostname`",
        ),
    }
}

fn memory(meminfo: &str) -> Finding {
    let kilobytes = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    match kilobytes {
        None => Finding::warning("the system does not say how much memory is free", "look with `free`"),
        Some(free) if free < 512 * 1024 => Finding::warning(
            format!("only {} MB of memory are free; services and an install of Drupal want 512", free / 1024),
            "end what is not needed, or add memory or swap",
        ),
        Some(free) => Finding::ok(format!("{} MB of memory are free", free / 1024)),
    }
}

fn open_files(soft: u64, hard: u64) -> Finding {
    match hard < 4096 || soft < 512 {
        true => Finding::warning(
            format!("a process may open {soft} files (at most {hard}): few for a web server with many sites"),
            "raise it for this session with `ulimit -n 4096`, or for good in `/etc/security/limits.d/`",
        ),
        false => Finding::ok(format!("a process may open {soft} files, and raise that to {hard}")),
    }
}

/// Packages that apt left half done keep it from installing anything.
fn half_installed() -> Option<Finding> {
    let status = fs::read_to_string("/var/lib/dpkg/status").ok()?;
    let broken = half_installed_in(&status);
    (!broken.is_empty()).then(|| {
        Finding::problem(
            format!("these packages are only half installed: {}", broken.join(", ")),
            "run `dpkg --configure -a` and `apt-get --fix-broken install` as root",
        )
    })
}

fn half_installed_in(status: &str) -> Vec<String> {
    let mut package = "";
    let mut broken = Vec::new();
    for line in status.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        } else if let Some(state) = line.strip_prefix("Status: ") {
            let is_whole =
                ["installed", "not-installed", "config-files"].contains(&state.rsplit(' ').next().unwrap_or_default());
            // Triggers that wait are dealt with by the next run of apt.
            if !is_whole && !state.ends_with("triggers-pending") && !state.ends_with("triggers-awaited") {
                broken.push(package.to_owned());
            }
        }
    }
    broken
}

/// Each PHP that can serve sites: its version, what it lacks, and its cache of code.
pub(super) fn php() -> Vec<Finding> {
    let Some(fpm) = Programs::find().php_fpm else {
        return vec![Finding::problem("php-fpm is not installed: sites have no PHP", install(&["php-fpm".to_owned()]))];
    };
    let path = fpm.display().to_string();
    let ask = |word: &str| run_now(Cmd::new(path.clone()).args([word])).map(|ran| ran.stdout).unwrap_or_default();
    let version = version_in(&ask("-v"));
    let mut findings = vec![judged("php-fpm", &fpm, &ask("-v"), (7, 4, 0))];
    let prefix = version.map_or("php".into(), |(major, minor, _)| format!("php{major}.{minor}"));
    findings.extend(extensions(&prefix, "php-fpm", &ask("-m")));
    findings.extend(opcache(&ask("-i")));

    let cli = aegir_host::find_program(Path::new(&prefix)).or_else(|| aegir_host::find_program(Path::new("php")));
    match cli {
        None => findings.push(Finding::problem(
            "PHP on the command line is not installed: sites can neither be installed nor updated",
            install(&[format!("{prefix}-cli")]),
        )),
        Some(cli) => {
            let path = cli.display().to_string();
            let said =
                |word: &str| run_now(Cmd::new(path.clone()).args([word])).map(|ran| ran.stdout).unwrap_or_default();
            findings.push(judged("PHP on the command line", &cli, &said("-v"), (7, 4, 0)));
            findings.extend(extensions(&prefix, "PHP on the command line", &said("-m")));
        }
    }
    findings
}

fn extensions(prefix: &str, whose: &str, listed: &str) -> Vec<Finding> {
    let has = |name: &str| listed.lines().any(|line| line.trim().eq_ignore_ascii_case(name));
    let package = |suffix: &str| install(&[format!("{prefix}-{suffix}")]);
    let needed = NEEDED.iter().filter(|(name, _)| !has(name)).map(|(name, suffix)| {
        Finding::problem(format!("{whose} has no `{name}`, which Drupal needs"), package(suffix))
    });
    let wanted = WANTED.iter().filter(|(name, ..)| !has(name)).map(|(name, suffix, without)| {
        Finding::warning(format!("{whose} has no `{name}`: {without}"), package(suffix))
    });
    let findings: Vec<Finding> = needed.chain(wanted).collect();
    match findings.is_empty() {
        true => vec![Finding::ok(format!("{whose} has all that Drupal asks for"))],
        false => findings,
    }
}

/// The cache of code, from the text of `php-fpm -i`.
fn opcache(said: &str) -> Vec<Finding> {
    let value = |key: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" => "));
        line.and_then(|line| line.split(" => ").next()).map(str::to_owned)
    };
    let number = |key: &str| value(key).and_then(|value| value.parse::<u64>().ok());
    let mut findings = Vec::new();
    if value("opcache.enable").is_some_and(|value| value != "On") {
        findings.push(Finding::warning(
            "the cache of PHP code is switched off: every page is several times slower",
            "set `opcache.enable=1` in the configuration of php-fpm",
        ));
    }
    if number("opcache.memory_consumption").is_some_and(|megabytes| megabytes < 64) {
        findings.push(Finding::warning(
            "the cache of PHP code is smaller than one Drupal needs",
            "set `opcache.memory_consumption=128` or more in the configuration of php-fpm",
        ));
    }
    if value("opcache.validate_timestamps").is_some_and(|value| value != "On") {
        findings.push(Finding::problem(
            "PHP does not look whether code has changed: after an update sites go on with the old code",
            "set `opcache.validate_timestamps=1` in the configuration of php-fpm",
        ));
    }
    findings
}

/// Whether the clock of this machine is right, as far as its own files tell.
pub(super) fn clock(now_ns: i128, newest: Option<i128>) -> Finding {
    const MINUTE: i128 = 60_000_000_000;
    match newest {
        Some(newest) if newest > now_ns + MINUTE => Finding::problem(
            format!("the clock is wrong: files of this home are from {} minutes ahead", (newest - now_ns) / MINUTE),
            "set it (`timedatectl set-ntp true`): sessions, caches and login links go by it",
        ),
        _ => Finding::ok("no file here is from the future"),
    }
}

/// The newest of what lies in a folder.
pub(super) fn newest_in(files: &Files, folders: &[std::path::PathBuf]) -> Option<i128> {
    let paths = folders.iter().flat_map(|folder| {
        files.list(folder).unwrap_or_default().into_iter().map(|name| folder.join(name)).collect::<Vec<_>>()
    });
    paths.filter_map(|path| files.stat(&path).ok().flatten()).map(|stat| stat.modified).max()
}

#[cfg(test)]
mod tests {
    use aegir_domain::Health;

    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_told_with_the_least_that_will_do() {
        let path = Path::new("/usr/sbin/nginx");

        let old = judged("nginx", path, "nginx version: nginx/1.18.0 (Ubuntu)\n", (1, 19, 5));
        assert_eq!(old.health, Health::Problem);
        assert!(old.text.contains("1.18.0") && old.text.contains("1.19.5"), "{}", old.text);

        let new = judged("MariaDB", path, "mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian", (10, 5, 0));
        assert_eq!((new.health, new.text.as_str()), (Health::Ok, "MariaDB 10.11.6 at `/usr/sbin/nginx`"));
        assert_eq!(judged("nginx", path, "", (1, 0, 0)).health, Health::Warning);
    }

    #[test]
    fn a_program_that_is_missing_is_told_with_the_line_that_installs_it() {
        let missing = program("nginx", "nginx", None, "-v", (1, 19, 5), "nothing starts");
        assert_eq!(missing.health, Health::Problem);
        assert!(missing.remedy.unwrap().contains("apt-get install --no-install-recommends nginx"));
    }

    #[test]
    fn an_extension_that_drupal_needs_is_told_with_its_package() {
        let all: String = NEEDED
            .iter()
            .map(|(name, _)| *name)
            .chain(WANTED.iter().map(|(name, ..)| *name))
            .collect::<Vec<_>>()
            .join("\n");
        assert_eq!(extensions("php8.2", "php-fpm", &all)[0].health, Health::Ok);

        let without = extensions("php8.2", "php-fpm", &all.replace("SimpleXML", "").replace("curl", ""));
        let told: Vec<_> = without.iter().map(|finding| (finding.health, finding.remedy.clone().unwrap())).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].0 == Health::Problem && told[0].1.contains("php8.2-xml"), "{told:?}");
        assert!(told[1].0 == Health::Warning && told[1].1.contains("php8.2-curl"), "{told:?}");
    }

    #[test]
    fn code_that_is_never_looked_at_again_is_a_problem() {
        let on = "opcache.enable => On => On\nopcache.memory_consumption => 128 => 128\nopcache.validate_timestamps => On => On\n";
        assert_eq!(opcache(on), []);
        let off = on.replace("timestamps => On", "timestamps => Off").replace("128 => 128", "8 => 8");
        let told: Vec<_> = opcache(&off).iter().map(|finding| finding.health).collect();
        assert_eq!(told, [Health::Warning, Health::Problem]);
    }

    #[test]
    fn other_systems_small_memory_few_files_and_a_wrong_clock_are_told() {
        assert_eq!(system("ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n"), Finding::ok("Debian 12"));
        assert_eq!(system("ID=plan9\n").health, Health::Warning);
        assert_eq!(memory("MemTotal: 9 kB\nMemAvailable:   100000 kB\n").health, Health::Warning);
        assert_eq!(memory("MemAvailable:   2000000 kB\n").health, Health::Ok);
        assert_eq!(open_files(256, 1024).health, Health::Warning);
        assert_eq!(open_files(1024, 524288).health, Health::Ok);
        assert_eq!(clock(0, Some(3_600_000_000_000)).health, Health::Problem);
        assert_eq!(clock(0, Some(1)).health, Health::Ok);
        assert_eq!(localhost(false).health, Health::Warning);
    }

    #[test]
    fn packages_that_are_half_installed_are_named() {
        let status = "Package: a\nStatus: install ok installed\n\nPackage: b\nStatus: install ok half-configured\n\n\
                      Package: c\nStatus: deinstall ok config-files\n\nPackage: d\nStatus: install ok unpacked\n";
        assert_eq!(half_installed_in(status), ["b", "d"]);
    }

    #[test]
    fn root_needs_two_users_one_in_the_group_of_the_other() {
        let etc = tempfile::tempdir().unwrap();
        let accounts = |passwd: &str, group: &str| {
            fs::write(etc.path().join("passwd"), passwd).unwrap();
            fs::write(etc.path().join("group"), group).unwrap();
            Accounts::read_below(etc.path()).unwrap()
        };
        let both = "aegir:x:990:990::/:/bin/sh\naegir-web:x:991:991::/:/bin/sh\n";
        let told = |passwd: &str, group: &str| users(&accounts(passwd, group))[0].clone();

        assert_eq!(told(both, "aegir:x:990:\naegir-web:x:991:aegir\n").health, Health::Ok);
        let outside = told(both, "aegir:x:990:\naegir-web:x:991:\n");
        assert!(outside.remedy.unwrap().contains("usermod --append --groups aegir-web aegir"));
        assert!(told("", "").text.contains("`aegir`"));
    }
}
