//! What `scripts/setup` wrote down of what it did to this machine, and which homes use it.
//!
//! Two files in one folder, usually `/var/lib/aegir`, root's alone to write. `setup`: a line for each thing
//! that was installed or made, `package nginx`, `user aegir`. `homes`: a line for each home whose services
//! root started. What is no such line is passed over.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aegir_domain::Cmd;

use crate::run_now::run_now;

/// Where the notes lie, unless we are told otherwise.
pub(crate) const FOLDER: &str = "/var/lib/aegir";

/// What was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SetupNotes {
    /// Packages that were not there before.
    pub(crate) packages: Vec<String>,
    /// Users that were made.
    pub(crate) users: Vec<String>,
    /// Groups that were made.
    pub(crate) groups: Vec<String>,
    /// Homes that root started.
    pub(crate) homes: Vec<PathBuf>,
}

impl SetupNotes {
    /// Reads the notes in `folder`. Those that others than root could have written are none.
    pub(crate) fn read(folder: &Path) -> SetupNotes {
        let text = |name: &str| match is_roots(folder) && is_roots(&folder.join(name)) {
            true => fs::read_to_string(folder.join(name)).unwrap_or_default(),
            false => String::new(),
        };
        SetupNotes::of(&text("setup"), &text("homes"))
    }

    fn of(setup: &str, homes: &str) -> SetupNotes {
        let mut notes = SetupNotes::default();
        for (kind, name) in setup.lines().filter_map(|line| line.split_once(' ')) {
            let list = match kind {
                "package" => &mut notes.packages,
                "user" => &mut notes.users,
                "group" => &mut notes.groups,
                _ => continue,
            };
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-_:".contains(c);
            let is_name = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_name && name.chars().all(plain) && !list.iter().any(|known| known == name) {
                list.push(name.to_owned());
            }
        }
        for home in homes.lines().map(PathBuf::from).filter(|home| home.is_absolute()) {
            if !notes.homes.contains(&home) {
                notes.homes.push(home);
            }
        }
        notes
    }

    /// Homes that are still there, besides `home`.
    pub(crate) fn others(&self, home: &Path) -> Vec<&Path> {
        let lives = |other: &&Path| *other != home && other.join("stack").is_dir();
        self.homes.iter().map(PathBuf::as_path).filter(lives).collect()
    }

    /// Those of its packages that are installed now.
    pub(crate) fn installed(&self) -> Vec<&str> {
        if self.packages.is_empty() {
            return Vec::new();
        }
        let ask = Cmd::new("dpkg-query").args(["-W", "-f", "${Package} ${db:Status-Status}\\n"]).args(&self.packages);
        // It also ends with an error where it knows some of them no more.
        let Ok(ran) = run_now(ask) else { return Vec::new() };
        let is_there = |name: &&String| {
            let name = name.split(':').next().unwrap_or_default();
            ran.stdout.lines().any(|line| line == format!("{name} installed"))
        };
        self.packages.iter().filter(is_there).map(String::as_str).collect()
    }
}

/// Writes down that root's services of `home` use what setup made. Where setup made nothing, nothing is.
pub(crate) fn register(folder: &Path, home: &Path) -> io::Result<()> {
    if !is_roots(folder) || SetupNotes::read(folder).homes.iter().any(|known| known == home) {
        return Ok(());
    }
    let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o644).open(folder.join("homes"))?;
    writeln!(file, "{}", home.display())
}

/// Takes the home out of the notes; the notes go when they say nothing more that is true.
pub(crate) fn forget(folder: &Path, home: &Path, users_stay: bool) -> io::Result<()> {
    if !is_roots(folder) {
        return Ok(());
    }
    let notes = SetupNotes::read(folder);
    let others = notes.others(home);
    if others.is_empty() && !users_stay && notes.installed().is_empty() {
        return fs::remove_dir_all(folder);
    }
    let homes: String = others.iter().map(|other| format!("{}\n", other.display())).collect();
    write(&folder.join("homes"), &homes)?;
    if !users_stay {
        let setup = fs::read_to_string(folder.join("setup"))?;
        let kept = setup.lines().filter(|line| !line.starts_with("user ") && !line.starts_with("group "));
        write(&folder.join("setup"), &kept.map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let aside = path.with_extension("new");
    fs::write(&aside, text)?;
    fs::rename(aside, path)
}

/// Whether nobody but the user we are, or root, can have written it.
fn is_roots(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| !found.is_symlink() && found.uid() == 0 && found.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_twice_counts_once_and_what_is_no_name_not_at_all() {
        let setup = "package nginx\npackage nginx\npackage libc6:amd64\npackage --purge\nunit nginx.service\n\
                     user aegir\nuser ../x\ngroup aegir-web\nnonsense\n";

        let notes = SetupNotes::of(setup, "/srv/one\nrelative\n/srv/one\n");

        assert_eq!(notes.packages, ["nginx", "libc6:amd64"]);
        assert_eq!((notes.users, notes.groups), (vec!["aegir".to_owned()], vec!["aegir-web".to_owned()]));
        assert_eq!(notes.homes, [PathBuf::from("/srv/one")]);
    }
}
