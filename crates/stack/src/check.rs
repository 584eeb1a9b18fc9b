//! What the machine lacks for a private stack, each with the way to get it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aegir_domain::HttpEngine;

use crate::account::{Account, Users};
use crate::settings::StackSettings;
use crate::{places, ports};

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is missing.
    pub message: String,
    /// How to get it.
    pub remedy: String,
}

impl Finding {
    fn new(message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { message: message.into(), remedy: remedy.into() }
    }
}

/// Looks for all that `settings` need, and changes nothing.
pub fn check(settings: &StackSettings) -> Vec<Finding> {
    let mut findings = missing_programs(settings);
    if let Some(why) = places::unspeakable(&settings.home) {
        findings.push(Finding::new(
            format!("the home `{}` cannot be used: {why}", settings.home.display()),
            "name another folder with `--home`",
        ));
    }
    match (&settings.users, rustix::process::geteuid().is_root()) {
        (None, true) => findings.push(Finding::new(
            "started as root, the stack needs two users, one for Ægir and one for the workers that run PHP",
            "as root, run `make setup`, which makes them, or start as a person",
        )),
        (Some(_), false) => findings.push(Finding::new(
            "only root can start services as other users",
            "start as root, or without naming users",
        )),
        (Some(users), true) => {
            for account in [&users.aegir, &users.web] {
                findings.extend(closed_parent(&settings.home, account));
            }
        }
        (None, false) => (),
    }
    findings
}

fn missing_programs(settings: &StackSettings) -> Vec<Finding> {
    let programs = &settings.programs;
    // One that cannot be read is told of when it is used.
    let web = match ports::engine(&settings.home, settings.http).or(settings.http.ok_or(())) {
        Ok(HttpEngine::Apache) => ("apache2", "apache2-bin", &programs.apache),
        _ => ("nginx", "nginx", &programs.nginx),
    };
    let mut wanted = vec![web, ("php-fpm", "php-fpm", &programs.php_fpm)];
    if settings.mariadb {
        wanted.push(("mariadbd", "mariadb-server-core", &programs.mariadbd));
        wanted.push(("mariadb-install-db", "mariadb-server-core", &programs.mariadb_install_db));
    }
    let missing = wanted.into_iter().filter(|(_, _, path)| !path.as_ref().is_some_and(|path| path.is_file()));
    missing
        .map(|(program, package, path)| match path {
            Some(path) => {
                Finding::new(format!("there is no `{}`", path.display()), format!("install the package `{package}`"))
            }
            None => Finding::new(format!("`{program}` is not installed"), format!("install the package `{package}`")),
        })
        .collect()
}

/// What keeps the users of a stack that root starts from its home.
pub fn closed_to(home: &Path, users: &Users) -> Vec<Finding> {
    [&users.aegir, &users.web].into_iter().filter_map(|account| closed_parent(home, account)).collect()
}

/// The first folder above the home that `account` may not pass through.
fn closed_parent(home: &Path, account: &Account) -> Option<Finding> {
    let parents: Vec<&Path> = home.ancestors().skip(1).collect();
    let closed = parents.into_iter().rev().find(|parent| {
        parent.metadata().is_ok_and(|metadata| {
            let bit = match () {
                () if metadata.uid() == account.uid => 0o100,
                () if metadata.gid() == account.gid => 0o010,
                () => 0o001,
            };
            metadata.mode() & bit == 0
        })
    })?;
    Some(Finding::new(
        format!("the user `{}` may not pass through `{}`", account.name, closed.display()),
        format!("name a home elsewhere with `--home`, or run `chmod o+x {}`", closed.display()),
    ))
}
