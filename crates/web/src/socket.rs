//! The socket in the home: made aside with its rights, then put in its place.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::Path;

use tokio::net::UnixListener;

use crate::serve::{SocketWay, WayFault};

/// The longest path of a socket, without its closing zero.
const LONGEST: usize = 107;

/// Listens on the socket of the home. One that a dead front end left is replaced.
pub(crate) fn listen(way: &SocketWay) -> Result<UnixListener, WayFault> {
    let path = &way.path;
    let aside = path.with_extension("new");
    if path.as_os_str().len().max(aside.as_os_str().len()) > LONGEST {
        return Err(WayFault::TooLong { path: path.clone() });
    }
    let fault = |doing| move |source| WayFault::Socket { doing, path: path.clone(), source };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = fs::metadata(folder).map_err(fault("find the folder of"))?;
    if folder.mode() & 0o002 != 0 {
        return Err(WayFault::OpenFolder { path: path.clone() });
    }
    if UnixStream::connect(path).is_ok() {
        return Err(WayFault::Answered { path: path.clone() });
    }
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault("replace")(error)),
        _ => (),
    }
    let listener = UnixListener::bind(&aside).map_err(fault("make"))?;
    // Who may write to a socket may connect to it; who connected is asked of the kernel besides.
    fs::set_permissions(&aside, Permissions::from_mode(0o600)).map_err(fault("set the rights of"))?;
    let made = fs::metadata(&aside).map_err(fault("look at"))?;
    if (made.uid(), made.gid()) != way.owner {
        chown(&aside, Some(way.owner.0), Some(way.owner.1)).map_err(fault("give to the owner of the home"))?;
    }
    fs::rename(&aside, path).map_err(fault("put in its place"))?;
    Ok(listener)
}
