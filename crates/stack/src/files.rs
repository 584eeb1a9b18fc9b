//! Files and directories with the right owner and mode from their first moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Gid, Uid};

use crate::fault::StackFault;

/// Who a file or directory belongs to. `None`, as a person: to whoever runs.
pub(crate) type Owner = Option<(u32, u32)>;

/// Makes `path` a directory with this owner and mode, or gives them to the one that is there.
///
/// A symbolic link is refused: as root, its target would change hands.
pub(crate) fn directory(path: &Path, owner: Owner, mode: u32) -> Result<(), StackFault> {
    let fault = |source| StackFault::File { doing: "make the directory", path: path.to_owned(), source };
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
        _ => (),
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    let dir = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| fault(error.into()))?);
    give(&dir, owner).map_err(fault)?;
    let now = dir.metadata().map_err(fault)?.mode() & 0o7777;
    if now == mode { Ok(()) } else { dir.set_permissions(fs::Permissions::from_mode(mode)).map_err(fault) }
}

/// Puts `text` in the place of what `path` holds: whole or not at all, and on the disk.
pub(crate) fn write(path: &Path, text: &[u8], owner: Owner, mode: u32) -> Result<(), StackFault> {
    let fault = |source| StackFault::File { doing: "write", path: path.to_owned(), source };
    if fs::read(path).is_ok_and(|now| now == text) && fs::metadata(path).is_ok_and(|now| now.mode() & 0o7777 == mode) {
        return Ok(());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    let written = || -> io::Result<()> {
        match fs::remove_file(aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside)?;
        give(&file, owner)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(aside, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    written().map_err(fault)
}

/// Opens `path` for adding to its end, making it if need be.
pub(crate) fn append(path: &Path, owner: Owner, mode: u32) -> Result<File, StackFault> {
    let fault = |source| StackFault::File { doing: "open", path: path.to_owned(), source };
    let nofollow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let file =
        OpenOptions::new().append(true).create(true).mode(mode).custom_flags(nofollow).open(path).map_err(fault)?;
    give(&file, owner).map_err(fault)?;
    Ok(file)
}

/// Removes a file; that it is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), StackFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StackFault::File { doing: "remove", path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Gives a socket its owner and mode.
pub(crate) fn socket(path: &Path, owner: Owner, mode: u32) -> Result<(), StackFault> {
    let fault = |source| StackFault::File { doing: "prepare the socket", path: path.to_owned(), source };
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(fault)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(fault)
}

fn give(file: &File, owner: Owner) -> io::Result<()> {
    let Some((uid, gid)) = owner else { return Ok(()) };
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (uid, gid) {
        return Ok(());
    }
    Ok(rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_secret_is_never_readable_by_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");

        write(&path, b"one", None, 0o600).unwrap();
        write(&path, b"two", None, 0o600).unwrap();

        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_not_taken_for_a_directory_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("stack")).unwrap();

        assert!(directory(&dir.path().join("stack"), None, 0o700).is_err());
    }
}
