//! The folder of a lab: the live one, and a copy of it to go back to.
//!
//! Both stay where they are, since files of a home name paths: a lab is not moved, it is made as it was.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder of a lab; removed when it is dropped, unless it is somebody else's.
pub(crate) struct LabFolder {
    path: PathBuf,
    _own: Option<TempDir>,
}

impl LabFolder {
    /// A new one: in memory if the machine has a place for that, since labs are many and live shortly.
    pub(crate) fn new() -> LabFolder {
        let memory = Path::new("/dev/shm");
        let mut builder = tempfile::Builder::new();
        builder.prefix("aegir-lab-");
        let own = builder.tempdir_in(memory).or_else(|_| builder.tempdir()).expect("a folder for a lab can be made");
        let path = own.path().canonicalize().expect("the folder of a lab is there");
        fs::create_dir(path.join("live")).expect("the folder of a lab can be written");
        LabFolder { path, _own: Some(own) }
    }

    /// That of another process, which goes on to be its own.
    pub(crate) fn of_other(path: &Path) -> LabFolder {
        LabFolder { path: path.to_owned(), _own: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn live(&self) -> PathBuf {
        self.path.join("live")
    }

    fn saved(&self) -> PathBuf {
        self.path.join("saved")
    }

    /// Copies what is live, to go back to.
    pub(crate) fn save(&self) {
        replace(&self.live(), &self.saved());
    }

    /// Has what is live be as it was saved.
    pub(crate) fn restore(&self) {
        replace(&self.saved(), &self.live());
    }

    /// Has one file of what is live be as it was saved.
    pub(crate) fn restore_file(&self, name: &str) {
        let (from, to) = (self.saved().join(name), self.live().join(name));
        fs::copy(&from, &to).unwrap_or_else(|error| panic!("`{}` cannot be copied: {error}", from.display()));
    }
}

impl Drop for LabFolder {
    fn drop(&mut self) {
        if self._own.is_some() {
            // What stays locked could not be removed with the rest.
            let _ = open_up(&self.path);
        }
    }
}

fn replace(from: &Path, to: &Path) {
    let replaced = match remove(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => copy(from, to),
    };
    replaced.unwrap_or_else(|error| panic!("`{}` cannot be copied to `{}`: {error}", from.display(), to.display()));
}

/// Removes a folder; those in it that may not be written (Drupal locks its own) are no obstacle.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    open_up(path)?;
    fs::remove_dir_all(path)
}

fn open_up(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_dir() {
        return Ok(());
    }
    if found.mode() & 0o700 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    }
    fs::read_dir(path)?.try_for_each(|entry| open_up(&entry?.path()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if found.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else if found.is_file() {
        fs::write(to, fs::read(from)?)?;
    } else {
        // A socket or the like: whoever listened on it is gone.
        return Ok(());
    }
    let copied = fs::metadata(to)?;
    if copied.gid() != found.gid() {
        chown(to, None, Some(found.gid()))?;
    }
    // After the group, whose change drops set-gid.
    fs::set_permissions(to, fs::Permissions::from_mode(found.mode() & 0o7777))
}
