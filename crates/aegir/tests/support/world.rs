//! The world that a task may touch, as a value: what must be as it was can be compared.
//!
//! Below the home, less what a task keeps for itself and what can be made again: each path's kind, mode,
//! owner and content. Of MariaDB: databases with every table's checksum, users and their grants.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Lab;

/// What is there.
#[derive(Clone, PartialEq, Eq)]
pub struct World(BTreeMap<String, String>);

/// What a task keeps for itself, what can be made again, and what services and the front end write when they like.
const APART: [&str; 12] = [
    "hostmaster",
    "tasks",
    "logs",
    "locks",
    "run",
    "cache",
    "stack/mariadb",
    "stack/nginx",
    "stack/apache",
    "stack/php-fpm/php-fpm.pid",
    "stack/php-fpm/test.log",
    "stack/running.json",
];
const SYSTEM: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

impl World {
    /// What is there now.
    pub fn of(lab: &Lab) -> World {
        let mut all = BTreeMap::new();
        walk(&lab.home(), &lab.home(), &mut all);
        if lab.up.as_ref().is_some_and(|up| up.endpoints().db.is_some()) {
            databases(lab, &mut all);
        }
        World(all)
    }

    /// What is there of one site: its folder, its credentials, its records, its database.
    pub fn of_site(lab: &Lab, site: &str, database: &str) -> World {
        let mut all = World::of(lab).0;
        all.retain(|what, _| what.contains(&format!("/{site}")) || what.contains(database));
        World(all)
    }

    /// Keeps what has a name that `is_meant`.
    pub fn keep(&mut self, is_meant: impl Fn(&str) -> bool) {
        self.0.retain(|what, _| is_meant(what));
    }

    /// Leaves out what is named with `part`.
    pub fn forget(&mut self, part: &str) {
        self.0.retain(|what, _| !what.contains(part));
    }

    /// It must be as it was.
    #[track_caller]
    pub fn must_be(&self, before: &World) {
        let gone = before.0.iter().filter(|(what, how)| self.0.get(*what) != Some(how));
        let come = self.0.iter().filter(|(what, how)| before.0.get(*what) != Some(how));
        let gone: Vec<_> = gone.map(|(what, how)| format!("- {what}: {how}")).collect();
        let come: Vec<_> = come.map(|(what, how)| format!("+ {what}: {how}")).collect();
        assert!(gone.is_empty() && come.is_empty(), "not as it was:\n{}\n{}", gone.join("\n"), come.join("\n"));
    }
}

fn walk(home: &Path, dir: &Path, all: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.strip_prefix(home).unwrap().to_string_lossy().into_owned();
        // A counter: it says which configuration runs, and goes up also when one is taken back.
        if APART.contains(&name.as_str()) || name.ends_with("/generation.conf") {
            continue;
        }
        // Services have files of a moment; a task has none.
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let what = if found.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if found.is_dir() {
            walk(home, &path, all);
            "folder".into()
        } else {
            let mut hasher = DefaultHasher::new();
            fs::read(&path).unwrap_or_default().hash(&mut hasher);
            format!("file {:016x}", hasher.finish())
        };
        all.insert(format!("/{name}"), format!("{what} {:o} {}:{}", found.mode() & 0o7777, found.uid(), found.gid()));
    }
}

fn databases(lab: &Lab, all: &mut BTreeMap<String, String>) {
    let up = lab.up();
    for database in up.sql("SHOW DATABASES").into_iter().filter(|name| !SYSTEM.contains(&name.as_str())) {
        let made = up.sql(&format!("SHOW CREATE DATABASE `{database}`")).concat();
        all.insert(format!("database {database}"), made);
        for table in up.sql(&format!("SHOW TABLES FROM `{database}`")) {
            let sum = up.sql(&format!("CHECKSUM TABLE `{database}`.`{table}`")).concat();
            all.insert(format!("table {database}.{table}"), sum);
        }
    }
    let views = "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME), CONCAT(DEFINER, SECURITY_TYPE, VIEW_DEFINITION) FROM information_schema.VIEWS \
                 WHERE TABLE_SCHEMA <> 'sys'";
    let triggers = "SELECT CONCAT(TRIGGER_SCHEMA, '.', TRIGGER_NAME), CONCAT_WS(' ', DEFINER, ACTION_TIMING, EVENT_MANIPULATION, \
                    EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_STATEMENT, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION, \
                    DATABASE_COLLATION) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA <> 'sys'";
    for (kind, ask) in [("view", views), ("trigger", triggers)] {
        let told = up.sql(ask);
        let told = told.iter().filter_map(|line| line.split_once('\t'));
        all.extend(told.map(|(name, made)| (format!("{kind} {name}"), made.to_owned())));
    }
    for user in up.sql("SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user") {
        let grants = up.sql(&format!("SHOW GRANTS FOR {user}")).join("; ");
        all.insert(format!("user {user}"), grants);
    }
}
