//! Which files a test covered: so that whoever is to load them need not test them once more.
//!
//! Whoever tests a folder looks at it before and after. If nothing changed meanwhile, the note says what was
//! tested: every file below with its size, number and times. The kernel sets the time of the last change of
//! state, which nobody can choose, so a file that was written, replaced, moved or given away since is another.
//! A note for a reload is good once, and for a moment: what files outside say is no older than that.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Clock, SystemClock};

/// How long a note is good for.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// All files of a folder at one moment.
#[derive(Clone, Debug)]
pub struct FolderState(BTreeMap<PathBuf, Vec<Seen>>);

impl FolderState {
    /// Looks at all below `folder`.
    pub fn at(folder: &Path) -> io::Result<FolderState> {
        let mut seen = BTreeMap::new();
        walk(folder, &mut seen)?;
        Ok(FolderState(seen))
    }

    /// What was seen, the files `apart` left out.
    pub fn look(&self, apart: &[&Path]) -> Look {
        let seen: Vec<_> = self.0.iter().filter(|(path, _)| !apart.contains(&path.as_path())).collect();
        Look(sum(&seen))
    }

    /// What [`FolderState::is_like`] compares with later: a line for each file, a sum of its path and one of what was
    /// seen of it.
    pub fn note(&self) -> String {
        self.0.iter().map(|(path, seen)| format!("{:016x} {:016x}\n", sum(path), sum(seen))).collect()
    }

    /// Whether all is as it was noted, the files `apart` left out, whether they are or were there.
    pub fn is_like(&self, note: &str, apart: &[&Path]) -> bool {
        let apart: Vec<String> = apart.iter().map(|path| format!("{:016x} ", sum(path))).collect();
        let others = |line: &&str| !apart.iter().any(|apart| line.starts_with(apart));
        self.note().lines().filter(others).eq(note.lines().filter(others))
    }
}

fn sum(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Files at one moment, as a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look(u64);

impl fmt::Display for Look {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{:016x}", self.0)
    }
}

impl Look {
    /// Looks at all below `folder`.
    pub fn at(folder: &Path) -> io::Result<Look> {
        Ok(FolderState::at(folder)?.look(&[]))
    }

    /// What a note of this look says.
    pub fn note(&self, clock: &dyn Clock) -> String {
        format!("{self} {}\n", clock.unix_ms())
    }

    /// Whether the note at `path` is of this look, and made a moment ago. It is gone then: it is good once.
    pub fn is_noted(&self, path: &Path) -> bool {
        let Ok(text) = fs::read_to_string(path) else { return false };
        let _ = fs::remove_file(path);
        let Some((look, at)) = text.trim_end().split_once(' ') else { return false };
        let age = at.parse().ok().and_then(|at: u64| SystemClock.unix_ms().checked_sub(at));
        look == self.to_string() && age.is_some_and(|age| u128::from(age) < GOOD_FOR.as_millis())
    }
}

/// Device, number, mode, size, and when content and state changed last.
type Seen = (u64, u64, u32, u64, (i64, i64), (i64, i64));

fn walk(folder: &Path, seen: &mut BTreeMap<PathBuf, Vec<Seen>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = fs::symlink_metadata(&path)?;
        let mut all = vec![of(&found)];
        if found.is_symlink() {
            // What is read is what it leads to.
            all.extend(fs::metadata(&path).ok().as_ref().map(of));
        }
        if found.is_dir() {
            walk(&path, seen)?;
        }
        seen.insert(path, all);
    }
    Ok(())
}

fn of(found: &fs::Metadata) -> Seen {
    // A folder's own times change with each name on its way to another; its entries are seen themselves.
    let (size, content, state) = match found.is_dir() {
        true => (0, (0, 0), (0, 0)),
        false => (found.len(), (found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())),
    };
    (found.dev(), found.ino(), found.mode(), size, content, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(folder: &Path) -> Look {
        Look::at(folder).unwrap()
    }

    #[test]
    fn any_file_that_was_touched_since_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("vhost.d")).unwrap();
        fs::write(at("vhost.d/a"), "one").unwrap();
        fs::write(at("b"), "two").unwrap();
        std::os::unix::fs::symlink(at("b"), at("link")).unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("file"), "three").unwrap();
        std::os::unix::fs::symlink(outside.path().join("file"), at("away")).unwrap();
        let mut before = look(folder.path());
        assert_eq!(look(folder.path()), before);

        let changes: [(&str, &dyn Fn()); 6] = [
            ("written with the same text", &|| fs::write(at("vhost.d/a"), "one").unwrap()),
            ("replaced", &|| {
                fs::write(at("new"), "two").unwrap();
                fs::rename(at("new"), at("b")).unwrap();
            }),
            ("added", &|| fs::write(at("vhost.d/c"), "").unwrap()),
            ("removed", &|| fs::remove_file(at("vhost.d/c")).unwrap()),
            ("renamed", &|| fs::rename(at("vhost.d/a"), at("vhost.d/d")).unwrap()),
            ("behind a link", &|| fs::write(outside.path().join("file"), "four").unwrap()),
        ];
        for (what, change) in changes {
            // Times of files move with the kernel's clock, a tick at a time.
            std::thread::sleep(Duration::from_millis(12));
            change();
            let after = look(folder.path());
            assert_ne!(after, before, "{what}");
            before = after;
        }
    }

    #[test]
    fn a_folder_is_like_it_was_noted_but_for_the_files_apart() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&a, "one").unwrap();
        fs::write(&b, "two").unwrap();
        let note = FolderState::at(folder.path()).unwrap().note();
        let now = || FolderState::at(folder.path()).unwrap();
        assert!(now().is_like(&note, &[]));
        assert!(!now().is_like("", &[]), "nothing was noted");
        assert!(!now().is_like(&note[..note.len() - 5], &[]), "the note is torn");

        std::thread::sleep(Duration::from_millis(12));
        fs::write(&a, "1").unwrap();
        assert!(!now().is_like(&note, &[]));
        assert!(now().is_like(&note, &[&a]));
        assert!(!now().is_like(&note, &[&b]));
        fs::write(&c, "three").unwrap();
        assert!(!now().is_like(&note, &[&a]));
        assert!(now().is_like(&note, &[&a, &c]), "one came");
        fs::remove_file(&b).unwrap();
        assert!(!now().is_like(&note, &[&a, &c]));
        assert!(now().is_like(&note, &[&a, &b, &c]), "one went");
    }

    #[test]
    fn a_note_is_good_once_for_a_moment_and_for_what_it_says() {
        struct Old;
        impl Clock for Old {
            fn now(&self) -> Duration {
                SystemClock.now()
            }
            fn unix_ms(&self) -> u64 {
                SystemClock.unix_ms() - 6000
            }
            fn sleep(&self, time: Duration) {
                SystemClock.sleep(time);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let notes = tempfile::tempdir().unwrap();
        let note = notes.path().join("tested");
        fs::write(folder.path().join("a"), "one").unwrap();
        let seen = look(folder.path());
        let apart = folder.path().join("a");

        assert!(!seen.is_noted(&note));
        fs::write(&note, seen.note(&SystemClock)).unwrap();
        assert!(seen.is_noted(&note));
        assert!(!seen.is_noted(&note), "it was used");
        fs::write(&note, seen.note(&Old)).unwrap();
        assert!(!seen.is_noted(&note), "it is old");
        fs::write(&note, FolderState::at(folder.path()).unwrap().look(&[&apart]).note(&SystemClock)).unwrap();
        assert!(!seen.is_noted(&note), "it is of something else");
        fs::write(&note, "").unwrap();
        assert!(!seen.is_noted(&note), "it is torn");
    }
}
