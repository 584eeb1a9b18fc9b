//! The world of a test, so that two of them can be compared: what an operator would call "as it was".
//!
//! ```text
//!   file      path below the lab → type, mode, owner, group, link target or content
//!   database  name → marker, options; each table's schema and rows
//!   account   user@host → grants, password
//!   running   file of a configuration that a service runs with → content
//! ```
//!
//! Left out are times, inodes, counters (the generation number of a web server), and in the home what is
//! the task's own or can be made again: `tasks/`, `logs/`, `locks/`, `run/`, `cache/`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aegir_host::{Bounds, Files};
use rusqlite::{Connection, OpenFlags};

use crate::fake::{DbState, Machine, Running};

/// What is not compared below the home.
const PASSED_OVER: [&str; 5] = ["tasks", "logs", "locks", "run", "cache"];

/// A counter, which goes on counting whatever is taken back.
const COUNTER: &str = "generation.conf";

/// The world at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, String>);

impl Snapshot {
    /// Looks at everything that the machine has.
    pub fn of(machine: &Machine) -> Snapshot {
        let mut world = BTreeMap::new();
        let home = machine.home.path();
        for entry in fs::read_dir(home).into_iter().flatten().flatten() {
            if !PASSED_OVER.contains(&entry.file_name().to_string_lossy().as_ref()) {
                file(&entry.path(), home, &mut world);
            }
        }
        let server = DbState::read(machine);
        for (name, entry) in &server.databases {
            world.insert(format!("database {name}"), format!("{} {}", entry.comment, entry.options));
            for (at, trigger) in entry.triggers.iter().enumerate() {
                world.insert(format!("trigger {name} {at}"), format!("{} as {}", trigger.made, trigger.definer));
            }
            tables(&DbState::file(machine, name), &format!("database {name}"), &mut world);
        }
        for (name, account) in &server.accounts {
            let grants: Vec<String> =
                account.grants.iter().map(|(on, rights)| format!("{} on {on}", rights.join(", "))).collect();
            world.insert(
                format!("account {name}"),
                format!("{} (password {})", grants.join("; "), hash(&account.password)),
            );
        }
        for service in ["nginx", "php-fpm"] {
            for (path, text) in Running::of(machine, service).files {
                if !path.ends_with(COUNTER) {
                    world.insert(format!("running {service} {path}"), without_counter(&text));
                }
            }
        }
        Snapshot(world)
    }

    /// What is in the world under a key that holds `part`.
    pub fn find(&self, part: &str) -> Vec<(&str, &str)> {
        let found = self.0.iter().filter(|(key, _)| key.contains(part));
        found.map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }

    /// In what `self`, the world now, differs from `before`; nothing if it does not.
    pub fn differences(&self, before: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, was) in &before.0 {
            match self.0.get(key) {
                None => lines.push(format!("- {key}: {}", short(was))),
                Some(is) if is != was => lines.push(format!("~ {key}: {}", changed(was, is))),
                Some(_) => (),
            }
        }
        for (key, is) in &self.0 {
            if !before.0.contains_key(key) {
                lines.push(format!("+ {key}: {}", short(is)));
            }
        }
        lines
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(key, value)| writeln!(f, "{key}: {}", short(value)))
    }
}

fn short(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
}

/// The first lines that differ.
fn changed(was: &str, is: &str) -> String {
    let differing = was.lines().zip(is.lines()).find(|(was, is)| was != is);
    let (was, is) = differing.unwrap_or((was, is));
    format!("was {}, is {}", short(was), short(is))
}

fn file(path: &Path, home: &Path, world: &mut BTreeMap<String, String>) {
    let key = format!("file {}", path.strip_prefix(home).unwrap_or(path).display());
    if key.ends_with(COUNTER) {
        return;
    }
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let owner = format!("{:04o} {}:{}", found.mode() & 0o7777, found.uid(), found.gid());
    if found.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        world.insert(key, format!("link to {}", target.display()));
    } else if found.is_dir() {
        world.insert(key, format!("folder {owner}"));
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            file(&entry.path(), home, world);
        }
    } else if path.extension().is_some_and(|suffix| suffix == "sqlite") {
        world.insert(key.clone(), format!("database {owner}"));
        tables(path, &key, world);
    } else if path.to_string_lossy().ends_with(".tar.zst") {
        world.insert(key, format!("archive {owner}\n{}", archive(path)));
    } else {
        let bytes = fs::read(path).unwrap_or_default();
        let content = match String::from_utf8(bytes) {
            Ok(text) if text.len() < 20_000 => without_counter(&text),
            Ok(text) => hash(&text),
            Err(odd) => hash(odd.as_bytes()),
        };
        world.insert(key, format!("file {owner}\n{content}"));
    }
}

/// What a backup holds; its bytes differ with the times of what was packed.
fn archive(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    let bounds = Bounds { bytes: u64::MAX, entries: u64::MAX };
    match Files::new(vec![folder.to_owned()]).look_through_archive(path, bounds) {
        // The manifest tells the time.
        Ok(contents) => {
            let files = contents.files.iter().filter(|(name, _)| name.as_path() != Path::new("manifest.json"));
            let lines: Vec<String> = files.map(|(name, sum)| format!("{} {sum}", name.display())).collect();
            format!("whole: {}, {} entries\n{}", contents.summed, contents.entries, lines.join("\n"))
        }
        Err(fault) => format!("cannot be read: {fault}"),
    }
}

/// A pool's file holds its generation, which counts.
fn without_counter(text: &str) -> String {
    let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("ping.response")).collect();
    kept.join("\n")
}

fn tables(path: &Path, key: &str, world: &mut BTreeMap<String, String>) {
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let described = opened.and_then(|open| {
        let mut tables = open.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
        let tables = tables.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for table in tables {
            let (name, schema) = table?;
            let mut rows = open.prepare(&format!("SELECT * FROM `{name}`"))?;
            let columns = rows.column_count();
            let rows = rows.query_map([], |row| {
                (0..columns).map(|at| row.get_ref(at).map(|value| format!("{value:?}"))).collect::<Result<Vec<_>, _>>()
            })?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            rows.sort();
            world.insert(format!("{key} table {name}"), format!("{schema}; {} rows, {}", rows.len(), hash(&rows)));
        }
        Ok(())
    });
    if let Err(error) = described {
        world.insert(format!("{key} tables"), format!("cannot be read: {error}"));
    }
}

fn hash(value: &(impl Hash + ?Sized)) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
