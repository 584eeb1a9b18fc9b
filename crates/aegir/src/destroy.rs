//! `destroy`: takes a home away, with all that runs for it and all that Ægir made for it elsewhere.
//!
//! ```text
//!   is it a home, and ours? ─► mark it ─► tasks, services ─► databases and platforms elsewhere
//!                                          ─► folders of sockets ─► the home ─► the users ─► what stays
//! ```
//!
//! There is no way back, so everything that can be refused is refused before the mark. Killed anywhere
//! after it, the same line finishes: the mark, and the home's own folder, go last.

mod elsewhere;
mod ending;
mod machine;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aegir_domain::{Cmd, Home, Remedy};
use aegir_host::{Accounts, FileFault, Files, Mounts, own_uid};
use aegir_provision::inspect;
use clap::Args;

use crate::compose::Given;
use crate::failure::Failure;
use crate::provision::Usage;
use crate::speak::out;

/// What shows that a home is being destroyed.
const MARK: &str = ".aegir-destroy";
/// What shows that a folder is a home: files and folders that nobody else makes.
const SIGNS: [&str; 6] =
    [MARK, "run/up.lock", "stack/running.json", "stack/endpoints.json", "tasks/open", "stack/ports.json"];
/// What a first start makes before there is any such sign.
const FIRST: [&str; 5] = ["run", "config", "credentials", "logs", "stack"];

/// Ends all that runs for the home and removes it, with what Ægir made for it elsewhere. Packages stay.
#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// The name of the home's folder, again
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

/// Why a home cannot be destroyed.
#[derive(Debug, thiserror::Error)]
enum DestroyFault {
    #[error("`{}` is a link to `{}`", home.display(), target.display())]
    Link { home: PathBuf, target: PathBuf },
    #[error("`{}` is no folder", home.display())]
    NoFolder { home: PathBuf },
    #[error("cannot look at `{}`", home.display())]
    Unseen {
        home: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` does not look like a home of Ægir: it holds {found}", home.display())]
    NoHome { home: PathBuf, found: String },
    #[error("the home `{}` belongs to the user `{owner}`", home.display())]
    Anothers { home: PathBuf, owner: String, as_owner: String },
    #[error("the services of `{}` were started by another user (process {pid})", home.display())]
    AnothersServices { home: PathBuf, pid: i32, as_root: String },
    #[error("something is mounted in the home, at `{}`", at.display())]
    Mounted { at: PathBuf },
    #[error("cannot mark the home")]
    Mark(#[source] FileFault),
    #[error("not all of `{}` could be removed", home.display())]
    Remove {
        home: PathBuf,
        again: String,
        #[source]
        source: Box<FileFault>,
    },
}

impl Remedy for DestroyFault {
    fn remedy(&self) -> Option<String> {
        Some(match self {
            DestroyFault::Link { target, .. } => {
                format!("if it is that which you mean, name it: `--home {}`", target.display())
            }
            DestroyFault::NoFolder { .. } | DestroyFault::Unseen { .. } => {
                "name the right one with `--home DIR`".into()
            }
            DestroyFault::NoHome { home, .. } => {
                format!("nothing was touched; if it is what is left of one, remove it by hand: `{}`", home.display())
            }
            DestroyFault::Anothers { as_owner: line, .. } | DestroyFault::AnothersServices { as_root: line, .. } => {
                format!("run `{line}`")
            }
            DestroyFault::Mounted { at } => format!("unmount it with `umount {}`, then try again", at.display()),
            DestroyFault::Mark(source) => return source.remedy(),
            DestroyFault::Remove { source, again, .. } => match source.remedy() {
                Some(remedy) => format!("{remedy}; then run `{again}` again"),
                None => format!("see what holds it, then run `{again}` again, as root if need be"),
            },
        })
    }
}

/// Destroys the home.
pub(crate) fn run(given: &Given, args: &DestroyArgs) -> Result<u8, Failure> {
    let named = given.home.as_deref().unwrap_or(Path::new("/var/aegir"));
    let named = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
    let there = may_be_destroyed(&named, &given.words)?;
    let home = there.clone().unwrap_or_else(|| named.components().collect());
    confirmed(&home, args.confirm.as_deref(), given)?;
    if there.is_some() {
        remove(&home, given)?;
    } else {
        out(&format!("There is no home at `{}`.", home.display()));
    }
    machine::leave(&given.notes, &home);
    Ok(0)
}

/// The name was typed again.
fn confirmed(home: &Path, typed: Option<&str>, given: &Given) -> Result<(), Failure> {
    let name = home.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned());
    if typed == Some(name.as_str()) {
        return Ok(());
    }
    let mut words: Vec<&String> = given.words.iter().filter(|word| !word.starts_with("--confirm=")).collect();
    let confirm = format!("--confirm={name}");
    words.push(&confirm);
    let program = words.remove(0);
    let line = Cmd::new(program).args(words);
    let what = format!("destroying `{}`, with every site and backup in it, was not confirmed", home.display());
    Err(Failure::usage(Usage::new(what, format!("there is no way back; to do it, run `{line}`"))))
}

/// The home without links, if it is there, is one, and is ours to destroy.
fn may_be_destroyed(named: &Path, words: &[String]) -> Result<Option<PathBuf>, DestroyFault> {
    let unseen = |source| DestroyFault::Unseen { home: named.to_owned(), source };
    // Without the `/` at its end a link is seen as one.
    let plain: PathBuf = named.components().collect();
    let found = match fs::symlink_metadata(&plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(unseen)?,
    };
    if found.is_symlink() {
        let target = fs::canonicalize(&plain).or_else(|_| fs::read_link(&plain)).map_err(unseen)?;
        return Err(DestroyFault::Link { home: plain, target });
    }
    if !found.is_dir() {
        return Err(DestroyFault::NoFolder { home: plain });
    }
    let home = fs::canonicalize(&plain).map_err(unseen)?;
    let line = |before: &[&str]| {
        let cmd = Cmd::new("sudo").args(before.iter().copied()).args(words);
        cmd.to_string()
    };
    if own_uid() != 0 && found.uid() != own_uid() {
        let owner = Accounts::read().unwrap_or_default().name_of(found.uid());
        return Err(DestroyFault::Anothers { home, as_owner: line(&["-u", &owner]), owner });
    }
    looks_like_a_home(&home)?;
    if let Some(mount) = Mounts::read().unwrap_or_default().below(&home).next() {
        return Err(DestroyFault::Mounted { at: mount.at.clone() });
    }
    if let Ok(Some(running)) = aegir_stack::kept_by_another(&home) {
        return Err(DestroyFault::AnothersServices { home, pid: running.pid, as_root: line(&[]) });
    }
    Ok(Some(home))
}

/// Refuses a folder that Ægir did not make. What an interrupted first start leaves holds folders alone.
fn looks_like_a_home(home: &Path) -> Result<(), DestroyFault> {
    let unseen = |source| DestroyFault::Unseen { home: home.to_owned(), source };
    if home.components().count() > 2 && SIGNS.iter().any(|sign| home.join(sign).exists()) {
        return Ok(());
    }
    let no_home = |found: String| Err(DestroyFault::NoHome { home: home.to_owned(), found });
    if home.components().count() <= 2 {
        return no_home("what this machine needs".into());
    }
    for entry in fs::read_dir(home).map_err(unseen)? {
        let entry = entry.map_err(unseen)?;
        let name = entry.file_name();
        let is_first = FIRST.iter().any(|first| name == *first);
        if !is_first || !holds_folders_alone(&entry.path()) {
            return no_home(format!("`{}`", name.to_string_lossy()));
        }
    }
    Ok(())
}

fn holds_folders_alone(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        // `run` can be a link to a shorter path; the link itself is ours.
        Ok(found) if found.is_symlink() => path.ends_with("run"),
        Ok(found) if found.is_dir() => {
            fs::read_dir(path).is_ok_and(|entries| entries.flatten().all(|entry| holds_folders_alone(&entry.path())))
        }
        _ => false,
    }
}

fn remove(path: &Path, given: &Given) -> Result<(), Failure> {
    let home = Home::new(path);
    let parent = path.parent().unwrap_or(Path::new("/"));
    let files = Files::new(vec![parent.to_owned()]);
    files.write(&path.join(MARK), b"", 0o600).map_err(DestroyFault::Mark)?;

    ending::tasks(&home, &files)?;
    let _ended = aegir_stack::end(path, &out)?;
    ending::late_comers(&home);

    let open = inspect::open_tasks(&home, &files).unwrap_or_default();
    match inspect::read_known(&home, &files) {
        Ok(known) => elsewhere::clear(&home, &files, &known, &open),
        Err(fault) => out(&format!("What this home had elsewhere cannot be told: {fault}")),
    }
    let again = Cmd::new(given.words.first().map_or("aegir", String::as_str)).args(given.words.iter().skip(1));
    let fault = |source: FileFault| DestroyFault::Remove {
        home: path.to_owned(),
        again: again.to_string(),
        source: Box::new(source),
    };
    for folder in aegir_stack::outside(path) {
        let base = folder.parent().unwrap_or(Path::new("/")).to_owned();
        Files::new(vec![base]).remove_tree(&folder).map_err(fault)?;
        out(&format!("Removed the folder of sockets `{}`", folder.display()));
    }
    // Whoever still writes a log may make a file behind us; a second turn finds it.
    for turn in 1.. {
        empty(path, &files).map_err(fault)?;
        files.remove_file(&path.join(MARK)).map_err(fault)?;
        if let Some(why) = stays(path, &files) {
            out(&format!("Removed all that was in `{}`; the empty folder stays: {why}", path.display()));
            return Ok(());
        }
        match files.remove_empty_dir(path) {
            Ok(_) => break,
            Err(_) if turn < 3 => files.write(&path.join(MARK), b"", 0o600).map(drop).map_err(DestroyFault::Mark)?,
            Err(source) => return Err(fault(source).into()),
        }
    }
    out(&format!("Removed the home `{}`", path.display()));
    Ok(())
}

/// Why the home's own folder cannot go, if so.
fn stays(home: &Path, files: &Files) -> Option<String> {
    if Mounts::read().unwrap_or_default().is_at(home) {
        return Some("something is mounted there".into());
    }
    let parent = home.parent().unwrap_or(Path::new("/"));
    match files.may_write(parent) {
        Ok(false) => Some(format!("we may not change `{}`; as root, run `rmdir {}`", parent.display(), home.display())),
        _ => None,
    }
}

/// Removes all that lies in the home, but the mark.
fn empty(home: &Path, files: &Files) -> Result<(), FileFault> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| !path.ends_with(MARK)) {
        files.remove_tree(&path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(make: impl Fn(&Path)) -> Result<(), DestroyFault> {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("var");
        fs::create_dir(&home).unwrap();
        make(&home);
        looks_like_a_home(&home)
    }

    #[test]
    fn a_folder_that_ægir_did_not_make_is_no_home() {
        assert!(judged(|home| fs::create_dir_all(home.join("tasks/open")).unwrap()).is_ok());
        assert!(judged(|_| ()).is_ok());
        assert!(judged(|home| fs::create_dir_all(home.join("run/php")).unwrap()).is_ok());

        // As other programs have them, with names like ours.
        assert!(judged(|home| fs::create_dir_all(home.join("cache/prod")).unwrap()).is_err());
        let with_log = |home: &Path| {
            fs::create_dir(home.join("logs")).unwrap();
            fs::write(home.join("logs/prod.log"), "").unwrap();
        };
        assert!(judged(with_log).is_err());
        assert!(judged(|home| fs::write(home.join("notes.txt"), "").unwrap()).is_err());
        for place in ["/", "/home", "/etc", "/var"] {
            assert!(matches!(looks_like_a_home(Path::new(place)), Err(DestroyFault::NoHome { .. })), "{place}");
        }
    }
}
