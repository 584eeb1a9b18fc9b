//! What is mounted where, as the kernel tells it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One file system, at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub at: PathBuf,
    /// Its type: `ext4`, `nfs4`, `tmpfs`.
    pub kind: String,
    /// Its options: `rw`, `noexec`.
    pub options: Vec<String>,
}

/// All mounts of the moment, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts(Vec<Mount>);

impl Mounts {
    /// Reads them.
    pub fn read() -> io::Result<Mounts> {
        fs::read_to_string("/proc/self/mountinfo").map(|text| Mounts::in_text(&text))
    }

    /// Reads the text of a `mountinfo`.
    pub fn in_text(text: &str) -> Mounts {
        Mounts(text.lines().filter_map(mount).collect())
    }

    /// The one that `path` lies on; `path` has no links.
    pub fn of(&self, path: &Path) -> Option<&Mount> {
        // Of two at the same place the later one covers the earlier one.
        self.0.iter().filter(|mount| path.starts_with(&mount.at)).max_by_key(|mount| mount.at.as_os_str().len())
    }

    /// Those strictly below `path`, which has no links.
    pub fn below<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Mount> {
        self.0.iter().filter(move |mount| mount.at.starts_with(path) && mount.at != path)
    }

    /// Whether something is mounted at `path` itself.
    pub fn is_at(&self, path: &Path) -> bool {
        self.0.iter().any(|mount| mount.at == path)
    }
}

fn mount(line: &str) -> Option<Mount> {
    // Optional fields stand between the sixth and a `-`.
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let at = unescaped(before.next()?);
    let options = before.next()?.split(',').map(Into::into).collect();
    Some(Mount { at: at.into(), kind: after.split(' ').next()?.to_owned(), options })
}

/// Blanks, tabs, line ends and backslashes are written as `\040` and so on.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(char::from(byte));
                plain.push_str(&part[3..]);
            }
            None => plain.push_str(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 21 0:25 / /srv rw,nosuid,noexec shared:5 master:2 - tmpfs tmpfs rw,size=1k
31 30 0:26 / /srv/my\\040home/files rw - nfs4 server:/x rw
";

    #[test]
    fn a_path_lies_on_the_deepest_mount_above_it() {
        let mounts = Mounts::in_text(TEXT);

        assert_eq!(mounts.of(Path::new("/opt/me")).unwrap().kind, "ext4");
        assert_eq!(mounts.of(Path::new("/srv/aegir")).unwrap().options, ["rw", "nosuid", "noexec"]);
        assert_eq!(mounts.of(Path::new("/srvx")).unwrap().kind, "ext4");
        assert_eq!(mounts.of(Path::new("/srv/my home/files/a")).unwrap().kind, "nfs4");
    }

    #[test]
    fn what_is_mounted_below_a_folder_is_found_and_the_folder_itself_told_apart() {
        let mounts = Mounts::in_text(TEXT);

        let below: Vec<_> = mounts.below(Path::new("/srv/my home")).map(|mount| mount.at.clone()).collect();
        assert_eq!(below, [PathBuf::from("/srv/my home/files")]);
        assert!(mounts.is_at(Path::new("/srv")) && !mounts.is_at(Path::new("/srv/my home")));
        assert_eq!(mounts.below(Path::new("/srv/my home/files")).count(), 0);
    }
}
